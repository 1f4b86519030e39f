/*
 * signed_message.h - the outer layer of every pkiMessage: SignedData over the pkcsPKIEnvelope, and
 * SCEP's attributes (RFC 8894, section 3.2; RFC 5652, section 5).
 *
 * Reading is in two steps, so that cheap refusals come first: scep_signed_read() takes the
 * structure apart, trusting nothing; scep_signed_verify() checks digest and signature. What could
 * be read before a refusal stays readable, because a refusal is answered with the message's own
 * transactionID and nonce.
 */
#ifndef SCEP_SIGNED_MESSAGE_H
#define SCEP_SIGNED_MESSAGE_H

#include "pki/certificate.h"
#include "scep/limits.h"

enum scep_message_type {
    SCEP_CERT_REP = 3,
    SCEP_RENEWAL_REQ = 17,
    SCEP_PKCS_REQ = 19,
    SCEP_CERT_POLL = 20,
    SCEP_GET_CERT = 21,
    SCEP_GET_CRL = 22,
};

enum scep_pki_status { SCEP_SUCCESS = 0, SCEP_FAILURE = 2, SCEP_PENDING = 3 };

/* What a client does that the standards do not have; bits, kept with the delivery. */
enum scep_tolerance {
    SCEP_BER = 1,                 /* not DER */
    SCEP_TEXT_NOT_PRINTABLE = 2,  /* an attribute in another string type than PrintableString */
    SCEP_NONCE_LENGTH = 4,        /* a senderNonce that does not have 16 octets */
    SCEP_ATTRIBUTES_UNSORTED = 8, /* signed over the DER order, sent in another */
    SCEP_ATTRIBUTES_AS_SENT = 16, /* signed over the order sent: by switch only */
    SCEP_SIGNER_VERSION_1 = 32,   /* a version 1 signer certificate */
    SCEP_DECODED_TWICE = 64,      /* base64 that was escaped twice */
    SCEP_SEVERAL_RECIPIENTS = 128,
};

/* "BER,decoded-twice": the words of these bits, for logs and traces; empty for none. Returns
 * @out. docs/interoperability.md lists them. */
#define SCEP_TOLERANCE_WORDS_LEN 160
const char *scep_tolerance_words(uint32_t tolerances, char out[SCEP_TOLERANCE_WORDS_LEN]);

/* Slices point into the message or into @storage, and live as long as both. */
struct scep_signed {
    /* From the signed attributes; has_* says whether each was there. */
    bool has_transaction_id;
    struct bytes transaction_id; /* the text's octets */
    bool has_message_type;
    unsigned message_type;
    bool has_sender_nonce;
    struct bytes sender_nonce;
    bool has_recipient_nonce;
    struct bytes recipient_nonce;
    bool has_pki_status;
    unsigned pki_status;
    bool has_fail_info;
    unsigned fail_info;
    struct bytes fail_info_text; /* UTF-8; empty: none */
    struct bytes hresult;        /* decimal text; empty: none */
    struct bytes message_digest;
    bool has_content_type;

    bool has_content;
    struct bytes content; /* the pkcsPKIEnvelope's octets; may be empty */
    enum pki_digest digest;
    struct pki_signature_algorithm signature_algorithm;
    struct bytes signature;
    struct bytes attributes;    /* content of the [0] IMPLICIT SET, as sent */
    struct bytes signer_issuer; /* SignerIdentifier: issuer and serial, or */
    struct bytes signer_serial;
    struct bytes signer_key_id;                       /* a key identifier */
    struct bytes certificates[SCEP_CERTIFICATES_MAX]; /* DER, as sent */
    size_t certificate_count;
    bool has_signer; /* the signer's certificate is among them */
    struct pki_certificate signer;
    uint32_t tolerances;
};

/*
 * Take a pkiMessage apart. @out is filled as far as reading came, also on failure (start from
 * zeros). Errors: E_DER_*, E_TOO_LARGE, E_MESSAGE_FORMAT, E_ATTRIBUTE_MISSING, E_ATTRIBUTE_TWICE,
 * E_ATTRIBUTE_TYPE, E_SIGNER_MISSING, E_ALGORITHM_*.
 */
MUST_CHECK enum base_code scep_signed_read(
    struct bytes message, struct buffer *storage, struct scep_signed *out, struct base_error *err);

/*
 * The content's digest is the messageDigest attribute, and the signature over the attributes is
 * @key's (RFC 5652, sections 5.4 and 5.6). @allow_as_sent: also over the attributes in the order
 * sent. Errors: E_DIGEST, E_SIGNATURE, E_ALGORITHM_UNKNOWN.
 */
MUST_CHECK enum base_code scep_signed_verify(struct scep_signed *message,
    const struct pki_public_key *key, bool allow_as_sent, struct base_error *err);

/* ---- writing
 * ----------------------------------------------------------------------------------------------------
 */

/* The attributes of a message to be. Empty slices and false has_* are left out. */
struct scep_attributes {
    unsigned message_type;
    struct bytes transaction_id;
    struct bytes sender_nonce;
    struct bytes recipient_nonce;
    bool has_pki_status;
    unsigned pki_status;
    bool has_fail_info;
    unsigned fail_info;
    struct bytes fail_info_text;
    struct bytes hresult;
};
/* The DER SET OF that is signed, over a content with this digest. */
MUST_CHECK enum base_code scep_attributes_write(const struct scep_attributes *attributes,
    struct bytes message_digest, struct buffer *out_set, struct base_error *err);

enum scep_content_form { SCEP_CONTENT_PRESENT, SCEP_CONTENT_ABSENT };
/*
 * The whole message around content, attributes and signature. signatureAlgorithm is written as
 * rsaEncryption for RSA (strongSwan refuses sha256WithRSAEncryption). @content may be empty: then
 * an empty OCTET STRING.
 */
struct scep_signed_spec {
    enum scep_content_form content_form;
    struct bytes content;
    enum pki_digest digest;
    enum pki_signature signature;
    struct bytes attributes_set;
    struct bytes signature_octets;
    struct bytes signer_certificate; /* DER; its issuer and serial name it */
};
MUST_CHECK enum base_code scep_signed_write(
    const struct scep_signed_spec *spec, struct buffer *out, struct base_error *err);

#endif
