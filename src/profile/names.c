#include "profile/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "pki/algorithm.h"
#include "profile/profile.h"

#include "base/banned.h"

#define TEXT_MAX 65536

/* ---- subjects
 * ---------------------------------------------------------------------------------------------------
 */

/* Names that CertStrToName knows otherwise than RFC 4514 does; NULL: only as an OID. */
static const struct {
    const char *ours;
    const char *theirs;
} windows_types[] = {{"emailAddress", "E"}, {"serialNumber", "SERIALNUMBER"}, {"title", "T"},
    {"givenName", "G"}, {"street", "STREET"}, {"ST", "S"}, {"UID", NULL}};

static const char *
windows_type(const char *type, const char *dotted)
{
    for (size_t i = 0; type != NULL && i < sizeof(windows_types) / sizeof(windows_types[0]); i++) {
        if (strcmp(type, windows_types[i].ours) == 0) {
            type = windows_types[i].theirs;
            break;
        }
    }
    return type != NULL ? type : dotted;
}

static enum base_code
append_quoted(struct buffer *out, struct bytes value, struct base_error *err)
{
    bool is_quoted = value.len > 0 && (value.ptr[0] == ' ' || value.ptr[value.len - 1] == ' ');
    for (size_t i = 0; i < value.len; i++) {
        is_quoted = is_quoted || strchr(",=+;<>#\"", value.ptr[i]) != NULL;
    }
    if (!is_quoted) {
        return buffer_append(out, value, err);
    }
    TRY(buffer_append_octet(out, '"', err));
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"') {
            TRY(buffer_append_octet(out, '"', err));
        }
        TRY(buffer_append_octet(out, value.ptr[i], err));
    }
    return buffer_append_octet(out, '"', err);
}

/* RDNs one after the other, as they stand in the DER. */
struct rdns {
    struct buffer text;
    size_t begin[PKI_RDN_MAX];
    size_t count;
};

static enum base_code
take_attribute(void *arg, size_t rdn, const char *type, const char *dotted, struct bytes value,
    struct base_error *err)
{
    struct rdns *rdns = arg;
    if (rdn == rdns->count) {
        rdns->begin[rdns->count++] = rdns->text.len;
    } else {
        TRY(buffer_append_octet(&rdns->text, '+', err));
    }
    TRY(buffer_append_text(&rdns->text, windows_type(type, dotted), err));
    TRY(buffer_append_octet(&rdns->text, '=', err));
    return append_quoted(&rdns->text, value, err);
}

enum base_code
profile_name_x500(struct bytes name_der, struct buffer *out, struct base_error *err)
{
    struct rdns rdns = {.count = 0};
    buffer_init(&rdns.text, TEXT_MAX);
    enum base_code code = pki_name_each(name_der, take_attribute, &rdns, err);
    for (size_t i = rdns.count; code == BASE_OK && i > 0; i--) {
        size_t end = i < rdns.count ? rdns.begin[i] : rdns.text.len;
        code = i == rdns.count ? BASE_OK : buffer_append_octet(out, ',', err);
        struct bytes rdn = {rdns.text.ptr + rdns.begin[i - 1], end - rdns.begin[i - 1]};
        code = code == BASE_OK ? buffer_append(out, rdn, err) : code;
    }
    buffer_clear(&rdns.text);
    return code;
}

/* ---- subject alternative names
 * ----------------------------------------------------------------------------------
 */

static const struct {
    const char *prefix; /* as pki_sans_text() writes it */
    enum pki_san_type type;
    unsigned number;
} san_kinds[] = {{"email:", PKI_SAN_EMAIL, 2}, {"DNS:", PKI_SAN_DNS, 3}, {"URI:", PKI_SAN_URI, 7},
    {"UPN:", PKI_SAN_OTHER, 11}};
#define SAN_KIND_COUNT (sizeof(san_kinds) / sizeof(san_kinds[0]))

