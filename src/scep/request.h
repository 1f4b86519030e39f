/*
 * request.h - a server's view of a pkiMessage: PKCSReq, RenewalReq or CertPoll (RFC 8894,
 * section 3.3).
 *
 * Three steps, around the question to whoever has the RA key:
 *   scep_request_read()     structure, algorithms, signature, our RecipientInfo; nothing secret is
 * needed (the content key) scep_request_open()     decrypts, reads the CSR or the IssuerAndSubject,
 * proves possession When the first step fails, is_answerable says whether the refusal is a signed
 * CertRep FAILURE or an HTTP 400.
 */
#ifndef SCEP_REQUEST_H
#define SCEP_REQUEST_H

#include "pki/csr.h"
#include "scep/envelope.h"
#include "scep/signed_message.h"

/* What an endpoint allows. */
struct scep_request_rules {
    bool allow_3des;
    bool allow_sha1;
    bool allow_attributes_as_sent;
    const struct pki_certificate *recipients; /* our RA certificates; borrowed for the call */
    size_t recipient_count;
};

struct scep_request {
    struct buffer storage; /* what BER became; wiped at the end */
    struct buffer plain;   /* the decrypted messageData */
    struct scep_signed message;
    struct scep_envelope envelope;
    struct pki_public_key *signer_key; /* owned */
    bool is_answerable;
    const struct scep_recipient *recipient; /* into envelope */
    size_t recipient_index;                 /* of rules->recipients */
    bool
        is_signer_key_csr_key; /* after opening: the message is signed by the key to be certified */
    struct pki_csr csr;        /* after opening, but for a CertPoll */
};

void scep_request_init(struct scep_request *request);
void scep_request_clear(struct scep_request *request);

/*
 * @message     borrowed; must outlive the request
 * Errors: E_MESSAGE_FORMAT, E_ATTRIBUTE_*, E_SENDER_NONCE, E_SIGNER_MISSING, E_MESSAGE_TYPE,
 * E_ALGORITHM_*, E_KEY_*, E_DIGEST, E_SIGNATURE, E_ENVELOPE_FORMAT, E_RECIPIENT, E_DER_*,
 * E_TOO_LARGE.
 */
MUST_CHECK enum base_code scep_request_read(struct scep_request *request, struct bytes message,
    const struct scep_request_rules *rules, struct base_error *err);

/*
 * Every way in which a wrong content key can show (padding, structure) is E_ENVELOPE with one text
 * (RFC 3218): nobody is told which. After that: E_CSR_FORMAT, E_CSR_SIGNATURE, E_KEY_*,
 * E_SIGNER_KEY (a PKCSReq signed by a self-signed certificate of another key).
 */
MUST_CHECK enum base_code scep_request_open(
    struct scep_request *request, struct bytes content_key, struct base_error *err);

/* "PKCSReq", "RenewalReq", ... or "messageType"; static. */
const char *scep_message_type_name(unsigned message_type);

#endif
