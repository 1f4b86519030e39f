/*
 * control.h - administration: what the commands say to the ledger over the home's control socket.
 *
 * One SEQPACKET connection, one question at a time; the answer is any number of rows and then
 * CONTROL_END. Lists come in pages: the question says where to go on, so the ledger keeps nothing
 * for a slow reader. Instants are milliseconds since 1970 UTC, 0: none.
 */
#ifndef IPC_CONTROL_H
#define IPC_CONTROL_H

#include "ipc/codec.h"
#include "ipc/types.h"

/* The lists of fields are tables, and laid out as such. */
/* clang-format off */

#define IPC_PAGE_MAX 32 /* rows of one answer */

/* code: 0, or an enum base_code with its detail. is_more: ask again with cursor, an opaque text. */
#define IPC_CONTROL_END_FIELDS(U8, U32, U64, I64, BYTES)                                           \
    U32(code) BYTES(detail, IPC_DETAIL_LEN) U8(is_more) BYTES(cursor, 64)
IPC_DECLARE(control_end, IPC_CONTROL_END_FIELDS)

/*
 * subject: RFC 4514 text, empty: not bound. sans: "DNS:a.example", "email:..", "URI:..", "UPN:..",
 * newline-separated; is_san_bound: the list (perhaps empty) must be met exactly. ttl_s 0: the
 * profile's. is_bound: a bound challenge, of which nothing is written down; uses must be 1, and
 * CHALLENGE's delivery_id is 0. Answer: CHALLENGE.
 */
#define IPC_CHALLENGE_NEW_FIELDS(U8, U32, U64, I64, BYTES)                                         \
    BYTES(profile, IPC_NAME_MAX)                                                                   \
    BYTES(device, IPC_TEXT_MAX)                                                                    \
    BYTES(subject, IPC_TEXT_MAX)                                                                   \
    BYTES(sans, 16384) U8(is_san_bound) I64(ttl_s) U32(uses) U32(count) U8(is_bound)
IPC_DECLARE(challenge_new, IPC_CHALLENGE_NEW_FIELDS)
#define IPC_CHALLENGE_FIELDS(U8, U32, U64, I64, BYTES)                                             \
    BYTES(challenge, IPC_CHALLENGE_MAX) BYTES(challenge_id, 64) I64(expires_ms) U64(delivery_id)
IPC_DECLARE(challenge, IPC_CHALLENGE_FIELDS)

/* Newest first. state: empty or a state's name. Answer: DELIVERY rows. */
#define IPC_DELIVERY_LIST_FIELDS(U8, U32, U64, I64, BYTES)                                         \
    BYTES(cursor, 64) BYTES(state, IPC_NAME_MAX)
IPC_DECLARE(delivery_list, IPC_DELIVERY_LIST_FIELDS)
/* step: 1 to 6 of the workflow. state: as in ledger's state table. code: enum base_code when
 * refused or dead. */
#define IPC_DELIVERY_FIELDS(U8, U32, U64, I64, BYTES)                                              \
    U64(delivery_id)                                                                               \
    BYTES(endpoint, IPC_NAME_MAX)                                                                  \
    BYTES(profile, IPC_NAME_MAX)                                                                   \
    BYTES(ca, IPC_NAME_MAX)                                                                        \
    BYTES(device, IPC_TEXT_MAX)                                                                    \
    BYTES(subject, IPC_TEXT_MAX)                                                                   \
    BYTES(transaction_id, IPC_TRANSACTION_ID_MAX)                                                  \
    BYTES(challenge_id, 64)                                                                        \
    BYTES(serial, IPC_SERIAL_MAX)                                                                  \
    BYTES(key_sha256, 32) BYTES(source, IPC_SOURCE_MAX) BYTES(state, IPC_NAME_MAX) U8(step)        \
        U32(code) BYTES(detail, IPC_DETAIL_LEN) I64(created_ms) I64(updated_ms)
IPC_DECLARE(delivery, IPC_DELIVERY_FIELDS)

/*
 * what: device name, subject, transactionID, serial, thumbprint (SHA-1 or SHA-256), challenge id,
 * delivery id. Answer: for each delivery found (newest first, at most IPC_PAGE_MAX): DELIVERY, then
 * its EVENT and CONTACT_ROW rows in time order, then its CERT_ROW.
 */
