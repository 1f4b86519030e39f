#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/log.h"
#include "config/load.h"
#include "config/schema.h"
#include "config/value.h"
#include "ipc/to_role.h"

#include "base/banned.h"

static struct config_settings settings;
static struct base_error err;

static enum base_code
load(const char *text)
{
    memset(&err, 0, sizeof(err));
    return config_load(bytes_from_text(text), "k.yaml", &settings, &err);
}

/* Refused with this code, and the detail begins with "k.yaml:LINE: ". */
static void
assert_refused(const char *text, enum base_code code, unsigned line)
{
    char start[32] = "";
    assert_int_equal(load(text), code);
    (void)snprintf(start, sizeof(start), "k.yaml:%u: ", line);
    if (strncmp(err.detail, start, strlen(start)) != 0) {
        print_error("want '%s...', have '%s'\n", start, err.detail);
        fail();
    }
}

/* What kurier account token could have printed. */
#define TOKEN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/*
 * A file with one key at a known line: @before is the place of the key within its sections, @value
 * is what stands behind it. Returns the line of the value.
 */
struct place {
    char before[64];
    unsigned line;
    const char *indent;
};

static struct place
place_of(const struct config_key *outer)
{
    struct place place = {"# first\n", 2, ""};
    if (outer == NULL) {
        return place;
    }
    bool is_objects = outer->type == CONFIG_OBJECTS;
    bool is_list = outer->type == CONFIG_SEQUENCE;
    (void)snprintf(place.before, sizeof(place.before), "# first\n%s:\n%s", outer->name,
        is_objects ? "  default:\n" : (is_list ? "  - \n" : ""));
    place.line = is_objects || is_list ? 4 : 3;
    place.indent = is_objects || is_list ? "    " : "  ";
    return place;
}

/* What an object must say besides, behind the key. */
static void
add_required(const struct config_key *outer, const struct config_key *key, char *out, size_t size)
{
    static const char *const required[][3] = {{"policies", "type", "webhook"},
        {"policies", "url", "https://hooks.example.org/"}, {"policies", "secret", "hook"},
        {"accounts", "token", TOKEN}};
    for (size_t i = 0; outer != NULL && i < sizeof(required) / sizeof(required[0]); i++) {
        size_t len = strlen(out);
        if (strcmp(outer->name, required[i][0]) == 0 && strcmp(key->name, required[i][1]) != 0) {
            (void)snprintf(out + len, size - len, "    %s: %s\n", required[i][1], required[i][2]);
        }
    }
}

static void
one_key(const struct config_key *outer, const struct config_key *key, const char *value, char *out,
    size_t size)
{
    struct place place = place_of(outer);
    (void)snprintf(out, size, "%s%s%s: %s\n", place.before, place.indent, key->name, value);
    add_required(outer, key, out, size);
}

/* An optional object has keys whose default is that somebody must say them. */
static bool
must_be_said(const struct config_key *outer, const struct config_key *key)
{
    return outer != NULL && outer->is_optional &&
           (strcmp(key->name, "url") == 0 || strcmp(key->name, "secret") == 0 ||
               strcmp(key->name, "token") == 0);
}

static void
for_every_key(void (*act)(const struct config_key *outer, const struct config_key *key))
{
    const struct config_section *root = config_schema();
    for (size_t i = 0; i < root->count; i++) {
        act(NULL, &root->keys[i]);
        const struct config_section *inner = root->keys[i].section;
        for (size_t k = 0; inner != NULL && k < inner->count; k++) {
            act(&root->keys[i], &inner->keys[k]);
        }
    }
}

static void
take_default_of(const struct config_key *outer, const struct config_key *key)
{
    char text[512] = "";
    char value[256] = "";
    if (key->initial == NULL || must_be_said(outer, key)) {
        return;
    }
    (void)snprintf(value, sizeof(value),
        key->initial[0] == '*'           ? "['%s']"
        : config_type_is_list(key->type) ? "[%s]"
                                         : "%s",
        key->initial[0] == '\0' && !config_type_is_list(key->type) ? "\"\"" : key->initial);
    one_key(outer, key, value, text, sizeof(text));
    if (load(text) != BASE_OK) {
        print_error("%s: %s\n", key->name, err.detail);
        fail();
    }
}

