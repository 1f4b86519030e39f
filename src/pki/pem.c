#include <string.h>

#include "base/text.h"
#include "pki/certificate.h"

#include "base/banned.h"

#define CERTIFICATES_MAX 8

static const char begin_mark[] = "-----BEGIN CERTIFICATE-----";
static const char end_mark[] = "-----END CERTIFICATE-----";

static enum base_code
append_certificate(struct bytes der, struct buffer *out, size_t *count, struct base_error *err)
{
    struct pki_certificate certificate;
    if (++*count > CERTIFICATES_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d certificates", CERTIFICATES_MAX);
    }
    TRY(pki_certificate_read(der, &certificate, err));
    return buffer_append(out, der, err);
}

enum base_code
pki_pem_to_ders(struct bytes text, struct buffer *out_ders, struct base_error *err)
{
    size_t count = 0;
    if (text.len > 0 && text.ptr[0] == DER_SEQUENCE) {
        return append_certificate(text, out_ders, &count, err);
    }
    for (;;) {
        const uint8_t *begin =
            text.len == 0 ? NULL : memmem(text.ptr, text.len, begin_mark, sizeof(begin_mark) - 1);
        if (begin == NULL) {
            break;
        }
        struct bytes rest = bytes_skip(text, (size_t)(begin - text.ptr) + sizeof(begin_mark) - 1);
        const uint8_t *end = memmem(rest.ptr, rest.len, end_mark, sizeof(end_mark) - 1);
        if (end == NULL) {
            return base_fail(err, E_CERTIFICATE_FORMAT, "a PEM block without its end");
        }
        BUFFER_LOCAL(der, (size_t)64 * 1024);
        TRY(base_base64_decode((struct bytes){rest.ptr, (size_t)(end - rest.ptr)}, &der, err));
        TRY(append_certificate(buffer_bytes(&der), out_ders, &count, err));
        text = bytes_skip(rest, (size_t)(end - rest.ptr) + sizeof(end_mark) - 1);
    }
    return count > 0 ? BASE_OK : base_fail(err, E_CERTIFICATE_FORMAT, "no certificate in it");
}

enum base_code
pki_der_to_pem(struct bytes der, const char *label, struct buffer *out_pem, struct base_error *err)
{
    BUFFER_LOCAL(base64, out_pem->max);
    TRY(base_base64(der, &base64, err));
    TRY(buffer_append_text(out_pem, "-----BEGIN ", err));
    TRY(buffer_append_text(out_pem, label, err));
    TRY(buffer_append_text(out_pem, "-----\n", err));
    for (struct bytes rest = buffer_bytes(&base64); rest.len > 0;) {
        struct bytes line = {rest.ptr, rest.len < 64 ? rest.len : 64};
        TRY(buffer_append(out_pem, line, err));
        TRY(buffer_append_octet(out_pem, '\n', err));
        rest = bytes_skip(rest, line.len);
    }
    TRY(buffer_append_text(out_pem, "-----END ", err));
    TRY(buffer_append_text(out_pem, label, err));
    return buffer_append_text(out_pem, "-----\n", err);
}