#define IPC_TRACE_FIELDS(U8, U32, U64, I64, BYTES) BYTES(what, IPC_TEXT_MAX)
IPC_DECLARE(trace, IPC_TRACE_FIELDS)
#define IPC_EVENT_FIELDS(U8, U32, U64, I64, BYTES)                                                 \
    U64(delivery_id)                                                                               \
    I64(at_ms) U8(step) BYTES(event, IPC_NAME_MAX) U32(code) BYTES(detail, IPC_TEXT_MAX)
IPC_DECLARE(event, IPC_EVENT_FIELDS)
/* A GetCACaps or GetCACert of the same source within ten minutes before the request: probable,
 * never a fact. */
#define IPC_CONTACT_ROW_FIELDS(U8, U32, U64, I64, BYTES)                                           \
    U64(delivery_id) I64(at_ms) U8(operation) BYTES(source, IPC_SOURCE_MAX) U32(count)
IPC_DECLARE(contact_row, IPC_CONTACT_ROW_FIELDS)

/* In serial order, which is time order. Answer: CERT_ROW without the DER when is_brief. */
#define IPC_CERT_LIST_FIELDS(U8, U32, U64, I64, BYTES) BYTES(cursor, 64)
IPC_DECLARE(cert_list, IPC_CERT_LIST_FIELDS)
/* what: serial, thumbprint, subject or transactionID. */
#define IPC_CERT_SHOW_FIELDS(U8, U32, U64, I64, BYTES) BYTES(what, IPC_TEXT_MAX)
IPC_DECLARE(cert_show, IPC_CERT_SHOW_FIELDS)
/* status: "good", "revoked", "expired", "signing" (reserved, not signed yet). reason: CRLReason
 * when revoked. */
#define IPC_CERT_ROW_FIELDS(U8, U32, U64, I64, BYTES)                                              \
    BYTES(serial, IPC_SERIAL_MAX)                                                                  \
    BYTES(sha256, 32)                                                                              \
    BYTES(sha1, 20)                                                                                \
    BYTES(subject, IPC_TEXT_MAX)                                                                   \
    BYTES(sans, IPC_SANS_MAX)                                                                      \
    I64(not_before_s)                                                                              \
    I64(not_after_s)                                                                               \
    BYTES(status, IPC_NAME_MAX)                                                                    \
    I64(revoked_ms)                                                                                \
    U8(reason) BYTES(transaction_id, IPC_TRANSACTION_ID_MAX) BYTES(endpoint, IPC_NAME_MAX)         \
        BYTES(profile, IPC_NAME_MAX) BYTES(ca, IPC_NAME_MAX) U64(delivery_id)                      \
            BYTES(certificate, IPC_CERTIFICATE_MAX)
IPC_DECLARE(cert_row, IPC_CERT_ROW_FIELDS)
/* reason: CRLReason of RFC 5280, section 5.3.1. Answered after the new CRL is out. */
#define IPC_CERT_REVOKE_FIELDS(U8, U32, U64, I64, BYTES) BYTES(serial, IPC_SERIAL_MAX) U8(reason)
IPC_DECLARE(cert_revoke, IPC_CERT_REVOKE_FIELDS)

/* Requests that wait for approval. Answer: DELIVERY rows. */
#define IPC_REQUEST_LIST_FIELDS(U8, U32, U64, I64, BYTES) BYTES(cursor, 64)
IPC_DECLARE(request_list, IPC_REQUEST_LIST_FIELDS)
/* what: as for trace; must name exactly one waiting request. */
#define IPC_REQUEST_DECIDE_FIELDS(U8, U32, U64, I64, BYTES)                                        \
    BYTES(what, IPC_TEXT_MAX) U8(is_approved) BYTES(reason, 256)
IPC_DECLARE(request_decide, IPC_REQUEST_DECIDE_FIELDS)

/* Answer: CRL_ROW with the CRL as a memory file. ca empty: the only one. */
#define IPC_CRL_SHOW_FIELDS(U8, U32, U64, I64, BYTES) BYTES(ca, IPC_NAME_MAX) U8(is_rebuilt)
IPC_DECLARE(crl_show, IPC_CRL_SHOW_FIELDS)
#define IPC_CRL_ROW_FIELDS(U8, U32, U64, I64, BYTES)                                               \
    BYTES(ca, IPC_NAME_MAX) U64(number) I64(this_update_s) I64(next_update_s)
IPC_DECLARE(crl_row, IPC_CRL_ROW_FIELDS)

