/*
 * intune_revocations.h - certificates that Intune wants revoked: fetched, ordered from the ledger,
 * and answered for.
 *
 * Intune's filter by issuer looks at another field than it says, and its limit is applied before
 * the filter; so there is no filter, the page is the largest, and pages are fetched until one is
 * empty. What was not answered for is sent again by Intune, and results that could not be uploaded
 * are kept and uploaded before anything new is fetched; an order that was carried out already
 * counts as done. So nothing of this needs to be remembered by a notifier that dies.
 */
#ifndef NOTIFIER_INTUNE_REVOCATIONS_H
#define NOTIFIER_INTUNE_REVOCATIONS_H

#include "notifier/intune_call.h"
#include "notifier/json.h"

#define NOTIFIER_REVOCATIONS_PAGE 500

struct notifier_revocation {
    struct bytes context; /* opaque; borrowed from the page */
    uint8_t serial[IPC_SERIAL_MAX];
    size_t serial_len; /* 0: the service wrote none that could be one */
    uint64_t order_id; /* 0: not ordered yet */
    uint8_t outcome;   /* enum ipc_revoke_outcome; 0: none yet */
};

/* NULL without memory. */
struct notifier_revocations *notifier_revocations_new(struct notifier_intune *intune);
void notifier_revocations_free(struct notifier_revocations *revocations);

/* Do what is due; milliseconds until something is, at most @most_ms. */
int64_t notifier_revocations_poll(struct notifier_revocations *revocations, int64_t most_ms);
/* False: the order is not of this one. */
bool notifier_revocations_take(
    struct notifier_revocations *revocations, uint64_t order_id, uint8_t outcome);
void notifier_revocations_forget_orders(struct notifier_revocations *revocations);

/* A page of requests: *out_page owns what the list's contexts point to. Errors: E_SERVICE_ANSWER.
 */
MUST_CHECK enum base_code notifier_revocations_parse(struct bytes body, json_t **out_page,
    struct notifier_revocation *out_list, size_t *out_count, struct base_error *err);
/* The body of uploadRevocationResults. Errors: E_NO_MEMORY, E_TOO_LARGE. */
MUST_CHECK enum base_code notifier_revocations_results(const struct notifier_revocation *list,
    size_t count, struct buffer *out, struct base_error *err);
/* {"value": true} and nothing else says that the results were taken. */
bool notifier_revocations_is_taken(struct bytes body);

#endif
