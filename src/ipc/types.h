/*
 * types.h - the message types of every socket, and the small vocabularies that they share. The
 * numbers are the wire's.
 */
#ifndef IPC_TYPES_H
#define IPC_TYPES_H

enum ipc_role {
    IPC_SUPERVISOR = 1,
    IPC_FRONT,
    IPC_LEDGER,
    IPC_SIGNER,
    IPC_NOTIFIER,
    IPC_CONFIG_STEP
};

/* Descriptors with which every role program starts. */
#define IPC_SUPERVISOR_FD 3
#define IPC_LOG_FD 4
#define IPC_LOCK_FD 5   /* the home's lock: held as long as any role lives, never used */
#define IPC_CONFIG_FD 6 /* kurier-config only: the file */

enum ipc_type {
    /* supervisor -> role, and its answers (to_role.h) */
    IPC_TYPE_PEER = 1,
    IPC_TYPE_LISTENER,
    IPC_TYPE_PASSPHRASE,
    IPC_TYPE_CONFIG_GENERAL,
    IPC_TYPE_CONFIG_ENDPOINT,
    IPC_TYPE_CONFIG_PROFILE,
    IPC_TYPE_CONFIG_CA,
    IPC_TYPE_CONFIG_LISTENER,
    IPC_TYPE_CONFIG_PROXY,
    IPC_TYPE_CONFIG_END,
    IPC_TYPE_CONFIG_ERROR,
    IPC_TYPE_DRAIN,
    IPC_TYPE_PROBE,
    IPC_TYPE_READY,
    IPC_TYPE_REFUSED,
    IPC_TYPE_LISTENER_CLOSED,
    IPC_TYPE_LOG_FILE,
    IPC_TYPE_CONFIG_PROCESS,
    IPC_TYPE_PEER_LOST,
    IPC_TYPE_CONFIG_POLICY,
    IPC_TYPE_CONFIG_TLS,
    IPC_TYPE_CONFIG_ADMIN,
    IPC_TYPE_CONFIG_ACCOUNT,
    /* to the signer (to_signer.h) */
    IPC_TYPE_OPEN_ENVELOPE = 100,
    IPC_TYPE_SIGN_CERT_REP,
    IPC_TYPE_CHECK_BODY,
    IPC_TYPE_SIGN_BODY,
    IPC_TYPE_SIGN_CRL,
    IPC_TYPE_READ_JOURNAL,
    IPC_TYPE_DESCRIBE,
    IPC_TYPE_CREATE_CA,
    IPC_TYPE_IMPORT_CA,
    IPC_TYPE_SIGN_PROFILE,
    IPC_TYPE_SIGN_TLS,
    /* from the signer (to_signer.h) */
    IPC_TYPE_ENVELOPE_KEY = 150,
    IPC_TYPE_CERT_REP_SIGNATURE,
    IPC_TYPE_BODY_CHECKED,
    IPC_TYPE_BODY_SIGNED,
    IPC_TYPE_CRL_SIGNED,
    IPC_TYPE_JOURNAL_PAGE,
    IPC_TYPE_AUTHORITY,
    IPC_TYPE_DESCRIBED,
    IPC_TYPE_CA_CREATED,
    IPC_TYPE_CERTIFICATE,
    IPC_TYPE_PROFILE_SIGNATURE,
    IPC_TYPE_TLS_SIGNED,
    /* front -> ledger, and its answers (to_ledger.h) */
    IPC_TYPE_REQUEST = 200,
    IPC_TYPE_CONTACT,
    IPC_TYPE_REFUSAL,
    IPC_TYPE_ANSWERED,
    IPC_TYPE_VERDICT,
    IPC_TYPE_CRL,
    IPC_TYPE_CHALLENGE_ORDER,
    IPC_TYPE_CHALLENGE_MADE,
    IPC_TYPE_CONFIRM,
    IPC_TYPE_CONFIRMED,
    /* ledger <-> notifier (to_notifier.h) */
    IPC_TYPE_VERIFY = 250,
    IPC_TYPE_VERIFIED,
    IPC_TYPE_NOTIFY,
    IPC_TYPE_NOTIFIED,
    IPC_TYPE_REVOKE_ORDER,
    IPC_TYPE_REVOKE_RESULT,
    /* administration <-> ledger (control.h) */
    IPC_TYPE_CHALLENGE_NEW = 300,
    IPC_TYPE_CHALLENGE,
    IPC_TYPE_DELIVERY_LIST,
    IPC_TYPE_DELIVERY,
    IPC_TYPE_TRACE,
    IPC_TYPE_EVENT,
    IPC_TYPE_CONTACT_ROW,
    IPC_TYPE_CERT_LIST,
    IPC_TYPE_CERT_SHOW,
    IPC_TYPE_CERT_ROW,
    IPC_TYPE_CERT_REVOKE,
    IPC_TYPE_REQUEST_LIST,
    IPC_TYPE_REQUEST_DECIDE,
    IPC_TYPE_CRL_SHOW,
    IPC_TYPE_CRL_ROW,
    IPC_TYPE_AUDIT,
    IPC_TYPE_AUDIT_PROGRESS,
    IPC_TYPE_AUDIT_FINDING,
    IPC_TYPE_AUTHORITY_LIST,
    IPC_TYPE_AUTHORITY_ROW,
    IPC_TYPE_ENVELOPE_OPEN,
    IPC_TYPE_ENVELOPE_OPENED,
    IPC_TYPE_OUTBOX_LIST,
    IPC_TYPE_OUTBOX_ROW,
    IPC_TYPE_OUTBOX_SEND,
    IPC_TYPE_OUTBOX_STATUS,
    IPC_TYPE_OUTBOX_STATUS_ROW,
    IPC_TYPE_CONTROL_END,
    IPC_TYPE_PROFILE_LIST = 340,
    IPC_TYPE_PROFILE_ROW,
    IPC_TYPE_PROFILE_SIGN,
    IPC_TYPE_PROFILE_SIGNED,
    /* keys of bound challenges (control.h) */
    IPC_TYPE_BOUND_KEY_NEW = 360,
    IPC_TYPE_BOUND_KEY_LIST,
    IPC_TYPE_BOUND_KEY_REMOVE,
    IPC_TYPE_BOUND_KEY_ROW,
};

