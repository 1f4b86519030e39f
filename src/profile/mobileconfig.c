/* Apple's configuration profile: a property list with the CA's certificates and one SCEP payload.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pki/certificate.h"
#include "profile/formats.h"
#include "profile/names.h"
#include "profile/xml.h"

#include "base/banned.h"

#define ID_MAX 256
#define APPLE_SIGNING 1U
#define APPLE_ENCRYPTION 4U

static const struct profile_rule rules[] = {
    {"Name", PROFILE_TEXT, 0, 0, "SCEP Authority", NULL},
    {"Organization", PROFILE_TEXT, 0, 0, NULL, NULL},
    {"CAFingerprint", PROFILE_WORD, 0, 0, "sha256", "sha256 sha1"},
    {"Retries", PROFILE_NUMBER, 0, PROFILE_RETRY_MAX, "3", NULL},
    {"RetryDelay", PROFILE_NUMBER, 1, PROFILE_RETRY_DELAY_MAX, "10", NULL},
    {"KeyIsExtractable", PROFILE_FLAG, 0, 0, "no", NULL},
    {"AllowAllAppsAccess", PROFILE_FLAG, 0, 0, "no", NULL},
};
#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))
/* Where an administrator approves each request, it takes as long as people take. */
#define APPROVAL_RETRIES 60
#define APPROVAL_DELAY 60

static enum base_code
check(const struct profile_spec *spec, struct base_error *err)
{
    if ((spec->key_usage & (PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT)) == 0) {
        return base_fail(err, E_PROFILE_UNFIT,
            "Key Usage knows signing and encryption, and the profile's key_usage has neither");
    }
    return profile_check_bits(spec->key_bits, err);
}

/* ---- property lists
 * ---------------------------------------------------------------------------------------------
 */

static void
put_text(struct profile_xml *xml, xmlNode *dict, const char *key, struct bytes value)
{
    (void)profile_xml_text(xml, dict, "key", bytes_from_text(key));
    (void)profile_xml_text(xml, dict, "string", value);
}

static void
put_number(struct profile_xml *xml, xmlNode *dict, const char *key, uint64_t value)
{
    (void)profile_xml_text(xml, dict, "key", bytes_from_text(key));
    (void)profile_xml_number(xml, dict, "integer", value);
}

static void
put_flag(struct profile_xml *xml, xmlNode *dict, const char *key, bool value)
{
    (void)profile_xml_text(xml, dict, "key", bytes_from_text(key));
    (void)profile_xml_element(xml, dict, value ? "true" : "false");
}

static void
put_data(struct profile_xml *xml, xmlNode *dict, const char *key, struct bytes value)
{
    (void)profile_xml_text(xml, dict, "key", bytes_from_text(key));
    (void)profile_xml_base64(xml, dict, "data", value);
}

static xmlNode *
put_element(struct profile_xml *xml, xmlNode *dict, const char *key, const char *kind)
{
    (void)profile_xml_text(xml, dict, "key", bytes_from_text(key));
    return profile_xml_element(xml, dict, kind);
}

/* ---- payloads
 * ---------------------------------------------------------------------------------------------------
 */

struct apple {
    const struct profile_spec *spec;
    struct profile_xml xml;
    char id[PROFILE_ID_LEN];
};

/* The keys that every payload has. */
static void
put_payload(
    struct apple *apple, xmlNode *dict, const char *type, const char *suffix, const char *title)
{
    char id[ID_MAX] = "";
    char text[ID_MAX + 1200] = "";
    char uuid[PROFILE_UUID_LEN] = "";
    struct base_error err = {BASE_OK, ""};
    if (profile_uuid(apple->spec->random, uuid, &err) != BASE_OK) {
        profile_xml_fail(&apple->xml, err.code, err.detail);
    }
    (void)snprintf(id, sizeof(id), "kurier.%.*s.%s%s", base_size_to_int(apple->spec->profile.len),
        (const char *)apple->spec->profile.ptr, apple->id, suffix);
    (void)snprintf(text, sizeof(text), "%s%.*s", title, base_size_to_int(apple->spec->device.len),
        (const char *)apple->spec->device.ptr);
    put_text(&apple->xml, dict, "PayloadType", bytes_from_text(type));
    put_number(&apple->xml, dict, "PayloadVersion", 1);
    put_text(&apple->xml, dict, "PayloadIdentifier", bytes_from_text(id));
    put_text(&apple->xml, dict, "PayloadUUID", bytes_from_text(uuid));
    put_text(&apple->xml, dict, "PayloadDisplayName", bytes_from_text(text));
}

