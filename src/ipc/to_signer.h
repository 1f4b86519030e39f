/*
 * to_signer.h - the signer's narrow verbs, and its answers.
 *
 * The socket is the asker's identity. The front may OPEN_ENVELOPE, SIGN_CERT_REP, SIGN_TLS,
 * DESCRIBE. The
 * ledger may CHECK_BODY, SIGN_BODY, SIGN_CRL, READ_JOURNAL, DESCRIBE, and for an administrator
 * OPEN_ENVELOPE, who inspects a message, and SIGN_PROFILE, who exports a profile. The supervisor
 * alone may CREATE_CA and IMPORT_CA, and only while the home has no CA. Anything else ends the
 * connection. request_id is the asker's and comes back unchanged.
 */
#ifndef IPC_TO_SIGNER_H
#define IPC_TO_SIGNER_H

#include "ipc/codec.h"
#include "ipc/types.h"

/* The lists of fields are tables, and laid out as such. */
/* clang-format off */

/*
 * The content key of an envelope. ra: index of the RA (or CA) certificate as AUTHORITY gave it. The
 * answer always has key_len octets: random ones when anything was wrong, so that an asker cannot
 * tell (RFC 3218).
 */
#define IPC_OPEN_ENVELOPE_FIELDS(U8, U32, U64, I64, BYTES)                                         \
    U64(request_id)                                                                                \
    BYTES(ca, IPC_NAME_MAX) U8(ra) U8(transport) U8(key_len) BYTES(encrypted_key, IPC_SIGNATURE_MAX)
IPC_DECLARE(open_envelope, IPC_OPEN_ENVELOPE_FIELDS)
#define IPC_ENVELOPE_KEY_FIELDS(U8, U32, U64, I64, BYTES) U64(request_id) BYTES(key, 32)
IPC_DECLARE(envelope_key, IPC_ENVELOPE_KEY_FIELDS)

/*
 * RSA PKCS#1 v1.5 signature of the RA over the DER SET of signed attributes, which must be those of
 * a CertRep (messageType 3). code: 0 or an enum base_code.
 */
#define IPC_SIGN_CERT_REP_FIELDS(U8, U32, U64, I64, BYTES)                                         \
    U64(request_id) BYTES(ca, IPC_NAME_MAX) U8(ra) U8(digest) BYTES(attributes, 8192)
IPC_DECLARE(sign_cert_rep, IPC_SIGN_CERT_REP_FIELDS)
#define IPC_CERT_REP_SIGNATURE_FIELDS(U8, U32, U64, I64, BYTES)                                    \
    U64(request_id) U32(code) BYTES(signature, IPC_SIGNATURE_MAX)
IPC_DECLARE(cert_rep_signature, IPC_CERT_REP_SIGNATURE_FIELDS)

/*
 * RSA PKCS#1 v1.5 signature of the RA over the DER SET of signed attributes of a configuration
 * profile: contentType data, messageDigest and signingTime, which is now, and nothing else, so that
 * the signature can never stand under a CertRep. Journalled. code: 0 or an enum base_code.
 */
#define IPC_SIGN_PROFILE_FIELDS(U8, U32, U64, I64, BYTES)                                          \
    U64(request_id) BYTES(ca, IPC_NAME_MAX) U8(ra) U8(digest) BYTES(attributes, 1024)
IPC_DECLARE(sign_profile, IPC_SIGN_PROFILE_FIELDS)
#define IPC_PROFILE_SIGNATURE_FIELDS(U8, U32, U64, I64, BYTES)                                     \
    U64(request_id) U32(code) BYTES(detail, IPC_DETAIL_LEN) BYTES(signature, IPC_SIGNATURE_MAX)
IPC_DECLARE(profile_signature, IPC_PROFILE_SIGNATURE_FIELDS)

/* Would SIGN_BODY sign this? Nothing is remembered. */
#define IPC_CHECK_BODY_FIELDS(U8, U32, U64, I64, BYTES)                                            \
    U64(request_id) BYTES(ca, IPC_NAME_MAX) BYTES(profile, IPC_NAME_MAX) BYTES(body, IPC_BODY_MAX)
IPC_DECLARE(check_body, IPC_CHECK_BODY_FIELDS)
#define IPC_BODY_CHECKED_FIELDS(U8, U32, U64, I64, BYTES)                                          \
    U64(request_id) U32(code) BYTES(detail, IPC_DETAIL_LEN)
IPC_DECLARE(body_checked, IPC_BODY_CHECKED_FIELDS)

/*
 * Journal and sign. front_request_id 0: only the ledger is told. Otherwise, and when the CA's
 * signatures are deterministic (RSA PKCS#1 v1.5), the certificate goes to the front as CERTIFICATE,
 * with delivery_id, and BODY_SIGNED says is_handed_over = 1.
 */
#define IPC_SIGN_BODY_FIELDS(U8, U32, U64, I64, BYTES)                                             \
    U64(request_id)                                                                                \
    BYTES(ca, IPC_NAME_MAX)                                                                        \
    BYTES(profile, IPC_NAME_MAX) BYTES(body, IPC_BODY_MAX) U64(front_request_id) U64(delivery_id)
IPC_DECLARE(sign_body, IPC_SIGN_BODY_FIELDS)
#define IPC_BODY_SIGNED_FIELDS(U8, U32, U64, I64, BYTES)                                           \
    U64(request_id)                                                                                \
    U32(code)                                                                                      \
    BYTES(detail, IPC_DETAIL_LEN) U8(is_handed_over) BYTES(certificate, IPC_CERTIFICATE_MAX)