static void
every_key_takes_its_default(void **state)
{
    (void)state;
    for_every_key(take_default_of);
}

static void
refuse_wrong_type_of(const struct config_key *outer, const struct config_key *key)
{
    char text[512] = "";
    unsigned line = place_of(outer).line;
    bool is_one_value = key->section == NULL && !config_type_is_list(key->type);
    one_key(outer, key, is_one_value ? "[a, b]" : "a", text, sizeof(text));
    assert_refused(text, E_CONFIG_TYPE, line);
    one_key(outer, key, is_one_value || config_type_is_list(key->type) ? "{a: b}" : "7", text,
        sizeof(text));
    assert_refused(text, E_CONFIG_TYPE, line);
    if (key->type == CONFIG_NUMBER || key->type == CONFIG_DURATION || key->type == CONFIG_FLAG) {
        one_key(outer, key, "maybe", text, sizeof(text));
        assert_refused(text, E_CONFIG_TYPE, line);
        one_key(outer, key, "", text, sizeof(text));
        assert_refused(text, E_CONFIG_TYPE, line);
        one_key(outer, key, "-1", text, sizeof(text));
        assert_refused(text, E_CONFIG_TYPE, line);
    }
    if (key->type == CONFIG_CHOICE) {
        one_key(outer, key, "perhaps", text, sizeof(text));
        assert_refused(text, E_CONFIG_VALUE, line);
    }
    if (key->type == CONFIG_CHOICES) {
        one_key(outer, key, "[perhaps]", text, sizeof(text));
        assert_refused(text, E_CONFIG_VALUE, line);
        one_key(outer, key, "[[]]", text, sizeof(text));
        assert_refused(text, E_CONFIG_TYPE, line);
    }
    if (key->type == CONFIG_TEXT && key->max > 0) {
        one_key(outer, key, "\"a\\nb\"", text, sizeof(text));
        assert_refused(text, E_CONFIG_VALUE, line);
    }
}

static void
every_key_refuses_a_wrong_kind_with_its_line(void **state)
{
    (void)state;
    for_every_key(refuse_wrong_type_of);
}

/* A number or duration at both ends of its range, and one beyond. */
static void
keep_range_of(const struct config_key *outer, const struct config_key *key)
{
    char text[512] = "";
    char value[32] = "";
    unsigned line = place_of(outer).line;
    if (key->type != CONFIG_NUMBER && key->type != CONFIG_DURATION) {
        return;
    }
    for (int end = 0; end < 2; end++) {
        int64_t limit = end == 0 ? key->min : key->max;
        bool is_years = key->type == CONFIG_DURATION && limit % 31536000 == 0;
        int64_t unit = is_years && limit > 0 ? 31536000 : 1;
        const char *letter = unit == 1 ? "" : "y";
        (void)snprintf(value, sizeof(value), "%lld%s", (long long)(limit / unit), letter);
        one_key(outer, key, value, text, sizeof(text));
        enum base_code code = load(text);
        /* At its end a value may contradict another default; that is another rule. */
        assert_true(code == BASE_OK || strstr(err.detail, "must be") != NULL ||
                    strstr(err.detail, "above") != NULL);
        if (end == 0 && limit == 0) {
            continue;
        }
        (void)snprintf(value, sizeof(value), "%lld%s",
            (long long)(limit / unit + (end == 0 ? -1 : 1)), letter);
        one_key(outer, key, value, text, sizeof(text));
        assert_refused(text, E_CONFIG_RANGE, line);
        assert_non_null(strstr(err.detail, key->name));
    }
}

static void
every_range_is_kept_at_both_ends(void **state)
{
    (void)state;
    for_every_key(keep_range_of);
}

static void
refuse_twice(const struct config_key *outer, const struct config_key *key)
{
    char text[1024] = "";
    struct place place = place_of(outer);
    if (key->initial == NULL) {
        return;
    }
    const char *value = config_type_is_list(key->type) ? "[]" : "\"\"";
    if (key->type != CONFIG_TEXT && !config_type_is_list(key->type)) {
        value = key->initial;
    }
    char initial[256] = "";
    if (config_type_is_list(key->type) || key->type == CONFIG_TEXT) {
        (void)snprintf(initial, sizeof(initial),
            key->initial[0] == '*'           ? "['%s']"
            : config_type_is_list(key->type) ? "[%s]"
                                             : "\"%s\"",
            key->initial);
        value = initial;
    }
    (void)snprintf(text, sizeof(text), "%s%s%s: %s\n%s%s: %s\n", place.before, place.indent,
        key->name, value, place.indent, key->name, value);
    assert_refused(text, E_CONFIG_DUPLICATE_KEY, place.line + 1);
}

