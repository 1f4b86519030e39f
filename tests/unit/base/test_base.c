#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#include "base/banned.h"

static void
buffer_takes_its_maximum_and_not_one_octet_more(void **state)
{
    (void)state;
    struct base_error err;
    BUFFER_LOCAL(buffer, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(buffer_append_octet(&buffer, 'x', &err), BASE_OK);
    }
    assert_int_equal(buffer_append_octet(&buffer, 'x', &err), E_TOO_LARGE);
    assert_int_equal(buffer.len, 100);
}

static void
buffer_refuses_a_length_that_would_wrap_around(void **state)
{
    (void)state;
    struct base_error err;
    uint8_t *at = NULL;
    BUFFER_LOCAL(buffer, SIZE_MAX);
    assert_int_equal(buffer_append_octet(&buffer, 'x', &err), BASE_OK);
    assert_int_equal(buffer_reserve(&buffer, SIZE_MAX, &at, &err), E_TOO_LARGE);
}

static void
bytes_are_ordered_by_octets_then_length(void **state)
{
    (void)state;
    assert_true(bytes_compare(BYTES_LITERAL("ab"), BYTES_LITERAL("b")) < 0);
    assert_true(bytes_compare(BYTES_LITERAL("a"), BYTES_LITERAL("ab")) < 0);
    assert_int_equal(bytes_compare(BYTES_NONE, BYTES_NONE), 0);
}

static void
error_keeps_its_code_when_context_is_added(void **state)
{
    (void)state;
    struct base_error err;
    assert_int_equal(base_fail(&err, E_TOO_LARGE, "%d octets", 7), E_TOO_LARGE);
    assert_int_equal(base_error_add(&err, "file %s", "a.pem"), E_TOO_LARGE);
    assert_string_equal(err.detail, "file a.pem: 7 octets");
}

static void
catalogue_has_no_number_twice_and_no_empty_text(void **state)
{
    (void)state;
    size_t count = 0;
    const struct base_error_entry *table = base_error_table(&count);
    assert_true(count > 6);
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(table[i].why) > 10);
        assert_true(strlen(table[i].remedy) > 5);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(table[i].code, table[k].code);
        }
    }
    char text[BASE_CODE_TEXT_LEN];
    base_code_text(E_NO_MEMORY, text);
    assert_string_equal(text, "KUR-1001");
}

static void
times_are_written_and_read_back(void **state)
{
    (void)state;
    char text[BASE_TIME_TEXT_LEN];
    base_time_text(951782400, text);
    assert_string_equal(text, "2000-02-29T00:00:00Z");
    struct base_civil_time civil = {2000, 2, 29, 0, 0, 0};
    struct base_error err;
    int64_t at = 0;
    assert_int_equal(base_time_from_civil(&civil, &at, &err), BASE_OK);
    assert_true(at == 951782400);
    civil.year = 2100; /* no leap year */
    assert_int_equal(base_time_from_civil(&civil, &at, &err), E_TEXT_FORMAT);
}

static void
durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {
        {"90", 90}, {"90s", 90}, {"60m", 3600}, {"24h", 86400}, {"30d", 2592000}, {"1y", 31536000}};
    struct base_error err;
    int64_t seconds = 0;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(
            base_duration_parse(bytes_from_text(good[i].text), &seconds, &err), BASE_OK);
        assert_true(seconds == good[i].seconds);
    }
    assert_int_equal(base_duration_parse(BYTES_LITERAL("m"), &seconds, &err), E_TEXT_FORMAT);
    assert_int_equal(base_duration_parse(BYTES_LITERAL("1.5h"), &seconds, &err), E_TEXT_FORMAT);
    assert_int_equal(base_duration_parse(BYTES_LITERAL("-1h"), &seconds, &err), E_TEXT_FORMAT);
}

static void
secrets_are_equal_by_every_octet_and_length(void **state)
{
    (void)state;
    assert_true(base_secret_equal(BYTES_LITERAL("abc"), BYTES_LITERAL("abc")));
    assert_false(base_secret_equal(BYTES_LITERAL("abc"), BYTES_LITERAL("abd")));
    assert_false(base_secret_equal(BYTES_LITERAL("abc"), BYTES_LITERAL("abcd")));
}

static int64_t
fixed_ms(void *arg)
{
    (void)arg;
    return 951782400123;
}

static void
log_record_is_one_line_whatever_a_peer_sends(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const struct base_log log = {ends[1], BASE_LOG_INFO, "front", {fixed_ms, fixed_ms, NULL}};
    struct base_log_record record;
    struct base_error err;
    (void)(base_fail(&err, E_TOO_LARGE, "x") == BASE_OK);
    base_log_begin(&record, &log, BASE_LOG_INFO, "refused", BYTES_LITERAL("a\nevent=forged"));
    base_log_number(&record, "count", -3);
    base_log_code(&record, &err);
    base_log_end(&record);
    base_log_begin(&record, &log, BASE_LOG_DEBUG, "silent", BYTES_NONE);
    base_log_end(&record);
    char text[1024] = "";
    ssize_t got = read(ends[0], text, sizeof(text) - 1);
    assert_true(got > 0);
    text[got] = '\0';
    assert_string_equal(text, "event=refused transaction_id=a\\x0aevent=forged "
                              "time=2000-02-29T00:00:00.123Z level=info role=front "
                              "count=-3 detail=x code=KUR-1002\n");
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_takes_its_maximum_and_not_one_octet_more),
        cmocka_unit_test(buffer_refuses_a_length_that_would_wrap_around),
        cmocka_unit_test(bytes_are_ordered_by_octets_then_length),
        cmocka_unit_test(error_keeps_its_code_when_context_is_added),
        cmocka_unit_test(catalogue_has_no_number_twice_and_no_empty_text),
        cmocka_unit_test(times_are_written_and_read_back),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(secrets_are_equal_by_every_octet_and_length),
        cmocka_unit_test(log_record_is_one_line_whatever_a_peer_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
