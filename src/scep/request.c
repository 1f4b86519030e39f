#include "scep/request.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

const char *
scep_tolerance_words(uint32_t tolerances, char out[SCEP_TOLERANCE_WORDS_LEN])
{
    static const char *const words[] = {"BER", "attribute-string-type", "nonce-length",
        "unsorted-attributes", "attributes-as-sent", "version-1-signer", "decoded-twice",
        "several-recipients"};
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((tolerances >> i & 1) != 0) {
            len += (size_t)snprintf(
                out + len, SCEP_TOLERANCE_WORDS_LEN - len, "%s%s", len == 0 ? "" : ",", words[i]);
        }
    }
    return out;
}

const char *
scep_message_type_name(unsigned message_type)
{
    switch (message_type) {
    case SCEP_CERT_REP:
        return "CertRep";
    case SCEP_RENEWAL_REQ:
        return "RenewalReq";
    case SCEP_PKCS_REQ:
        return "PKCSReq";
    case SCEP_CERT_POLL:
        return "CertPoll";
    case SCEP_GET_CERT:
        return "GetCert";
    case SCEP_GET_CRL:
        return "GetCRL";
    default:
        return "messageType";
    }
}

void
scep_request_init(struct scep_request *request)
{
    *request = (struct scep_request){.is_answerable = false};
    /* BER may be joined twice: the outer message and the envelope in it. */
    buffer_init(&request->storage, 4 * SCEP_MESSAGE_MAX);
    buffer_init(&request->plain, SCEP_MESSAGE_MAX);
}

void
scep_request_clear(struct scep_request *request)
{
    buffer_clear(&request->storage);
    buffer_clear(&request->plain);
    pki_csr_clear(&request->csr);
    pki_public_key_free(request->signer_key);
    request->signer_key = NULL;
}

static enum base_code
check_digest(enum pki_digest digest, const struct scep_request_rules *rules, struct base_error *err)
{
    if (digest == PKI_MD5) {
        return base_fail(err, E_ALGORITHM_WEAK, "MD5");
    }
    if (digest == PKI_SHA1 && !rules->allow_sha1) {
        return base_fail(err, E_ALGORITHM_OFF, "SHA-1");
    }
    return BASE_OK;
}

static enum base_code
check_cipher(enum pki_cipher cipher, const struct scep_request_rules *rules, struct base_error *err)
{
    if (cipher == PKI_DES_CBC) {
        return base_fail(err, E_ALGORITHM_WEAK, "single DES");
    }
    if (cipher == PKI_DES_EDE3_CBC && !rules->allow_3des) {
        return base_fail(err, E_ALGORITHM_OFF, "3DES");
    }
    return BASE_OK;
}

static enum base_code
check_attributes(const struct scep_signed *message, struct base_error *err)
{
    if (!message->has_sender_nonce) {
        return base_fail(err, E_SENDER_NONCE, "%s without senderNonce",
            scep_message_type_name(message->message_type));
    }
    if (message->message_type != SCEP_PKCS_REQ && message->message_type != SCEP_RENEWAL_REQ &&
        message->message_type != SCEP_CERT_POLL) {
        return base_fail(err, E_MESSAGE_TYPE, "%s %u",
            scep_message_type_name(message->message_type), message->message_type);
    }
    return BASE_OK;
}

/* A SUCCESS is sealed to the signer's key by key transport (RFC 8894, section 3.1), so that must be
 * RSA, and none that no profile would certify. */
static enum base_code
check_signer_key(const struct pki_public_key *key, struct base_error *err)
{
    if (pki_public_key_type(key) != PKI_KEY_RSA) {
        return base_fail(err, E_SIGNER_KEY_TYPE, "an EC key of %u bits", pki_public_key_bits(key));
    }
    return pki_public_key_check_size(key, SCEP_RSA_BITS_MIN, SCEP_RSA_BITS_MAX, err);
}

