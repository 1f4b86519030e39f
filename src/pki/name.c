#include "pki/name.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "der/writer.h"
#include "pki/string.h"

#include "base/banned.h"

/* Attribute types with short names (RFC 4514, section 3; RFC 4519), and how their values are
 * written. */
struct attribute {
    const char *name;
    const char *dotted;
    struct bytes oid;
    uint8_t tag; /* when it is written from text; 0: Printable- or UTF8String */
    bool is_caseless;
};

static const struct attribute attributes[] = {
    {"CN", "2.5.4.3", BYTES_INIT("\x55\x04\x03"), 0, false},
    {"SN", "2.5.4.4", BYTES_INIT("\x55\x04\x04"), 0, false},
    {"serialNumber", "2.5.4.5", BYTES_INIT("\x55\x04\x05"), DER_PRINTABLE_STRING, false},
    {"C", "2.5.4.6", BYTES_INIT("\x55\x04\x06"), DER_PRINTABLE_STRING, true},
    {"L", "2.5.4.7", BYTES_INIT("\x55\x04\x07"), 0, false},
    {"ST", "2.5.4.8", BYTES_INIT("\x55\x04\x08"), 0, false},
    {"street", "2.5.4.9", BYTES_INIT("\x55\x04\x09"), 0, false},
    {"O", "2.5.4.10", BYTES_INIT("\x55\x04\x0a"), 0, false},
    {"OU", "2.5.4.11", BYTES_INIT("\x55\x04\x0b"), 0, false},
    {"title", "2.5.4.12", BYTES_INIT("\x55\x04\x0c"), 0, false},
    {"givenName", "2.5.4.42", BYTES_INIT("\x55\x04\x2a"), 0, false},
    {"UID", "0.9.2342.19200300.100.1.1", BYTES_INIT("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"), 0,
        false},
    {"DC", "0.9.2342.19200300.100.1.25", BYTES_INIT("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"),
        DER_IA5_STRING, true},
    {"emailAddress", "1.2.840.113549.1.9.1", BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"),
        DER_IA5_STRING, true},
};
#define ATTRIBUTE_COUNT (sizeof(attributes) / sizeof(attributes[0]))

static const struct attribute *
find_by_oid(struct bytes oid)
{
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        if (bytes_equal(attributes[i].oid, oid)) {
            return &attributes[i];
        }
    }
    return NULL;
}

/* One AttributeTypeAndValue. */
struct pair {
    struct bytes oid;
    struct der_element value;
};

static enum base_code
read_pair(struct der_reader *rdn, struct pair *out, struct base_error *err)
{
    struct der_reader inside;
    TRY(der_enter(rdn, DER_SEQUENCE, &inside, err));
    TRY(der_read_oid(&inside, &out->oid, err));
    TRY(der_next(&inside, &out->value, err));
    return der_end(&inside, err);
}

static enum base_code
check_pair(const struct pair *pair, struct base_error *err)
{
    BUFFER_LOCAL(text, (size_t)4 * PKI_VALUE_MAX);
    const struct attribute *known = find_by_oid(pair->oid);
    if (pair->value.content.len == 0 || pair->value.content.len > PKI_VALUE_MAX) {
        return base_fail(err, E_NAME_FORMAT, "a value of %zu octets", pair->value.content.len);
    }
    TRY(pki_string_to_utf8(&pair->value, &text, err));
    if (!base_is_clean_utf8(buffer_bytes(&text))) {
        return base_fail(err, E_NAME_FORMAT, "a value with control characters or malformed text");
    }
    if (known != NULL && strcmp(known->name, "C") == 0 &&
        (text.len != 2 || isalpha(text.ptr[0]) == 0 || isalpha(text.ptr[1]) == 0)) {
        return base_fail(err, E_NAME_FORMAT, "a countryName that is not two letters");
    }
    return BASE_OK;
}

/* Call for each attribute; @rdn_index counts RDNs. */
typedef enum base_code (*on_pair)(
    void *arg, size_t rdn_index, const struct pair *pair, struct base_error *err);

