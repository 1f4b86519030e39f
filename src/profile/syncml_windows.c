/* Windows: the CA's certificates, then every setting of one enrolment and its start, all in one
 * Atomic: nothing starts before everything is set. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pki/certificate.h"
#include "profile/formats.h"
#include "profile/names.h"
#include "profile/syncml.h"

#include "base/banned.h"

#define URI_MAX 256
#define DAY 86400
#define HELLO "4" /* KeyProtection: Windows Hello, which has a container and RSA-2048 only */

static const struct profile_rule rules[] = {
    {"Scope", PROFILE_WORD, 0, 0, "Device", "Device User"},
    {"KeyProtection", PROFILE_WORD, 0, 0, "3", "1 2 3 4"},
    {"RetryDelay", PROFILE_NUMBER, 1, 1440, "5", NULL}, /* minutes */
    {"RetryCount", PROFILE_NUMBER, 0, 30, "3", NULL},
    {"HashAlgorithm", PROFILE_WORDS, 0, 0, "SHA-2", "SHA-1 SHA-2 SHA-3 SHA256"},
    {"TemplateName", PROFILE_TEXT, 0, 0, NULL, NULL},
    {"ContainerName", PROFILE_TEXT, 0, 0, NULL, NULL},
    {"CustomTextToShowInPrompt", PROFILE_TEXT, 0, 0, NULL, NULL},
    {"AADKeyIdentifierList", PROFILE_TEXT, 0, 0, NULL, NULL},
    {"ChallengeEncoding", PROFILE_WORD, 0, 0, "text", "text base64"},
};
#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

static struct bytes
value_of(const struct profile_spec *spec, const char *key)
{
    struct bytes value = BYTES_NONE;
    (void)profile_settings_find(rules, RULE_COUNT, spec, key, &value);
    return value;
}

static enum base_code
check(const struct profile_spec *spec, struct base_error *err)
{
    BUFFER_LOCAL(sans, 65536);
    bool is_hello = bytes_equal_text(value_of(spec, "KeyProtection"), HELLO);
    TRY(profile_check_bits(spec->key_bits, err));
    if ((spec->key_usage & (PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT)) == 0) {
        return base_fail(err, E_PROFILE_UNFIT,
            "KeyUsage must have digitalSignature or keyEncipherment, and the profile has neither");
    }
    if (spec->ekus.len == 0) {
        return base_fail(err, E_PROFILE_UNFIT, "EKUMapping must name an extended key usage");
    }
    if (memchr(spec->url.ptr, ';', spec->url.len) != NULL) {
        return base_fail(err, E_PROFILE_UNFIT, "a URL with ';', which separates URLs");
    }
    if (is_hello && (value_of(spec, "ContainerName").len == 0 || spec->key_bits != 2048)) {
        return base_fail(err, E_PROFILE_UNFIT,
            "KeyProtection 4 (Windows Hello) needs ContainerName and RSA with 2048 bits");
    }
    return profile_sans_windows(spec->sans_der, &sans, err);
}

struct windows {
    const struct profile_spec *spec;
    struct syncml syncml;
    char root[URI_MAX]; /* ./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/{UniqueID} */
};

static void
put(struct windows *windows, const char *node, const char *format, struct bytes data)
{
    char uri[URI_MAX + 64] = "";
    (void)snprintf(uri, sizeof(uri), "%s/Install/%s", windows->root, node);
    profile_syncml_add(&windows->syncml, uri, format, data);
}

static void
put_number(struct windows *windows, const char *node, uint64_t number)
{
    char text[24] = "";
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    put(windows, node, "int", bytes_from_text(text));
}

/* A node with a default, or one that is left out unless it was set. */
static void
put_setting(struct windows *windows, const char *node, const char *format)
{
    struct bytes value = value_of(windows->spec, node);
    if (value.len > 0) {
        put(windows, node, format, value);
    }
}

static enum base_code
put_authorities(struct windows *windows, struct base_error *err)
{
    for (size_t i = windows->spec->ca_count; i > 0; i--) { /* the root first */
        struct bytes der = windows->spec->cas[i - 1];
        char thumbprint[PROFILE_THUMBPRINT_LEN] = "";
        char uri[URI_MAX] = "";
        BUFFER_LOCAL(base64, 65536);
        TRY(profile_thumbprint(der, thumbprint, err));
        TRY(base_base64(der, &base64, err));
        (void)snprintf(uri, sizeof(uri),
            "./Device/Vendor/MSFT/RootCATrustedCertificates/%s/%s/EncodedCertificate",
            profile_is_root(der) ? "Root" : "CA", thumbprint);
        profile_syncml_add(&windows->syncml, uri, "b64", buffer_bytes(&base64));
    }
    return BASE_OK;
}