unsigned
profile_san_number(enum pki_san_type type)
{
    unsigned number = 0;
    for (size_t i = 0; i < SAN_KIND_COUNT; i++) {
        number = san_kinds[i].type == type ? san_kinds[i].number : number;
    }
    return number;
}

static enum base_code
take_san(struct bytes line, profile_on_san callback, void *arg, struct base_error *err)
{
    for (size_t i = 0; i < SAN_KIND_COUNT; i++) {
        size_t len = strlen(san_kinds[i].prefix);
        if (line.len > len && memcmp(line.ptr, san_kinds[i].prefix, len) == 0) {
            return callback(arg, san_kinds[i].type, bytes_skip(line, len), err);
        }
    }
    return base_fail(err, E_PROFILE_UNFIT, "a name that is none of email, DNS, URI, UPN");
}

enum base_code
profile_sans_each(struct bytes sans_der, profile_on_san callback, void *arg, struct base_error *err)
{
    BUFFER_LOCAL(text, TEXT_MAX);
    if (sans_der.len == 0) {
        return BASE_OK;
    }
    TRY(pki_sans_text(sans_der, &text, err)); /* one a line; no value has a line end in it */
    struct bytes rest = buffer_bytes(&text);
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        TRY(take_san((struct bytes){rest.ptr, len}, callback, arg, err));
        rest = bytes_skip(rest, len + 1);
    }
    return BASE_OK;
}

static enum base_code
append_windows(void *arg, enum pki_san_type type, struct bytes value, struct base_error *err)
{
    struct buffer *out = arg;
    char number[16] = "";
    if (memchr(value.ptr, ';', value.len) != NULL) {
        return base_fail(err, E_PROFILE_UNFIT, "an alternative name with ';' in it");
    }
    (void)snprintf(
        number, sizeof(number), "%s%u+", out->len == 0 ? "" : ";", profile_san_number(type));
    TRY(buffer_append_text(out, number, err));
    return buffer_append(out, value, err);
}

enum base_code
profile_sans_windows(struct bytes sans_der, struct buffer *out, struct base_error *err)
{
    return profile_sans_each(sans_der, append_windows, out, err);
}

/* ---- identifiers
 * ------------------------------------------------------------------------------------------------
 */

static void
upper(char *text)
{
    for (; *text != '\0'; text++) {
        *text = (char)toupper((unsigned char)*text);
    }
}

enum base_code
profile_thumbprint(struct bytes der, char out[PROFILE_THUMBPRINT_LEN], struct base_error *err)
{
    uint8_t digest[PKI_DIGEST_MAX];
    TRY(pki_digest(PKI_SHA1, der, digest, err));
    base_hex((struct bytes){digest, 20}, out);
    upper(out);
    return BASE_OK;
}

enum base_code
profile_uuid(const struct base_random *random, char out[PROFILE_UUID_LEN], struct base_error *err)
{
    uint8_t octets[16];
    char hex[33] = "";
    TRY(base_random_fill(random, octets, sizeof(octets), err));
    octets[6] = (uint8_t)((octets[6] & 0x0f) | 0x40);
    octets[8] = (uint8_t)((octets[8] & 0x3f) | 0x80);
    base_hex(BYTES_ARRAY(octets), hex);
    upper(hex);
    (void)snprintf(out, PROFILE_UUID_LEN, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
        hex + 16, hex + 20);
    return BASE_OK;
}

enum base_code
profile_id(const struct profile_spec *spec, char out[PROFILE_ID_LEN], struct base_error *err)
{
    uint8_t digest[32];
    const struct bytes parts[] = {
        spec->cas[0], spec->profile, BYTES_LITERAL("\n"), spec->subject_der, spec->sans_der};
    TRY(pki_sha256(parts, sizeof(parts) / sizeof(parts[0]), digest, err));
    base_hex((struct bytes){digest, 8}, out);
    return BASE_OK;
}