IPC_DECLARE(body_signed, IPC_BODY_SIGNED_FIELDS)

/* To the front: the finished certificate. */
#define IPC_CERTIFICATE_FIELDS(U8, U32, U64, I64, BYTES)                                           \
    U64(request_id) U64(delivery_id) BYTES(certificate, IPC_CERTIFICATE_MAX)
IPC_DECLARE(certificate, IPC_CERTIFICATE_FIELDS)

/* The TBSCertList comes as a memory file (ipc_blob); the answer's descriptor is the whole CRL in
 * DER. */
#define IPC_SIGN_CRL_FIELDS(U8, U32, U64, I64, BYTES) U64(request_id) BYTES(ca, IPC_NAME_MAX)
IPC_DECLARE(sign_crl, IPC_SIGN_CRL_FIELDS)
#define IPC_CRL_SIGNED_FIELDS(U8, U32, U64, I64, BYTES)                                            \
    U64(request_id) U32(code) BYTES(detail, IPC_DETAIL_LEN)
IPC_DECLARE(crl_signed, IPC_CRL_SIGNED_FIELDS)

/*
 * A page of the signer's journal from record number from_seq on, its chain verified up to there by
 * the caller carrying the last hash. records: whole records, journal/journal.h. code: 0, or why the
 * journal is broken at next_seq.
 */
#define IPC_READ_JOURNAL_FIELDS(U8, U32, U64, I64, BYTES) U64(request_id) U64(from_seq)
IPC_DECLARE(read_journal, IPC_READ_JOURNAL_FIELDS)
#define IPC_JOURNAL_PAGE_FIELDS(U8, U32, U64, I64, BYTES)                                          \
    U64(request_id)                                                                                \
    U64(next_seq) U8(is_end) U32(code) BYTES(detail, IPC_DETAIL_LEN) BYTES(records, 49152)
IPC_DECLARE(journal_page, IPC_JOURNAL_PAGE_FIELDS)

/* Which certificates there are: AUTHORITY for each, then DESCRIBED. The RA's index is what
 * OPEN_ENVELOPE takes. */
#define IPC_DESCRIBE_FIELDS(U8, U32, U64, I64, BYTES) U64(request_id)
IPC_DECLARE(describe, IPC_DESCRIBE_FIELDS)
/* kind: enum ipc_authority_kind; index counts within a kind. CHAIN: from the CA's issuer up to the
 * root. */
#define IPC_AUTHORITY_FIELDS(U8, U32, U64, I64, BYTES)                                             \
    U64(request_id)                                                                                \
    BYTES(ca, IPC_NAME_MAX) U8(kind) U8(index) BYTES(certificate, IPC_CERTIFICATE_MAX)
IPC_DECLARE(authority, IPC_AUTHORITY_FIELDS)
#define IPC_DESCRIBED_FIELDS(U8, U32, U64, I64, BYTES) U64(request_id)
IPC_DECLARE(described, IPC_DESCRIBED_FIELDS)

/* key_spec: "rsa:3072", "ec:p256", ... subject: RFC 4514 text. */
#define IPC_CREATE_CA_FIELDS(U8, U32, U64, I64, BYTES)                                             \
    U64(request_id)                                                                                \
    BYTES(ca, IPC_NAME_MAX) BYTES(key_spec, IPC_NAME_MAX) BYTES(subject, IPC_TEXT_MAX) I64(valid_s)
IPC_DECLARE(create_ca, IPC_CREATE_CA_FIELDS)
/* One's own issuing CA: certificate and key as PEM or DER, chain as PEM (the certificates above it,
 * up to the root). */
#define IPC_IMPORT_CA_FIELDS(U8, U32, U64, I64, BYTES)                                             \
    U64(request_id)                                                                                \
    BYTES(ca, IPC_NAME_MAX) BYTES(certificate, 16384) BYTES(key, 16384) BYTES(chain, 24576)
IPC_DECLARE(import_ca, IPC_IMPORT_CA_FIELDS)
#define IPC_CA_CREATED_FIELDS(U8, U32, U64, I64, BYTES)                                            \
    U64(request_id) U32(code) BYTES(detail, IPC_DETAIL_LEN)
IPC_DECLARE(ca_created, IPC_CA_CREATED_FIELDS)

/*
 * A certificate for a listener's own TLS. The signer builds the body itself: for exactly the names
 * that CONFIG_TLS of this CA has (names, as they stand there), serverAuth, SIGNER_TLS_VALID_S, for
 * the P-256 key in spki. code: 0 or an enum base_code.
 */
#define IPC_SIGN_TLS_FIELDS(U8, U32, U64, I64, BYTES)                                              \
    U64(request_id) BYTES(ca, IPC_NAME_MAX) BYTES(names, IPC_TEXT_MAX) BYTES(spki, IPC_SPKI_MAX)
IPC_DECLARE(sign_tls, IPC_SIGN_TLS_FIELDS)
#define IPC_TLS_SIGNED_FIELDS(U8, U32, U64, I64, BYTES)                                            \
    U64(request_id)                                                                                \
    U32(code) BYTES(detail, IPC_DETAIL_LEN) BYTES(certificate, IPC_CERTIFICATE_MAX)
IPC_DECLARE(tls_signed, IPC_TLS_SIGNED_FIELDS)

/* clang-format on */

#endif
