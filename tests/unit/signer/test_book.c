#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "signer/book.h"

#include "base/banned.h"

static const int64_t now_ms = FIXTURE_NOW_S * 1000;
static const struct base_log no_log = {.fd = -1};
static const uint8_t ca_one[JOURNAL_CA_LEN] = {1};
static const uint8_t ca_two[JOURNAL_CA_LEN] = {2};

/* A serial of now, the body's hash; both filled from one octet each. */
struct sample {
    uint8_t serial[SIGNER_SERIAL_LEN];
    uint8_t sha256[JOURNAL_HASH_LEN];
    struct signer_entry entry;
};

static struct signer_entry *
make(struct sample *sample, const uint8_t *ca, uint8_t serial, uint8_t body)
{
    memset(sample->serial, serial, sizeof(sample->serial));
    for (int i = 0; i < 6; i++) {
        sample->serial[i] = (uint8_t)(now_ms >> (8 * (5 - i)));
    }
    memset(sample->sha256, body, sizeof(sample->sha256));
    sample->entry = (struct signer_entry){ca, BYTES_ARRAY(sample->serial), sample->sha256};
    return &sample->entry;
}

static struct signer_book *
open_book(void **state)
{
    const struct fixture_place *place = *state;
    struct base_random random = base_random_system();
    struct signer_book *book = NULL;
    struct base_error err = {0};
    assert_int_equal(signer_book_open(place->fd, &no_log, &random, &book, &err), BASE_OK);
    return book;
}

static void
same_body_is_known_and_written_once(void **state)
{
    OWN_STRUCT(signer_book) book = open_book(state);
    struct sample sample;
    bool is_known = true;
    struct signer_entry *entry = make(&sample, ca_one, 7, 1);
    assert_int_equal(signer_book_find_body(book, entry, &is_known, NULL), BASE_OK);
    assert_false(is_known);
    assert_int_equal(signer_book_add_body(book, entry, now_ms, NULL), BASE_OK);
    assert_int_equal(signer_book_add_body(book, entry, now_ms, NULL), BASE_OK);
    assert_int_equal(signer_book_find_body(book, entry, &is_known, NULL), BASE_OK);
    assert_true(is_known);
    assert_int_equal(signer_book_count(book), 1);
}

static void
serial_with_another_body_is_refused(void **state)
{
    OWN_STRUCT(signer_book) book = open_book(state);
    struct sample sample;
    bool is_known = false;
    assert_int_equal(
        signer_book_add_body(book, make(&sample, ca_one, 7, 1), now_ms, NULL), BASE_OK);
    struct signer_entry *other = make(&sample, ca_one, 7, 2);
    assert_int_equal(signer_book_find_body(book, other, &is_known, NULL), E_SIGNER_SERIAL_REUSED);
    assert_int_equal(signer_book_add_body(book, other, now_ms, NULL), E_SIGNER_SERIAL_REUSED);
    assert_int_equal(signer_book_count(book), 1);
}

static void
serials_are_each_cas_own(void **state)
{
    OWN_STRUCT(signer_book) book = open_book(state);
    struct sample sample;
    assert_int_equal(
        signer_book_add_body(book, make(&sample, ca_one, 7, 1), now_ms, NULL), BASE_OK);
    assert_int_equal(
        signer_book_add_body(book, make(&sample, ca_two, 7, 2), now_ms, NULL), BASE_OK);
    assert_int_equal(signer_book_count(book), 2);
}

static void
serial_of_an_ra_is_taken(void **state)
{
    OWN_STRUCT(signer_book) book = open_book(state);
    struct sample sample;
    struct signer_entry *entry = make(&sample, ca_one, 7, 1);
    assert_int_equal(
        signer_book_add_authority(book, JOURNAL_RA_MADE, entry, now_ms, NULL), BASE_OK);
    assert_int_equal(signer_book_add_body(book, entry, now_ms, NULL), E_SIGNER_SERIAL_REUSED);
}

static void
memory_survives_a_restart(void **state)
{
    struct sample sample;
    bool is_known = false;
    uint8_t number[] = {5};
    {
        OWN_STRUCT(signer_book) book = open_book(state);
        assert_int_equal(
            signer_book_add_body(book, make(&sample, ca_one, 7, 1), now_ms, NULL), BASE_OK);
        const struct signer_entry crl = {ca_one, BYTES_ARRAY(number), sample.sha256};
        assert_int_equal(signer_book_add_crl(book, &crl, now_ms, NULL), BASE_OK);
    }
    OWN_STRUCT(signer_book) book = open_book(state);
    assert_int_equal(
        signer_book_find_body(book, make(&sample, ca_one, 7, 1), &is_known, NULL), BASE_OK);
    assert_true(is_known);
    assert_int_equal(signer_book_add_body(book, make(&sample, ca_one, 7, 2), now_ms, NULL),
        E_SIGNER_SERIAL_REUSED);
    const struct signer_entry crl = {ca_one, BYTES_ARRAY(number), sample.sha256};
    assert_int_equal(signer_book_add_crl(book, &crl, now_ms, NULL), E_SIGNER_SERIAL_REUSED);
}

static enum base_code
add_crl(struct signer_book *book, const uint8_t *ca, struct bytes number, uint8_t body)
{
    struct sample sample;
    struct signer_entry *entry = make(&sample, ca, 0, body);
    entry->serial = number;
    return signer_book_add_crl(book, entry, now_ms, NULL);
}

