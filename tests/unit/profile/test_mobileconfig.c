#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/own.h"
#include "facts.h"
#include "profile/mobileconfig_read.h"

#include "base/banned.h"

static void
what_is_written_is_read_back(void **state)
{
    struct facts facts;
    struct profile_scep scep;
    struct base_error err = {0};
    (void)state;
    facts_init(&facts, "CN=a\\,<b>&\\\"c\\\",OU=x+UID=7,O=Ex,C=DE",
        "DNS:a.example\nDNS:b.example\nemail:a@b\nURI:tag:x,1\nUPN:u@x\n");
    (void)facts_write(&facts, PROFILE_MOBILECONFIG);
    profile_scep_init(&scep);
    struct bytes file = {facts.out.ptr, facts.out.len - 1};
    assert_int_equal(profile_mobileconfig_read(file, 1, &scep, &err), BASE_OK);
    assert_true(bytes_equal(buffer_bytes(&scep.url), facts.spec.url));
    assert_true(bytes_equal(buffer_bytes(&scep.challenge), facts.spec.challenge));
    assert_true(bytes_equal_text(buffer_bytes(&scep.name), "SCEP Authority"));
    assert_true(bytes_equal(buffer_bytes(&scep.subject_der), facts.spec.subject_der));
    assert_true(pki_sans_equal(buffer_bytes(&scep.sans_der), facts.spec.sans_der));
    assert_true(bytes_equal(buffer_bytes(&scep.root), facts.cas[1]));
    assert_int_equal(scep.fingerprint.len, 32);
    assert_int_equal(scep.signer.len, 0);
    assert_string_equal(scep.key_spec, "rsa:2048");
    assert_int_equal(scep.key_usage, 5);
    assert_int_equal(scep.retries, 3);
    assert_int_equal(scep.retry_delay, 10);
    assert_int_equal(scep.scep_count, 1);
    profile_scep_clear(&scep);
    facts_clear(&facts);
}

static void
the_payloads_and_texts_are_those_of_the_format(void **state)
{
    struct facts facts;
    (void)state;
    facts_init(&facts, "CN=x", "");
    const char *text = facts_write(&facts, PROFILE_MOBILECONFIG);
    assert_contains(text, "<string>com.apple.security.root</string>");
    assert_contains(text, "<string>com.apple.security.pkcs1</string>");
    assert_contains(text, "<string>com.apple.security.scep</string>");
    assert_contains(text, "<string>Certificate of dev&lt;i&gt;&amp;'ce</string>");
    assert_contains(text, "<string>http://scep.example/scep?a&amp;b</string>");
    assert_contains(text, "<string>5A5A5A5A-5A5A-4A5A-9A5A-5A5A5A5A5A5A</string>");
    assert_null(strstr(text, "SubjectAltName"));
    facts_clear(&facts);
}

static void
expect_refusal(struct facts *facts, enum base_code code)
{
    struct base_error err = {0};
    buffer_reset(&facts->out);
    assert_int_equal(profile_check(PROFILE_MOBILECONFIG, &facts->spec, &err), code);
    assert_int_equal(profile_write(PROFILE_MOBILECONFIG, &facts->spec, &facts->out, &err), code);
    assert_int_equal(facts->out.len, 0);
}

static void
what_it_cannot_say_is_refused(void **state)
{
    static const struct profile_setting settings[] = {{BYTES_INIT("Retries"), BYTES_INIT("1001")},
        {BYTES_INIT("KeyIsExtractable"), BYTES_INIT("1")},
        {BYTES_INIT("CAFingerprint"), BYTES_INIT("md5")}, {BYTES_INIT("Nothing"), BYTES_INIT("1")}};
    struct facts facts;
    (void)state;
    facts_init(&facts, "CN=x", "");
    facts.spec.key_bits = 3072;
    expect_refusal(&facts, E_PROFILE_UNFIT);
    facts.spec.key_bits = 2048;
    facts.spec.key_usage = PKI_KEY_AGREEMENT;
    expect_refusal(&facts, E_PROFILE_UNFIT);
    facts.spec.key_usage = PKI_DIGITAL_SIGNATURE;
    facts.spec.setting_count = 1;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        facts.spec.settings = &settings[i];
        expect_refusal(&facts, E_USAGE);
    }
    facts.spec.setting_count = 0;
    facts.spec.device = BYTES_LITERAL("a\nb");
    expect_refusal(&facts, E_TEXT_FORMAT);
    /* U+FFFF is UTF-8 that XML cannot hold; it is seen when the text is written. */
    struct base_error err = {0};
    facts.spec.device = BYTES_LITERAL("a\xef\xbf\xbf");
    assert_int_equal(
        profile_write(PROFILE_MOBILECONFIG, &facts.spec, &facts.out, &err), E_PROFILE_UNFIT);
    facts_clear(&facts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_payloads_and_texts_are_those_of_the_format),
        cmocka_unit_test(what_it_cannot_say_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