/* What kind of SCEP message a request was (RFC 8894, section 3.2.1.2). */
enum ipc_message_type { IPC_RENEWAL_REQ = 17, IPC_PKCS_REQ = 19, IPC_CERT_POLL = 20 };

/* How the ledger judged a request. */
enum ipc_outcome {
    IPC_ISSUED = 1, /* the certificate is in the verdict (a retry, or an ECDSA CA) */
    IPC_PENDING,
    IPC_REFUSED,
    IPC_FAULT, /* a fault of our own: 503, nothing was spent */
    IPC_AGAIN, /* what it was judged by has changed meanwhile: to be asked again */
};

enum ipc_key_transport {
    IPC_TRANSPORT_PKCS1 = 1,
    IPC_TRANSPORT_OAEP_SHA1,
    IPC_TRANSPORT_OAEP_SHA256
};
enum ipc_digest { IPC_SHA1 = 1, IPC_SHA256, IPC_SHA384, IPC_SHA512 };
enum ipc_authority_kind { IPC_AUTHORITY_CA = 1, IPC_AUTHORITY_CHAIN, IPC_AUTHORITY_RA };
enum ipc_operation { IPC_GET_CA_CAPS = 1, IPC_GET_CA_CERT, IPC_PKI_OPERATION };

/* Maxima of fields, in octets. The limits of the protocol are in scep/limits.h; these are their
 * counterparts here. */
#define IPC_NAME_MAX 64    /* endpoint, profile, CA: [a-z0-9-], configuration's names */
#define IPC_TEXT_MAX 1024  /* a text for people */
#define IPC_DETAIL_LEN 256 /* an error's detail */
#define IPC_TRANSACTION_ID_MAX 255
#define IPC_TOLERANCES_MAX 160
#define IPC_SOURCE_MAX 64    /* an address as text, without port */
#define IPC_SPKI_MAX 1200    /* SubjectPublicKeyInfo of RSA-8192 has 1,062 */
#define IPC_SUBJECT_MAX 8192 /* Name in DER */
#define IPC_SANS_MAX 16384   /* GeneralNames in DER */
#define IPC_CHALLENGE_MAX 8192
#define IPC_SID_MAX 256           /* value of a SID extension; a whole one has some 70 */
#define IPC_CSR_MAX 20480         /* PKCS#10 in DER, where a policy outside wants it */
#define IPC_BODY_MAX 32768        /* TBSCertificate in DER */
#define IPC_CERTIFICATE_MAX 34816 /* the body, its signature and their wrapping */
#define IPC_SIGNATURE_MAX 1024
#define IPC_SERIAL_MAX 20

#endif