static enum base_code
each_pair(struct bytes name_der, on_pair callback, void *arg, struct base_error *err)
{
    struct der_reader outer = der_reader_over(name_der);
    struct der_reader rdns;
    TRY(der_enter(&outer, DER_SEQUENCE, &rdns, err));
    TRY(der_end(&outer, err));
    for (size_t count = 0; !der_at_end(&rdns); count++) {
        struct der_reader rdn;
        TRY(der_enter(&rdns, DER_SET, &rdn, err));
        if (count == PKI_RDN_MAX || der_at_end(&rdn)) {
            return base_fail(err, E_NAME_FORMAT, "an empty RDN, or more than %d", PKI_RDN_MAX);
        }
        for (size_t in_rdn = 0; !der_at_end(&rdn); in_rdn++) {
            struct pair pair;
            TRY(read_pair(&rdn, &pair, err));
            if (in_rdn == PKI_RDN_MAX) {
                return base_fail(
                    err, E_NAME_FORMAT, "more than %d attributes in an RDN", PKI_RDN_MAX);
            }
            TRY(callback(arg, count, &pair, err));
        }
    }
    return BASE_OK;
}

static enum base_code
check_one(void *arg, size_t rdn_index, const struct pair *pair, struct base_error *err)
{
    (void)arg;
    (void)rdn_index;
    return check_pair(pair, err);
}

enum base_code
pki_name_check(struct bytes name_der, struct base_error *err)
{
    enum base_code code = each_pair(name_der, check_one, NULL, err);
    return code == BASE_OK ? BASE_OK : err == NULL ? E_NAME_FORMAT : (err->code = E_NAME_FORMAT);
}

bool
pki_name_is_empty(struct bytes name_der)
{
    return name_der.len <= 2;
}

/* ---- comparing
 * --------------------------------------------------------------------------------------------------
 */

/* Each RDN as text that is equal when the RDNs are: OIDs and values, the attributes of one RDN in
 * their order. */
struct rdn_texts {
    struct buffer *storage;
    size_t begin[PKI_RDN_MAX + 1];
    size_t count;
};

static enum base_code
collect_one(void *arg, size_t rdn_index, const struct pair *pair, struct base_error *err)
{
    struct rdn_texts *texts = arg;
    const struct attribute *known = find_by_oid(pair->oid);
    if (rdn_index == texts->count) {
        texts->begin[texts->count++] = texts->storage->len;
    }
    TRY(buffer_append_octet(texts->storage, (uint8_t)pair->oid.len, err));
    TRY(buffer_append(texts->storage, pair->oid, err));
    size_t value_at = texts->storage->len;
    TRY(pki_string_to_utf8(&pair->value, texts->storage, err));
    for (size_t i = value_at; known != NULL && known->is_caseless && i < texts->storage->len; i++) {
        texts->storage->ptr[i] = (uint8_t)tolower(texts->storage->ptr[i]);
    }
    return buffer_append_octet(texts->storage, 0, err);
}

static struct bytes
rdn_text(const struct rdn_texts *texts, size_t index)
{
    size_t end = index + 1 < texts->count ? texts->begin[index + 1] : texts->storage->len;
    return (struct bytes){texts->storage->ptr + texts->begin[index], end - texts->begin[index]};
}

bool
pki_name_equal(struct bytes a_der, struct bytes b_der)
{
    BUFFER_LOCAL(a_storage, 65536);
    BUFFER_LOCAL(b_storage, 65536);
    struct rdn_texts a = {.storage = &a_storage};
    struct rdn_texts b = {.storage = &b_storage};
    if (bytes_equal(a_der, b_der)) {
        return true;
    }
    if (each_pair(a_der, collect_one, &a, NULL) != BASE_OK ||
        each_pair(b_der, collect_one, &b, NULL) != BASE_OK || a.count != b.count) {
        return false;
    }
    bool is_same = true;
    bool is_reversed = true;
    for (size_t i = 0; i < a.count; i++) {
        is_same = is_same && bytes_equal(rdn_text(&a, i), rdn_text(&b, i));
        is_reversed = is_reversed && bytes_equal(rdn_text(&a, i), rdn_text(&b, a.count - 1 - i));
    }
    return is_same || is_reversed;
}

/* ---- text
 * -------------------------------------------------------------------------------------------------------
 */

#define TEXT_MAX 65536

/* RFC 4514, section 2.4. */
enum base_code
pki_name_escape(struct bytes value, struct buffer *out, struct base_error *err)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        bool is_edge = (i == 0 && (c == ' ' || c == '#')) || (i + 1 == value.len && c == ' ');
        if (is_edge || (c != 0 && strchr(",+\"\\<>;=", c) != NULL)) {
            TRY(buffer_append_octet(out, '\\', err));
        }
        TRY(buffer_append_octet(out, c, err));
    }
    return BASE_OK;
}

