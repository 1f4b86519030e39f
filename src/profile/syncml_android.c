/* Android's agent: the root, then one CertificateRequest whose parameters are a document within a
 * document within a document. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pki/certificate.h"
#include "profile/formats.h"
#include "profile/names.h"
#include "profile/syncml.h"

#include "base/banned.h"

#define STORE "./Vendor/MSFT/CertificateStore"
#define SPACE                                                                                      \
    "http://schemas.microsoft.com/SystemCenterConfigurationManager/2012/03/07/"                    \
    "CertificateEnrollment/ConfigurationParameters"
#define UPN_OID "1.3.6.1.4.1.311.20.2.3"
#define URI_MAX 256
#define DAY 86400
#define PERCENT_MAX 90

static const struct profile_rule rules[] = {
    {"ExpirationThreshold", PROFILE_NUMBER, 1, PERCENT_MAX, "20", NULL}, /* percent of life left */
    {"RetryCount", PROFILE_NUMBER, 0, 30, "3", NULL},
    {"RetryDelay", PROFILE_NUMBER, 1, 1440, "1", NULL},
    {"TemplateName", PROFILE_TEXT, 0, 0, "", NULL},
    {"KeyStorageProviderSetting", PROFILE_NUMBER, 0, 4, "0", NULL},
    {"HashAlgorithms", PROFILE_WORDS, 0, 0, "SHA-2", "SHA-1 SHA-2 SHA-3"},
};
#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

/* Names that people know; the OID is what counts. */
static const struct {
    const char *oid;
    const char *name;
} eku_names[] = {{"1.3.6.1.5.5.7.3.1", "Server Authentication"},
    {"1.3.6.1.5.5.7.3.2", "Client Authentication"}, {"1.3.6.1.5.5.7.3.3", "Code Signing"},
    {"1.3.6.1.5.5.7.3.4", "Secure Email"}, {"1.3.6.1.5.5.8.2.2", "IP security IKE intermediate"},
    {"1.3.6.1.4.1.311.20.2.2", "Smart Card Logon"}};

static enum base_code
check(const struct profile_spec *spec, struct base_error *err)
{
    if ((spec->key_usage & (PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT)) == 0) {
        return base_fail(err, E_PROFILE_UNFIT,
            "KeyUsage must have digitalSignature or keyEncipherment, and the profile has neither");
    }
    return profile_check_bits(spec->key_bits, err);
}

/* Call for each part of a list. */
struct list_walk {
    struct profile_xml *xml;
    xmlNode *parent;
};

static void
each_part(struct bytes list, char separator, void (*put)(struct list_walk *walk, struct bytes part),
    struct list_walk *walk)
{
    while (list.len > 0) {
        const uint8_t *end = memchr(list.ptr, separator, list.len);
        size_t len = end == NULL ? list.len : (size_t)(end - list.ptr);
        put(walk, (struct bytes){list.ptr, len});
        list = bytes_skip(list, len + 1);
    }
}

static void
put_hash(struct list_walk *walk, struct bytes part)
{
    (void)profile_xml_text(walk->xml, walk->parent, "HashAlgorithm", part);
}

static void
put_eku(struct list_walk *walk, struct bytes part)
{
    struct bytes name = part;
    for (size_t i = 0; i < sizeof(eku_names) / sizeof(eku_names[0]); i++) {
        name = bytes_equal_text(part, eku_names[i].oid) ? bytes_from_text(eku_names[i].name) : name;
    }
    xmlNode *map = profile_xml_element(walk->xml, walk->parent, "EKUMap");
    (void)profile_xml_text(walk->xml, map, "EKUName", name);
    (void)profile_xml_text(walk->xml, map, "EKUOID", part);
}

/* Renewal is not asked for before the server allows it. */
static uint64_t
threshold(const struct profile_spec *spec)
{
    uint64_t percent = profile_settings_number(rules, RULE_COUNT, spec, "ExpirationThreshold");
    if (spec->valid_s <= 0 || spec->renew_before_s >= spec->valid_s) {
        return percent;
    }
    uint64_t allowed = (uint64_t)(spec->renew_before_s * 100 / spec->valid_s);
    allowed = allowed == 0 ? 1 : allowed;
    return percent < allowed ? percent : allowed;
}

