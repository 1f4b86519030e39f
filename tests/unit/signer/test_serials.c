#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "signer/serials.h"

#include "base/banned.h"

#define GENERATION 4096
#define HOUR_MS ((int64_t)3600 * 1000)

static const uint64_t secret[2] = {1, 2};
static const int64_t start_ms = 1796000000000;

/* A serial of time @at_ms whose random part is @number. */
static struct bytes
make_serial(uint8_t out[18], int64_t at_ms, uint64_t number)
{
    memset(out, 0, 18);
    for (int i = 0; i < 6; i++) {
        out[i] = (uint8_t)(at_ms >> (8 * (5 - i)));
    }
    memcpy(out + 10, &number, sizeof(number));
    return (struct bytes){out, 18};
}

static void
add(struct signer_serials *serials, int64_t at_ms, uint64_t number)
{
    uint8_t serial[18];
    signer_serials_add(serials, make_serial(serial, at_ms, number), number, at_ms);
}

static size_t
find(const struct signer_serials *serials, int64_t at_ms, uint64_t number)
{
    uint8_t serial[18];
    uint64_t seqs[SIGNER_CANDIDATES_MAX];
    size_t count = signer_serials_find(serials, make_serial(serial, at_ms, number), seqs);
    if (count > 0) {
        assert_int_equal(count, 1);
        assert_int_equal(seqs[0], number);
    }
    return count;
}

static bool
may_have_forgotten(const struct signer_serials *serials, int64_t at_ms)
{
    uint8_t serial[18];
    return signer_serials_may_have_forgotten(serials, make_serial(serial, at_ms, 0));
}

static void
time_is_the_first_48_bits(void **state)
{
    (void)state;
    uint8_t serial[18];
    assert_int_equal(signer_serial_ms(make_serial(serial, start_ms, 7)), start_ms);
    assert_int_equal(signer_serial_ms(BYTES_LITERAL("abc")), 0);
}

static void
each_serial_leads_to_its_record(void **state)
{
    (void)state;
    OWN_STRUCT(signer_serials) serials = signer_serials_new(secret);
    assert_int_equal(find(serials, start_ms, 0), 0);
    for (uint64_t i = 0; i < 5000; i++) {
        add(serials, start_ms, i);
    }
    for (uint64_t i = 0; i < 5000; i++) {
        assert_int_equal(find(serials, start_ms, i), 1);
    }
    assert_int_equal(find(serials, start_ms, 5000), 0);
    assert_false(may_have_forgotten(serials, start_ms));
    assert_false(may_have_forgotten(serials, 0));
}

static void
two_days_are_kept_and_what_is_forgotten_is_known(void **state)
{
    (void)state;
    OWN_STRUCT(signer_serials) serials = signer_serials_new(secret);
    int64_t later_ms = start_ms + 49 * HOUR_MS;
    int64_t latest_ms = later_ms + 49 * HOUR_MS;
    for (uint64_t i = 0; i < GENERATION; i++) {
        add(serials, start_ms, i);
    }
    for (uint64_t i = GENERATION; i < 2 * GENERATION; i++) {
        add(serials, later_ms, i);
    }
    assert_int_equal(find(serials, start_ms, 5), 1); /* the generation before */
    assert_false(may_have_forgotten(serials, start_ms));
    add(serials, latest_ms, 2 * GENERATION);
    assert_int_equal(find(serials, start_ms, 5), 0);
    assert_true(may_have_forgotten(serials, start_ms));
    assert_true(may_have_forgotten(serials, start_ms - 1));
    assert_false(may_have_forgotten(serials, later_ms));
    assert_int_equal(find(serials, later_ms, GENERATION), 1);
}

static void
many_in_a_short_time_are_kept_up_to_a_bound(void **state)
{
    (void)state;
    OWN_STRUCT(signer_serials) serials = signer_serials_new(secret);
    for (uint64_t i = 0; i < 4 * GENERATION; i++) {
        add(serials, start_ms, i);
    }
    assert_int_equal(find(serials, start_ms, 0), 1);
    assert_false(may_have_forgotten(serials, start_ms));
    add(serials, start_ms + 1, 4 * GENERATION);
    assert_int_equal(find(serials, start_ms, 0), 0);
    assert_true(may_have_forgotten(serials, start_ms)); /* so the journal is asked */
    assert_int_equal(find(serials, start_ms, 2 * GENERATION), 1);
    assert_int_equal(find(serials, start_ms + 1, 4 * GENERATION), 1);
}

static void
journal_that_was_not_read_whole_is_remembered(void **state)
{
    (void)state;
    OWN_STRUCT(signer_serials) serials = signer_serials_new(secret);
    signer_serials_forget(serials, start_ms);
    signer_serials_forget(serials, start_ms - 5);
    assert_true(may_have_forgotten(serials, start_ms));
    assert_false(may_have_forgotten(serials, start_ms + 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_the_first_48_bits),
        cmocka_unit_test(each_serial_leads_to_its_record),
        cmocka_unit_test(two_days_are_kept_and_what_is_forgotten_is_known),
        cmocka_unit_test(many_in_a_short_time_are_kept_up_to_a_bound),
        cmocka_unit_test(journal_that_was_not_read_whole_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
