#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "notifier/intune.h"
#include "notifier/intune_codes.h"
#include "notifier/intune_messages.h"
#include "notifier/intune_revocations.h"
#include "notifier/json.h"
#include "pki/certificate.h"

#include "base/banned.h"

static struct base_error err;

static enum base_code
count_up(void *arg, uint8_t *out, size_t len, struct base_error *why)
{
    (void)arg;
    (void)why;
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)i;
    }
    return BASE_OK;
}
static const struct base_random fixed_random = {count_up, NULL};

/* As settings.c makes one; cleared by the caller. */
static void
make_policy(struct notifier_policy *policy)
{
    memset(policy, 0, sizeof(*policy));
    secret_init(&policy->secret, NOTIFIER_SECRET_MAX);
    buffer_init(&policy->certificate, NOTIFIER_SECRET_MAX);
    (void)snprintf(policy->tenant, sizeof(policy->tenant), "contoso.onmicrosoft.com");
    (void)snprintf(policy->client_id, sizeof(policy->client_id), "client-1");
    (void)snprintf(policy->app_id, sizeof(policy->app_id), "app-1");
    (void)snprintf(
        policy->authority, sizeof(policy->authority), "https://login.microsoftonline.com/");
    (void)snprintf(policy->graph_url, sizeof(policy->graph_url), "https://graph.microsoft.com/");
    (void)snprintf(
        policy->resource_url, sizeof(policy->resource_url), "https://api.manage.microsoft.com/");
}

static void
addresses_are_those_of_the_services(void **state)
{
    (void)state;
    struct notifier_policy policy;
    char url[NOTIFIER_URL_MAX] = "";
    make_policy(&policy);
    assert_int_equal(notifier_token_url(&policy, url, sizeof(url), &err), BASE_OK);
    assert_string_equal(
        url, "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token");
    assert_int_equal(notifier_discovery_url(&policy, url, sizeof(url), &err), BASE_OK);
    assert_string_equal(
        url, "https://graph.microsoft.com/v1.0/servicePrincipals/appId=app-1/endpoints");
    (void)snprintf(policy.graph_url, sizeof(policy.graph_url), "https://g.example//");
    assert_int_equal(notifier_discovery_url(&policy, url, sizeof(url), &err), BASE_OK);
    assert_string_equal(url, "https://g.example/v1.0/servicePrincipals/appId=app-1/endpoints");
    assert_int_equal(notifier_token_url(&policy, url, 40, &err), E_TOO_LARGE);
}

static void
a_token_is_asked_for_with_the_scope_of_each_service(void **state)
{
    (void)state;
    struct notifier_policy policy;
    BUFFER_LOCAL(form, NOTIFIER_BODY_MAX);
    make_policy(&policy);
    assert_int_equal(secret_set(&policy.secret, BYTES_LITERAL("a+b&c=d%~\xc3\xa9"), &err), BASE_OK);
    assert_int_equal(
        notifier_token_form(&policy, "https://x/", true, 0, &fixed_random, &form, &err), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&form),
        "grant_type=client_credentials&client_id=client-1&scope=https%3A%2F%2Fgraph.microsoft.com%"
        "2F.default&client_secret=a%2Bb%26c%3Dd%25~%C3%A9"));
    buffer_reset(&form);
    assert_int_equal(
        notifier_token_form(&policy, "https://x/", false, 0, &fixed_random, &form, &err), BASE_OK);
    /* The slash is there twice: that of the resource is part of its name. */
    assert_non_null(memmem(form.ptr, form.len, "microsoft.com%2F%2F.default", 27));
    secret_clear(&policy.secret);
}

/* A part of a JWT, decoded. */
static json_t *
part_of(struct bytes *rest)
{
    const uint8_t *dot = memchr(rest->ptr, '.', rest->len);
    struct bytes part = {rest->ptr, (size_t)(dot - rest->ptr)};
    json_t *object = NULL;
    BUFFER_LOCAL(text, 4096);
    assert_null(memchr(part.ptr, '=', part.len));
    assert_int_equal(base_base64_decode(part, &text, &err), BASE_OK);
    assert_int_equal(notifier_json_parse(buffer_bytes(&text), &object, &err), BASE_OK);
    *rest = bytes_skip(*rest, part.len + 1);
    return object;
}