static void
every_key_may_stand_once(void **state)
{
    (void)state;
    for_every_key(refuse_twice);
}

static void
unknown_keys_are_refused_with_the_nearest_name(void **state)
{
    (void)state;
    assert_refused("\n\npublic_ulr: http://a\n", E_CONFIG_UNKNOWN_KEY, 3);
    assert_non_null(strstr(err.detail, "do you mean 'public_url'?"));
    assert_refused(
        "profiles:\n  default:\n    valid: 1d\n    aproval: yes\n", E_CONFIG_UNKNOWN_KEY, 4);
    assert_non_null(
        strstr(err.detail, "profile: there is no key 'aproval'; do you mean 'approval'?"));
    assert_refused("log: {levle: info}", E_CONFIG_UNKNOWN_KEY, 1);
    assert_refused("completely_different: 1", E_CONFIG_UNKNOWN_KEY, 1);
    assert_null(strstr(err.detail, "do you mean"));
    assert_refused("listen:\n  - adress: 127.0.0.1:1\n", E_CONFIG_UNKNOWN_KEY, 2);
}

static void
objects_have_names_and_stand_once(void **state)
{
    (void)state;
    assert_refused("profiles:\n  a:\n  a:\n", E_CONFIG_DUPLICATE_KEY, 3);
    assert_refused("profiles:\n  Big:\n", E_CONFIG_VALUE, 2);
    assert_refused("profiles:\n  \"\":\n", E_CONFIG_VALUE, 2);
    assert_refused("profiles:\n  ? [x]\n  : \n", E_CONFIG_VALUE, 2);
    assert_refused("profiles: {}\n", E_CONFIG_TYPE, 1);
    assert_refused("? [x]\n: y\n", E_CONFIG_TYPE, 1);
    assert_refused("just a text\n", E_CONFIG_TYPE, 1);
    assert_refused("- a\n- b\n", E_CONFIG_TYPE, 1);
}

static void
references_must_be_defined(void **state)
{
    (void)state;
    assert_refused("endpoints:\n  default:\n    ca: default\n    profiles: [default, phones]\n",
        E_CONFIG_REFERENCE, 4);
    assert_non_null(strstr(err.detail, "phones"));
    assert_refused("endpoints:\n  default:\n    ca: other\n", E_CONFIG_REFERENCE, 3);
    assert_refused("profiles:\n  phones:\n", E_CONFIG_REFERENCE, 1);
    assert_refused(
        "endpoints:\n  default:\n    paths: [/a]\n    ndes_paths: [/b]\n", E_CONFIG_REFERENCE, 4);
    assert_int_equal(load("endpoints:\n  default:\n    paths: [/a]\n"), BASE_OK);
}

static void
rules_between_settings(void **state)
{
    (void)state;
    assert_refused(
        "endpoints:\n  a:\n    paths: [/a, /b]\n  b:\n    paths: [/c, /a]\n", E_CONFIG_VALUE, 5);
    assert_refused("endpoints:\n  a:\n    paths: [/a, /b, /a]\n", E_CONFIG_VALUE, 3);
    assert_refused("profiles:\n  default:\n    min_rsa_bits: 8000\n", E_CONFIG_RANGE, 3);
    assert_refused("profiles:\n  default:\n    static_challenge: short\n", E_CONFIG_RANGE, 3);
    assert_refused("crl:\n  valid: 1d\n  renew_before: 1d\n", E_CONFIG_RANGE, 3);
    assert_refused("limits:\n  connections: 10\n  connections_per_source: 11\n", E_CONFIG_RANGE, 3);
    assert_int_equal(load("limits:\n  connections: 10\n"), BASE_OK);
    assert_refused("listen: [127.0.0.1:80,\n 127.0.0.1:80]\n", E_CONFIG_VALUE, 2);
}

