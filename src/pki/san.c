#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "der/writer.h"
#include "pki/name.h"
#include "pki/string.h"

#include "base/banned.h"

static const struct bytes upn_oid = BYTES_INIT("\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03");

/* The UPN inside an otherName: type-id, [0] { UTF8String }. */
static enum base_code
read_upn(const struct der_element *element, struct der_element *out, struct base_error *err)
{
    struct der_reader inside = der_reader_over(element->content);
    struct der_reader value;
    struct bytes oid;
    TRY(der_read_oid(&inside, &oid, err));
    if (!bytes_equal(oid, upn_oid)) {
        return base_fail(err, E_SAN_TYPE, "an otherName that is no UPN");
    }
    TRY(der_enter(&inside, DER_CONTEXT_CONSTRUCTED(0), &value, err));
    TRY(der_expect(&value, DER_UTF8_STRING, out, err));
    TRY(der_end(&value, err));
    return der_end(&inside, err);
}

static bool
is_dns_name(struct bytes name)
{
    if (name.len > 2 && name.ptr[0] == '*' && name.ptr[1] == '.') {
        name = bytes_skip(name, 2);
    }
    size_t label = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
            continue;
        }
        if (c >= 0x80 || (isalnum(c) == 0 && c != '-' && c != '_') || ++label > 63) {
            return false;
        }
    }
    return label > 0 && name.len <= 253;
}

static bool
is_printable_with(struct bytes text, char needed)
{
    bool is_there = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f) {
            return false;
        }
        is_there = is_there || text.ptr[i] == (uint8_t)needed;
    }
    return is_there;
}

static enum base_code
check_one(const struct der_element *element, uint32_t allowed_types, struct base_error *err)
{
    unsigned type = element->tag & 0x1f;
    struct der_element upn;
    if ((element->tag & 0xc0) != 0x80 || (allowed_types & (1U << type)) == 0) {
        return base_fail(err, E_SAN_TYPE, "a name of type %u", type);
    }
    if (element->content.len == 0 || element->content.len > PKI_VALUE_MAX) {
        return base_fail(err, E_SAN_FORMAT, "a name of %zu octets", element->content.len);
    }
    bool is_good = false;
    switch (type) {
    case PKI_SAN_DNS:
        is_good = is_dns_name(element->content);
        break;
    case PKI_SAN_EMAIL:
        is_good = is_printable_with(element->content, '@');
        break;
    case PKI_SAN_URI:
        is_good = is_printable_with(element->content, ':');
        break;
    case PKI_SAN_IP:
        is_good = element->content.len == 4 || element->content.len == 16;
        break;
    case PKI_SAN_OTHER:
        TRY(read_upn(element, &upn, err));
        is_good = upn.content.len > 0 && base_is_clean_utf8(upn.content);
        break;
    default:
        break;
    }
    bool is_form_good = (element->tag & 0x20) == (type == PKI_SAN_OTHER ? 0x20 : 0);
    return is_good && is_form_good
               ? BASE_OK
               : base_fail(err, E_SAN_FORMAT, "a malformed name of type %u", type);
}

/* The names one by one. */
static enum base_code
collect(struct bytes sans_der, struct der_element *out, size_t max, size_t *out_count,
    struct base_error *err)
{
    struct der_reader outer = der_reader_over(sans_der);
    struct der_reader names;
    size_t count = 0;
    TRY(der_enter(&outer, DER_SEQUENCE, &names, err));
    TRY(der_end(&outer, err));
    while (!der_at_end(&names)) {
        if (count == max) {
            return base_fail(err, E_SAN_FORMAT, "more than %d names", PKI_SAN_MAX);
        }
        TRY(der_next(&names, &out[count++], err));
    }
    *out_count = count;
    return BASE_OK;
}

enum base_code
pki_sans_check(struct bytes sans_der, uint32_t allowed_types, struct base_error *err)
{
    struct der_element names[PKI_SAN_MAX];
    size_t count = 0;
    enum base_code code = collect(sans_der, names, PKI_SAN_MAX, &count, err);
    for (size_t i = 0; code == BASE_OK && i < count; i++) {
        code = check_one(&names[i], allowed_types, err);
    }
    if (code == BASE_OK && count == 0) {
        code = base_fail(err, E_SAN_FORMAT, "no name at all");
    }
    if (code != BASE_OK && code != E_SAN_TYPE) {
        code = E_SAN_FORMAT;
        if (err != NULL) {
            err->code = code;
        }
    }
    return code;
}

static int
compare_names(const void *a, const void *b)
{
    const struct der_element *left = a;
    const struct der_element *right = b;
    if (left->tag == right->tag && left->tag == DER_CONTEXT(PKI_SAN_DNS) &&
        left->content.len == right->content.len) {
        return strncasecmp(
            (const char *)left->content.ptr, (const char *)right->content.ptr, left->content.len);
    }
    return bytes_compare(left->whole, right->whole);
}

bool
pki_sans_equal(struct bytes a_der, struct bytes b_der)
{
    struct der_element a[PKI_SAN_MAX];
    struct der_element b[PKI_SAN_MAX];
    size_t a_count = 0;
    size_t b_count = 0;
    if (a_der.len == 0 || b_der.len == 0) {
        return a_der.len == b_der.len;
    }
    if (collect(a_der, a, PKI_SAN_MAX, &a_count, NULL) != BASE_OK ||
        collect(b_der, b, PKI_SAN_MAX, &b_count, NULL) != BASE_OK || a_count != b_count) {
        return false;
    }
    qsort(a, a_count, sizeof(a[0]), compare_names);
    qsort(b, b_count, sizeof(b[0]), compare_names);
    for (size_t i = 0; i < a_count; i++) {
        if (compare_names(&a[i], &b[i]) != 0) {
            return false;
        }
    }
    return true;
}

