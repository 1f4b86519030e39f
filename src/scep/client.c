#include "scep/client.h"

#include <string.h>

#include "der/writer.h"
#include "scep/authorities.h"

#include "base/banned.h"

#define SELF_SIGNED_S ((int64_t)7 * 86400)

enum base_code
scep_client_self_signed(const struct pki_private_key *key, struct bytes subject_der, int64_t now_s,
    const struct base_random *random, struct buffer *out_der, struct base_error *err)
{
    uint8_t serial[16];
    BUFFER_LOCAL(body, 16384);
    bool is_rsa = pki_private_key_type(key) == PKI_KEY_RSA;
    TRY(base_random_fill(random, serial, sizeof(serial), err));
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 1);
    const struct pki_body_spec spec = {.serial = BYTES_ARRAY(serial),
        .signature = pki_private_key_signature(key),
        .digest = PKI_SHA256,
        .issuer_der = subject_der,
        .not_before_s = now_s - 86400,
        .not_after_s = now_s + SELF_SIGNED_S,
        .subject_der = subject_der,
        .spki_der = pki_private_key_peek_spki(key),
        .path_len = -1,
        .key_usage = (uint8_t)(PKI_DIGITAL_SIGNATURE | (is_rsa ? PKI_KEY_ENCIPHERMENT : 0))};
    TRY(pki_body_build(&spec, &body, err));
    return pki_certificate_sign(key, PKI_SHA256, buffer_bytes(&body), out_der, err);
}

enum base_code
scep_client_poll_payload(struct bytes issuer_der, struct bytes subject_der, struct buffer *out_der,
    struct base_error *err)
{
    struct der_writer writer;
    der_writer_init(&writer, out_der);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_raw(&writer, issuer_der);
    der_write_raw(&writer, subject_der);
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}

enum base_code
scep_client_request_build(
    const struct scep_client_request *request, struct buffer *out, struct base_error *err)
{
    uint8_t digest[PKI_DIGEST_MAX];
    BUFFER_LOCAL(envelope, SCEP_MESSAGE_MAX);
    BUFFER_LOCAL(attributes, 8192);
    BUFFER_LOCAL(signature, 1024);
    OWN_STRUCT(pki_public_key) recipient_key = NULL;
    TRY(pki_public_key_read(request->recipient->spki, &recipient_key, err));
    TRY(scep_envelope_seal(request->payload, request->recipient, recipient_key, PKI_TRANSPORT_PKCS1,
        request->cipher, request->random, &envelope, err));
    TRY(pki_digest(request->digest, buffer_bytes(&envelope), digest, err));
    const struct scep_attributes spec = {.message_type = request->type,
        .transaction_id = request->transaction_id,
        .sender_nonce = request->sender_nonce};
    TRY(scep_attributes_write(
        &spec, (struct bytes){digest, pki_digest_len(request->digest)}, &attributes, err));
    TRY(pki_sign(request->signer_key, request->digest, buffer_bytes(&attributes), &signature, err));
    const struct scep_signed_spec message = {.content_form = SCEP_CONTENT_PRESENT,
        .content = buffer_bytes(&envelope),
        .digest = request->digest,
        .signature = pki_private_key_signature(request->signer_key),
        .attributes_set = buffer_bytes(&attributes),
        .signature_octets = buffer_bytes(&signature),
        .signer_certificate = request->signer_certificate};
    return scep_signed_write(&message, out, err);
}

/* ---- the answer
 * -------------------------------------------------------------------------------------------------
 */

void
scep_client_answer_init(struct scep_client_answer *answer)
{
    *answer = (struct scep_client_answer){.status = SCEP_FAILURE};
    buffer_init(&answer->message, 4 * SCEP_MESSAGE_MAX);
    buffer_init(&answer->storage, 8 * SCEP_MESSAGE_MAX);
    buffer_init(&answer->plain, 2 * SCEP_MESSAGE_MAX);
}

void
scep_client_answer_clear(struct scep_client_answer *answer)
{
    buffer_clear(&answer->message);
    buffer_clear(&answer->storage);
    buffer_clear(&answer->plain);
}

/* The signer must be one of those that were authenticated, octet by octet; a server may leave its
 * certificate out. */
static enum base_code
find_trusted(const struct scep_signed *message, const struct scep_client_expectation *expected,
    const struct pki_certificate **out, struct base_error *err)
{
    for (size_t i = 0; i < expected->trusted_count; i++) {
        const struct pki_certificate *trusted = &expected->trusted[i];
        bool is_it = message->has_signer ? bytes_equal(message->signer.whole, trusted->whole)
                                         : bytes_equal(message->signer_issuer, trusted->issuer) &&
                                               bytes_equal(message->signer_serial, trusted->serial);
        if (is_it) {
            *out = trusted;
            return BASE_OK;
        }
    }
    return base_fail(err, E_REPLY_SIGNER, "signed by none of %zu authenticated certificates",
        expected->trusted_count);
}

