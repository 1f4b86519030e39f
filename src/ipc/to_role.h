/*
 * to_role.h - what the supervisor says to every role, and what a role answers.
 *
 * After exec a role has descriptor IPC_SUPERVISOR_FD (this socket) and IPC_LOG_FD. It is sent its
 * configuration (CONFIG_* messages, ended by CONFIG_END), its peers' sockets and its listeners, in
 * any order; it confines itself when CONFIG_END arrives and before it reads from any peer, and
 * answers READY, or REFUSED and ends with status 1. Later another CONFIG_*...CONFIG_END is a
 * reload: all of it is taken, or none (REFUSED, and it goes on as before). A new PEER replaces the
 * socket to that role, because the old one's owner died or one of the two said PEER_LOST. The end
 * of this socket ends the role at once.
 */
#ifndef IPC_TO_ROLE_H
#define IPC_TO_ROLE_H

#include "ipc/codec.h"
#include "ipc/types.h"

/* The lists of fields are tables, and laid out as such. */
/* clang-format off */

/* With the socket as descriptor. role: enum ipc_role. */
#define IPC_PEER_FIELDS(U8, U32, U64, I64, BYTES) U8(role)
IPC_DECLARE(peer, IPC_PEER_FIELDS)

/* With the listening socket. purpose: enum ipc_listener_purpose. address: "127.0.0.1:8080" for
 * logs. is_tls: nothing is served there before CONFIG_TLS of this address has been taken. */
enum ipc_listener_purpose {
    IPC_LISTEN_SCEP = 1,
    IPC_LISTEN_DOCUMENTS = 2,
    IPC_LISTEN_ADMIN = 4,
    IPC_LISTEN_CONTROL = 8
};
#define IPC_LISTENER_FIELDS(U8, U32, U64, I64, BYTES)                                              \
    U8(purpose) U8(is_tls) BYTES(address, IPC_TEXT_MAX)
IPC_DECLARE(listener, IPC_LISTENER_FIELDS)
/* A reload took this address away: accept no more there; connections that are there live on. */
#define IPC_LISTENER_CLOSED_FIELDS(U8, U32, U64, I64, BYTES) BYTES(address, IPC_TEXT_MAX)
IPC_DECLARE(listener_closed, IPC_LISTENER_CLOSED_FIELDS)

/* With the descriptor of a new log file (the old one was renamed): role.c puts it in the place of
 * IPC_LOG_FD. */
#define IPC_LOG_FILE_FIELDS(U8, U32, U64, I64, BYTES) U8(unused)
IPC_DECLARE(log_file, IPC_LOG_FILE_FIELDS)

/* To the signer, with a descriptor from which the passphrase is read to its end (a trailing line
 * end is dropped). */
#define IPC_PASSPHRASE_FIELDS(U8, U32, U64, I64, BYTES) U8(unused)
IPC_DECLARE(passphrase, IPC_PASSPHRASE_FIELDS)

/*
 * To every role. home: absolute path of the home. public_url: "" or the base URL without a trailing
 * slash. listener_url: "http://127.0.0.1:8080", the first listener for devices, "" when there is
 * none; the supervisor fills it in. log_level: enum base_log_level. is_strict: an absent confinement feature is an error.
 * is_new_home: the signer finds no CA and waits for CREATE_CA or IMPORT_CA.
 */
#define IPC_CONFIG_GENERAL_FIELDS(U8, U32, U64, I64, BYTES)                                        \
    BYTES(home, IPC_TEXT_MAX)                                                                      \
    BYTES(public_url, IPC_TEXT_MAX)                                                                \
    BYTES(listener_url, IPC_TEXT_MAX)                                                              \
    U8(log_level)                                                                                  \
    U8(is_strict)                                                                                  \
    U8(is_new_home)                                                                                \
    I64(crl_valid_s)                                                                               \
    I64(crl_renew_before_s)                                                                        \
    U32(wrong_challenges_per_minute)                                                               \
    U32(max_connections) U32(max_connections_per_source) I64(retry_window_s)
