#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "notifier/json.h"
#include "notifier/webhook.h"

#include "base/banned.h"

static struct base_error err;

static void
a_signature_is_that_of_time_dot_body(void **state)
{
    (void)state;
    char signature[NOTIFIER_SIGNATURE_LEN] = "";
    /* printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key */
    assert_int_equal(notifier_webhook_sign(BYTES_LITERAL("key"), 1700000000,
                         BYTES_LITERAL("{\"a\":1}"), signature, &err),
        BASE_OK);
    assert_string_equal(signature,
        "t=1700000000,v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03");
    char other[NOTIFIER_SIGNATURE_LEN] = "";
    assert_int_equal(notifier_webhook_sign(
                         BYTES_LITERAL("key"), 1700000001, BYTES_LITERAL("{\"a\":1}"), other, &err),
        BASE_OK);
    assert_string_not_equal(signature + 13, other + 13);
}

static void
a_question_of_the_largest_size_fits(void **state)
{
    (void)state;
    static uint8_t csr[IPC_CSR_MAX];
    static char challenge[IPC_CHALLENGE_MAX];
    static char subject[IPC_SUBJECT_MAX];
    static char sans[8192];
    OWN(json_t) read = NULL;
    BUFFER_LOCAL(body, NOTIFIER_BODY_MAX);
    memset(challenge, 1, sizeof(challenge)); /* each octet becomes \x01, and \\x01 in JSON */
    memset(subject, 1, sizeof(subject));
    memset(sans, 1, sizeof(sans));
    struct ipc_verify verify = {.request_id = UINT64_MAX,
        .csr = BYTES_ARRAY(csr),
        .challenge = {(uint8_t *)challenge, sizeof(challenge)},
        .subject = {(uint8_t *)subject, sizeof(subject)},
        .sans = {(uint8_t *)sans, sizeof(sans)}};
    assert_int_equal(notifier_webhook_question(&verify, &body, &err), BASE_OK);
    assert_int_equal(notifier_json_parse(buffer_bytes(&body), &read, &err), BASE_OK);
    assert_string_equal(
        json_string_value(json_object_get(read, "request_id")), "18446744073709551615");
    assert_int_equal(json_string_length(json_object_get(read, "csr")), (IPC_CSR_MAX + 2) / 3 * 4);
}

static struct notifier_verdict
judge(long status, const char *body, enum notifier_failure failure)
{
    const struct notifier_answer answer = {.failure = failure,
        .failure_text = "so it went",
        .status = status,
        .body = bytes_from_text(body),
        .retry_after_s = 5};
    struct notifier_verdict verdict;
    notifier_webhook_judge_question("hook", &answer, &verdict);
    return verdict;
}

static void
only_the_json_value_true_allows(void **state)
{
    (void)state;
    assert_int_equal(judge(200, "{\"allow\":true}", NOTIFIER_ANSWERED).outcome, NOTIFIER_YES);
    assert_int_equal(
        judge(200, "\xef\xbb\xbf{\"allow\":true}", NOTIFIER_ANSWERED).outcome, NOTIFIER_YES);
    assert_int_equal(judge(200, "{\"allow\":false}", NOTIFIER_ANSWERED).outcome, NOTIFIER_NO);
    static const char *const others[] = {"", "true", "{\"allow\":1}", "{\"allow\":\"true\"}",
        "{\"allow\":[true]}", "{\"x\":{\"allow\":true}}", "{\"allow\":true}{}", "{'allow':true}"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct notifier_verdict verdict = judge(200, others[i], NOTIFIER_ANSWERED);
        assert_int_equal(verdict.outcome, NOTIFIER_LATER);
        assert_int_equal(verdict.code, E_SERVICE_ANSWER);
    }
    assert_int_equal(judge(201, "{\"allow\":true}", NOTIFIER_ANSWERED).outcome, NOTIFIER_LATER);
}

static void
no_answer_has_a_code_for_its_reason(void **state)
{
    (void)state;
    static const struct {
        enum notifier_failure failure;
        enum base_code code;
    } table[] = {{NOTIFIER_NO_NAME, E_SERVICE_UNREACHABLE},
        {NOTIFIER_NO_CONNECTION, E_SERVICE_UNREACHABLE}, {NOTIFIER_NO_TLS, E_SERVICE_TLS},
        {NOTIFIER_TOO_LATE, E_SERVICE_LATE}, {NOTIFIER_TOO_LARGE, E_SERVICE_ANSWER},
        {NOTIFIER_BROKEN, E_SERVICE_UNREACHABLE}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct notifier_verdict verdict = judge(200, "{\"allow\":true}", table[i].failure);
        assert_int_equal(verdict.outcome, NOTIFIER_LATER);
        assert_int_equal(verdict.code, table[i].code);
        assert_string_equal(verdict.detail, "hook: so it went");
        assert_string_not_equal(verdict.reason, "");
    }
}

static void
texts_are_cut_at_a_character(void **state)
{
    (void)state;
    char out[6] = "";
    assert_string_equal(notifier_clean(BYTES_LITERAL("abcde"), out, sizeof(out)), "abcde");
    assert_string_equal(notifier_clean(BYTES_LITERAL("abcdef"), out, sizeof(out)), "abcde");
    assert_string_equal(notifier_clean(BYTES_LITERAL("abcd\xc3\xa9"), out, sizeof(out)), "abcd");
    assert_string_equal(
        notifier_clean(BYTES_LITERAL("\xf0\x9f\x98\x80\xf0\x9f\x98\x80"), out, sizeof(out)),
        "\xf0\x9f\x98\x80");
    assert_string_equal(notifier_clean(BYTES_NONE, out, sizeof(out)), "");
    char escaped[16] = "";
    assert_string_equal(notifier_clean(BYTES_LITERAL("a\nb"), escaped, sizeof(escaped)), "a\\x0ab");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_that_of_time_dot_body),
        cmocka_unit_test(a_question_of_the_largest_size_fits),
        cmocka_unit_test(only_the_json_value_true_allows),
        cmocka_unit_test(no_answer_has_a_code_for_its_reason),
        cmocka_unit_test(texts_are_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