static enum base_code
read_envelope(
    struct scep_request *request, const struct scep_request_rules *rules, struct base_error *err)
{
    if (!request->message.has_content || request->message.content.len == 0) {
        return base_fail(err, E_ENVELOPE_FORMAT, "no pkcsPKIEnvelope");
    }
    TRY(scep_envelope_read(request->message.content, &request->storage, &request->envelope, err));
    if (request->envelope.recipient_count > 1) {
        request->message.tolerances |= SCEP_SEVERAL_RECIPIENTS;
    }
    TRY(check_cipher(request->envelope.cipher, rules, err));
    return scep_envelope_find_recipient(&request->envelope, rules->recipients,
        rules->recipient_count, &request->recipient, &request->recipient_index, err);
}

enum base_code
scep_request_read(struct scep_request *request, struct bytes message,
    const struct scep_request_rules *rules, struct base_error *err)
{
    struct scep_signed *outer = &request->message;
    enum base_code code = scep_signed_read(message, &request->storage, outer, err);
    request->is_answerable = outer->has_transaction_id;
    TRY(code);
    TRY(check_attributes(outer, err));
    TRY(check_digest(outer->digest, rules, err));
    TRY(check_digest(outer->signature_algorithm.digest, rules, err));
    TRY(pki_public_key_read(outer->signer.spki, &request->signer_key, err));
    TRY(check_signer_key(request->signer_key, err));
    /* The envelope before the signature: its refusals are cheaper than a verification. */
    TRY(read_envelope(request, rules, err));
    return scep_signed_verify(outer, request->signer_key, rules->allow_attributes_as_sent, err);
}

/* IssuerAndSubject (RFC 8894, section 3.3.3): two Names. What they say does not matter, the
 * transactionID does. */
static enum base_code
read_issuer_and_subject(struct bytes der, struct base_error *err)
{
    struct der_reader outer = der_reader_over(der);
    struct der_reader names;
    struct der_element element;
    TRY(der_enter(&outer, DER_SEQUENCE, &names, err));
    TRY(der_expect(&names, DER_SEQUENCE, &element, err));
    TRY(der_expect(&names, DER_SEQUENCE, &element, err));
    TRY(der_end(&names, err));
    return der_end(&outer, err);
}

/* The payload's structure; any fault of it looks like a wrong key. */
static enum base_code
read_payload(struct scep_request *request, struct base_error *err)
{
    struct bytes plain = buffer_bytes(&request->plain);
    if (request->message.message_type == SCEP_CERT_POLL) {
        return read_issuer_and_subject(plain, err);
    }
    return pki_csr_read(plain, &request->csr, err);
}

static enum base_code
check_possession(struct scep_request *request, struct base_error *err)
{
    request->is_signer_key_csr_key = bytes_equal(request->csr.spki, request->message.signer.spki);
    if (request->is_signer_key_csr_key) {
        return pki_csr_verify(&request->csr, request->signer_key, err);
    }
    bool is_self_signed =
        bytes_equal(request->message.signer.issuer, request->message.signer.subject);
    if (request->message.message_type == SCEP_PKCS_REQ && is_self_signed) {
        return base_fail(err, E_SIGNER_KEY, "the signer's key is not the key of the request");
    }
    OWN_STRUCT(pki_public_key) key = NULL;
    TRY(pki_public_key_read(request->csr.spki, &key, err));
    return pki_csr_verify(&request->csr, key, err);
}

enum base_code
scep_request_open(struct scep_request *request, struct bytes content_key, struct base_error *err)
{
    struct base_error hidden; /* what was wrong is nobody's business */
    if (pki_decrypt(request->envelope.cipher, content_key, request->envelope.iv,
            request->envelope.encrypted_content, &request->plain, &hidden) != BASE_OK ||
        read_payload(request, &hidden) != BASE_OK) {
        return base_fail(err, E_ENVELOPE, "the envelope does not open to a %s",
            scep_message_type_name(request->message.message_type));
    }
    if (request->message.message_type == SCEP_CERT_POLL) {
        return BASE_OK;
    }
    return check_possession(request, err);
}