static void
put_authority(struct apple *apple, xmlNode *payloads, size_t index)
{
    char suffix[32] = "";
    bool is_root = profile_is_root(apple->spec->cas[index]);
    xmlNode *dict = profile_xml_element(&apple->xml, payloads, "dict");
    (void)snprintf(suffix, sizeof(suffix), ".ca%zu", index);
    put_payload(apple, dict, is_root ? "com.apple.security.root" : "com.apple.security.pkcs1",
        suffix, is_root ? "Root certificate for " : "CA certificate for ");
    (void)snprintf(suffix, sizeof(suffix), "ca-%zu.cer", index);
    put_text(&apple->xml, dict, "PayloadCertificateFileName", bytes_from_text(suffix));
    put_data(&apple->xml, dict, "PayloadContent", apple->spec->cas[index]);
}

/* The RDN that is being written. */
struct subject {
    struct profile_xml *xml;
    xmlNode *outer;
    xmlNode *rdn;
    size_t count;
};

/* Apple's short names are few; all else is an OID. */
static enum base_code
put_attribute(void *arg, size_t rdn, const char *type, const char *dotted, struct bytes value,
    struct base_error *err)
{
    static const char *const known[] = {"C", "L", "ST", "O", "OU", "CN"};
    struct subject *subject = arg;
    const char *name = dotted;
    (void)err;
    for (size_t i = 0; type != NULL && i < sizeof(known) / sizeof(known[0]); i++) {
        name = strcmp(type, known[i]) == 0 ? known[i] : name;
    }
    if (rdn == subject->count) {
        subject->rdn = profile_xml_element(subject->xml, subject->outer, "array");
        subject->count++;
    }
    xmlNode *pair = profile_xml_element(subject->xml, subject->rdn, "array");
    (void)profile_xml_text(subject->xml, pair, "string", bytes_from_text(name));
    (void)profile_xml_text(subject->xml, pair, "string", value);
    return BASE_OK;
}

/* Names of one type: counted, then written as a string or as an array of strings. */
struct san_walk {
    struct profile_xml *xml;
    enum pki_san_type type;
    size_t count;
    xmlNode *parent; /* NULL: only count */
};

static enum base_code
take_san(void *arg, enum pki_san_type type, struct bytes value, struct base_error *err)
{
    struct san_walk *walk = arg;
    (void)err;
    if (type == walk->type) {
        walk->count++;
        if (walk->parent != NULL) {
            (void)profile_xml_text(walk->xml, walk->parent, "string", value);
        }
    }
    return BASE_OK;
}

static enum base_code
put_sans(struct apple *apple, xmlNode *content, struct base_error *err)
{
    static const struct {
        enum pki_san_type type;
        const char *key;
    } kinds[] = {{PKI_SAN_EMAIL, "rfc822Name"}, {PKI_SAN_DNS, "dNSName"},
        {PKI_SAN_URI, "uniformResourceIdentifier"}, {PKI_SAN_OTHER, "ntPrincipalName"}};
    if (apple->spec->sans_der.len == 0) {
        return BASE_OK;
    }
    xmlNode *dict = put_element(&apple->xml, content, "SubjectAltName", "dict");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct san_walk walk = {&apple->xml, kinds[i].type, 0, NULL};
        TRY(profile_sans_each(apple->spec->sans_der, take_san, &walk, err));
        if (walk.count == 0) {
            continue;
        }
        (void)profile_xml_text(&apple->xml, dict, "key", bytes_from_text(kinds[i].key));
        walk.parent = walk.count == 1 ? dict : profile_xml_element(&apple->xml, dict, "array");
        TRY(profile_sans_each(apple->spec->sans_der, take_san, &walk, err));
    }
    return BASE_OK;
}

static enum base_code
put_fingerprint(struct apple *apple, xmlNode *content, struct base_error *err)
{
    struct bytes word = BYTES_NONE;
    uint8_t digest[PKI_DIGEST_MAX];
    (void)profile_settings_find(rules, RULE_COUNT, apple->spec, "CAFingerprint", &word);
    enum pki_digest kind = bytes_equal_text(word, "sha1") ? PKI_SHA1 : PKI_SHA256;
    TRY(pki_digest(kind, apple->spec->cas[0], digest, err));
    put_data(&apple->xml, content, "CAFingerprint", (struct bytes){digest, pki_digest_len(kind)});
    return BASE_OK;
}