static void
an_assertion_proves_the_certificates_key(void **state)
{
    (void)state;
    struct notifier_policy policy;
    OWN_STRUCT(pki_public_key) public_key = NULL;
    BUFFER_LOCAL(jwt, NOTIFIER_TOKEN_MAX);
    BUFFER_LOCAL(signature, 1024);
    make_policy(&policy);
    assert_int_equal(
        pki_private_key_generate(BYTES_LITERAL("rsa:2048"), &policy.key, &err), BASE_OK);
    assert_int_equal(buffer_append(&policy.certificate, BYTES_LITERAL("abc"), &err), BASE_OK);
    assert_int_equal(notifier_token_assertion(&policy, "https://aud.example/token", 1700000000,
                         &fixed_random, &jwt, &err),
        BASE_OK);
    struct bytes rest = buffer_bytes(&jwt);
    OWN(json_t) header = part_of(&rest);
    OWN(json_t) claims = part_of(&rest);
    assert_string_equal(json_string_value(json_object_get(header, "alg")), "RS256");
    /* SHA-1 of "abc" is a9993e36 4706816a ba3e2571 7850c26c 9cd0d89d. */
    assert_string_equal(
        json_string_value(json_object_get(header, "x5t")), "qZk-NkcGgWq6PiVxeFDCbJzQ2J0");
    assert_string_equal(
        json_string_value(json_object_get(claims, "aud")), "https://aud.example/token");
    assert_string_equal(json_string_value(json_object_get(claims, "iss")), "client-1");
    assert_string_equal(json_string_value(json_object_get(claims, "sub")), "client-1");
    assert_string_equal(
        json_string_value(json_object_get(claims, "jti")), "00010203-0405-4607-8809-0a0b0c0d0e0f");
    assert_int_equal(json_integer_value(json_object_get(claims, "nbf")), 1700000000);
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")), 1700000300);
    assert_int_equal(base_base64_decode(rest, &signature, &err), BASE_OK);
    assert_int_equal(
        pki_public_key_read(pki_private_key_peek_spki(policy.key), &public_key, &err), BASE_OK);
    struct bytes covered = {jwt.ptr, (size_t)(rest.ptr - 1 - jwt.ptr)};
    const struct pki_signature_algorithm algorithm = {.kind = PKI_RSA_PKCS1, .digest = PKI_SHA256};
    assert_int_equal(
        pki_verify(public_key, &algorithm, covered, buffer_bytes(&signature), &err), BASE_OK);
    buffer_clear(&policy.certificate);
    pki_private_key_free(policy.key);
}

static enum base_code
read_token(const char *body, int64_t *expires_s)
{
    struct secret token;
    secret_init(&token, NOTIFIER_TOKEN_MAX);
    enum base_code code = notifier_token_parse(bytes_from_text(body), &token, expires_s, &err);
    assert_true(code != BASE_OK || bytes_equal_text(secret_peek(&token), "abc"));
    secret_clear(&token);
    return code;
}

static void
a_token_is_read_with_its_life(void **state)
{
    (void)state;
    int64_t expires_s = 0;
    assert_int_equal(read_token("{\"access_token\":\"abc\",\"expires_in\":3599}", &expires_s), 0);
    assert_int_equal(expires_s, 3599);
    assert_int_equal(read_token("{\"access_token\":\"abc\",\"expires_in\":\"60\"}", &expires_s), 0);
    assert_int_equal(expires_s, 60);
    assert_int_equal(read_token("{\"access_token\":\"abc\"}", &expires_s), 0);
    assert_int_equal(expires_s, 3599);
    assert_int_equal(
        read_token("{\"access_token\":\"abc\",\"expires_in\":999999999}", &expires_s), 0);
    assert_int_equal(expires_s, 86400);
    static const char *const bad[] = {"", "[]", "{}", "{\"access_token\":\"\"}",
        "{\"access_token\":7}", "{\"access_token\":\"a b\"}",
        "{\"access_token\":\"a\\r\\nX-Header: b\"}", "{\"access_token\":\"a\\u0000b\"}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_token(bad[i], &expires_s), E_SERVICE_ANSWER);
        assert_null(strstr(err.detail, "X-Header"));
    }
}

static void
discovery_is_read_without_trust(void **state)
{
    (void)state;
    struct notifier_intune_uris uris;
#define ENTRY(name, uri) "{\"value\":[{\"providerName\":\"" name "\",\"uri\":\"" uri "\"}]}"
    assert_int_equal(notifier_discovery_parse(BYTES_LITERAL(ENTRY("sCEPRequestValidationFEService",
                                                  "https://a.example/b//")),
                         false, &uris, &err),
        BASE_OK);
    assert_string_equal(uris.uri[NOTIFIER_VALIDATION], "https://a.example/b");
    assert_string_equal(uris.uri[NOTIFIER_REVOCATION], "");
    static const char *const bad[] = {ENTRY("ScepRequestValidationFEService", "http://a.example"),
        ENTRY("ScepRequestValidationFEService", "file:///etc/passwd"),
        ENTRY("ScepRequestValidationFEService", "https://a b"),
        ENTRY("ScepRequestValidationFEService", "https://a\\r\\nb"),
        ENTRY("ScepRequestValidationFEService", ""), "{\"value\":{}}", "{}", "[]", ""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(notifier_discovery_parse(bytes_from_text(bad[i]), false, &uris, &err),
            E_SERVICE_ANSWER);
    }
    assert_int_equal(
        notifier_discovery_parse(BYTES_LITERAL(ENTRY("Other", "https://a")), false, &uris, &err),
        E_SERVICE_PERMISSION);
}