/* A webhook with one of its lines changed; the line that is wrong is the last. */
#define HOOK "policies:\n  hook:\n    type: webhook\n"
#define HOOK_URL HOOK "    url: https://hooks.example.org/k?a=b\n"
#define INTUNE "policies:\n  i:\n    type: intune\n    tenant: t.onmicrosoft.com\n"
#define INTUNE_ID INTUNE "    client_id: 0123-ab\n"
#define BOTH HOOK_URL "    secret: s\n  i: {type: intune, tenant: t, client_id: c, secret: s}\n"

static void
policies_say_what_their_type_needs(void **state)
{
    (void)state;
    assert_int_equal(
        load(HOOK_URL "    secret: s\n    events: [request_received, issued]\n"), BASE_OK);
    assert_string_equal(settings.policies[0].events, "request_received\nissued");
    assert_int_equal(load(HOOK_URL "    secret: s\n"), BASE_OK);
    assert_int_equal(settings.policy_count, 1);
    assert_int_equal(settings.policies[0].type, IPC_POLICY_WEBHOOK);
    assert_int_equal(settings.policies[0].asked, 1);
    assert_int_equal(settings.policies[0].timeout_s, 10);
    assert_string_equal(settings.policies[0].events, "*");
    assert_int_equal(load(INTUNE_ID "    secret: s\n"), BASE_OK);
    assert_string_equal(settings.policies[0].authority, "https://login.microsoftonline.com/");
    assert_int_equal(
        load(INTUNE_ID "    assertion_certificate: c\n    assertion_key: k\n"), BASE_OK);
    assert_refused("policies:\n  hook:\n    url: https://a/\n", E_CONFIG_REQUIRED, 2);
    assert_refused("policies:\n  challenge:\n    type: webhook\n", E_CONFIG_VALUE, 2);
    assert_refused(HOOK "    secret: s\n", E_CONFIG_REQUIRED, 2);
    assert_refused(HOOK_URL, E_CONFIG_REQUIRED, 2);
    assert_refused(HOOK "    secret: s\n    url: http://hooks.example.org/\n", E_CONFIG_VALUE, 5);
    assert_refused(
        HOOK "    secret: s\n    url: http://127.0.0.1.example.org/\n", E_CONFIG_VALUE, 5);
    assert_int_equal(load(HOOK "    secret: s\n    url: http://127.0.0.1:80/\n"), BASE_OK);
    assert_int_equal(load(HOOK "    secret: s\n    url: http://[::1]/\n"), BASE_OK);
    assert_refused("policies:\n  i:\n    type: intune\n    secret: s\n", E_CONFIG_REQUIRED, 2);
    assert_refused(INTUNE "    secret: s\n", E_CONFIG_REQUIRED, 2);
    assert_refused(INTUNE_ID, E_CONFIG_REQUIRED, 2);
    assert_refused(INTUNE_ID "    assertion_certificate: c\n", E_CONFIG_REQUIRED, 6);
    assert_refused(INTUNE_ID "    assertion_key: c\n", E_CONFIG_REQUIRED, 2);
    assert_refused(INTUNE_ID "    secret: s\n    assertion_key: k\n    assertion_certificate: c\n",
        E_CONFIG_REQUIRED, 8);
    assert_refused(
        INTUNE_ID "    secret: s\n    graph_url: http://graph.example.org/\n", E_CONFIG_VALUE, 7);
    assert_refused(INTUNE_ID "    secret: s\n    events: [issued, asked]\n", E_CONFIG_VALUE, 7);
    assert_refused(INTUNE_ID "    secret: s\n    revocations: 59s\n", E_CONFIG_RANGE, 7);
    assert_refused(HOOK_URL "    secret: s\n    events: ['*', issued]\n", E_CONFIG_VALUE, 6);
    assert_refused(
        HOOK_URL "    secret: s\n    events: [issued, failed, issued]\n", E_CONFIG_VALUE, 6);
    assert_refused(HOOK "    secret: ../s\n", E_CONFIG_VALUE, 4);
    assert_refused(HOOK "    secret: .s\n", E_CONFIG_VALUE, 4);
    assert_refused(HOOK "    url: https://user:word@hooks.example.org/\n", E_CONFIG_VALUE, 4);
    assert_refused(HOOK "    url: https:///x\n", E_CONFIG_VALUE, 4);
    assert_refused(HOOK "    proxy: https://proxy/\n", E_CONFIG_VALUE, 4);
    assert_refused(INTUNE "    client_id: a/b\n", E_CONFIG_VALUE, 5);
    assert_refused(HOOK "    events: [Issued]\n", E_CONFIG_VALUE, 4);
}