/* The innermost document. */
static enum base_code
put_parameters(const struct profile_spec *spec, struct bytes subject, struct profile_xml *xml,
    struct base_error *err)
{
    char thumbprint[PROFILE_THUMBPRINT_LEN] = "";
    struct bytes value = BYTES_NONE;
    BUFFER_LOCAL(sans, 65536);
    TRY(profile_thumbprint(spec->cas[spec->ca_count - 1], thumbprint, err));
    TRY(profile_sans_windows(spec->sans_der, &sans, err));
    xmlNode *root = profile_xml_begin(xml, "ConfigurationParameters", SPACE);
    (void)profile_xml_number(xml, root, "ExpirationThreshold", threshold(spec));
    (void)profile_xml_number(
        xml, root, "RetryCount", profile_settings_number(rules, RULE_COUNT, spec, "RetryCount"));
    (void)profile_xml_number(
        xml, root, "RetryDelay", profile_settings_number(rules, RULE_COUNT, spec, "RetryDelay"));
    (void)profile_settings_find(rules, RULE_COUNT, spec, "TemplateName", &value);
    (void)profile_xml_text(xml, root, "TemplateName", value);
    (void)profile_xml_text(xml, root, "SubjectNameFormat", subject);
    (void)profile_xml_text(xml, root, "SubjectAlternativeNameFormat", buffer_bytes(&sans));
    (void)profile_xml_number(xml, root, "KeyStorageProviderSetting",
        profile_settings_number(rules, RULE_COUNT, spec, "KeyStorageProviderSetting"));
    (void)profile_xml_number(xml, root, "KeyUsage", spec->key_usage);
    (void)profile_xml_number(xml, root, "KeyLength", spec->key_bits);
    struct list_walk walk = {xml, profile_xml_element(xml, root, "HashAlgorithms")};
    (void)profile_settings_find(rules, RULE_COUNT, spec, "HashAlgorithms", &value);
    each_part(value, '+', put_hash, &walk);
    xmlNode *urls = profile_xml_element(xml, root, "NDESUrls");
    (void)profile_xml_text(xml, urls, "NDESUrl", spec->url);
    /* Android compares it with the root, where Windows wants the CA that issues. */
    (void)profile_xml_text(xml, root, "CAThumbprint", bytes_from_text(thumbprint));
    (void)profile_xml_number(
        xml, root, "ValidityPeriod", (uint64_t)((spec->valid_s + DAY - 1) / DAY));
    (void)profile_xml_text(xml, root, "ValidityPeriodUnit", BYTES_LITERAL("Days"));
    walk.parent = profile_xml_element(xml, root, "EKUMapping");
    each_part(spec->ekus, '\n', put_eku, &walk);
    return BASE_OK;
}

static enum base_code
put_san(void *arg, enum pki_san_type type, struct bytes value, struct base_error *err)
{
    struct list_walk *walk = arg;
    char number[16] = "";
    (void)err;
    (void)snprintf(number, sizeof(number), "%u", profile_san_number(type));
    xmlNode *node = profile_xml_text(walk->xml, walk->parent, "SAN", value);
    profile_xml_attribute(walk->xml, node, "NameFormat", BYTES_LITERAL("ID"));
    profile_xml_attribute(walk->xml, node, "AltNameType", bytes_from_text(number));
    profile_xml_attribute(
        walk->xml, node, "OID", bytes_from_text(type == PKI_SAN_OTHER ? UPN_OID : ""));
    return BASE_OK;
}

/* "CN=...; DC=..." of each CA that may have issued. */
static enum base_code
put_issuers(const struct profile_spec *spec, struct profile_xml *xml, xmlNode *parent,
    struct base_error *err)
{
    struct pki_certificate ca;
    BUFFER_LOCAL(name, 65536);
    BUFFER_LOCAL(text, 65536);
    TRY(pki_certificate_read(spec->cas[0], &ca, err));
    TRY(profile_name_x500(ca.subject, &name, err));
    bool is_quoted = false;
    for (size_t i = 0; i < name.len; i++) {
        is_quoted = is_quoted != (name.ptr[i] == '"');
        bool is_end = name.ptr[i] == ',' && !is_quoted;
        TRY(buffer_append_octet(&text, is_end ? ';' : name.ptr[i], err));
        if (is_end) {
            TRY(buffer_append_octet(&text, ' ', err));
        }
    }
    (void)profile_xml_text(xml, parent, "Issuers", buffer_bytes(&text));
    return BASE_OK;
}

