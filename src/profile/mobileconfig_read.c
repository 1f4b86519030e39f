#include "profile/mobileconfig_read.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/text.h"
#include "pki/name.h"
#include "profile/limits.h"
#include "profile/signed.h"
#include "profile/xml.h"

#include "base/banned.h"

#define SCEP_TYPE "com.apple.security.scep"
#define ROOT_TYPE "com.apple.security.root"
#define DEFAULT_RETRIES 3
#define DEFAULT_DELAY 10
#define BINARY_MAGIC "bplist"

OWNER(xmlDoc, xmlFreeDoc)

void
profile_scep_init(struct profile_scep *scep)
{
    *scep = (struct profile_scep){.retries = DEFAULT_RETRIES, .retry_delay = DEFAULT_DELAY};
    struct buffer *const buffers[] = {&scep->signer, &scep->url, &scep->name, &scep->challenge,
        &scep->subject_der, &scep->sans_der, &scep->fingerprint, &scep->root};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        buffer_init(buffers[i], 65536);
    }
}

void
profile_scep_clear(struct profile_scep *scep)
{
    struct buffer *const buffers[] = {&scep->signer, &scep->url, &scep->name, &scep->challenge,
        &scep->subject_der, &scep->sans_der, &scep->fingerprint, &scep->root};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        buffer_clear(buffers[i]);
    }
}

/* ---- property lists
 * ---------------------------------------------------------------------------------------------
 */

static bool
is_element(const xmlNode *node, const char *name)
{
    return node != NULL && node->type == XML_ELEMENT_NODE &&
           strcmp((const char *)node->name, name) == 0;
}

static const xmlNode *
next_element(const xmlNode *node)
{
    while (node != NULL && node->type != XML_ELEMENT_NODE) {
        node = node->next;
    }
    return node;
}

/* What stands in an element that has text only. */
static enum base_code
read_content(const xmlNode *node, struct buffer *out, struct base_error *err)
{
    for (const xmlNode *part = node->children; part != NULL; part = part->next) {
        if (part->type == XML_COMMENT_NODE) {
            continue;
        }
        if (part->type != XML_TEXT_NODE && part->type != XML_CDATA_SECTION_NODE) {
            return base_fail(err, E_PROFILE_FORMAT, "line %ld: <%.20s> is not plain text",
                xmlGetLineNo(node), (const char *)node->name);
        }
        TRY(buffer_append(out, bytes_from_text((const char *)part->content), err));
    }
    return BASE_OK;
}

/* The value of @key in a dictionary; *out NULL: it is not there. Twice is an error. */
static enum base_code
find_value(const xmlNode *dict, const char *key, const xmlNode **out, struct base_error *err)
{
    *out = NULL;
    const xmlNode *at = next_element(dict->children);
    while (at != NULL) {
        BUFFER_LOCAL(name, PROFILE_TEXT_MAX);
        const xmlNode *value = next_element(at->next);
        if (!is_element(at, "key") || value == NULL) {
            return base_fail(err, E_PROFILE_FORMAT, "line %ld: a dictionary is keys and values",
                xmlGetLineNo(at));
        }
        TRY(read_content(at, &name, err));
        if (bytes_equal_text(buffer_bytes(&name), key)) {
            if (*out != NULL) {
                return base_fail(
                    err, E_PROFILE_FORMAT, "line %ld: '%s' is there twice", xmlGetLineNo(at), key);
            }
            *out = value;
        }
        at = next_element(value->next);
    }
    return BASE_OK;
}

static enum base_code
want_kind(const xmlNode *node, const char *kind, const char *key, struct base_error *err)
{
    return is_element(node, kind)
               ? BASE_OK
               : base_fail(err, E_PROFILE_FORMAT, "line %ld: '%s' is <%.20s>, want <%s>",
                     xmlGetLineNo(node), key, (const char *)node->name, kind);
}

/* A string without control characters, appended; nothing when the key is not there. */
static enum base_code
read_string(const xmlNode *dict, const char *key, struct buffer *out, struct base_error *err)
{
    const xmlNode *value = NULL;
    BUFFER_LOCAL(text, PROFILE_TEXT_MAX);
    TRY(find_value(dict, key, &value, err));
    if (value == NULL) {
        return BASE_OK;
    }
    TRY(want_kind(value, "string", key, err));
    TRY(read_content(value, &text, err));
    if (!base_is_clean_utf8(buffer_bytes(&text))) {
        return base_fail(err, E_PROFILE_FORMAT, "line %ld: '%s' has control characters",
            xmlGetLineNo(value), key);
    }
    return buffer_append(out, buffer_bytes(&text), err);
}