IPC_DECLARE(config_general, IPC_CONFIG_GENERAL_FIELDS)

/*
 * To front and ledger. paths: newline-separated, each begins with '/'; "/scep" also takes
 * "/scep/<profile>". profiles: names, newline-separated; the first is used when the path names
 * none. failure_content: 0 an empty OCTET STRING, 1 absent. policies: names, newline-separated, all
 * of which must agree; IPC_POLICY_CHALLENGE is our own, the others are CONFIG_POLICY's.
 */
#define IPC_POLICY_CHALLENGE "challenge"
#define IPC_CONFIG_ENDPOINT_FIELDS(U8, U32, U64, I64, BYTES)                                       \
    BYTES(name, IPC_NAME_MAX)                                                                      \
    BYTES(policies, IPC_TEXT_MAX)                                                                  \
    BYTES(paths, IPC_TEXT_MAX)                                                                     \
    BYTES(ndes_paths, IPC_TEXT_MAX)                                                                \
    BYTES(profiles, IPC_TEXT_MAX)                                                                  \
    BYTES(ca, IPC_NAME_MAX)                                                                        \
    U8(allow_3des)                                                                                 \
    U8(allow_sha1)                                                                                 \
    U8(allow_get)                                                                                  \
    U8(failure_content)                                                                            \
    U8(send_ca_chain) U8(send_ca_with_certificate) U8(renewal_by_pkcs_req) U8(attributes_as_sent)
IPC_DECLARE(config_endpoint, IPC_CONFIG_ENDPOINT_FIELDS)

/*
 * To ledger and signer: what certificates of a profile may be. key_usage: bits of RFC 5280's
 * KeyUsage, bit 0 (the most significant, 0x80) digitalSignature, 0x20 keyEncipherment. ekus: dotted
 * OIDs, newline-separated. san_types: bit 1 email, 2 DNS, 6 URI, 0 otherName UPN (1 << GeneralName
 * tag). needs: newline-separated texts for later. static_challenge: empty, or the secret (ledger
 * only). authorisation: 1 challenge, 2 challenge then approval. allow_sid: a SID extension that a
 * request asks for is copied.
 */
#define IPC_CONFIG_PROFILE_FIELDS(U8, U32, U64, I64, BYTES)                                        \
    BYTES(name, IPC_NAME_MAX)                                                                      \
    I64(valid_s)                                                                                   \
    I64(backdate_s)                                                                                \
    I64(challenge_ttl_s)                                                                           \
    I64(renew_before_s)                                                                            \
    U8(key_usage)                                                                                  \
    BYTES(ekus, IPC_TEXT_MAX)                                                                      \
    U8(san_types)                                                                                  \
    U8(allow_empty_subject)                                                                        \
    U8(needs_approval) U8(allow_same_key_renewal) U32(min_rsa_bits) U32(max_rsa_bits)              \
        U8(allow_rsa) U8(allow_ec) BYTES(static_challenge, IPC_CHALLENGE_MAX) U8(allow_sid)
IPC_DECLARE(config_profile, IPC_CONFIG_PROFILE_FIELDS)

/* To signer and ledger. key_uri: "file:NAME" within the signer's folder. Files are the signer's. */
#define IPC_CONFIG_CA_FIELDS(U8, U32, U64, I64, BYTES)                                             \
    BYTES(name, IPC_NAME_MAX) BYTES(key_uri, IPC_TEXT_MAX)
IPC_DECLARE(config_ca, IPC_CONFIG_CA_FIELDS)

/*
 * To ledger and notifier: a service that is asked or told. kind: enum ipc_policy_kind. is_asked:
 * before anything is issued. notify: enum ipc_policy_notify. events: names of the event schema that
 * it is told, newline-separated ("*": all); empty: none. Files are names in HOME/notifier/: secret
 * (the key of a webhook's HMAC, a client secret), assertion_certificate and assertion_key (PEM, in
 * place of a client secret), ca_file (PEM, in place of the system's trust). timeout_ms: of one call.
 * revocations_s: how often revocation requests are fetched; 0: never.
 */