/* The document in the middle, around @parameters. */
static enum base_code
put_request(const struct profile_spec *spec, struct bytes subject, struct bytes parameters,
    struct profile_xml *xml, struct base_error *err)
{
    xmlNode *root = profile_xml_begin(xml, "CertificateRequest", NULL);
    (void)profile_xml_text(xml, root, "ConfigurationParametersDocument", parameters);
    xmlNode *request = profile_xml_element(xml, root, "RequestParameters");
    (void)profile_xml_text(xml, request, "CertificateRequestToken", spec->challenge);
    (void)profile_xml_text(xml, request, "SubjectName", subject);
    TRY(put_issuers(spec, xml, request, err));
    xmlNode *names = profile_xml_element(xml, request, "SubjectAlternativeName");
    struct list_walk walk = {xml, profile_xml_element(xml, names, "SANs")};
    TRY(profile_sans_each(spec->sans_der, put_san, &walk, err));
    (void)profile_xml_text(xml, request, "NDESUrl", spec->url);
    return BASE_OK;
}

static enum base_code
write_request(const struct profile_spec *spec, struct buffer *out, struct base_error *err)
{
    struct profile_xml inner = {.code = BASE_OK};
    struct profile_xml middle = {.code = BASE_OK};
    BUFFER_LOCAL(subject, 65536);
    BUFFER_LOCAL(parameters, PROFILE_FILE_MAX);
    TRY(profile_name_x500(spec->subject_der, &subject, err));
    enum base_code code = put_parameters(spec, buffer_bytes(&subject), &inner, err);
    code = code == BASE_OK ? profile_xml_finish_fragment(&inner, &parameters, err) : code;
    profile_xml_clear(&inner);
    TRY(code);
    code = put_request(spec, buffer_bytes(&subject), buffer_bytes(&parameters), &middle, err);
    code = code == BASE_OK ? profile_xml_finish_fragment(&middle, out, err) : code;
    profile_xml_clear(&middle);
    return code;
}

static enum base_code
put_all(const struct profile_spec *spec, struct syncml *syncml, struct base_error *err)
{
    char thumbprint[PROFILE_THUMBPRINT_LEN] = "";
    char uuids[2][PROFILE_UUID_LEN] = {"", ""};
    uint8_t hash[4];
    char uri[URI_MAX] = "";
    BUFFER_LOCAL(request, PROFILE_FILE_MAX);
    for (size_t i = spec->ca_count; i > 0; i--) {
        struct bytes der = spec->cas[i - 1];
        BUFFER_LOCAL(base64, 65536);
        TRY(profile_thumbprint(der, thumbprint, err));
        TRY(base_base64(der, &base64, err));
        (void)snprintf(uri, sizeof(uri), STORE "/%s/%s/EncodedCertificate",
            profile_is_root(der) ? "Root" : "CA", thumbprint);
        profile_syncml_add(syncml, uri, "b64", buffer_bytes(&base64));
    }
    TRY(profile_uuid(spec->random, uuids[0], err));
    TRY(profile_uuid(spec->random, uuids[1], err));
    TRY(base_random_fill(spec->random, hash, sizeof(hash), err));
    long number = ((hash[0] & 0x7fL) << 24) | (hash[1] << 16) | (hash[2] << 8) | hash[3];
    (void)snprintf(uri, sizeof(uri),
        STORE "/Enroll/ModelName=AC_%s%%2FLogicalName_%s%%3BHash=%ld/"
              "Install",
        uuids[0], uuids[1], number);
    TRY(write_request(spec, &request, err));
    profile_syncml_add(syncml, uri, "xml", buffer_bytes(&request));
    return BASE_OK;
}

static enum base_code
write_profile(const struct profile_spec *spec, struct buffer *out, struct base_error *err)
{
    struct syncml syncml;
    profile_syncml_begin(&syncml, spec->device, spec->url, false);
    enum base_code code = put_all(spec, &syncml, err);
    code = code == BASE_OK ? profile_syncml_finish(&syncml, out, err) : code;
    profile_syncml_clear(&syncml);
    return code;
}

const struct profile_writer profile_syncml_android = {
    PROFILE_SYNCML_ANDROID, "syncml-android", rules, RULE_COUNT, check, write_profile};
