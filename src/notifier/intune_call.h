/*
 * intune_call.h - one call to a service of Intune's: token and address are got, the odd headers
 * set, and the call is made again when the token (401) or the address (404, no such host) proves
 * stale - once each.
 */
#ifndef NOTIFIER_INTUNE_CALL_H
#define NOTIFIER_INTUNE_CALL_H

#include "notifier/intune_access.h"

/* @why NULL: the service answered with status 200 and @body, borrowed for the call. */
typedef void (*notifier_on_intune)(
    void *arg, const struct notifier_verdict *why, struct bytes body);

struct notifier_intune_call {
    struct notifier_intune *intune;
    enum notifier_intune_service service;
    const char *suffix; /* static: "ScepActions/validateRequest" */
    struct buffer body; /* may hold a challenge */
    int64_t deadline_mono_ms;
    notifier_on_intune on_done;
    void *arg;
    char activity[NOTIFIER_GUID_LEN]; /* of the last call: the service's logs know it */
    struct notifier_waiter waiter;
    struct notifier_call *call;
    unsigned generations[NOTIFIER_ACCESSES]; /* of what the last call used */
    bool is_token_renewed;
    bool is_discovery_renewed;
};

/* NULL without memory. The body is filled before it is begun. */
struct notifier_intune_call *notifier_intune_call_new(struct notifier_intune *intune,
    enum notifier_intune_service service, int64_t deadline_mono_ms, notifier_on_intune on_done,
    void *arg);
/* @on_done is called once, perhaps before this returns; the caller frees the call afterwards, or at
 * any time to end it. */
void notifier_intune_call_begin(struct notifier_intune_call *call, const char *suffix);
void notifier_intune_call_free(struct notifier_intune_call *call);

#endif