/*
 * Verify the journals against the certificates, a page at a time from cursor. Answer: AUDIT_FINDING
 * rows for what is wrong, one AUDIT_PROGRESS, CONTROL_END with is_more.
 */
#define IPC_AUDIT_FIELDS(U8, U32, U64, I64, BYTES) BYTES(cursor, 64)
IPC_DECLARE(audit, IPC_AUDIT_FIELDS)
#define IPC_AUDIT_PROGRESS_FIELDS(U8, U32, U64, I64, BYTES)                                        \
    U64(ledger_records) U64(signer_records) U64(certificates)
IPC_DECLARE(audit_progress, IPC_AUDIT_PROGRESS_FIELDS)
#define IPC_AUDIT_FINDING_FIELDS(U8, U32, U64, I64, BYTES) U32(code) BYTES(detail, IPC_TEXT_MAX)
IPC_DECLARE(audit_finding, IPC_AUDIT_FINDING_FIELDS)

/* The CA, its chain and the RA certificates. */
#define IPC_AUTHORITY_LIST_FIELDS(U8, U32, U64, I64, BYTES) U8(unused)
IPC_DECLARE(authority_list, IPC_AUTHORITY_LIST_FIELDS)
#define IPC_AUTHORITY_ROW_FIELDS(U8, U32, U64, I64, BYTES)                                         \
    BYTES(ca, IPC_NAME_MAX) U8(kind) U8(index) BYTES(certificate, IPC_CERTIFICATE_MAX)
IPC_DECLARE(authority_row, IPC_AUTHORITY_ROW_FIELDS)

/* Have the signer open the content key of an envelope: OPEN_ENVELOPE and its answer (to_signer.h),
 * for kurier inspect. */
#define IPC_ENVELOPE_OPEN_FIELDS(U8, U32, U64, I64, BYTES)                                         \
    BYTES(ca, IPC_NAME_MAX) U8(ra) U8(transport) U8(key_len) BYTES(encrypted_key, IPC_SIGNATURE_MAX)
IPC_DECLARE(envelope_open, IPC_ENVELOPE_OPEN_FIELDS)
#define IPC_ENVELOPE_OPENED_FIELDS(U8, U32, U64, I64, BYTES) BYTES(key, 32)
IPC_DECLARE(envelope_opened, IPC_ENVELOPE_OPENED_FIELDS)

/*
 * What is to be reported and was not taken yet, oldest first. Answer: OUTBOX_ROW; trace has those of
 * its deliveries too. code, detail: of the last attempt; 0: there was none. is_gate: the certificate
 * is withheld until it is taken. is_dead: it is not sent any more unless somebody says so.
 */
#define IPC_OUTBOX_LIST_FIELDS(U8, U32, U64, I64, BYTES) BYTES(cursor, 64) U8(is_dead_only)
IPC_DECLARE(outbox_list, IPC_OUTBOX_LIST_FIELDS)
#define IPC_OUTBOX_ROW_FIELDS(U8, U32, U64, I64, BYTES)                                            \
    U64(notice_id)                                                                                 \
    U64(delivery_id)                                                                               \
    BYTES(policy, IPC_NAME_MAX)                                                                    \
    BYTES(event, IPC_NAME_MAX)                                                                     \
    I64(at_ms)                                                                                     \
    U32(attempts)                                                                                  \
    I64(next_ms) U8(is_gate) U8(is_dead) U32(code) BYTES(detail, IPC_DETAIL_LEN)
IPC_DECLARE(outbox_row, IPC_OUTBOX_ROW_FIELDS)
/* Send it now, as if it had never been tried; 0: every dead one. Answer: OUTBOX_ROW for each. */
#define IPC_OUTBOX_SEND_FIELDS(U8, U32, U64, I64, BYTES) U64(notice_id)
IPC_DECLARE(outbox_send, IPC_OUTBOX_SEND_FIELDS)
/* Answer: OUTBOX_STATUS_ROW for each policy of the configuration. oldest_ms: when the oldest of
 * those that wait came to be; 0: none waits. paused_ms: from now. */
#define IPC_OUTBOX_STATUS_FIELDS(U8, U32, U64, I64, BYTES) U8(unused)
IPC_DECLARE(outbox_status, IPC_OUTBOX_STATUS_FIELDS)
#define IPC_OUTBOX_STATUS_ROW_FIELDS(U8, U32, U64, I64, BYTES)                                     \
    BYTES(policy, IPC_NAME_MAX)                                                                    \
    U8(kind)                                                                                       \
    U64(waiting) U64(dead) I64(oldest_ms) U32(failures) I64(paused_ms) U32(in_flight)