static void
endpoints_name_the_policies_that_must_agree(void **state)
{
    (void)state;
    assert_int_equal(load(""), BASE_OK);
    assert_string_equal(settings.endpoints[0].policies, "challenge");
    assert_int_equal(load("policies: {}\n"), BASE_OK);
    assert_int_equal(settings.policy_count, 0);
    assert_int_equal(load(BOTH "endpoints:\n  a:\n    policies: [challenge, hook]\n"), BASE_OK);
    assert_string_equal(settings.endpoints[0].policies, "challenge\nhook");
    assert_int_equal(load(BOTH "endpoints:\n  a:\n    policies: [hook, i]\n"), BASE_OK);
    assert_refused(BOTH "endpoints:\n  a:\n    policies: [challenge, i]\n", E_CONFIG_VALUE, 9);
    assert_non_null(strstr(err.detail, "one challengePassword"));
    assert_refused(BOTH "endpoints:\n  a:\n    policies: [hook, none]\n", E_CONFIG_REFERENCE, 9);
    assert_refused(BOTH "endpoints:\n  a:\n    policies: [hook, hook]\n", E_CONFIG_VALUE, 9);
    assert_refused(BOTH "endpoints:\n  a:\n    policies: []\n", E_CONFIG_RANGE, 9);
    assert_refused(HOOK_URL
        "    secret: s\n    asked: no\nendpoints:\n  a:\n    policies: [hook]\n",
        E_CONFIG_VALUE, 9);
    assert_non_null(strstr(err.detail, "nobody is asked"));
}

/* Intune is told of what it was asked, with the request and its own challenge. */
#define TOLD                                                                                       \
    HOOK_URL "    secret: s\n  i: {type: intune, tenant: t, client_id: c, secret: s, asked: no}\n"
#define TWO                                                                                        \
    BOTH "  j: {type: intune, tenant: u, client_id: c, secret: s}\n"                               \
         "endpoints:\n  a:\n    policies: [i, j]\n"
#define WAITING "profiles:\n  default:\n    valid: 30d\n    approval: yes\n"

static void
what_intune_can_never_agree_to_is_refused(void **state)
{
    (void)state;
    assert_refused(
        TOLD "endpoints:\n  a:\n    policies: [challenge, hook, i]\n", E_CONFIG_VALUE, 9);
    assert_non_null(strstr(err.detail, "one challengePassword"));
    assert_int_equal(load(TOLD "endpoints:\n  a:\n    policies: [hook, i]\n"), BASE_OK);
    assert_refused(TWO, E_CONFIG_VALUE, 10);
    assert_non_null(strstr(err.detail, "i and j"));
    assert_refused(BOTH "endpoints:\n  a:\n    policies: [hook, i]\n" WAITING, E_CONFIG_VALUE, 13);
    assert_non_null(strstr(err.detail, "profile default waits for approval, at endpoint a with i"));
    assert_refused(TOLD "endpoints:\n  a:\n    policies: [hook, i]\n" WAITING, E_CONFIG_VALUE, 13);
    assert_int_equal(
        load(BOTH "endpoints:\n  a:\n    policies: [challenge, hook]\n" WAITING), BASE_OK);
    /* The profile that waits is at another endpoint. */
    assert_int_equal(load(BOTH "endpoints:\n  a:\n    policies: [i]\n  b:\n    paths: [/b]\n"
                               "    ndes_paths: []\n    profiles: [slow]\n"
                               "profiles:\n  default: {}\n  slow: {approval: yes}\n"),
        BASE_OK);
}

