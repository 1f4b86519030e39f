#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/challenge.h"
#include "ledger/identity.h"
#include "ledger/issue.h"
#include "ledger/limits.h"
#include "ledger/state.h"

#include "base/banned.h"

static const uint8_t mac_key[32] = {7};

static bool
is_ours(const char *text, uint64_t *id, uint8_t read_mac[32])
{
    bool answer = false;
    assert_int_equal(ledger_challenge_read(
                         bytes_from_text(text), BYTES_ARRAY(mac_key), &answer, id, read_mac, NULL),
        BASE_OK);
    return answer;
}

static void
a_challenge_is_known_by_its_whole(void **state)
{
    (void)state;
    struct base_random random = base_random_system();
    char text[LEDGER_CHALLENGE_TEXT_LEN + 1];
    uint8_t mac[32];
    uint8_t read_mac[32];
    uint64_t id = 0;
    assert_int_equal(
        ledger_challenge_make(123456789, BYTES_ARRAY(mac_key), &random, text, mac, NULL), BASE_OK);
    assert_int_equal(strlen(text), LEDGER_CHALLENGE_TEXT_LEN);
    assert_true(is_ours(text, &id, read_mac));
    assert_true(id == 123456789);
    assert_memory_equal(mac, read_mac, 32);
    text[20] = text[20] == 'A' ? 'B' : 'A';
    assert_true(is_ours(text, &id, read_mac));
    assert_memory_not_equal(mac, read_mac, 32);
    assert_false(is_ours("SHORT", &id, read_mac));
    text[20] = '!';
    assert_false(is_ours(text, &id, read_mac));
    char id_text[LEDGER_CHALLENGE_ID_TEXT_LEN + 1];
    ledger_challenge_id_text(123456789, id_text);
    assert_true(ledger_challenge_id_read(bytes_from_text(id_text), &id) && id == 123456789);
}

static int64_t now_ms;
static int64_t
fake_ms(void *arg)
{
    (void)arg;
    return now_ms;
}

static void
D13_D16_serials_never_go_back_and_never_repeat(void **state)
{
    (void)state;
    const struct base_clock clock = {fake_ms, fake_ms, NULL};
    struct base_random random = base_random_system();
    struct ledger_serials serials = {0};
    uint8_t first[LEDGER_SERIAL_LEN];
    uint8_t second[LEDGER_SERIAL_LEN];
    now_ms = 1764000000000;
    assert_int_equal(ledger_serial_make(&serials, &clock, &random, first, NULL), BASE_OK);
    assert_int_equal(first[0], 0x01);
    now_ms -= 200000;
    assert_int_equal(ledger_serial_make(&serials, &clock, &random, second, NULL), BASE_OK);
    assert_memory_equal(first, second, 6);
    assert_memory_not_equal(first + 6, second + 6, 12);
    now_ms -= 200000;
    assert_int_equal(ledger_serial_make(&serials, &clock, &random, second, NULL), E_CLOCK_BACK);
    struct ledger_serials restarted = {0};
    ledger_serials_take(&restarted, BYTES_ARRAY(first));
    assert_true(restarted.last_ms == 1764000000000);
}

static int
compare_serials(const void *a, const void *b)
{
    return memcmp(a, b, LEDGER_SERIAL_LEN);
}

/* All in one millisecond, so that only their random bits differ: KURIER_TEST_SERIALS says how many.
 */
static void
D16_no_serial_of_many_comes_twice(void **state)
{
    (void)state;
    const char *wanted = getenv("KURIER_TEST_SERIALS");
    size_t count = wanted == NULL ? 200000 : strtoul(wanted, NULL, 10);
    const struct base_clock clock = {fake_ms, fake_ms, NULL};
    struct base_random random = base_random_system();
    struct ledger_serials serials = {0};
    uint8_t *made = calloc(count, LEDGER_SERIAL_LEN);
    assert_non_null(made);
    now_ms = 1764000000000;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(
            ledger_serial_make(&serials, &clock, &random, made + i * LEDGER_SERIAL_LEN, NULL),
            BASE_OK);
    }
    qsort(made, count, LEDGER_SERIAL_LEN, compare_serials);
    for (size_t i = 1; i < count; i++) {
        const uint8_t *at = made + i * LEDGER_SERIAL_LEN;
        assert_memory_equal(at, made, 6);
        assert_memory_not_equal(at, at - LEDGER_SERIAL_LEN, LEDGER_SERIAL_LEN);
    }
    free(made);
}

static void
identity_changes_with_each_of_its_parts_and_with_nothing_else(void **state)
{
    (void)state;
    uint8_t base[32];
    uint8_t other[32];
    struct ledger_identity_spec spec = {.endpoint = BYTES_LITERAL("default"),
        .profile = BYTES_LITERAL("default"),
        .key_sha256 = BYTES_LITERAL("k"),
        .authority = POLICY_BY_CHALLENGE,
        .authority_id = BYTES_LITERAL("1"),
        /* CN=a as PrintableString and as UTF8String: the same name */
        .subject_der = BYTES_LITERAL("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01\x61")};
    assert_int_equal(ledger_identity_make(&spec, base, NULL), BASE_OK);
    spec.subject_der = BYTES_LITERAL("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61");
    assert_int_equal(ledger_identity_make(&spec, other, NULL), BASE_OK);
    assert_memory_equal(base, other, 32);
    spec.authority_id = BYTES_LITERAL("2");
    assert_int_equal(ledger_identity_make(&spec, other, NULL), BASE_OK);
    assert_memory_not_equal(base, other, 32);
}

static void
every_state_has_a_name_and_no_event_leads_out_of_the_table(void **state)
{
    (void)state;
    for (unsigned s = 1; s < LEDGER_STATE_COUNT; s++) {
        const char *name = ledger_state_name((enum ledger_state)s);
        assert_int_equal(ledger_state_of(bytes_from_text(name)), s);
        assert_in_range(ledger_state_step((enum ledger_state)s), 1, 6);
        for (unsigned e = 1; e < LEDGER_EVENT_COUNT; e++) {
            assert_in_range(ledger_state_next((enum ledger_state)s, (enum ledger_event)e), 0,
                LEDGER_STATE_COUNT - 1);
        }
    }
    assert_int_equal(ledger_state_next(LEDGER_ANSWERED, LEDGER_EVENT_REFUSE), LEDGER_ANSWERED);
    assert_int_equal(ledger_state_next(LEDGER_DEAD, LEDGER_EVENT_RESERVE), 0);
    assert_int_equal(ledger_state_of(BYTES_LITERAL("nonsense")), 0);
}

static void
ten_wrong_challenges_a_minute_are_enough(void **state)
{
    (void)state;
    struct ledger_limits *limits = ledger_limits_new();
    struct bytes source = BYTES_LITERAL("192.0.2.7");
    for (int i = 0; i < 10; i++) {
        assert_false(ledger_limits_is_over(limits, source, 10, 1000));
        ledger_limits_count_wrong(limits, source, 1000);
    }
    assert_true(ledger_limits_is_over(limits, source, 10, 1000));
    assert_false(ledger_limits_is_over(limits, source, 10, 61000));
    ledger_limits_free(limits);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_challenge_is_known_by_its_whole),
        cmocka_unit_test(D13_D16_serials_never_go_back_and_never_repeat),
        cmocka_unit_test(D16_no_serial_of_many_comes_twice),
        cmocka_unit_test(identity_changes_with_each_of_its_parts_and_with_nothing_else),
        cmocka_unit_test(every_state_has_a_name_and_no_event_leads_out_of_the_table),
        cmocka_unit_test(ten_wrong_challenges_a_minute_are_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