static enum base_code
put_challenge(struct windows *windows, struct base_error *err)
{
    BUFFER_LOCAL(base64, 4 * PROFILE_TEXT_MAX);
    if (!bytes_equal_text(value_of(windows->spec, "ChallengeEncoding"), "base64")) {
        put(windows, "Challenge", "chr", windows->spec->challenge);
        return BASE_OK;
    }
    TRY(base_base64(windows->spec->challenge, &base64, err));
    put(windows, "Challenge", "chr", buffer_bytes(&base64));
    return BASE_OK;
}

static enum base_code
put_names(struct windows *windows, struct base_error *err)
{
    const struct profile_spec *spec = windows->spec;
    char ekus[2048] = "";
    BUFFER_LOCAL(subject, 65536);
    BUFFER_LOCAL(sans, 65536);
    if (spec->ekus.len >= sizeof(ekus)) {
        return base_fail(err, E_TOO_LARGE, "%zu octets of extended key usages", spec->ekus.len);
    }
    memcpy(ekus, spec->ekus.ptr, spec->ekus.len);
    for (char *end = strchr(ekus, '\n'); end != NULL; end = strchr(end, '\n')) {
        *end = '+';
    }
    TRY(profile_name_x500(spec->subject_der, &subject, err));
    TRY(profile_sans_windows(spec->sans_der, &sans, err));
    put(windows, "EKUMapping", "chr", bytes_from_text(ekus));
    put_number(windows, "KeyUsage", spec->key_usage);
    put(windows, "SubjectName", "chr", buffer_bytes(&subject));
    if (sans.len > 0) {
        put(windows, "SubjectAlternativeNames", "chr", buffer_bytes(&sans));
    }
    return BASE_OK;
}

static enum base_code
put_all(struct windows *windows, struct base_error *err)
{
    const struct profile_spec *spec = windows->spec;
    char thumbprint[PROFILE_THUMBPRINT_LEN] = "";
    char enroll[URI_MAX + 32] = "";
    TRY(put_authorities(windows, err));
    profile_syncml_add(&windows->syncml, windows->root, "node", BYTES_NONE);
    put(windows, "ServerURL", "chr", spec->url);
    TRY(put_challenge(windows, err));
    TRY(put_names(windows, err));
    put_setting(windows, "KeyProtection", "int");
    put_setting(windows, "RetryDelay", "int");
    put_setting(windows, "RetryCount", "int");
    put_setting(windows, "TemplateName", "chr");
    put_number(windows, "KeyLength", spec->key_bits);
    put_setting(windows, "HashAlgorithm", "chr");
    /* Windows compares it with the CA that issues, not with the root above it. */
    TRY(profile_thumbprint(spec->cas[0], thumbprint, err));
    put(windows, "CAThumbprint", "chr", bytes_from_text(thumbprint));
    put(windows, "ValidPeriod", "chr", BYTES_LITERAL("Days"));
    put_number(windows, "ValidPeriodUnits", (uint64_t)((spec->valid_s + DAY - 1) / DAY));
    put_setting(windows, "ContainerName", "chr");
    put_setting(windows, "CustomTextToShowInPrompt", "chr");
    put_setting(windows, "AADKeyIdentifierList", "chr");
    (void)snprintf(enroll, sizeof(enroll), "%s/Install/Enroll", windows->root);
    profile_syncml_exec(&windows->syncml, enroll);
    return BASE_OK;
}

static enum base_code
write_profile(const struct profile_spec *spec, struct buffer *out, struct base_error *err)
{
    struct windows windows = {.spec = spec};
    char uuid[PROFILE_UUID_LEN] = "";
    struct bytes scope = value_of(spec, "Scope");
    TRY(profile_uuid(spec->random, uuid, err));
    /* Each export is an enrolment of its own: a name that is there already could not be added. */
    (void)snprintf(windows.root, sizeof(windows.root),
        "./%.*s/Vendor/MSFT/ClientCertificateInstall/SCEP/Kurier_%s", base_size_to_int(scope.len),
        (const char *)scope.ptr, uuid);
    profile_syncml_begin(&windows.syncml, spec->device, spec->url, true);
    enum base_code code = put_all(&windows, err);
    code = code == BASE_OK ? profile_syncml_finish(&windows.syncml, out, err) : code;
    profile_syncml_clear(&windows.syncml);
    return code;
}

const struct profile_writer profile_syncml_windows = {
    PROFILE_SYNCML_WINDOWS, "syncml-windows", rules, RULE_COUNT, check, write_profile};