static void
texts_with_a_form_are_checked(void **state)
{
    (void)state;
    assert_refused("listen: [localhost:80]", E_CONFIG_VALUE, 1);
    assert_refused("trusted_proxies: [10.0.0.0/33]", E_CONFIG_VALUE, 1);
    assert_refused("public_url: ftp://x", E_CONFIG_VALUE, 1);
    assert_refused("public_url: http:///x", E_CONFIG_VALUE, 1);
    assert_refused("public_url: http://x/?y", E_CONFIG_VALUE, 1);
    assert_refused("public_url: http://x y/", E_CONFIG_VALUE, 1);
    assert_refused("ca:\n  default:\n    key: file:../x", E_CONFIG_VALUE, 3);
    assert_refused("ca:\n  default:\n    key: pkcs11:x", E_CONFIG_VALUE, 3);
    assert_refused("endpoints:\n  default:\n    paths: [scep]", E_CONFIG_VALUE, 3);
    assert_refused("endpoints:\n  default:\n    paths: [/scep/]", E_CONFIG_VALUE, 3);
    assert_refused("endpoints:\n  default:\n    paths: [/scep%41]", E_CONFIG_VALUE, 3);
    assert_refused("users:\n  front: a:b", E_CONFIG_VALUE, 2);
    static const char *const bad_oids[] = {
        "1", "1.", ".1", "1..2", "3.1", "1.40", "01.2", "1.2.x", "clientauth"};
    for (size_t i = 0; i < sizeof(bad_oids) / sizeof(bad_oids[0]); i++) {
        char text[96] = "";
        (void)snprintf(text, sizeof(text), "profiles:\n  default:\n    extended_key_usage: ['%s']",
            bad_oids[i]);
        assert_refused(text, E_CONFIG_VALUE, 3);
    }
}

static void
values_arrive_where_they_belong(void **state)
{
    (void)state;
    assert_int_equal(
        load("listen: [127.0.0.1:1, {address: '[::1]:2', purposes: [documents]}]\n"
             "public_url: http://scep.example.org:81/pki//\n"
             "trusted_proxies: [10.0.0.0/8, '::1']\n"
             "confinement: strict\n"
             "log: {level: debug, file: kurier.log}\n"
             "limits: {connections: 20, wrong_challenges_per_minute: 3, retry_window: 12h}\n"
             "crl: {valid: 2d, renew_before: 5h}\n"
             "users: {front: www-data}\n"
             "ca: {default: , other: {key: 'file:my.key'}}\n"
             "endpoints:\n"
             "  default: {profiles: [phones, default], allow_3des: no, failure_content: absent, "
             "ca: other}\n"
             "profiles:\n"
             "  default:\n"
             "  phones:\n"
             "    valid: 1y\n"
             "    key_usage: [digitalSignature]\n"
             "    extended_key_usage: [clientAuth, 1.2.3]\n"
             "    san_types: []\n"
             "    key_types: [ec]\n"
             "    static_challenge: 'a b: #12345'\n"),
        BASE_OK);
    assert_int_equal(settings.listener_count, 2);
    assert_string_equal(settings.listeners[0].address, "127.0.0.1:1");
    assert_int_equal(settings.listeners[0].purposes, IPC_LISTEN_SCEP | IPC_LISTEN_DOCUMENTS);
    assert_string_equal(settings.listeners[1].address, "[::1]:2");
    assert_int_equal(settings.listeners[1].purposes, IPC_LISTEN_DOCUMENTS);
    assert_string_equal(settings.public_url, "http://scep.example.org:81/pki");
    assert_string_equal(settings.trusted_proxies, "10.0.0.0/8\n::1");
    assert_int_equal(settings.is_strict, 1);
    assert_int_equal(settings.log.level, BASE_LOG_DEBUG);
    assert_string_equal(settings.log.file, "kurier.log");
    assert_int_equal(settings.limits.connections, 20);
    assert_int_equal(settings.limits.retry_window_s, 43200);
    assert_int_equal(settings.crl.renew_before_s, 18000);
    assert_string_equal(settings.users.front, "www-data");
    assert_string_equal(settings.users.signer, "kurier-signer");
    assert_int_equal(settings.ca_count, 2);
    assert_string_equal(settings.cas[1].key, "file:my.key");
    assert_string_equal(settings.endpoints[0].profiles, "phones\ndefault");
    assert_int_equal(settings.endpoints[0].allow_3des, 0);
    assert_int_equal(settings.endpoints[0].allow_sha1, 1);
    assert_int_equal(settings.endpoints[0].failure_content, 1);
    assert_int_equal(settings.profile_count, 2);
    assert_int_equal(settings.profiles[1].valid_s, 31536000);
    assert_int_equal(settings.profiles[1].key_usage, 0x80);
    assert_int_equal(settings.profiles[0].key_usage, 0xa0);
    assert_string_equal(settings.profiles[1].ekus, "1.3.6.1.5.5.7.3.2\n1.2.3");
    assert_int_equal(settings.profiles[1].san_types, 0);
    assert_int_equal(settings.profiles[0].san_types, 0x47);
    assert_int_equal(settings.profiles[1].key_types, CONFIG_KEY_EC);
    assert_string_equal(settings.profiles[1].static_challenge, "a b: #12345");
}