static enum base_code
check_belonging(const struct scep_signed *message, const struct scep_client_expectation *expected,
    struct base_error *err)
{
    if (!bytes_equal(message->transaction_id, expected->transaction_id)) {
        return base_fail(err, E_REPLY_MISMATCH, "another transactionID");
    }
    /* NDES leaves the nonce out of some refusals; a SUCCESS or PENDING without it is believed by
     * nobody. */
    bool may_lack = message->has_pki_status && message->pki_status == SCEP_FAILURE &&
                    !message->has_recipient_nonce;
    if (!may_lack && !bytes_equal(message->recipient_nonce, expected->sender_nonce)) {
        return base_fail(err, E_REPLY_MISMATCH, "another recipientNonce");
    }
    if (message->message_type != SCEP_CERT_REP) {
        return base_fail(err, E_REPLY_STATUS, "messageType %u", message->message_type);
    }
    return BASE_OK;
}

static enum base_code
take_status(
    struct scep_client_answer *answer, const struct scep_signed *message, struct base_error *err)
{
    if (!message->has_pki_status ||
        (message->pki_status != SCEP_SUCCESS && message->pki_status != SCEP_FAILURE &&
            message->pki_status != SCEP_PENDING)) {
        return base_fail(err, E_REPLY_STATUS, "pkiStatus %u", message->pki_status);
    }
    answer->status = (enum scep_pki_status)message->pki_status;
    if (answer->status == SCEP_FAILURE && (!message->has_fail_info || message->fail_info > 4)) {
        return base_fail(err, E_REPLY_STATUS, "failInfo %u", message->fail_info);
    }
    answer->fail_info = message->fail_info;
    answer->fail_info_text = message->fail_info_text;
    answer->hresult = message->hresult;
    return BASE_OK;
}

static enum base_code
open_envelope(struct scep_client_answer *answer, const struct scep_signed *message,
    const struct scep_client_expectation *expected, struct base_error *err)
{
    struct scep_envelope envelope;
    uint8_t key[32];
    TRY(scep_envelope_read(message->content, &answer->storage, &envelope, err));
    if (envelope.cipher == PKI_DES_CBC) {
        return base_fail(err, E_REPLY_DES, "the answer is encrypted with single DES");
    }
    if (envelope.recipient_count != 1 || envelope.recipients[0].transport == PKI_TRANSPORT_NONE) {
        return base_fail(err, E_DECRYPT, "an answer for %zu recipients", envelope.recipient_count);
    }
    struct bytes content_key = {key, pki_cipher_key_len(envelope.cipher)};
    TRY(pki_unwrap_key(expected->recipient_key, envelope.recipients[0].transport,
        envelope.recipients[0].encrypted_key, content_key.len, key, err));
    enum base_code code = pki_decrypt(
        envelope.cipher, content_key, envelope.iv, envelope.encrypted_content, &answer->plain, err);
    explicit_bzero(key, sizeof(key));
    return code;
}

/* The certificate for our key, wherever it stands. */
static enum base_code
pick_certificate(struct scep_client_answer *answer, const struct scep_client_expectation *expected,
    struct base_error *err)
{
    struct bytes certificates[SCEP_CERTIFICATES_MAX];
    size_t count = 0;
    TRY(scep_authorities_read(
        buffer_bytes(&answer->plain), &answer->storage, certificates, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct pki_certificate certificate;
        TRY(pki_certificate_read(certificates[i], &certificate, err));
        if (bytes_equal(certificate.spki, expected->requested_spki)) {
            answer->certificate = certificates[i];
        } else {
            answer->others[answer->other_count++] = certificates[i];
        }
    }
    return answer->certificate.len > 0
               ? BASE_OK
               : base_fail(err, E_REPLY_CERTIFICATE, "none of %zu certificates has our key", count);
}

enum base_code
scep_client_answer_read(struct scep_client_answer *answer, struct bytes message,
    const struct scep_client_expectation *expected, struct base_error *err)
{
    struct scep_signed outer = {.has_content = false};
    const struct pki_certificate *trusted = NULL;
    OWN_STRUCT(pki_public_key) key = NULL;
    TRY(buffer_append(&answer->message, message, err));
    enum base_code code =
        scep_signed_read(buffer_bytes(&answer->message), &answer->storage, &outer, err);
    if (code != BASE_OK && code != E_SIGNER_MISSING) {
        return code;
    }
    TRY(find_trusted(&outer, expected, &trusted, err));
    TRY(pki_public_key_read(trusted->spki, &key, err));
    TRY(scep_signed_verify(&outer, key, true, err));
    TRY(check_belonging(&outer, expected, err));
    TRY(take_status(answer, &outer, err));
    if (answer->status != SCEP_SUCCESS) {
        return BASE_OK; /* whatever content there is, empty, absent or one octet (NDES), does not
                           matter */
    }
    TRY(open_envelope(answer, &outer, expected, err));
    return pick_certificate(answer, expected, err);
}