static enum base_code
append_text(const struct der_element *element, struct buffer *out, struct base_error *err)
{
    static const struct {
        uint8_t tag;
        const char *prefix;
    } plain[] = {{DER_CONTEXT(PKI_SAN_DNS), "DNS:"}, {DER_CONTEXT(PKI_SAN_EMAIL), "email:"},
        {DER_CONTEXT(PKI_SAN_URI), "URI:"}};
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (plain[i].tag == element->tag) {
            TRY(buffer_append_text(out, plain[i].prefix, err));
            return buffer_append(out, element->content, err);
        }
    }
    struct der_element upn;
    char text[64] = "";
    if (element->tag == DER_CONTEXT_CONSTRUCTED(PKI_SAN_OTHER) &&
        read_upn(element, &upn, NULL) == BASE_OK) {
        TRY(buffer_append_text(out, "UPN:", err));
        return buffer_append(out, upn.content, err);
    }
    if (element->tag == DER_CONTEXT(PKI_SAN_IP) &&
        (element->content.len == 4 || element->content.len == 16)) {
        (void)inet_ntop(element->content.len == 4 ? AF_INET : AF_INET6, element->content.ptr, text,
            sizeof(text));
        TRY(buffer_append_text(out, "IP:", err));
        return buffer_append_text(out, text, err);
    }
    const char number[] = {'t', 'a', 'g', ' ', (char)('0' + (element->tag & 0x1f) % 10), '\0'};
    return buffer_append_text(out, number, err);
}

enum base_code
pki_sans_text(struct bytes sans_der, struct buffer *out, struct base_error *err)
{
    struct der_element names[PKI_SAN_MAX];
    size_t count = 0;
    if (sans_der.len == 0) {
        return BASE_OK;
    }
    TRY(collect(sans_der, names, PKI_SAN_MAX, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            TRY(buffer_append_octet(out, '\n', err));
        }
        TRY(append_text(&names[i], out, err));
    }
    return BASE_OK;
}

static void
write_upn(struct der_writer *writer, struct bytes value)
{
    der_write_begin(writer, DER_CONTEXT_CONSTRUCTED(PKI_SAN_OTHER));
    der_write(writer, DER_OID, upn_oid);
    der_write_begin(writer, DER_CONTEXT_CONSTRUCTED(0));
    der_write(writer, DER_UTF8_STRING, value);
    der_write_end(writer);
    der_write_end(writer);
}

static enum base_code
write_ip(struct der_writer *writer, struct bytes value, struct base_error *err)
{
    char text[64] = "";
    uint8_t address[16];
    memcpy(text, value.ptr, value.len < sizeof(text) ? value.len : sizeof(text) - 1);
    bool is_v4 = inet_pton(AF_INET, text, address) == 1;
    if (!is_v4 && inet_pton(AF_INET6, text, address) != 1) {
        return base_fail(err, E_SAN_FORMAT, "'%s' is no address", text);
    }
    der_write(writer, DER_CONTEXT(PKI_SAN_IP), (struct bytes){address, is_v4 ? 4 : 16});
    return BASE_OK;
}

/* "TYPE:VALUE" */
static enum base_code
write_line(struct der_writer *writer, struct bytes line, struct base_error *err)
{
    static const struct {
        const char *prefix;
        uint8_t tag;
    } types[] = {{"DNS:", DER_CONTEXT(PKI_SAN_DNS)}, {"email:", DER_CONTEXT(PKI_SAN_EMAIL)},
        {"URI:", DER_CONTEXT(PKI_SAN_URI)}, {"IP:", DER_CONTEXT(PKI_SAN_IP)},
        {"UPN:", DER_CONTEXT_CONSTRUCTED(PKI_SAN_OTHER)}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t len = strlen(types[i].prefix);
        if (line.len <= len || strncasecmp((const char *)line.ptr, types[i].prefix, len) != 0) {
            continue;
        }
        struct bytes value = bytes_skip(line, len);
        if (types[i].tag == DER_CONTEXT(PKI_SAN_IP)) {
            return write_ip(writer, value, err);
        }
        if (types[i].tag == DER_CONTEXT_CONSTRUCTED(PKI_SAN_OTHER)) {
            write_upn(writer, value);
        } else {
            der_write(writer, types[i].tag, value);
        }
        return BASE_OK;
    }
    return base_fail(err, E_SAN_FORMAT, "'%.*s' is not DNS:, email:, URI:, UPN: or IP: and a value",
        base_size_to_int(line.len < 64 ? line.len : 64), (const char *)line.ptr);
}

enum base_code
pki_sans_from_text(struct bytes text, struct buffer *out_der, struct base_error *err)
{
    BUFFER_LOCAL(der, 65536);
    struct der_writer writer;
    size_t count = 0;
    der_writer_init(&writer, &der);
    der_write_begin(&writer, DER_SEQUENCE);
    while (text.len > 0) {
        const uint8_t *end = memchr(text.ptr, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
        if (len > 0) {
            TRY(write_line(&writer, (struct bytes){text.ptr, len}, err));
            count++;
        }
        text = bytes_skip(text, end == NULL ? len : len + 1);
    }
    der_write_end(&writer);
    TRY(der_writer_finish(&writer, err));
    if (count == 0) {
        return BASE_OK;
    }
    TRY(pki_sans_check(buffer_bytes(&der), 0xffffffff, err));
    return buffer_append(out_der, buffer_bytes(&der), err);
}
