/*
 * webhook.h - a service of the administrator's: JSON over HTTPS, signed (docs/policies.md).
 *
 * It is asked with the event "verify" and answers {"allow": true} or {"allow": false, "reason":
 * "..."}; nothing else is an answer. It is told with the events of docs/events.md, and any status
 * 2xx says that it took one.
 */
#ifndef NOTIFIER_WEBHOOK_H
#define NOTIFIER_WEBHOOK_H

#include "notifier/notifier.h"

/* Ends in notifier_finish(), at once or later. */
void notifier_webhook_begin(struct notifier_job *job);

/* The question as JSON. Errors: E_NO_MEMORY, E_TOO_LARGE. */
MUST_CHECK enum base_code notifier_webhook_question(
    const struct ipc_verify *verify, struct buffer *out, struct base_error *err);
/* "t=<at_s>,v1=<hex of HMAC-SHA-256 over '<at_s>.<body>'>" into @out. */
#define NOTIFIER_SIGNATURE_LEN 128
MUST_CHECK enum base_code notifier_webhook_sign(struct bytes key, int64_t at_s, struct bytes body,
    char out[NOTIFIER_SIGNATURE_LEN], struct base_error *err);

/* What its answer to a question, or to a notice, means. Pure. */
void notifier_webhook_judge_question(
    const char *name, const struct notifier_answer *answer, struct notifier_verdict *out);
void notifier_webhook_judge_notice(
    const char *name, const struct notifier_answer *answer, struct notifier_verdict *out);

#endif
