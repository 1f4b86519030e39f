#include "profile/signed.h"

#include <openssl/pem.h> /* before cms.h, which declares its PEM functions only then */

#include <openssl/cms.h>
#include <string.h>

#include "base/text.h"
#include "der/writer.h"
#include "pki/algorithm.h"
#include "pki/certificate.h"
#include "pki/name.h"
#include "pki/openssl_error.h"
#include "profile/limits.h"

#include "base/banned.h"

#define OID_DATA "1.2.840.113549.1.7.1"
#define OID_SIGNED_DATA "1.2.840.113549.1.7.2"
#define OID_CONTENT_TYPE "1.2.840.113549.1.9.3"
#define OID_MESSAGE_DIGEST "1.2.840.113549.1.9.4"
#define OID_SIGNING_TIME "1.2.840.113549.1.9.5"

OWNER(CMS_ContentInfo, CMS_ContentInfo_free)

/* ---- writing
 * ----------------------------------------------------------------------------------------------------
 */

static void
begin_attribute(struct der_writer *writer, const char *oid)
{
    der_write_begin(writer, DER_SEQUENCE);
    der_write_oid_text(writer, oid);
    der_write_begin(writer, DER_SET);
}

static void
end_attribute(struct der_writer *writer)
{
    der_write_end(writer);
    der_write_end(writer);
}

enum base_code
profile_signed_attributes(
    struct bytes content, int64_t at_s, struct buffer *out_set, struct base_error *err)
{
    uint8_t digest[PKI_DIGEST_MAX];
    struct der_writer writer;
    TRY(pki_digest(PKI_SHA256, content, digest, err));
    der_writer_init(&writer, out_set);
    der_write_begin(&writer, DER_SET);
    begin_attribute(&writer, OID_CONTENT_TYPE);
    der_write_oid_text(&writer, OID_DATA);
    end_attribute(&writer);
    begin_attribute(&writer, OID_MESSAGE_DIGEST);
    der_write(&writer, DER_OCTET_STRING, (struct bytes){digest, pki_digest_len(PKI_SHA256)});
    end_attribute(&writer);
    begin_attribute(&writer, OID_SIGNING_TIME);
    der_write_time(&writer, at_s);
    end_attribute(&writer);
    der_write_end_set_of(&writer);
    return der_writer_finish(&writer, err);
}

static void
write_signer_info(struct der_writer *writer, const struct pki_certificate *signer,
    struct bytes attributes, struct bytes signature)
{
    der_write_begin(writer, DER_SEQUENCE);
    der_write_uint(writer, 1);
    der_write_begin(writer, DER_SEQUENCE);
    der_write_raw(writer, signer->issuer);
    der_write(writer, DER_INTEGER, signer->serial);
    der_write_end(writer);
    pki_write_digest(writer, PKI_SHA256);
    der_write(writer, DER_CONTEXT_CONSTRUCTED(0), attributes);
    pki_write_rsa_encryption(writer);
    der_write(writer, DER_OCTET_STRING, signature);
    der_write_end(writer);
}

enum base_code
profile_signed_write(struct bytes content, struct bytes set, struct bytes signature,
    const struct bytes *certificates, size_t count, struct buffer *out, struct base_error *err)
{
    struct pki_certificate signer;
    struct der_element attributes;
    struct der_reader reader = der_reader_over(set);
    struct der_writer writer;
    TRY(pki_certificate_read(certificates[0], &signer, err));
    TRY(der_expect(&reader, DER_SET, &attributes, err));
    der_writer_init(&writer, out);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_oid_text(&writer, OID_SIGNED_DATA);
    der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_uint(&writer, 1);
    der_write_begin(&writer, DER_SET);
    pki_write_digest(&writer, PKI_SHA256);
    der_write_end(&writer);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_oid_text(&writer, OID_DATA);
    der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
    der_write(&writer, DER_OCTET_STRING, content);
    der_write_end(&writer);
    der_write_end(&writer);
    der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
    for (size_t i = 0; i < count; i++) {
        der_write_raw(&writer, certificates[i]);
    }
    der_write_end_set_of(&writer);
    der_write_begin(&writer, DER_SET);
    write_signer_info(&writer, &signer, attributes.content, signature);
    der_write_end(&writer);
    der_write_end(&writer);
    der_write_end(&writer);
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}

/* ---- reading
 * ----------------------------------------------------------------------------------------------------
 */

static bool
is_pem(struct bytes file)
{
    static const char begin[] = "-----BEGIN ";
    return file.len > sizeof(begin) && memcmp(file.ptr, begin, sizeof(begin) - 1) == 0;
}

bool
profile_is_signed(struct bytes file)
{
    return is_pem(file) || (file.len > 1 && file.ptr[0] == 0x30 && file.ptr[1] >= 0x80);
}

static enum base_code
append_name(const X509_NAME *name, struct buffer *out, struct base_error *err)
{
    unsigned char *der = NULL;
    int len = i2d_X509_NAME(name, &der);
    if (len <= 0) {
        return pki_openssl_fail(err, E_PROFILE_SIGNATURE, "the signer's name");
    }
    enum base_code code = pki_name_text((struct bytes){der, (size_t)len}, out, err);
    OPENSSL_free(der);
    return code;
}

static enum base_code
name_signers(CMS_ContentInfo *message, struct buffer *out, struct base_error *err)
{
    STACK_OF(X509) *signers = CMS_get0_signers(message); /* the stack is ours, the rest is not */
    enum base_code code = signers == NULL || sk_X509_num(signers) < 1
                              ? base_fail(err, E_PROFILE_SIGNATURE, "nobody signed it")
                              : BASE_OK;
    if (code == BASE_OK) {
        const X509 *signer = sk_X509_value(signers, 0);
        code = append_name(X509_get_subject_name(signer), out, err);
        code = code == BASE_OK ? buffer_append_text(out, ", issued by ", err) : code;
        code = code == BASE_OK ? append_name(X509_get_issuer_name(signer), out, err) : code;
    }
    sk_X509_free(signers);
    return code;
}

enum base_code
profile_signed_read(struct bytes file, struct buffer *out_content, struct buffer *out_signer,
    struct base_error *err)
{
    if (file.len > PROFILE_FILE_MAX) {
        return base_fail(err, E_TOO_LARGE, "a profile of more than %zu octets", PROFILE_FILE_MAX);
    }
    OWN(BIO) in = BIO_new_mem_buf(file.ptr, base_size_to_int(file.len));
    OWN(BIO) plain = BIO_new(BIO_s_mem());
    if (in == NULL || plain == NULL) {
        return base_fail(err, E_NO_MEMORY, "a signed profile");
    }
    OWN(CMS_ContentInfo) message =
        is_pem(file) ? PEM_read_bio_CMS(in, NULL, NULL, NULL) : d2i_CMS_bio(in, NULL);
    if (message == NULL || OBJ_obj2nid(CMS_get0_type(message)) != NID_pkcs7_signed) {
        return pki_openssl_fail(
            err, E_PROFILE_FORMAT, "neither a property list nor a signed message");
    }
    if (CMS_verify(message, NULL, NULL, NULL, plain, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) != 1) {
        return pki_openssl_fail(err, E_PROFILE_SIGNATURE, "the signature");
    }
    TRY(name_signers(message, out_signer, err));
    char *text = NULL;
    long len = BIO_get_mem_data(plain, &text);
    if (len < 0) {
        return base_fail(err, E_PROFILE_FORMAT, "a signed message without content");
    }
    return buffer_append(out_content, (struct bytes){(const uint8_t *)text, (size_t)len}, err);
}
