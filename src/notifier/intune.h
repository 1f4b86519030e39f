/*
 * intune.h - the policy "intune": Microsoft Intune asked before a certificate is issued
 * (validateRequest), told afterwards (successNotification, failureNotification), and obeyed when it
 * wants certificates revoked.
 *
 * Three files do it. intune_access.c keeps what every call needs: a token for Graph, a token for
 * Intune, and the addresses of Intune's services, each fetched once for all who wait for it.
 * intune_call.c makes one call with them, and again when a token or an address proves stale.
 * intune.c and intune_revocations.c say what is called, and judge the answers.
 */
#ifndef NOTIFIER_INTUNE_H
#define NOTIFIER_INTUNE_H

#include "notifier/notifier.h"

/* Give each Intune policy of @settings its state. Errors: E_NO_MEMORY. */
MUST_CHECK enum base_code notifier_intune_prepare(
    struct notifier *notifier, struct notifier_settings *settings, struct base_error *err);
void notifier_intune_free(struct notifier_intune *intune);

/* Ends in notifier_finish(), at once or later. */
void notifier_intune_begin(struct notifier_job *job);
/* The job is going: nothing may come for it any more. */
void notifier_intune_cancel(struct notifier_job *job);

/* Fetch revocation requests where it is time to. Returns milliseconds until it is; at most
 * @most_ms. */
int64_t notifier_intune_poll(struct notifier *notifier, int64_t most_ms);
/* The ledger's answer to a REVOKE_ORDER. */
void notifier_intune_revoked(struct notifier *notifier, uint64_t request_id, uint8_t outcome);
/* The ledger that was ordered is gone: what it has not answered is fetched again later. */
void notifier_intune_forget_orders(struct notifier *notifier);

/* What the answer to validateRequest, or to a notice, means. Pure. @activity: the call's id. */
void notifier_intune_judge(enum notifier_job_kind kind, struct bytes body, const char *activity,
    struct notifier_verdict *out);

#endif