/* One table: nothing stands in it twice, Success does not, and each row is a failure of its own. */
static void
every_code_has_its_row(void **state)
{
    (void)state;
    size_t count = 0;
    const struct notifier_intune_code *table = notifier_intune_code_table(&count);
    assert_int_equal(count, 26);
    for (size_t i = 0; i < count; i++) {
        struct notifier_verdict verdict;
        char body[256] = "";
        const char *text = table[i].text[0] == '\0' ? "NewCode" : table[i].text;
        assert_string_not_equal(table[i].text, "Success");
        assert_true(table[i].hresult >= 0x80000000U);
        assert_int_not_equal(base_error_find(table[i].code)->fail_info, BASE_FAIL_NONE);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(table[k].code, table[i].code);
            assert_string_not_equal(table[k].text, table[i].text);
        }
        (void)snprintf(body, sizeof(body), "{\"code\":\"%s\",\"errorDescription\":\"x\"}", text);
        notifier_intune_judge(NOTIFIER_VERIFY, bytes_from_text(body), "a-b", &verdict);
        assert_int_equal(verdict.outcome, NOTIFIER_NO);
        assert_int_equal(verdict.code, table[i].code);
        assert_string_equal(verdict.reason, text);
        assert_string_equal(verdict.detail, "x (ActivityId a-b)");
    }
}

static void
serials_are_read_in_every_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *hex; /* "": none */
    } table[] = {{"01AA", "01aa"}, {"0x01aa", "01aa"}, {"1aa", "01aa"}, {"01:aa", "01aa"},
        {"00000001aa", "01aa"}, {"0", "00"}, {"", ""}, {"xyz", ""}, {"-1", ""},
        {"0102030405060708090a0b0c0d0e0f1011121314", "0102030405060708090a0b0c0d0e0f1011121314"},
        {"0102030405060708090a0b0c0d0e0f101112131415", ""}};
    static struct notifier_revocation list[NOTIFIER_REVOCATIONS_PAGE];
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char body[256] = "";
        char hex[64] = "";
        size_t count = 0;
        OWN(json_t) page = NULL;
        (void)snprintf(body, sizeof(body),
            "{\"value\":[{\"requestContext\":\"c\",\"serialNumber\":\"%s\"}]}", table[i].text);
        assert_int_equal(
            notifier_revocations_parse(bytes_from_text(body), &page, list, &count, &err), BASE_OK);
        assert_int_equal(count, 1);
        base_hex((struct bytes){list[0].serial, list[0].serial_len}, hex);
        assert_string_equal(hex, table[i].hex);
    }
}

static void
a_page_holds_as_many_as_were_asked_for(void **state)
{
    (void)state;
    static struct notifier_revocation list[NOTIFIER_REVOCATIONS_PAGE];
    for (int more = 0; more < 2; more++) {
        size_t count = 0;
        OWN(json_t) page = NULL;
        BUFFER_LOCAL(body, NOTIFIER_ANSWER_MAX);
        assert_int_equal(buffer_append_text(&body, "{\"value\":[", &err), BASE_OK);
        for (int i = 0; i < NOTIFIER_REVOCATIONS_PAGE + more; i++) {
            assert_int_equal(buffer_append_text(&body, i > 0 ? "," : "", &err), BASE_OK);
            assert_int_equal(buffer_append_text(
                                 &body, "{\"requestContext\":\"c\",\"serialNumber\":\"01\"}", &err),
                BASE_OK);
        }
        assert_int_equal(buffer_append_text(&body, "]}", &err), BASE_OK);
        assert_int_equal(notifier_revocations_parse(buffer_bytes(&body), &page, list, &count, &err),
            more == 0 ? BASE_OK : E_SERVICE_ANSWER);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_those_of_the_services),
        cmocka_unit_test(a_token_is_asked_for_with_the_scope_of_each_service),
        cmocka_unit_test(an_assertion_proves_the_certificates_key),
        cmocka_unit_test(a_token_is_read_with_its_life),
        cmocka_unit_test(discovery_is_read_without_trust),
        cmocka_unit_test(every_code_has_its_row),
        cmocka_unit_test(serials_are_read_in_every_spelling),
        cmocka_unit_test(a_page_holds_as_many_as_were_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