/* An integer; older tools write it as a string of digits. */
static enum base_code
read_number(const xmlNode *dict, const char *key, uint64_t max, bool *out_found, unsigned *out,
    struct base_error *err)
{
    const xmlNode *value = NULL;
    uint64_t number = 0;
    BUFFER_LOCAL(text, PROFILE_TEXT_MAX);
    TRY(find_value(dict, key, &value, err));
    *out_found = value != NULL;
    if (value == NULL) {
        return BASE_OK;
    }
    if (!is_element(value, "string")) {
        TRY(want_kind(value, "integer", key, err));
    }
    TRY(read_content(value, &text, err));
    if (base_parse_number(buffer_bytes(&text), max, &number, NULL) != BASE_OK) {
        return base_fail(err, E_PROFILE_FORMAT, "line %ld: '%s' is no number from 0 to %llu",
            xmlGetLineNo(value), key, (unsigned long long)max);
    }
    *out = (unsigned)number;
    return BASE_OK;
}

static enum base_code
read_data(const xmlNode *dict, const char *key, struct buffer *out, struct base_error *err)
{
    const xmlNode *value = NULL;
    BUFFER_LOCAL(text, PROFILE_FILE_MAX);
    TRY(find_value(dict, key, &value, err));
    if (value == NULL) {
        return BASE_OK;
    }
    TRY(want_kind(value, "data", key, err));
    TRY(read_content(value, &text, err));
    if (base_base64_decode(buffer_bytes(&text), out, err) != BASE_OK) {
        return base_fail(err, E_PROFILE_FORMAT, "line %ld: '%s' is not base64, or too long",
            xmlGetLineNo(value), key);
    }
    return BASE_OK;
}

/* ---- names
 * ------------------------------------------------------------------------------------------------------
 */

/* [type, value] as RFC 4514 text. */
static enum base_code
append_pair(const xmlNode *pair, struct buffer *out, struct base_error *err)
{
    BUFFER_LOCAL(type, PROFILE_TEXT_MAX);
    BUFFER_LOCAL(value, PROFILE_TEXT_MAX);
    const xmlNode *first = is_element(pair, "array") ? next_element(pair->children) : NULL;
    const xmlNode *second = first == NULL ? NULL : next_element(first->next);
    if (!is_element(first, "string") || !is_element(second, "string") ||
        next_element(second->next) != NULL) {
        return base_fail(err, E_PROFILE_FORMAT, "line %ld: a part of Subject is two strings",
            xmlGetLineNo(pair));
    }
    TRY(read_content(first, &type, err));
    TRY(read_content(second, &value, err));
    for (size_t i = 0; i < type.len; i++) {
        if (strchr("=+,;/\\", type.ptr[i]) != NULL) {
            return base_fail(
                err, E_NAME_FORMAT, "line %ld: an attribute type of Subject", xmlGetLineNo(pair));
        }
    }
    TRY(buffer_append(out, buffer_bytes(&type), err));
    TRY(buffer_append_octet(out, '=', err));
    return pki_name_escape(buffer_bytes(&value), out, err);
}

static enum base_code
append_rdn(const xmlNode *rdn, struct buffer *out, struct base_error *err)
{
    const xmlNode *pair = is_element(rdn, "array") ? next_element(rdn->children) : NULL;
    if (pair == NULL) {
        return base_fail(
            err, E_PROFILE_FORMAT, "line %ld: a part of Subject is an array", xmlGetLineNo(rdn));
    }
    for (bool is_first = true; pair != NULL; pair = next_element(pair->next), is_first = false) {
        if (!is_first) {
            TRY(buffer_append_octet(out, '+', err));
        }
        TRY(append_pair(pair, out, err));
    }
    return BASE_OK;
}

/* Subject's order is that of the DER, RFC 4514 begins with the last. */
static enum base_code
read_subject(const xmlNode *content, struct buffer *out_der, struct base_error *err)
{
    const xmlNode *array = NULL;
    const xmlNode *rdns[PKI_RDN_MAX];
    size_t count = 0;
    BUFFER_LOCAL(text, 65536);
    TRY(find_value(content, "Subject", &array, err));
    if (array != NULL) {
        TRY(want_kind(array, "array", "Subject", err));
    }
    const xmlNode *at = array == NULL ? NULL : next_element(array->children);
    for (; at != NULL; at = next_element(at->next)) {
        if (count == PKI_RDN_MAX) {
            return base_fail(err, E_NAME_FORMAT, "more than %d RDNs", PKI_RDN_MAX);
        }
        rdns[count++] = at;
    }
    for (size_t i = count; i > 0; i--) {
        TRY(append_rdn(rdns[i - 1], &text, err));
        if (i > 1) {
            TRY(buffer_append_octet(&text, ',', err));
        }
    }
    return pki_name_from_text(buffer_bytes(&text), out_der, err);
}