struct text_rdns {
    struct buffer text; /* RDNs one after the other, in DER order */
    size_t begin[PKI_RDN_MAX];
    size_t count;
};

static enum base_code
text_one(void *arg, size_t rdn_index, const struct pair *pair, struct base_error *err)
{
    struct text_rdns *rdns = arg;
    BUFFER_LOCAL(value, (size_t)4 * PKI_VALUE_MAX);
    char dotted[256] = "";
    const struct attribute *known = find_by_oid(pair->oid);
    if (rdn_index == rdns->count) {
        rdns->begin[rdns->count++] = rdns->text.len;
    } else {
        TRY(buffer_append_octet(&rdns->text, '+', err));
    }
    TRY(buffer_append_text(&rdns->text,
        known != NULL ? known->name : der_oid_text(pair->oid, dotted, sizeof(dotted)), err));
    TRY(buffer_append_octet(&rdns->text, '=', err));
    TRY(pki_string_to_utf8(&pair->value, &value, err));
    return pki_name_escape(buffer_bytes(&value), &rdns->text, err);
}

enum base_code
pki_name_text(struct bytes name_der, struct buffer *out, struct base_error *err)
{
    struct text_rdns rdns = {.count = 0};
    buffer_init(&rdns.text, TEXT_MAX);
    enum base_code code = each_pair(name_der, text_one, &rdns, err);
    for (size_t i = rdns.count; code == BASE_OK && i > 0; i--) {
        size_t end = i < rdns.count ? rdns.begin[i] : rdns.text.len;
        struct bytes rdn = {rdns.text.ptr + rdns.begin[i - 1], end - rdns.begin[i - 1]};
        code = buffer_append(out, rdn, err);
        if (code == BASE_OK && i > 1) {
            code = buffer_append_octet(out, ',', err);
        }
    }
    buffer_clear(&rdns.text);
    return code;
}

struct attribute_visit {
    pki_on_attribute callback;
    void *arg;
};

static enum base_code
visit_one(void *arg, size_t rdn_index, const struct pair *pair, struct base_error *err)
{
    const struct attribute_visit *visit = arg;
    BUFFER_LOCAL(value, (size_t)4 * PKI_VALUE_MAX);
    char dotted[256] = "";
    const struct attribute *known = find_by_oid(pair->oid);
    TRY(pki_string_to_utf8(&pair->value, &value, err));
    return visit->callback(visit->arg, rdn_index, known != NULL ? known->name : NULL,
        der_oid_text(pair->oid, dotted, sizeof(dotted)), buffer_bytes(&value), err);
}

enum base_code
pki_name_each(struct bytes name_der, pki_on_attribute callback, void *arg, struct base_error *err)
{
    struct attribute_visit visit = {callback, arg};
    return each_pair(name_der, visit_one, &visit, err);
}

/* One value of RFC 4514 text up to an unescaped separator; *at moves behind it. */
static enum base_code
parse_value(struct bytes text, size_t *at, const char *separators, struct buffer *out,
    struct base_error *err)
{
    size_t trimmed = out->len;
    for (; *at < text.len; (*at)++) {
        uint8_t c = text.ptr[*at];
        if (c != '\\') {
            if (c == 0 || strchr(separators, c) != NULL) {
                break;
            }
            TRY(buffer_append_octet(out, c, err));
            trimmed = c == ' ' ? trimmed : out->len;
            continue;
        }
        if (*at + 1 >= text.len) {
            return base_fail(err, E_NAME_FORMAT, "a backslash at the end");
        }
        uint8_t next = text.ptr[*at + 1];
        if (*at + 2 < text.len && isxdigit(next) != 0 && isxdigit(text.ptr[*at + 2]) != 0) {
            TRY(base_hex_decode((struct bytes){text.ptr + *at + 1, 2}, out, err));
            *at += 2;
        } else {
            TRY(buffer_append_octet(out, next, err));
            *at += 1;
        }
        trimmed = out->len;
    }
    out->len = trimmed; /* blanks at the end that are not escaped do not count */
    return BASE_OK;
}

