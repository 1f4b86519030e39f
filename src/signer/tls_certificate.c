#include "signer/tls_certificate.h"

#include <arpa/inet.h>
#include <string.h>

#include "der/writer.h"

#include "base/banned.h"

#define SERVER_AUTH "1.3.6.1.5.5.7.3.1"
#define TAG_DNS 0x82     /* dNSName [2] */
#define TAG_ADDRESS 0x87 /* iPAddress [7] */
#define COMMON_NAME "2.5.4.3"
#define COMMON_NAME_MAX 64 /* RFC 5280, appendix A.1, ub-common-name */
#define HOST_MAX 253

/* The next line of *rest; false at its end. */
static bool
next_name(struct bytes *rest, struct bytes *out)
{
    if (rest->len == 0) {
        return false;
    }
    const uint8_t *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    *out = (struct bytes){rest->ptr, len};
    *rest = bytes_skip(*rest, len + 1);
    return true;
}

MUST_CHECK static enum base_code
write_name(struct der_writer *writer, struct bytes name, struct base_error *err)
{
    char text[HOST_MAX + 1] = "";
    uint8_t address[16];
    if (name.len == 0 || name.len > HOST_MAX) {
        return base_fail(err, E_NAME_FORMAT, "a host name of %zu octets", name.len);
    }
    memcpy(text, name.ptr, name.len);
    if (inet_pton(AF_INET, text, address) == 1) {
        der_write(writer, TAG_ADDRESS, (struct bytes){address, 4});
    } else if (inet_pton(AF_INET6, text, address) == 1) {
        der_write(writer, TAG_ADDRESS, (struct bytes){address, 16});
    } else {
        der_write(writer, TAG_DNS, name);
    }
    return BASE_OK;
}

enum base_code
signer_tls_sans(struct bytes names, struct buffer *out_der, struct base_error *err)
{
    struct der_writer writer;
    struct bytes name = BYTES_NONE;
    der_writer_init(&writer, out_der);
    der_write_begin(&writer, DER_SEQUENCE);
    while (next_name(&names, &name)) {
        TRY(write_name(&writer, name, err));
    }
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}

/* CN: the first name, where it is short enough; clients look at the alternative names only. */
MUST_CHECK static enum base_code
make_subject(struct bytes names, struct buffer *out_der, struct base_error *err)
{
    struct der_writer writer;
    struct bytes first = BYTES_NONE;
    der_writer_init(&writer, out_der);
    der_write_begin(&writer, DER_SEQUENCE);
    if (next_name(&names, &first) && first.len <= COMMON_NAME_MAX) {
        der_write_begin(&writer, DER_SET);
        der_write_begin(&writer, DER_SEQUENCE);
        der_write_oid_text(&writer, COMMON_NAME);
        der_write(&writer, DER_UTF8_STRING, first);
        der_write_end(&writer);
        der_write_end(&writer);
    }
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}

MUST_CHECK static enum base_code
check_key(const struct signer_authority *authority, struct bytes spki, struct base_error *err)
{
    OWN_STRUCT(pki_public_key) key = NULL;
    TRY(pki_public_key_read(spki, &key, err));
    if (pki_public_key_type(key) != PKI_KEY_EC_P256) {
        return base_fail(err, E_KEY_TYPE, "a key for TLS is on P-256");
    }
    if (signer_authority_owns_key(authority, key)) {
        return base_fail(err, E_SIGNER_BODY, "a key of the CA's own");
    }
    return BASE_OK;
}

enum base_code
signer_tls_body(const struct signer_maker *maker, const struct signer_authority *authority,
    struct bytes names, struct bytes spki, struct buffer *out_body, struct base_error *err)
{
    const struct pki_certificate *ca = &authority->ca.read;
    int64_t now_s = base_clock_now_s(&maker->clock);
    int64_t begin_s = now_s - SIGNER_BACK_MAX_S;
    int64_t end_s = now_s + SIGNER_TLS_VALID_S;
    uint8_t serial[SIGNER_SERIAL_LEN];
    BUFFER_LOCAL(subject, IPC_SUBJECT_MAX);
    BUFFER_LOCAL(sans, IPC_SANS_MAX);
    if (now_s >= ca->not_after_s) {
        return base_fail(err, E_CA_UNSUITABLE, "the CA's certificate has ended");
    }
    TRY(check_key(authority, spki, err));
    TRY(make_subject(names, &subject, err));
    TRY(signer_tls_sans(names, &sans, err));
    TRY(signer_make_serial(maker, serial, err));
    const struct pki_body_spec spec = {.serial = BYTES_ARRAY(serial),
        .signature = authority->signature,
        .digest = authority->digest,
        .issuer_der = ca->subject,
        .not_before_s = begin_s > ca->not_before_s ? begin_s : ca->not_before_s,
        .not_after_s = end_s < ca->not_after_s ? end_s : ca->not_after_s,
        .subject_der = buffer_bytes(&subject),
        .spki_der = spki,
        .path_len = -1,
        .key_usage = PKI_DIGITAL_SIGNATURE,
        .ekus_text = BYTES_LITERAL(SERVER_AUTH),
        .sans_der = buffer_bytes(&sans),
        .authority_key_id = ca->subject_key_id};
    return pki_body_build(&spec, out_body, err);
}