enum ipc_policy_kind { IPC_POLICY_WEBHOOK = 1, IPC_POLICY_INTUNE };
enum ipc_policy_notify {
    IPC_NOTIFY_BEFORE_ANSWER = 1, /* a certificate is withheld until its notice was taken */
    IPC_NOTIFY_AFTER_ANSWER,
};
#define IPC_CONFIG_POLICY_FIELDS(U8, U32, U64, I64, BYTES)                                         \
    BYTES(name, IPC_NAME_MAX)                                                                      \
    U8(kind)                                                                                       \
    U8(is_asked)                                                                                   \
    U8(notify)                                                                                     \
    BYTES(events, IPC_TEXT_MAX)                                                                    \
    BYTES(url, IPC_TEXT_MAX)                                                                       \
    BYTES(secret, IPC_NAME_MAX)                                                                    \
    BYTES(assertion_certificate, IPC_NAME_MAX) BYTES(assertion_key, IPC_NAME_MAX)                  \
    BYTES(ca_file, IPC_NAME_MAX) BYTES(proxy, IPC_TEXT_MAX) U32(timeout_ms)                        \
    BYTES(tenant, IPC_NAME_MAX) BYTES(client_id, IPC_NAME_MAX) BYTES(authority, IPC_TEXT_MAX)      \
    BYTES(graph_url, IPC_TEXT_MAX) BYTES(resource_url, IPC_TEXT_MAX) BYTES(app_id, IPC_NAME_MAX)   \
    U8(is_hresult_unsigned) I64(revocations_s)
IPC_DECLARE(config_policy, IPC_CONFIG_POLICY_FIELDS)

/*
 * From the config step to the supervisor: listen here. tls: enum ipc_tls. certificate, key: paths of
 * PEM files, relative to the home or absolute. names: of an own certificate, newline-separated; ca:
 * which CA issues it.
 */
enum ipc_tls { IPC_TLS_NONE, IPC_TLS_OWN, IPC_TLS_FILES };
#define IPC_CONFIG_LISTENER_FIELDS(U8, U32, U64, I64, BYTES)                                       \
    BYTES(address, IPC_TEXT_MAX)                                                                   \
    U8(purpose)                                                                                    \
    U8(tls)                                                                                        \
    BYTES(certificate, IPC_TEXT_MAX)                                                               \
    BYTES(key, IPC_TEXT_MAX) BYTES(names, IPC_TEXT_MAX) BYTES(ca, IPC_NAME_MAX)
IPC_DECLARE(config_listener, IPC_CONFIG_LISTENER_FIELDS)

/*
 * How a listener speaks TLS. To the front, for IPC_TLS_FILES twice: with the certificates and then
 * with the private key as descriptor, a memory file in PEM; part says which. For IPC_TLS_OWN once,
 * without a descriptor, to front and signer: the front makes a key, and the signer a certificate for
 * exactly these names (SIGN_TLS). address: as LISTENER has it. path: where the file is, for errors.
 */
enum ipc_tls_part { IPC_TLS_CERTIFICATE = 1, IPC_TLS_KEY };
#define IPC_CONFIG_TLS_FIELDS(U8, U32, U64, I64, BYTES)                                            \
    BYTES(address, IPC_TEXT_MAX)                                                                   \
    U8(tls)                                                                                        \
    U8(part) BYTES(path, IPC_TEXT_MAX) BYTES(names, IPC_TEXT_MAX) BYTES(ca, IPC_NAME_MAX)
IPC_DECLARE(config_tls, IPC_CONFIG_TLS_FIELDS)

/*
 * To front and ledger: the administration over HTTP. page_profile: of challenges from NDES's page;
 * page_outstanding: how many of these may be open at a time. Rates are per account, and for wrong
 * passwords also per source.
 */