static enum base_code
append_san(const xmlNode *value, const char *prefix, struct buffer *out, struct base_error *err)
{
    BUFFER_LOCAL(text, PROFILE_TEXT_MAX);
    TRY(want_kind(value, "string", "SubjectAltName", err));
    TRY(read_content(value, &text, err));
    if (text.len == 0) {
        return BASE_OK; /* some tools write all four keys, and leave empty what they have not */
    }
    if (!base_is_clean_utf8(buffer_bytes(&text))) {
        return base_fail(
            err, E_SAN_FORMAT, "line %ld: a name with control characters", xmlGetLineNo(value));
    }
    TRY(buffer_append_text(out, prefix, err));
    TRY(buffer_append(out, buffer_bytes(&text), err));
    return buffer_append_octet(out, '\n', err);
}

static enum base_code
read_sans(const xmlNode *content, struct buffer *out_der, struct base_error *err)
{
    static const struct {
        const char *key;
        const char *prefix;
    } kinds[] = {{"rfc822Name", "email:"}, {"dNSName", "DNS:"},
        {"uniformResourceIdentifier", "URI:"}, {"ntPrincipalName", "UPN:"}};
    const xmlNode *dict = NULL;
    BUFFER_LOCAL(text, 65536);
    TRY(find_value(content, "SubjectAltName", &dict, err));
    if (dict == NULL) {
        return BASE_OK;
    }
    TRY(want_kind(dict, "dict", "SubjectAltName", err));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const xmlNode *value = NULL;
        TRY(find_value(dict, kinds[i].key, &value, err));
        if (value != NULL && !is_element(value, "array")) {
            TRY(append_san(value, kinds[i].prefix, &text, err));
            continue;
        }
        const xmlNode *one = value == NULL ? NULL : next_element(value->children);
        for (; one != NULL; one = next_element(one->next)) {
            TRY(append_san(one, kinds[i].prefix, &text, err));
        }
    }
    return pki_sans_from_text(buffer_bytes(&text), out_der, err);
}

/* ---- payloads
 * ---------------------------------------------------------------------------------------------------
 */

static enum base_code
read_fingerprint(const xmlNode *content, struct buffer *out, struct base_error *err)
{
    BUFFER_LOCAL(octets, 65536);
    TRY(read_data(content, "CAFingerprint", &octets, err));
    if (octets.len == 16) {
        return base_fail(err, E_PROFILE_FINGERPRINT,
            "16 octets: MD5, for which anybody can make a second certificate");
    }
    if (octets.len != 0 && octets.len != 20 && octets.len != 32) {
        return base_fail(
            err, E_PROFILE_FINGERPRINT, "%zu octets; SHA-1 has 20, SHA-256 has 32", octets.len);
    }
    return buffer_append(out, buffer_bytes(&octets), err);
}

static enum base_code
read_scep(const xmlNode *payload, struct profile_scep *out, struct base_error *err)
{
    const xmlNode *content = NULL;
    bool is_found = false;
    TRY(find_value(payload, "PayloadContent", &content, err));
    if (content == NULL) {
        return base_fail(err, E_PROFILE_FORMAT, "line %ld: a SCEP payload without PayloadContent",
            xmlGetLineNo(payload));
    }
    TRY(want_kind(content, "dict", "PayloadContent", err));
    TRY(read_string(content, "URL", &out->url, err));
    if (out->url.len == 0) {
        return base_fail(err, E_PROFILE_FORMAT, "line %ld: no URL", xmlGetLineNo(content));
    }
    TRY(read_string(content, "Name", &out->name, err));
    TRY(read_string(content, "Challenge", &out->challenge, err));
    TRY(read_subject(content, &out->subject_der, err));
    TRY(read_sans(content, &out->sans_der, err));
    TRY(read_number(content, "Keysize", 16384, &is_found, &out->key_bits, err));
    if (out->key_bits != 0) {
        (void)snprintf(out->key_spec, sizeof(out->key_spec), "rsa:%u", out->key_bits);
    }
    TRY(read_number(content, "Key Usage", UINT32_MAX, &out->has_key_usage, &out->key_usage, err));
    TRY(read_number(content, "Retries", PROFILE_RETRY_MAX, &is_found, &out->retries, err));
    TRY(read_number(
        content, "RetryDelay", PROFILE_RETRY_DELAY_MAX, &is_found, &out->retry_delay, err));
    return read_fingerprint(content, &out->fingerprint, err);
}

