/*
 * to_notifier.h - between ledger and notifier: may this be issued, and what is to be reported.
 *
 * The notifier is the only role that talks outward. It has no memory of its own: what is to be
 * reported stands in the ledger's outbox, which sends a row again until it is told that it was
 * taken, so a notifier that dies loses nothing. Services that it talks to are the policies of the
 * configuration (CONFIG_POLICY, to_role.h), named in every message.
 */
#ifndef IPC_TO_NOTIFIER_H
#define IPC_TO_NOTIFIER_H

#include "ipc/codec.h"
#include "ipc/types.h"

/* The lists of fields are tables, and laid out as such. */
/* clang-format off */

/*
 * May this request have a certificate? subject: RFC 4514 text. sans: "DNS:a.example", newline-
 * separated. csr: DER of the PKCS#10. renews: the serial of the certificate that it renews; empty:
 * none. deadline_ms: an answer after this is of no use to anybody.
 */
#define IPC_VERIFY_FIELDS(U8, U32, U64, I64, BYTES)                                                \
    U64(request_id)                                                                                \
    U32(deadline_ms)                                                                               \
    BYTES(policy, IPC_NAME_MAX)                                                                    \
    BYTES(endpoint, IPC_NAME_MAX)                                                                  \
    BYTES(profile, IPC_NAME_MAX)                                                                   \
    BYTES(device, IPC_TEXT_MAX)                                                                    \
    BYTES(transaction_id, IPC_TRANSACTION_ID_MAX)                                                  \
    BYTES(source, IPC_SOURCE_MAX)                                                                  \
    BYTES(subject, IPC_SUBJECT_MAX) BYTES(sans, 8192) BYTES(challenge, IPC_CHALLENGE_MAX)          \
        BYTES(csr, IPC_CSR_MAX) BYTES(renews, IPC_SERIAL_MAX)
IPC_DECLARE(verify, IPC_VERIFY_FIELDS)

enum ipc_verify_outcome {
    IPC_VERIFY_ALLOWED = 1,
    IPC_VERIFY_REFUSED,
    IPC_VERIFY_UNAVAILABLE, /* no answer that counts: nothing may be issued, nothing is spent */
};

/*
 * outcome: enum ipc_verify_outcome. code: 0, or an enum base_code. reason: the service's own word
 * ("ChallengeExpired"). hresult: for NDES's clients; 0: the code's. retry_after_s: 0: not said.
 */
#define IPC_VERIFIED_FIELDS(U8, U32, U64, I64, BYTES)                                              \
    U64(request_id)                                                                                \
    U8(outcome)                                                                                    \
    U32(code) BYTES(reason, IPC_NAME_MAX) BYTES(detail, IPC_DETAIL_LEN) U32(hresult) U32(retry_after_s)
IPC_DECLARE(verified, IPC_VERIFIED_FIELDS)

/*
 * One row of the outbox. event: a name of the event schema (docs/events.md). body: the event as a
 * JSON object of that schema, UTF-8; it has "csr" (base64 of the DER) where the policy is Intune.
 * For one delivery and policy there is one of these at a time.
 */
#define IPC_NOTIFY_FIELDS(U8, U32, U64, I64, BYTES)                                                \
    U64(outbox_id)                                                                                 \
    U32(deadline_ms) BYTES(policy, IPC_NAME_MAX) BYTES(event, IPC_NAME_MAX) BYTES(body, 49152)
IPC_DECLARE(notify, IPC_NOTIFY_FIELDS)

enum ipc_notify_outcome {
    IPC_NOTIFY_TAKEN = 1, /* the service said so */
    IPC_NOTIFY_AGAIN,     /* it was not reached, is busy, or failed: later again */
    IPC_NOTIFY_REFUSED,   /* it will never take this: a dead letter */
};

/* outcome: enum ipc_notify_outcome. retry_after_s: 0: not said. */
#define IPC_NOTIFIED_FIELDS(U8, U32, U64, I64, BYTES)                                              \
    U64(outbox_id)                                                                                 \
    U8(outcome)                                                                                    \
    U32(code) BYTES(reason, IPC_NAME_MAX) BYTES(detail, IPC_DETAIL_LEN) U32(retry_after_s)
IPC_DECLARE(notified, IPC_NOTIFIED_FIELDS)

/* Notifier -> ledger: a service wants this certificate revoked. Only certificates of endpoints that
 * use the policy are. */
#define IPC_REVOKE_ORDER_FIELDS(U8, U32, U64, I64, BYTES)                                          \
    U64(request_id) BYTES(policy, IPC_NAME_MAX) BYTES(serial, IPC_SERIAL_MAX)
IPC_DECLARE(revoke_order, IPC_REVOKE_ORDER_FIELDS)

enum ipc_revoke_outcome {
    IPC_REVOKE_DONE = 1, /* and the new CRL is out */
    IPC_REVOKE_ALREADY,
    IPC_REVOKE_UNKNOWN,
    IPC_REVOKE_FAULT,
};
#define IPC_REVOKE_RESULT_FIELDS(U8, U32, U64, I64, BYTES) U64(request_id) U8(outcome)
IPC_DECLARE(revoke_result, IPC_REVOKE_RESULT_FIELDS)

/* clang-format on */

#endif
