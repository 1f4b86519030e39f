/*
 * intune_access.h - what every call to Intune needs: two tokens, and where its services are.
 *
 * Each is fetched when somebody first wants it, kept until shortly before its end, and dropped when
 * a call shows that it is stale. Whoever wants one that is being fetched waits with the others.
 */
#ifndef NOTIFIER_INTUNE_ACCESS_H
#define NOTIFIER_INTUNE_ACCESS_H

#include "notifier/intune_messages.h"
#include "notifier/notifier.h"

enum notifier_access_kind {
    NOTIFIER_TOKEN_GRAPH,
    NOTIFIER_TOKEN_INTUNE,
    NOTIFIER_DISCOVERY,
    NOTIFIER_ACCESSES
};

/* Somebody who waits. @on_ready: it is there (why NULL), or cannot be had. */
struct notifier_access;
struct notifier_waiter {
    void (*on_ready)(void *arg, const struct notifier_verdict *why);
    void *arg;
    struct notifier_access *at; /* NULL: it does not wait */
    struct notifier_waiter *next;
};

struct notifier_access {
    struct notifier_intune *intune;
    enum notifier_access_kind kind;
    struct secret token;              /* of a token */
    struct notifier_intune_uris uris; /* of discovery */
    int64_t fresh_until_mono_ms;      /* 0: there is none */
    unsigned generation;              /* how often it was fetched */
    int64_t hold_until_mono_ms;       /* a service said Retry-After: not before */
    struct notifier_call *call;       /* NULL: it is not being fetched */
    struct notifier_waiter on_graph;  /* discovery waits for the token of Graph */
    unsigned graph_generation;        /* of the token that discovery used */
    bool is_renewed;                  /* discovery: the token was stale once */
    struct notifier_waiter *waiting;
};

struct notifier_revocations;

struct notifier_intune {
    struct notifier *notifier;
    struct notifier_policy *policy;
    struct notifier_settings *settings; /* that it is part of; not a share */
    struct notifier_access accesses[NOTIFIER_ACCESSES];
    int64_t hold_until_mono_ms;               /* Intune said 429: no call before */
    struct notifier_revocations *revocations; /* owned */
};

void notifier_access_init(struct notifier_intune *intune);
void notifier_access_clear(struct notifier_intune *intune);

/*
 * True: it is there. False: @waiter is or was told, perhaps before this returns; the caller must
 * not touch what may have ended with it.
 */
bool notifier_access_need(
    struct notifier_intune *intune, enum notifier_access_kind kind, struct notifier_waiter *waiter);
void notifier_access_leave(struct notifier_waiter *waiter); /* it waits no more */
/* The one of this generation proved stale: the next one who needs it has it fetched. A newer one
 * stays: of many calls that failed with the old one, only the first drops it. */
void notifier_access_drop(
    struct notifier_intune *intune, enum notifier_access_kind kind, unsigned generation);

/* As notifier_verdict_of_answer(); of Microsoft's services 401 speaks of our credentials
 * (E_SERVICE_LOGIN), 403 of permissions (E_SERVICE_PERMISSION). */
void notifier_access_judge(
    struct notifier_verdict *verdict, const char *service, const struct notifier_answer *answer);

/* Cut a Retry-After that is to silence all calls. */
int64_t notifier_access_hold_until(const struct notifier *notifier, uint32_t retry_after_s);

#endif