/* A walk over the payloads: which is wanted, and what was found. */
struct payloads {
    size_t wanted;
    size_t root_count;
    const xmlNode *scep;
    const xmlNode *root;
};

static enum base_code
take_payload(
    const xmlNode *payload, struct payloads *walk, struct profile_scep *out, struct base_error *err)
{
    BUFFER_LOCAL(type, PROFILE_TEXT_MAX);
    TRY(want_kind(payload, "dict", "PayloadContent", err));
    TRY(read_string(payload, "PayloadType", &type, err));
    if (bytes_equal_text(buffer_bytes(&type), SCEP_TYPE)) {
        out->scep_count++;
        walk->scep = out->scep_count == walk->wanted ? payload : walk->scep;
    } else if (bytes_equal_text(buffer_bytes(&type), ROOT_TYPE)) {
        walk->root_count++;
        walk->root = payload;
    }
    return BASE_OK;
}

static enum base_code
find_payloads(
    const xmlNode *dict, struct payloads *walk, struct profile_scep *out, struct base_error *err)
{
    const xmlNode *value = NULL;
    BUFFER_LOCAL(type, PROFILE_TEXT_MAX);
    TRY(read_string(dict, "PayloadType", &type, err));
    if (bytes_equal_text(buffer_bytes(&type), SCEP_TYPE)) {
        return take_payload(dict, walk, out, err); /* the payload alone */
    }
    TRY(find_value(dict, "EncryptedPayloadContent", &value, err));
    if (value != NULL) {
        return base_fail(err, E_PROFILE_FORMAT, "its payloads are encrypted for one device");
    }
    TRY(find_value(dict, "PayloadContent", &value, err));
    if (value == NULL) {
        return base_fail(err, E_PROFILE_NO_SCEP, "no PayloadContent");
    }
    TRY(want_kind(value, "array", "PayloadContent", err));
    size_t count = 0;
    const xmlNode *at = next_element(value->children);
    for (; at != NULL; at = next_element(at->next)) {
        if (++count > PROFILE_PAYLOAD_MAX) {
            return base_fail(err, E_PROFILE_FORMAT, "more than %d payloads", PROFILE_PAYLOAD_MAX);
        }
        TRY(take_payload(at, walk, out, err));
    }
    return BASE_OK;
}

static enum base_code
read_list(struct bytes text, size_t payload, struct profile_scep *out, struct base_error *err)
{
    struct payloads walk = {.wanted = payload};
    xmlDoc *read = NULL;
    TRY(profile_xml_read(text, &read, err));
    OWN(xmlDoc) document = read;
    const xmlNode *root = xmlDocGetRootElement(document);
    const xmlNode *dict = is_element(root, "plist") ? next_element(root->children) : NULL;
    if (!is_element(dict, "dict")) {
        return base_fail(err, E_PROFILE_FORMAT, "not a property list with a dictionary");
    }
    TRY(find_payloads(dict, &walk, out, err));
    if (walk.scep == NULL) {
        return base_fail(err, E_PROFILE_NO_SCEP, "it has %zu SCEP payloads; wanted: number %zu",
            out->scep_count, payload);
    }
    TRY(read_scep(walk.scep, out, err));
    return walk.root_count == 1 ? read_data(walk.root, "PayloadContent", &out->root, err) : BASE_OK;
}

enum base_code
profile_mobileconfig_read(
    struct bytes file, size_t payload, struct profile_scep *out, struct base_error *err)
{
    BUFFER_LOCAL(content, PROFILE_FILE_MAX);
    struct bytes text = file;
    if (profile_is_signed(file)) {
        TRY(profile_signed_read(file, &content, &out->signer, err));
        text = buffer_bytes(&content);
    }
    if (text.len >= sizeof(BINARY_MAGIC) - 1 &&
        memcmp(text.ptr, BINARY_MAGIC, sizeof(BINARY_MAGIC) - 1) == 0) {
        return base_fail(err, E_PROFILE_BINARY, "it begins with %s", BINARY_MAGIC);
    }
    return read_list(text, payload, out, err);
}