static void
crl_numbers_only_grow(void **state)
{
    OWN_STRUCT(signer_book) book = open_book(state);
    static const uint8_t one[] = {1};
    static const uint8_t two[] = {2};
    static const uint8_t large[] = {1, 0};
    assert_int_equal(add_crl(book, ca_one, BYTES_ARRAY(two), 1), BASE_OK);
    assert_int_equal(add_crl(book, ca_one, BYTES_ARRAY(two), 1), BASE_OK); /* the same again */
    assert_int_equal(add_crl(book, ca_one, BYTES_ARRAY(two), 2), E_SIGNER_SERIAL_REUSED);
    assert_int_equal(add_crl(book, ca_one, BYTES_ARRAY(one), 3), E_SIGNER_SERIAL_REUSED);
    assert_int_equal(add_crl(book, ca_two, BYTES_ARRAY(one), 3), BASE_OK);
    assert_int_equal(add_crl(book, ca_one, BYTES_ARRAY(large), 3), BASE_OK);
    assert_int_equal(add_crl(book, ca_one, BYTES_ARRAY(two), 1), E_SIGNER_SERIAL_REUSED);
    assert_int_equal(signer_book_count(book), 3);
}

static void
clock_that_went_back_stops_signing(void **state)
{
    OWN_STRUCT(signer_book) book = open_book(state);
    struct sample sample;
    assert_int_equal(signer_book_check_clock(book, now_ms, NULL), BASE_OK);
    assert_int_equal(
        signer_book_add_body(book, make(&sample, ca_one, 7, 1), now_ms, NULL), BASE_OK);
    assert_int_equal(
        signer_book_check_clock(book, now_ms - SIGNER_BACK_MAX_S * 1000, NULL), BASE_OK);
    assert_int_equal(
        signer_book_check_clock(book, now_ms - SIGNER_BACK_MAX_S * 1000 - 1, NULL), E_SIGNER_CLOCK);
}

static void
clock_before_this_program_stops_signing(void **state)
{
    OWN_STRUCT(signer_book) book = open_book(state);
    assert_int_equal(signer_book_check_clock(book, 0, NULL), E_SIGNER_CLOCK);
    assert_int_equal(
        signer_book_check_clock(book, SIGNER_NOT_BEFORE_S * 1000 - 1, NULL), E_SIGNER_CLOCK);
    assert_int_equal(signer_book_check_clock(book, SIGNER_NOT_BEFORE_S * 1000, NULL), BASE_OK);
}

static void
pages_say_where_the_end_is(void **state)
{
    OWN_STRUCT(signer_book) book = open_book(state);
    struct sample sample;
    BUFFER_LOCAL(page, 4096);
    uint64_t next = 0;
    bool is_end = false;
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(
            signer_book_add_body(book, make(&sample, ca_one, i, 1), now_ms, NULL), BASE_OK);
    }
    assert_int_equal(signer_book_read_page(book, 0, 2, &page, &next, &is_end, NULL), BASE_OK);
    assert_int_equal(next, 2);
    assert_false(is_end);
    assert_int_equal(signer_book_read_page(book, next, 2, &page, &next, &is_end, NULL), BASE_OK);
    assert_int_equal(next, 3);
    assert_true(is_end);
    assert_int_equal(page.len, 3 * JOURNAL_RECORD_LEN);
    assert_int_equal(signer_book_read_page(book, 99, 2, &page, &next, &is_end, NULL), BASE_OK);
    assert_true(is_end);
}

static void
background_sync_ends_with_the_book(void **state)
{
    OWN_STRUCT(signer_book) book = open_book(state);
    struct sample sample;
    struct base_error err = {0};
    assert_int_equal(signer_book_start(book, &err), BASE_OK);
    assert_int_equal(signer_book_start(book, &err), BASE_OK);
    assert_int_equal(
        signer_book_add_body(book, make(&sample, ca_one, 7, 1), now_ms, NULL), BASE_OK);
}

/* Two generations of the table full, and one record more: the first generation is forgotten. */
static void
what_the_table_forgot_is_found_in_the_file(void **state)
{
    const uint32_t generation = 65536;
    const int64_t pause_ms = (int64_t)49 * 3600 * 1000;
    OWN_STRUCT(signer_book) book = open_book(state);
    struct sample sample;
    bool is_known = false;
    for (uint32_t i = 0; i <= 2 * generation; i++) {
        struct signer_entry *entry = make(&sample, ca_one, 0, 1);
        int64_t at_ms = now_ms + (int64_t)(i / generation) * pause_ms;
        for (int k = 0; k < 6; k++) {
            sample.serial[k] = (uint8_t)(at_ms >> (8 * (5 - k)));
        }
        memcpy(sample.serial + 6, &i, sizeof(i));
        assert_int_equal(signer_book_add_body(book, entry, at_ms, NULL), BASE_OK);
    }
    assert_int_equal(
        signer_book_find_body(book, make(&sample, ca_one, 0, 1), &is_known, NULL), BASE_OK);
    assert_true(is_known);
    assert_int_equal(signer_book_find_body(book, make(&sample, ca_one, 0, 2), &is_known, NULL),
        E_SIGNER_SERIAL_REUSED);
    assert_int_equal(
        signer_book_find_body(book, make(&sample, ca_one, 9, 2), &is_known, NULL), BASE_OK);
    assert_false(is_known);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_place, fixture_remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(same_body_is_known_and_written_once),
        TEST(serial_with_another_body_is_refused),
        TEST(serials_are_each_cas_own),
        TEST(serial_of_an_ra_is_taken),
        TEST(memory_survives_a_restart),
        TEST(crl_numbers_only_grow),
        TEST(clock_that_went_back_stops_signing),
        TEST(clock_before_this_program_stops_signing),
        TEST(pages_say_where_the_end_is),
        TEST(what_the_table_forgot_is_found_in_the_file),
        TEST(background_sync_ends_with_the_book),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
