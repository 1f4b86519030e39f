#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/own.h"
#include "facts.h"

#include "base/banned.h"

static size_t
count(const char *text, const char *part)
{
    size_t found = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        found++;
    }
    return found;
}

static void
windows_has_one_atomic_that_ends_with_exec(void **state)
{
    struct facts facts;
    (void)state;
    facts_init(&facts, "CN=a\\,b,emailAddress=e@x,O=\\ edge", "UPN:u@x\nDNS:a.example\n");
    const char *text = facts_write(&facts, PROFILE_SYNCML_WINDOWS);
    assert_int_equal(count(text, "<Atomic>"), 1);
    assert_int_equal(count(text, "<Exec>"), 1);
    assert_true(strstr(text, "<Exec>") > strstr(text, "ValidPeriodUnits"));
    assert_null(strstr(strstr(text, "<Exec>"), "<Add>"));
    assert_contains(text, "<Data>CN=\"a,b\",E=e@x,O=\" edge\"</Data>");
    assert_contains(text, "<Data>11+u@x;3+a.example</Data>");
    assert_contains(text, "<Data>1.3.6.1.5.5.7.3.2+1.2.3.4</Data>");
    assert_contains(text, "<Data>SECRET</Data>");
    assert_contains(text, "<Data>http://scep.example/scep?a&amp;b</Data>");
    facts_clear(&facts);
}

static void
windows_refuses_what_it_cannot_say(void **state)
{
    static const struct profile_setting hello[] = {{BYTES_INIT("KeyProtection"), BYTES_INIT("4")},
        {BYTES_INIT("ContainerName"), BYTES_INIT("c")}};
    struct facts facts;
    struct base_error err = {0};
    (void)state;
    facts_init(&facts, "CN=x", "URI:tag:a;b\n");
    assert_int_equal(
        profile_check(PROFILE_SYNCML_WINDOWS, &facts.spec, &err), E_PROFILE_UNFIT); /* ';' */
    facts.spec.sans_der = BYTES_NONE;
    assert_int_equal(profile_check(PROFILE_SYNCML_WINDOWS, &facts.spec, &err), BASE_OK);
    facts.spec.settings = hello;
    facts.spec.setting_count = 1;
    assert_int_equal(profile_check(PROFILE_SYNCML_WINDOWS, &facts.spec, &err), E_PROFILE_UNFIT);
    facts.spec.setting_count = 2;
    assert_int_equal(profile_check(PROFILE_SYNCML_WINDOWS, &facts.spec, &err), BASE_OK);
    facts.spec.key_bits = 4096;
    assert_int_equal(profile_check(PROFILE_SYNCML_WINDOWS, &facts.spec, &err), E_PROFILE_UNFIT);
    facts.spec.setting_count = 0;
    facts.spec.ekus = BYTES_NONE;
    assert_int_equal(profile_check(PROFILE_SYNCML_WINDOWS, &facts.spec, &err), E_PROFILE_UNFIT);
    facts_clear(&facts);
}

static void
android_is_escaped_twice(void **state)
{
    struct facts facts;
    (void)state;
    facts_init(&facts, "CN=a<b,O=Ex", "DNS:a.example\n");
    const char *text = facts_write(&facts, PROFILE_SYNCML_ANDROID);
    assert_contains(text, "&lt;CertificateRequest&gt;");
    assert_contains(text, "&amp;lt;ConfigurationParameters xmlns=");
    assert_contains(text, "&amp;lt;SubjectNameFormat&amp;gt;CN=\"a&amp;amp;lt;b\",O=Ex&amp;lt;/");
    assert_contains(text, "&lt;SubjectName&gt;CN=\"a&amp;lt;b\",O=Ex&lt;/SubjectName&gt;");
    assert_contains(text, "&lt;Issuers&gt;CN=\"Issuing , 1\"; O=Ex&lt;/Issuers&gt;");
    assert_contains(text, "%2FLogicalName_");
    assert_contains(text, "&amp;lt;EKUOID&amp;gt;1.2.3.4&amp;lt;/EKUOID&amp;gt;");
    facts_clear(&facts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(windows_has_one_atomic_that_ends_with_exec),
        cmocka_unit_test(windows_refuses_what_it_cannot_say),
        cmocka_unit_test(android_is_escaped_twice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