static void
empty_file_is_a_whole_configuration(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "\n", "# only words\n", "---\n", "log:\nlimits:\n"};
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        assert_int_equal(load(empty[i]), BASE_OK);
        assert_int_equal(settings.listener_count, 1);
        assert_int_equal(settings.profile_count, 1);
        assert_string_equal(settings.profiles[0].place.name, "default");
        assert_int_equal(settings.endpoint_count, 1);
        assert_int_equal(settings.ca_count, 1);
    }
    assert_int_equal(load("listen: []"), BASE_OK);
    assert_int_equal(settings.listener_count, 0);
}

static void
syntax_errors_name_their_line(void **state)
{
    (void)state;
    assert_refused("a: b\n  c: d\n", E_CONFIG_SYNTAX, 2);
    assert_refused("log:\n\tlevel: info\n", E_CONFIG_SYNTAX, 2);
    assert_refused("log: {level: info\n", E_CONFIG_SYNTAX, 2);
    assert_refused("# \xc3\xa9 is fine\n# \xff is not\n", E_CONFIG_SYNTAX, 2);
    assert_refused("log:\n---\nlog:\n", E_CONFIG_SYNTAX, 3);
    assert_refused("log: *nowhere\n", E_CONFIG_SYNTAX, 1);
}

static void
limits_hold_at_the_limit_and_not_beyond(void **state)
{
    (void)state;
    static char text[CONFIG_FILE_MAX + 2];
    size_t at = 0;
    memset(text, '#', sizeof(text) - 1);
    assert_int_equal(
        config_load((struct bytes){(uint8_t *)text, CONFIG_FILE_MAX}, "k", &settings, &err),
        BASE_OK);
    assert_int_equal(
        config_load((struct bytes){(uint8_t *)text, CONFIG_FILE_MAX + 1}, "k", &settings, &err),
        E_CONFIG_LIMIT);
    at = (size_t)snprintf(text, sizeof(text), "profiles:\n  default:\n");
    for (int i = 1; i < CONFIG_PROFILES_MAX; i++) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, "  p%d:\n", i);
    }
    assert_int_equal(load(text), BASE_OK);
    (void)snprintf(text + at, sizeof(text) - at, "  one-more:\n");
    assert_refused(text, E_CONFIG_LIMIT, CONFIG_PROFILES_MAX + 2);
    at = (size_t)snprintf(text, sizeof(text), "listen:\n");
    for (int i = 1; i <= CONFIG_LISTENERS_MAX; i++) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, "  - 127.0.0.1:%d\n", i);
    }
    assert_int_equal(load(text), BASE_OK);
    (void)snprintf(text + at, sizeof(text) - at, "  - 127.0.0.1:99\n");
    assert_refused(text, E_CONFIG_LIMIT, CONFIG_LISTENERS_MAX + 2);
    at = (size_t)snprintf(text, sizeof(text), "endpoints:\n  default:\n    paths:\n");
    for (int i = 0; i < 16; i++) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, "      - /%063d\n", i);
    }
    assert_refused(text, E_CONFIG_LIMIT, 4 + 15); /* 16 paths of 64 octets and their separators */
}

