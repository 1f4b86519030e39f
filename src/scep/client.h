/*
 * client.h - a client's requests, and its view of a CertRep (RFC 8894, sections 3.3.1 and 3.3.2).
 *
 * A CertRep is believed only after its signature has been verified with one of the certificates
 * that were authenticated before.
 */
#ifndef SCEP_CLIENT_H
#define SCEP_CLIENT_H

#include "pki/csr.h"
#include "scep/envelope.h"
#include "scep/signed_message.h"

/* What a request is made of. Everything borrowed. */
struct scep_client_request {
    enum scep_message_type type; /* SCEP_PKCS_REQ, SCEP_RENEWAL_REQ or SCEP_CERT_POLL */
    const struct pki_private_key *signer_key;
    struct bytes signer_certificate; /* DER: self-signed, or the one that is renewed */
    struct bytes payload;            /* the CSR, or the IssuerAndSubject; DER */
    struct bytes transaction_id;
    struct bytes sender_nonce;               /* SCEP_NONCE_LEN octets */
    const struct pki_certificate *recipient; /* the RA's, or the CA's */
    enum pki_cipher cipher;
    enum pki_digest digest;
    const struct base_random *random;
};
/* The pkiMessage in DER, appended to @out. */
MUST_CHECK enum base_code scep_client_request_build(
    const struct scep_client_request *request, struct buffer *out, struct base_error *err);

/* A self-signed certificate with the CSR's subject and key (RFC 8894, section 2.3). */
MUST_CHECK enum base_code scep_client_self_signed(const struct pki_private_key *key,
    struct bytes subject_der, int64_t now_s, const struct base_random *random,
    struct buffer *out_der, struct base_error *err);
/* IssuerAndSubject for a CertPoll (section 3.3.3). */
MUST_CHECK enum base_code scep_client_poll_payload(struct bytes issuer_der,
    struct bytes subject_der, struct buffer *out_der, struct base_error *err);

/* What a client knows when the answer comes. */
struct scep_client_expectation {
    const struct pki_certificate *trusted; /* authenticated RA and CA certificates */
    size_t trusted_count;
    struct bytes transaction_id;
    struct bytes sender_nonce;
    const struct pki_private_key
        *recipient_key;          /* to which a SUCCESS is sealed: the signer's key */
    struct bytes requested_spki; /* of the key to be certified */
};

struct scep_client_answer {
    struct buffer message; /* a copy: what was read points into it */
    struct buffer storage;
    struct buffer plain;
    enum scep_pki_status status;
    unsigned fail_info;          /* FAILURE */
    struct bytes fail_info_text; /* UTF-8; may be empty */
    struct bytes hresult;        /* decimal text; may be empty */
    struct bytes certificate;    /* SUCCESS: the one for our key, DER */
    struct bytes others[SCEP_CERTIFICATES_MAX];
    size_t other_count;
};
void scep_client_answer_init(struct scep_client_answer *answer);
void scep_client_answer_clear(struct scep_client_answer *answer);

/*
 * Errors: E_REPLY_SIGNER, E_SIGNATURE, E_DIGEST, E_REPLY_MISMATCH (transactionID or
 * recipientNonce), E_REPLY_STATUS, E_REPLY_DES, E_REPLY_CERTIFICATE, E_DECRYPT, E_DER_*.
 */
MUST_CHECK enum base_code scep_client_answer_read(struct scep_client_answer *answer,
    struct bytes message, const struct scep_client_expectation *expected, struct base_error *err);

#endif