#define IPC_CONFIG_ADMIN_FIELDS(U8, U32, U64, I64, BYTES)                                          \
    BYTES(page_profile, IPC_NAME_MAX)                                                              \
    U8(is_page_utf8)                                                                               \
    U32(page_outstanding) U32(requests_per_minute) U32(wrong_passwords_per_minute)
IPC_DECLARE(config_admin, IPC_CONFIG_ADMIN_FIELDS)

/* To the front: who may ask for challenges. password: a scrypt text (pki/password.h), or empty.
 * token: the SHA-256 of a bearer token, in hexadecimal, or empty. profiles: newline-separated. */
#define IPC_CONFIG_ACCOUNT_FIELDS(U8, U32, U64, I64, BYTES)                                        \
    BYTES(name, IPC_NAME_MAX)                                                                      \
    BYTES(password, IPC_TEXT_MAX) BYTES(token, IPC_NAME_MAX) BYTES(profiles, IPC_TEXT_MAX)
IPC_DECLARE(config_account, IPC_CONFIG_ACCOUNT_FIELDS)

/* To the front: X-Forwarded-For of this address or network ("10.0.0.0/8") counts. */
#define IPC_CONFIG_PROXY_FIELDS(U8, U32, U64, I64, BYTES) BYTES(network, IPC_SOURCE_MAX)
IPC_DECLARE(config_proxy, IPC_CONFIG_PROXY_FIELDS)

/*
 * From the config step to the supervisor, the first of all: the system users of the roles, empty:
 * Kurier's own names; log_file: a path, relative to the home or absolute, empty: standard error.
 */
#define IPC_CONFIG_PROCESS_FIELDS(U8, U32, U64, I64, BYTES)                                        \
    BYTES(user_front, IPC_NAME_MAX)                                                                \
    BYTES(user_ledger, IPC_NAME_MAX) BYTES(user_signer, IPC_NAME_MAX)                              \
    BYTES(user_notifier, IPC_NAME_MAX) BYTES(log_file, IPC_TEXT_MAX)
IPC_DECLARE(config_process, IPC_CONFIG_PROCESS_FIELDS)

#define IPC_CONFIG_END_FIELDS(U8, U32, U64, I64, BYTES) U32(generation)
IPC_DECLARE(config_end, IPC_CONFIG_END_FIELDS)

/* From the config step to the supervisor: the file is refused. text: "FILE:LINE: what"; why and
 * remedy are the code's. */
#define IPC_CONFIG_ERROR_FIELDS(U8, U32, U64, I64, BYTES) U32(code) BYTES(text, IPC_TEXT_MAX)
IPC_DECLARE(config_error, IPC_CONFIG_ERROR_FIELDS)

/* Finish what was begun, take nothing new, end with status 0 within deadline_ms. */
#define IPC_DRAIN_FIELDS(U8, U32, U64, I64, BYTES) U32(deadline_ms)
IPC_DECLARE(drain, IPC_DRAIN_FIELDS)

/* Test builds: try what the confinement forbids and log the outcome (event=confinement_probe). */
#define IPC_PROBE_FIELDS(U8, U32, U64, I64, BYTES) U8(unused)
IPC_DECLARE(probe, IPC_PROBE_FIELDS)

#define IPC_READY_FIELDS(U8, U32, U64, I64, BYTES) U32(generation)
IPC_DECLARE(ready, IPC_READY_FIELDS)

#define IPC_REFUSED_FIELDS(U8, U32, U64, I64, BYTES)                                               \
    U32(generation) U32(code) BYTES(detail, IPC_DETAIL_LEN)
IPC_DECLARE(refused, IPC_REFUSED_FIELDS)

/* The socket to that role is of no use any more though its owner lives: both want a new one.
 * is_misbehaving: what came from it is not of this protocol. */
#define IPC_PEER_LOST_FIELDS(U8, U32, U64, I64, BYTES) U8(role) U8(is_misbehaving)
IPC_DECLARE(peer_lost, IPC_PEER_LOST_FIELDS)

/* clang-format on */

#endif