/* TLS and administration: what must not be combined. */
static void
listeners_need_what_their_purpose_wants(void **state)
{
    (void)state;
    assert_int_equal(
        load("listen:\n  - address: 127.0.0.1:9000\n    purposes: [admin]\n"), BASE_OK);
    assert_int_equal(
        load("listen:\n  - address: \"[::1]:9000\"\n    purposes: [admin]\n"), BASE_OK);
    assert_refused(
        "listen:\n  - address: 0.0.0.0:9000\n    purposes: [admin]\n", E_CONFIG_VALUE, 3);
    assert_refused(
        "listen:\n  - address: 192.0.2.7:9000\n    purposes: [admin]\n", E_CONFIG_VALUE, 3);
    assert_refused(
        "listen:\n  - address: \"[::]:9000\"\n    purposes: [admin]\n", E_CONFIG_VALUE, 3);
    assert_refused(
        "listen:\n  - address: 127.0.0.1:9000\n    purposes: [admin, scep]\n", E_CONFIG_VALUE, 3);
    assert_int_equal(
        load("listen:\n  - address: 0.0.0.0:9000\n    purposes: [admin]\n"
             "    tls: own\n    names: [kurier.example.org, 192.0.2.7, \"2001:db8::7\"]\n"),
        BASE_OK);
    assert_int_equal(load("listen:\n  - address: 0.0.0.0:9000\n    tls: files\n"
                          "    certificate: tls.crt\n    key: /etc/ssl/private/tls.key\n"),
        BASE_OK);
    assert_refused("listen:\n  - address: 0.0.0.0:9000\n    tls: files\n    key: tls.key\n",
        E_CONFIG_REQUIRED, 3);
    assert_refused("listen:\n  - address: 0.0.0.0:9000\n    tls: files\n    certificate: a\n",
        E_CONFIG_REQUIRED, 3);
    assert_refused("listen:\n  - address: 0.0.0.0:9000\n    tls: own\n", E_CONFIG_REQUIRED, 3);
    assert_refused(
        "listen:\n  - address: 0.0.0.0:9000\n    tls: own\n    names: [a]\n    ca: other\n",
        E_CONFIG_REFERENCE, 5);
    assert_refused("listen:\n  - address: 0.0.0.0:9000\n    tls: own\n    names: [-a.example]\n",
        E_CONFIG_VALUE, 4);
    assert_refused(
        "listen:\n  - address: 0.0.0.0:9000\n    tls: own\n    names: [a b]\n", E_CONFIG_VALUE, 4);
}

static void
accounts_are_whole(void **state)
{
    (void)state;
    assert_int_equal(load("accounts: {}\n"), BASE_OK);
    assert_int_equal(load("accounts:\n"), BASE_OK);
    assert_int_equal(load("accounts:\n  mdm:\n    token: " TOKEN "\n"), BASE_OK);
    assert_refused("accounts:\n  mdm:\n    profiles: [default]\n", E_CONFIG_REQUIRED, 2);
    assert_refused(
        "accounts:\n  mdm:\n    token: " TOKEN "\n    profiles: [other]\n", E_CONFIG_REFERENCE, 4);
    /* A password or a token where their hash belongs. */
    assert_refused("accounts:\n  mdm:\n    password: geheim\n", E_CONFIG_VALUE, 3);
    assert_refused("accounts:\n  mdm:\n    token: kurier_ABCDEF\n", E_CONFIG_VALUE, 3);
    assert_refused("admin:\n  page_profile: other\n", E_CONFIG_REFERENCE, 2);
    assert_refused("admin:\n  page_outstanding: 10001\n", E_CONFIG_RANGE, 2);
    assert_refused("admin:\n  challenge_page: latin-1\n", E_CONFIG_VALUE, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_need_what_their_purpose_wants),
        cmocka_unit_test(accounts_are_whole),
        cmocka_unit_test(every_key_takes_its_default),
        cmocka_unit_test(every_key_refuses_a_wrong_kind_with_its_line),
        cmocka_unit_test(every_range_is_kept_at_both_ends),
        cmocka_unit_test(every_key_may_stand_once),
        cmocka_unit_test(unknown_keys_are_refused_with_the_nearest_name),
        cmocka_unit_test(objects_have_names_and_stand_once),
        cmocka_unit_test(references_must_be_defined),
        cmocka_unit_test(rules_between_settings),
        cmocka_unit_test(policies_say_what_their_type_needs),
        cmocka_unit_test(endpoints_name_the_policies_that_must_agree),
        cmocka_unit_test(what_intune_can_never_agree_to_is_refused),
        cmocka_unit_test(texts_with_a_form_are_checked),
        cmocka_unit_test(values_arrive_where_they_belong),
        cmocka_unit_test(empty_file_is_a_whole_configuration),
        cmocka_unit_test(syntax_errors_name_their_line),
        cmocka_unit_test(limits_hold_at_the_limit_and_not_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