static bool
is_set(const struct profile_spec *spec, const char *key)
{
    bool is_found = false;
    for (size_t i = 0; i < spec->setting_count; i++) {
        is_found = is_found || bytes_equal_text(spec->settings[i].key, key);
    }
    return is_found;
}

static uint64_t
retry_number(const struct profile_spec *spec, const char *key, uint64_t with_approval)
{
    return spec->needs_approval && !is_set(spec, key)
               ? with_approval
               : profile_settings_number(rules, RULE_COUNT, spec, key);
}

static enum base_code
put_scep(struct apple *apple, xmlNode *payloads, struct base_error *err)
{
    const struct profile_spec *spec = apple->spec;
    struct profile_xml *xml = &apple->xml;
    struct bytes name = BYTES_NONE;
    xmlNode *dict = profile_xml_element(xml, payloads, "dict");
    put_payload(apple, dict, "com.apple.security.scep", ".scep", "Certificate of ");
    xmlNode *content = put_element(xml, dict, "PayloadContent", "dict");
    put_text(xml, content, "URL", spec->url);
    (void)profile_settings_find(rules, RULE_COUNT, spec, "Name", &name);
    put_text(xml, content, "Name", name);
    struct subject subject = {.xml = xml, .outer = put_element(xml, content, "Subject", "array")};
    TRY(pki_name_each(spec->subject_der, put_attribute, &subject, err));
    put_text(xml, content, "Challenge", spec->challenge);
    put_number(xml, content, "Keysize", spec->key_bits);
    put_text(xml, content, "Key Type", BYTES_LITERAL("RSA"));
    unsigned usage = ((spec->key_usage & PKI_DIGITAL_SIGNATURE) != 0 ? APPLE_SIGNING : 0U) |
                     ((spec->key_usage & PKI_KEY_ENCIPHERMENT) != 0 ? APPLE_ENCRYPTION : 0U);
    put_number(xml, content, "Key Usage", usage);
    TRY(put_fingerprint(apple, content, err));
    put_number(xml, content, "Retries", retry_number(spec, "Retries", APPROVAL_RETRIES));
    put_number(xml, content, "RetryDelay", retry_number(spec, "RetryDelay", APPROVAL_DELAY));
    put_flag(xml, content, "KeyIsExtractable",
        profile_settings_flag(rules, RULE_COUNT, spec, "KeyIsExtractable"));
    put_flag(xml, content, "AllowAllAppsAccess",
        profile_settings_flag(rules, RULE_COUNT, spec, "AllowAllAppsAccess"));
    return put_sans(apple, content, err);
}

static enum base_code
put_all(struct apple *apple, struct base_error *err)
{
    struct bytes organization = BYTES_NONE;
    struct profile_xml *xml = &apple->xml;
    xmlNode *root = profile_xml_begin(xml, "plist", NULL);
    if (root != NULL &&
        xmlCreateIntSubset(xml->document, (const xmlChar *)"plist",
            (const xmlChar *)"-//Apple//DTD PLIST 1.0//EN",
            (const xmlChar *)"http://www.apple.com/DTDs/PropertyList-1.0.dtd") == NULL) {
        return base_fail(err, E_NO_MEMORY, "an XML document type");
    }
    profile_xml_attribute(xml, root, "version", BYTES_LITERAL("1.0"));
    xmlNode *dict = profile_xml_element(xml, root, "dict");
    put_payload(apple, dict, "Configuration", "", "Certificate for ");
    if (profile_settings_find(rules, RULE_COUNT, apple->spec, "Organization", &organization)) {
        put_text(xml, dict, "PayloadOrganization", organization);
    }
    xmlNode *payloads = put_element(xml, dict, "PayloadContent", "array");
    for (size_t i = apple->spec->ca_count; i > 0; i--) { /* the root first */
        put_authority(apple, payloads, i - 1);
    }
    return put_scep(apple, payloads, err);
}

static enum base_code
write_profile(const struct profile_spec *spec, struct buffer *out, struct base_error *err)
{
    struct apple apple = {.spec = spec};
    TRY(profile_id(spec, apple.id, err));
    enum base_code code = put_all(&apple, err);
    code = code == BASE_OK ? profile_xml_finish(&apple.xml, true, out, err) : code;
    profile_xml_clear(&apple.xml);
    return code;
}

const struct profile_writer profile_mobileconfig = {
    PROFILE_MOBILECONFIG, "mobileconfig", rules, RULE_COUNT, check, write_profile};
