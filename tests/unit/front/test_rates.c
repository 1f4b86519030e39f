/* How often something happened within a minute, for names that a stranger chooses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "front/rates.h"

#include "base/banned.h"

static bool
take(struct front_rates *rates, const char *name, uint32_t max, int64_t now_ms)
{
    unsigned retry_after_s = 0;
    bool is_taken = front_rates_take(
        rates, FRONT_RATE_WRONG_SOURCE, bytes_from_text(name), max, now_ms, &retry_after_s);
    assert_true(is_taken || (retry_after_s >= 1 && retry_after_s <= 61));
    return is_taken;
}

static void
a_name_has_its_number_within_a_minute(void **state)
{
    (void)state;
    struct front_rates *rates = front_rates_new(1);
    assert_non_null(rates);
    for (int i = 0; i < 10; i++) {
        assert_true(take(rates, "192.0.2.1", 10, 1000 + i));
    }
    assert_false(take(rates, "192.0.2.1", 10, 2000));
    assert_true(take(rates, "192.0.2.2", 10, 2000)); /* another one is another one */
    assert_false(take(rates, "192.0.2.1", 10, 60999));
    assert_true(take(rates, "192.0.2.1", 10, 61000)); /* the minute is over */
    front_rates_free(rates);
}

static void
kinds_are_counted_apart(void **state)
{
    (void)state;
    struct front_rates *rates = front_rates_new(2);
    unsigned retry_after_s = 0;
    assert_non_null(rates);
    assert_true(take(rates, "jamf", 1, 1000));
    assert_false(take(rates, "jamf", 1, 1000));
    assert_true(front_rates_take(
        rates, FRONT_RATE_ACCOUNT, BYTES_LITERAL("jamf"), 1, 1000, &retry_after_s));
    front_rates_free(rates);
}

static void
what_was_right_after_all_is_given_back(void **state)
{
    (void)state;
    struct front_rates *rates = front_rates_new(3);
    assert_non_null(rates);
    for (int i = 0; i < 100; i++) {
        assert_true(take(rates, "192.0.2.1", 1, 1000));
        front_rates_give_back(rates, FRONT_RATE_WRONG_SOURCE, BYTES_LITERAL("192.0.2.1"), 1000);
    }
    front_rates_give_back(rates, FRONT_RATE_WRONG_SOURCE, BYTES_LITERAL("192.0.2.9"), 1000);
    front_rates_free(rates);
}

/* A hundred thousand addresses do not make it grow, and the one that goes on is still counted. */
static void
a_flood_of_names_does_not_hide_one(void **state)
{
    (void)state;
    struct front_rates *rates = front_rates_new(4);
    char name[32] = "";
    unsigned refused = 0;
    assert_non_null(rates);
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(name, sizeof(name), "2001:db8::%x", i);
        assert_true(take(rates, name, 10, 1000 + i / 100));
        if (i % 100 == 0) {
            refused += take(rates, "192.0.2.66", 10, 1000 + i / 100) ? 0 : 1;
        }
    }
    assert_true(refused > 500); /* of 1000: now and then its place was taken by the flood */
    front_rates_free(rates);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_its_number_within_a_minute),
        cmocka_unit_test(kinds_are_counted_apart),
        cmocka_unit_test(what_was_right_after_all_is_given_back),
        cmocka_unit_test(a_flood_of_names_does_not_hide_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
