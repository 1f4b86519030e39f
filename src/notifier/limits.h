/*
 * limits.h - how much the notifier takes from services outside, and how long it waits for them.
 */
#ifndef NOTIFIER_LIMITS_H
#define NOTIFIER_LIMITS_H

#include <stddef.h>

/* Questions and notices that are under way at once, each. One more is answered E_NOTIFIER_FULL. */
#define NOTIFIER_VERIFY_MAX 64
#define NOTIFIER_NOTIFY_MAX 64

/* Octets of one answer's body; a longer one is E_SERVICE_ANSWER and its connection is closed. A
 * page of 500 revocation requests has less than 200 KiB. */
#define NOTIFIER_ANSWER_MAX ((size_t)256 * 1024)
/* Octets of what we send: a CSR of 20 KiB in base64, names, a challenge of 8 KiB. */
#define NOTIFIER_BODY_MAX ((size_t)256 * 1024)
/* An access token; Entra's have 1 to 4 KiB. */
#define NOTIFIER_TOKEN_MAX ((size_t)16 * 1024)
#define NOTIFIER_URL_MAX 2048

/* A file in HOME/notifier/. */
#define NOTIFIER_SECRET_MAX ((size_t)64 * 1024)
#define NOTIFIER_POLICIES_MAX 16

/* Milliseconds. A device waits 30 s for its certificate: whatever is asked for it ends before. */
#define NOTIFIER_JOB_MS 24000
#define NOTIFIER_CONNECT_MS 8000

/* Seconds. A longer Retry-After is cut: a service's mistake must not silence us for a day. */
#define NOTIFIER_RETRY_AFTER_MAX 3600

#endif
