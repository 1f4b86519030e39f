#include "scep/cert_rep.h"

#include "scep/authorities.h"

#include "base/banned.h"

void
scep_cert_rep_init(struct scep_cert_rep *rep)
{
    *rep = (struct scep_cert_rep){.digest = PKI_SHA256};
    buffer_init(&rep->content, SCEP_MESSAGE_MAX);
    buffer_init(&rep->attributes, 8192);
}

void
scep_cert_rep_clear(struct scep_cert_rep *rep)
{
    buffer_clear(&rep->content);
    buffer_clear(&rep->attributes);
}

/* The values that NDES puts there: what each failInfo is in Windows' words. */
const char *
scep_hresult_text(enum base_fail_info fail_info)
{
    switch (fail_info) {
    case BASE_FAIL_BAD_ALG:
        return "-2146893816"; /* 0x80090008 NTE_BAD_ALGID */
    case BASE_FAIL_BAD_MESSAGE_CHECK:
        return "-2146893818"; /* 0x80090006 NTE_BAD_SIGNATURE */
    case BASE_FAIL_BAD_TIME:
        return "-2146762495"; /* 0x800b0101 CERT_E_EXPIRED */
    case BASE_FAIL_BAD_CERT_ID:
        return "-2146885628"; /* 0x80092004 CRYPT_E_NOT_FOUND */
    case BASE_FAIL_BAD_REQUEST:
    case BASE_FAIL_NONE:
    default:
        return "-2147024809"; /* 0x80070057 E_INVALIDARG */
    }
}

static enum base_code
seal_certificates(struct scep_cert_rep *rep, const struct scep_request *request,
    const struct scep_cert_rep_spec *spec, struct base_error *err)
{
    BUFFER_LOCAL(certificates, SCEP_MESSAGE_MAX);
    TRY(scep_authorities_build(spec->certificates, spec->certificate_count, &certificates, err));
    return scep_envelope_seal(buffer_bytes(&certificates), &request->message.signer,
        request->signer_key, request->recipient->transport, request->envelope.cipher, spec->random,
        &rep->content, err);
}

enum base_code
scep_cert_rep_prepare(struct scep_cert_rep *rep, const struct scep_request *request,
    const struct scep_cert_rep_spec *spec, struct base_error *err)
{
    uint8_t nonce[SCEP_NONCE_LEN];
    uint8_t digest[PKI_DIGEST_MAX];
    enum pki_digest asked = request->message.digest;
    /* A refusal of MD5 or of nothing readable is signed over what everybody has. */
    rep->digest = asked == PKI_DIGEST_NONE || asked == PKI_MD5 ? PKI_SHA256 : asked;
    rep->is_content_absent = spec->status != SCEP_SUCCESS && spec->is_content_absent;
    buffer_reset(&rep->content);
    buffer_reset(&rep->attributes);
    if (spec->status == SCEP_SUCCESS) {
        TRY(seal_certificates(rep, request, spec, err));
    }
    TRY(base_random_fill(spec->random, nonce, sizeof(nonce), err));
    TRY(pki_digest(rep->digest, buffer_bytes(&rep->content), digest, err));
    const struct scep_attributes attributes = {.message_type = SCEP_CERT_REP,
        .transaction_id = request->message.transaction_id,
        .sender_nonce = BYTES_ARRAY(nonce),
        .recipient_nonce = request->message.sender_nonce,
        .has_pki_status = true,
        .pki_status = spec->status,
        .has_fail_info = spec->status == SCEP_FAILURE,
        .fail_info = spec->status == SCEP_FAILURE ? (unsigned)spec->fail_info : 0,
        .fail_info_text = spec->status == SCEP_FAILURE ? spec->fail_info_text : BYTES_NONE,
        .hresult = spec->status == SCEP_FAILURE ? spec->hresult : BYTES_NONE};
    return scep_attributes_write(
        &attributes, (struct bytes){digest, pki_digest_len(rep->digest)}, &rep->attributes, err);
}

enum base_code
scep_cert_rep_finish(const struct scep_cert_rep *rep, struct bytes signature,
    struct bytes ra_certificate, struct buffer *out, struct base_error *err)
{
    const struct scep_signed_spec spec = {
        .content_form = rep->is_content_absent ? SCEP_CONTENT_ABSENT : SCEP_CONTENT_PRESENT,
        .content = buffer_bytes(&rep->content),
        .digest = rep->digest,
        .signature = PKI_RSA_PKCS1,
        .attributes_set = buffer_bytes(&rep->attributes),
        .signature_octets = signature,
        .signer_certificate = ra_certificate};
    return scep_signed_write(&spec, out, err);
}
