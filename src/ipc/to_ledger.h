/*
 * to_ledger.h - between front and ledger: a checked request in, a verdict out.
 *
 * What the front sends has passed every check that needs no memory: the message's signature, the
 * CSR's signature, the two keys' equality. The ledger never sees CMS. A verdict leaves only after
 * the commit that holds it.
 */
#ifndef IPC_TO_LEDGER_H
#define IPC_TO_LEDGER_H

#include "ipc/codec.h"
#include "ipc/types.h"

/* The lists of fields are tables, and laid out as such. */
/* clang-format off */

/*
 * PKCSReq, RenewalReq or CertPoll. profile: from the path, empty: the endpoint's first. subject,
 * sans: DER of the CSR's Name and GeneralNames (empty: none), well-formed by pki_names_check().
 * spki: DER of the key to be certified; for a CertPoll the signer's key, and subject, sans,
 * challenge are empty. signer_serial, signer_sha256: of the certificate that signed the message;
 * empty when it is self-signed by spki. has_challenge: the attribute was there and not empty.
 * is_signer_key: the message is signed by the key to be certified. tolerances: words, what this
 * client needed beyond the standards, or empty; they and cipher and digest are for the trace. csr: DER of the
 * PKCS#10, where the endpoint has a policy outside; else empty. sid: the value of a SID
 * extension as the CSR has it, unchecked; empty: none.
 */
#define IPC_REQUEST_FIELDS(U8, U32, U64, I64, BYTES)                                               \
    U64(request_id)                                                                                \
    I64(received_ms)                                                                               \
    BYTES(endpoint, IPC_NAME_MAX)                                                                  \
    BYTES(profile, IPC_NAME_MAX)                                                                   \
    U8(message_type)                                                                               \
    BYTES(transaction_id, IPC_TRANSACTION_ID_MAX)                                                  \
    BYTES(source, IPC_SOURCE_MAX)                                                                  \
    BYTES(spki, IPC_SPKI_MAX)                                                                      \
    BYTES(subject, IPC_SUBJECT_MAX)                                                                \
    BYTES(sans, IPC_SANS_MAX) U8(has_challenge) BYTES(challenge, IPC_CHALLENGE_MAX)                \
        BYTES(signer_serial, IPC_SERIAL_MAX) BYTES(signer_sha256, 32) BYTES(tolerances, IPC_TOLERANCES_MAX) \
            BYTES(cipher, IPC_NAME_MAX) BYTES(digest, IPC_NAME_MAX) U8(is_source_exempt)           \
                U8(is_signer_key) BYTES(csr, IPC_CSR_MAX) BYTES(sid, IPC_SID_MAX)
IPC_DECLARE(request, IPC_REQUEST_FIELDS)

/*
 * outcome: enum ipc_outcome. There is no verdict for a request that is being issued by an RSA CA:
 * the signer sends CERTIFICATE to the front itself. certificate: only with IPC_ISSUED. code: an
 * enum base_code, with IPC_REFUSED and IPC_FAULT. hresult: what a refusal carries on NDES's paths;
 * 0: the code's. retry_after_s: of a fault; 0: the usual. delivery_id: for ANSWERED.
 */
#define IPC_VERDICT_FIELDS(U8, U32, U64, I64, BYTES)                                               \
    U64(request_id)                                                                                \
    U64(delivery_id)                                                                               \
    U8(outcome) U32(code) U32(hresult) U32(retry_after_s) BYTES(certificate, IPC_CERTIFICATE_MAX)
IPC_DECLARE(verdict, IPC_VERDICT_FIELDS)

/* GetCACaps and GetCACert carry no device: counted per source, the last time kept. operation: enum
 * ipc_operation. */
#define IPC_CONTACT_FIELDS(U8, U32, U64, I64, BYTES)                                               \
    BYTES(endpoint, IPC_NAME_MAX) BYTES(source, IPC_SOURCE_MAX) U8(operation) U32(count) I64(at_ms)
IPC_DECLARE(contact, IPC_CONTACT_FIELDS)