static enum base_code
write_pair(struct der_writer *writer, struct bytes type, struct bytes value, struct base_error *err)
{
    const struct attribute *known = NULL;
    char dotted[128] = "";
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        if (type.len == strlen(attributes[i].name) &&
            strncasecmp((const char *)type.ptr, attributes[i].name, type.len) == 0) {
            known = &attributes[i];
        }
    }
    if (known == NULL &&
        (type.len == 0 || type.len >= sizeof(dotted) || isdigit(type.ptr[0]) == 0)) {
        return base_fail(err, E_NAME_FORMAT, "'%.*s' is no attribute type",
            base_size_to_int(type.len < 32 ? type.len : 32), (const char *)type.ptr);
    }
    if (value.len == 0 || value.len > PKI_VALUE_MAX || !base_is_clean_utf8(value)) {
        return base_fail(err, E_NAME_FORMAT, "a value that is empty, too long, or not clean text");
    }
    if (known == NULL) {
        memcpy(dotted, type.ptr, type.len);
    }
    uint8_t tag = known != NULL && known->tag != 0 ? known->tag
                  : pki_string_is_printable(value) ? DER_PRINTABLE_STRING
                                                   : DER_UTF8_STRING;
    der_write_begin(writer, DER_SEQUENCE);
    der_write_oid_text(writer, known != NULL ? known->dotted : dotted);
    der_write(writer, tag, value);
    der_write_end(writer);
    return BASE_OK;
}

/* One RDN of text at *at, its DER appended to @out. */
static enum base_code
parse_rdn(struct bytes text, size_t *at, char separator, struct buffer *out, struct base_error *err)
{
    const char separators[] = {
        separator, separator == '/' ? '/' : ';', separator == '/' ? '/' : '+', '\0'};
    struct der_writer writer;
    der_writer_init(&writer, out);
    der_write_begin(&writer, DER_SET);
    for (;;) {
        BUFFER_LOCAL(value, PKI_VALUE_MAX);
        while (*at < text.len && text.ptr[*at] == ' ') {
            (*at)++;
        }
        const uint8_t *equals = *at < text.len ? memchr(text.ptr + *at, '=', text.len - *at) : NULL;
        if (equals == NULL) {
            return base_fail(err, E_NAME_FORMAT, "'=' is missing");
        }
        struct bytes type = {text.ptr + *at, (size_t)(equals - (text.ptr + *at))};
        while (type.len > 0 && type.ptr[type.len - 1] == ' ') {
            type.len--;
        }
        *at = (size_t)(equals - text.ptr) + 1;
        while (*at < text.len && text.ptr[*at] == ' ') {
            (*at)++;
        }
        TRY(parse_value(text, at, separators, &value, err));
        TRY(write_pair(&writer, type, buffer_bytes(&value), err));
        if (separator == '/' || *at >= text.len || text.ptr[*at] != '+') {
            break;
        }
        (*at)++;
    }
    der_write_end_set_of(&writer);
    enum base_code code = der_writer_finish(&writer, err);
    return code == E_DER_VALUE ? base_fail(err, E_NAME_FORMAT, "an attribute type that is no OID")
                               : code;
}

enum base_code
pki_name_from_text(struct bytes text, struct buffer *out_der, struct base_error *err)
{
    BUFFER_LOCAL(rdns, TEXT_MAX);
    struct bytes rdn[PKI_RDN_MAX];
    size_t begin[PKI_RDN_MAX + 1];
    size_t count = 0;
    bool is_slashed = text.len > 0 && text.ptr[0] == '/';
    size_t at = is_slashed ? 1 : 0;
    while (at < text.len) {
        if (count == PKI_RDN_MAX) {
            return base_fail(err, E_NAME_FORMAT, "more than %d RDNs", PKI_RDN_MAX);
        }
        begin[count++] = rdns.len;
        TRY(parse_rdn(text, &at, is_slashed ? '/' : ',', &rdns, err));
        if (at < text.len && ++at == text.len) {
            return base_fail(err, E_NAME_FORMAT, "a separator at the end");
        }
    }
    begin[count] = rdns.len;
    for (size_t i = 0; i < count; i++) {
        rdn[i] = (struct bytes){rdns.ptr + begin[i], begin[i + 1] - begin[i]};
    }
    struct der_writer writer;
    der_writer_init(&writer, out_der);
    der_write_begin(&writer, DER_SEQUENCE);
    for (size_t i = 0; i < count; i++) {
        /* RFC 4514 text begins with the last RDN; OpenSSL's slashed form with the first. */
        der_write_raw(&writer, is_slashed ? rdn[i] : rdn[count - 1 - i]);
    }
    der_write_end(&writer);
    TRY(der_writer_finish(&writer, err));
    return BASE_OK;
}