IPC_DECLARE(outbox_status_row, IPC_OUTBOX_STATUS_ROW_FIELDS)

/*
 * Profiles, each with the first endpoint that serves it (path empty: none does). name empty: all.
 * Answer: PROFILE_ROW rows.
 */
#define IPC_PROFILE_LIST_FIELDS(U8, U32, U64, I64, BYTES)                                          \
    BYTES(name, IPC_NAME_MAX) BYTES(cursor, 64)
IPC_DECLARE(profile_list, IPC_PROFILE_LIST_FIELDS)
/*
 * path, ndes_path: where the endpoint takes requests for this profile, the second as NDES does,
 * empty: it does not. public_url: the configuration's, empty: none. listener_url: scheme, address
 * and port of the first listener for devices, empty: none. takes_challenge: Kurier's own challenges
 * authorise there (the endpoint's policies have IPC_POLICY_CHALLENGE). The rest as in CONFIG_PROFILE.
 */
#define IPC_PROFILE_ROW_FIELDS(U8, U32, U64, I64, BYTES)                                           \
    BYTES(name, IPC_NAME_MAX) BYTES(endpoint, IPC_NAME_MAX) BYTES(ca, IPC_NAME_MAX)                \
    BYTES(path, IPC_TEXT_MAX) BYTES(ndes_path, IPC_TEXT_MAX)                                       \
    BYTES(public_url, IPC_TEXT_MAX) BYTES(listener_url, IPC_TEXT_MAX)                              \
    I64(valid_s) I64(renew_before_s) I64(challenge_ttl_s)                                          \
    U8(key_usage) BYTES(ekus, IPC_TEXT_MAX) U8(san_types)                                          \
    U8(allow_empty_subject) U8(needs_approval) U8(has_static_challenge) U8(takes_challenge)        \
    U8(allow_rsa) U8(allow_ec) U32(min_rsa_bits) U32(max_rsa_bits)
IPC_DECLARE(profile_row, IPC_PROFILE_ROW_FIELDS)

/* Have the RA sign a configuration profile: SIGN_PROFILE (to_signer.h). attributes: the DER SET,
 * with SHA-256. Answer: PROFILE_SIGNED. */
#define IPC_PROFILE_SIGN_FIELDS(U8, U32, U64, I64, BYTES)                                          \
    BYTES(ca, IPC_NAME_MAX) BYTES(attributes, 1024)
IPC_DECLARE(profile_sign, IPC_PROFILE_SIGN_FIELDS)
#define IPC_PROFILE_SIGNED_FIELDS(U8, U32, U64, I64, BYTES) BYTES(signature, IPC_SIGNATURE_MAX)
IPC_DECLARE(profile_signed, IPC_PROFILE_SIGNED_FIELDS)

/*
 * Keys with which management systems make bound challenges themselves. profiles: names,
 * newline-separated, for which the key may be used; empty: all. Answers: BOUND_KEY_ROW, with the
 * key itself only after BOUND_KEY_NEW.
 */
#define IPC_BOUND_KEY_NEW_FIELDS(U8, U32, U64, I64, BYTES)                                         \
    BYTES(name, IPC_NAME_MAX) BYTES(profiles, IPC_TEXT_MAX)
IPC_DECLARE(bound_key_new, IPC_BOUND_KEY_NEW_FIELDS)
/* In the order of their names. */
#define IPC_BOUND_KEY_LIST_FIELDS(U8, U32, U64, I64, BYTES) BYTES(cursor, 64)
IPC_DECLARE(bound_key_list, IPC_BOUND_KEY_LIST_FIELDS)
#define IPC_BOUND_KEY_REMOVE_FIELDS(U8, U32, U64, I64, BYTES) BYTES(name, IPC_NAME_MAX)
IPC_DECLARE(bound_key_remove, IPC_BOUND_KEY_REMOVE_FIELDS)
#define IPC_BOUND_KEY_ROW_FIELDS(U8, U32, U64, I64, BYTES)                                         \
    BYTES(name, IPC_NAME_MAX)                                                                      \
    BYTES(key_id, 8) BYTES(key, 32) BYTES(profiles, IPC_TEXT_MAX) I64(created_ms)
IPC_DECLARE(bound_key_row, IPC_BOUND_KEY_ROW_FIELDS)

/* clang-format on */

#endif