/* The front refused a message by itself; the ledger remembers it for the trace. spki may be empty
 * when not known. */
#define IPC_REFUSAL_FIELDS(U8, U32, U64, I64, BYTES)                                               \
    I64(received_ms)                                                                               \
    BYTES(endpoint, IPC_NAME_MAX)                                                                  \
    BYTES(profile, IPC_NAME_MAX)                                                                   \
    U8(message_type)                                                                               \
    BYTES(transaction_id, IPC_TRANSACTION_ID_MAX)                                                  \
    BYTES(source, IPC_SOURCE_MAX)                                                                  \
    BYTES(spki, IPC_SPKI_MAX)                                                                      \
    BYTES(subject, IPC_SUBJECT_MAX) U32(code) BYTES(detail, IPC_DETAIL_LEN)
IPC_DECLARE(refusal, IPC_REFUSAL_FIELDS)

/* How the answer fared. is_taken: the peer's TCP acknowledged every octet. */
#define IPC_ANSWERED_FIELDS(U8, U32, U64, I64, BYTES)                                              \
    U64(delivery_id) U8(outcome) U8(is_taken) I64(at_ms)
IPC_DECLARE(answered, IPC_ANSWERED_FIELDS)

/* To the front, with the CRL as a memory file: the newest one of this CA. */
#define IPC_CRL_FIELDS(U8, U32, U64, I64, BYTES) BYTES(ca, IPC_NAME_MAX) U64(number)
IPC_DECLARE(crl, IPC_CRL_FIELDS)

/*
 * Somebody with an account wants a challenge; it is answered by CHALLENGE_MADE. subject: RFC 4514
 * text, sans: as in control.h's CHALLENGE_NEW. is_page: it is for NDES's page and counts among
 * those. ttl_s 0: the profile's.
 */
#define IPC_CHALLENGE_ORDER_FIELDS(U8, U32, U64, I64, BYTES)                                       \
    U64(request_id)                                                                                \
    BYTES(profile, IPC_NAME_MAX)                                                                   \
    BYTES(device, IPC_TEXT_MAX)                                                                    \
    BYTES(subject, IPC_TEXT_MAX)                                                                   \
    BYTES(sans, 16384)                                                                             \
    U8(is_san_bound) I64(ttl_s) U32(uses) U8(is_page) BYTES(account, IPC_NAME_MAX)
IPC_DECLARE(challenge_order, IPC_CHALLENGE_ORDER_FIELDS)
/* code: 0 or an enum base_code, and nothing was made. */
#define IPC_CHALLENGE_MADE_FIELDS(U8, U32, U64, I64, BYTES)                                        \
    U64(request_id)                                                                                \
    U32(code)                                                                                      \
    BYTES(detail, IPC_DETAIL_LEN)                                                                  \
    BYTES(challenge, 128) BYTES(challenge_id, 32) I64(expires_ms) U64(delivery_id)
IPC_DECLARE(challenge_made, IPC_CHALLENGE_MADE_FIELDS)

/*
 * A certificate has arrived: the device says so, and the front has verified its signature with the
 * certificate's key (account empty), or an account does (profiles: those that it may speak for).
 * installed_ms: when, as the device says; 0: not said. Answered by CONFIRMED.
 */
#define IPC_CONFIRM_FIELDS(U8, U32, U64, I64, BYTES)                                               \
    U64(request_id)                                                                                \
    U64(delivery_id)                                                                               \
    BYTES(certificate_sha256, 32)                                                                  \
    I64(installed_ms)                                                                              \
    BYTES(source, IPC_SOURCE_MAX) BYTES(account, IPC_NAME_MAX) BYTES(profiles, IPC_TEXT_MAX)
IPC_DECLARE(confirm, IPC_CONFIRM_FIELDS)
/* code: 0 or an enum base_code. */
#define IPC_CONFIRMED_FIELDS(U8, U32, U64, I64, BYTES) U64(request_id) U32(code)
IPC_DECLARE(confirmed, IPC_CONFIRMED_FIELDS)

/* clang-format on */

#endif
