#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "journal/record.h"

#include "base/banned.h"

#define COUNT 4

struct page {
    uint8_t octets[COUNT][JOURNAL_RECORD_LEN];
};

static struct journal_record
make_record(uint64_t seq)
{
    struct journal_record record = {.kind = JOURNAL_BODY_SIGNED,
        .epoch = 3,
        .seq = seq,
        .at_ms = 1790000000000 + (int64_t)seq,
        .ca = {1, 2, 3, 4, 5, 6, 7, 8},
        .serial_len = 18,
        .serial = {1, 0xa0, (uint8_t)seq}};
    memset(record.sha256, (int)seq + 1, sizeof(record.sha256));
    return record;
}

static void
fill(struct page *page)
{
    uint8_t previous[JOURNAL_HASH_LEN] = {0};
    for (uint64_t i = 0; i < COUNT; i++) {
        struct journal_record record = make_record(i);
        assert_int_equal(journal_record_encode(&record, previous, page->octets[i], NULL), BASE_OK);
        memcpy(previous, record.chain, sizeof(previous));
    }
}

/* The number of records that are taken before the first broken one. */
static uint64_t
take_page(const struct page *page)
{
    struct journal_chain chain = {0};
    for (size_t i = 0; i < COUNT; i++) {
        struct base_error err = {0};
        enum base_code code = journal_chain_take(&chain, BYTES_ARRAY(page->octets[i]), NULL, &err);
        if (code != BASE_OK) {
            assert_int_equal(code, E_JOURNAL_BROKEN);
            assert_int_equal(err.code, E_JOURNAL_BROKEN);
            return chain.next_seq;
        }
    }
    return chain.next_seq;
}

static void
record_comes_back_as_it_was(void **state)
{
    (void)state;
    struct page page;
    struct journal_record out;
    struct journal_record in = make_record(2);
    fill(&page);
    assert_int_equal(journal_record_decode(BYTES_ARRAY(page.octets[2]), &out, NULL), BASE_OK);
    assert_int_equal(out.kind, in.kind);
    assert_int_equal(out.epoch, in.epoch);
    assert_int_equal(out.seq, in.seq);
    assert_int_equal(out.at_ms, in.at_ms);
    assert_memory_equal(out.ca, in.ca, sizeof(in.ca));
    assert_int_equal(out.serial_len, in.serial_len);
    assert_memory_equal(out.serial, in.serial, sizeof(in.serial));
    assert_memory_equal(out.sha256, in.sha256, sizeof(in.sha256));
}

static void
sound_chain_is_taken_whole(void **state)
{
    (void)state;
    struct page page;
    fill(&page);
    assert_int_equal(take_page(&page), COUNT);
}

static void
every_flipped_bit_is_found(void **state)
{
    (void)state;
    for (size_t octet = 0; octet < JOURNAL_RECORD_LEN; octet++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct page page;
            fill(&page);
            page.octets[1][octet] ^= (uint8_t)(1U << bit);
            assert_int_equal(take_page(&page), 1);
        }
    }
}

static void
reordered_records_are_found(void **state)
{
    (void)state;
    struct page page;
    uint8_t kept[JOURNAL_RECORD_LEN];
    fill(&page);
    memcpy(kept, page.octets[1], sizeof(kept));
    memcpy(page.octets[1], page.octets[2], sizeof(kept));
    memcpy(page.octets[2], kept, sizeof(kept));
    assert_int_equal(take_page(&page), 1);
}

static void
removed_and_doubled_records_are_found(void **state)
{
    (void)state;
    struct page page;
    fill(&page);
    memmove(page.octets[1], page.octets[2], (size_t)2 * JOURNAL_RECORD_LEN);
    assert_int_equal(take_page(&page), 1);
    fill(&page);
    memcpy(page.octets[1], page.octets[0], JOURNAL_RECORD_LEN);
    assert_int_equal(take_page(&page), 1);
}

static void
record_that_was_hashed_anew_breaks_the_next_one(void **state)
{
    (void)state;
    struct page page;
    struct journal_record record = make_record(1);
    uint8_t previous[JOURNAL_HASH_LEN];
    fill(&page);
    memcpy(previous, page.octets[0] + JOURNAL_RECORD_LEN - JOURNAL_HASH_LEN, sizeof(previous));
    record.serial[5] = 0x55;
    assert_int_equal(journal_record_encode(&record, previous, page.octets[1], NULL), BASE_OK);
    assert_int_equal(take_page(&page), 2);
}

static void
records_of_odd_form_are_refused(void **state)
{
    (void)state;
    struct page page;
    struct journal_record out;
    static const struct {
        size_t at;
        uint8_t value;
    } cases[] = {{0, 'X'}, {2, 2}, {3, 0}, {3, 8}, {16, 0x80}, {32, 0}, {32, 21}, {33 + 19, 1},
        {53, 1}, {63, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fill(&page);
        page.octets[0][cases[i].at] = cases[i].value;
        assert_int_equal(
            journal_record_decode(BYTES_ARRAY(page.octets[0]), &out, NULL), E_JOURNAL_BROKEN);
    }
    fill(&page);
    struct bytes cut = {page.octets[0], JOURNAL_RECORD_LEN - 1};
    assert_int_equal(journal_record_decode(cut, &out, NULL), E_JOURNAL_BROKEN);
    assert_int_equal(journal_record_decode(BYTES_NONE, &out, NULL), E_JOURNAL_BROKEN);
}

static void
record_without_serial_is_our_own_fault(void **state)
{
    (void)state;
    uint8_t previous[JOURNAL_HASH_LEN] = {0};
    uint8_t octets[JOURNAL_RECORD_LEN];
    struct journal_record record = make_record(0);
    record.serial_len = 0;
    assert_int_equal(journal_record_encode(&record, previous, octets, NULL), E_INTERNAL);
    record.serial_len = JOURNAL_SERIAL_MAX + 1;
    assert_int_equal(journal_record_encode(&record, previous, octets, NULL), E_INTERNAL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_comes_back_as_it_was),
        cmocka_unit_test(sound_chain_is_taken_whole),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(reordered_records_are_found),
        cmocka_unit_test(removed_and_doubled_records_are_found),
        cmocka_unit_test(record_that_was_hashed_anew_breaks_the_next_one),
        cmocka_unit_test(records_of_odd_form_are_refused),
        cmocka_unit_test(record_without_serial_is_our_own_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
