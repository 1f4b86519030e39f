#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/journal.h"

#include "base/banned.h"

#define NAME "journal"

struct place {
    char path[64];
    int fd;
};

static int
make_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    assert_non_null(place);
    (void)snprintf(place->path, sizeof(place->path), "/tmp/kurier-journal-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->fd >= 0);
    *state = place;
    return 0;
}

static int
remove_place(void **state)
{
    struct place *place = *state;
    (void)unlinkat(place->fd, NAME, 0);
    (void)close(place->fd);
    (void)rmdir(place->path);
    free(place);
    return 0;
}

static struct journal *
open_journal(const struct place *place, uint64_t *out_cut)
{
    struct journal *journal = NULL;
    struct base_error err = {0};
    assert_int_equal(journal_open(place->fd, NAME, &journal, out_cut, &err), BASE_OK);
    return journal;
}

static enum base_code
append(struct journal *journal, uint8_t number)
{
    struct journal_record record = {.kind = JOURNAL_BODY_SIGNED,
        .epoch = 7,
        .at_ms = 1790000000000 + number,
        .serial_len = 2,
        .serial = {1, number}};
    memset(record.sha256, number, sizeof(record.sha256));
    return journal_append(journal, &record, NULL);
}

/* A journal of @count records, closed again. */
static void
write_journal(const struct place *place, uint8_t count)
{
    uint64_t cut = 1;
    OWN_STRUCT(journal) journal = open_journal(place, &cut);
    assert_int_equal(cut, 0);
    for (uint8_t i = 0; i < count; i++) {
        assert_int_equal(append(journal, i), BASE_OK);
    }
    assert_int_equal(journal_sync(journal, NULL), BASE_OK);
}

static void
write_octets(const struct place *place, int flags, off_t at, const void *octets, size_t len)
{
    OWN_FD int fd = openat(place->fd, NAME, O_WRONLY | O_CLOEXEC | flags);
    assert_true(fd >= 0);
    if ((flags & O_APPEND) == 0) {
        assert_int_equal(lseek(fd, at, SEEK_SET), at);
    }
    assert_int_equal(write(fd, octets, len), (ssize_t)len);
}

static enum base_code
reopen(const struct place *place)
{
    struct journal *journal = NULL;
    uint64_t cut = 0;
    enum base_code code = journal_open(place->fd, NAME, &journal, &cut, NULL);
    journal_free(journal);
    return code;
}

static void
journal_goes_on_where_it_ended(void **state)
{
    const struct place *place = *state;
    uint64_t cut = 1;
    write_journal(place, 3);
    OWN_STRUCT(journal) journal = open_journal(place, &cut);
    assert_int_equal(cut, 0);
    assert_int_equal(journal_count(journal), 3);
    assert_int_equal(journal_last_ms(journal), 1790000000002);
    assert_int_equal(journal_epoch(journal), 7);
    assert_int_equal(append(journal, 3), BASE_OK);
    assert_int_equal(journal_count(journal), 4);
    assert_int_equal(reopen(place), BASE_OK);
    struct stat about;
    assert_int_equal(fstatat(place->fd, NAME, &about, 0), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(about.st_size, 4 * JOURNAL_RECORD_LEN);
}

static void
empty_journal_has_epoch_one(void **state)
{
    const struct place *place = *state;
    uint64_t cut = 1;
    OWN_STRUCT(journal) journal = open_journal(place, &cut);
    assert_int_equal(journal_count(journal), 0);
    assert_int_equal(journal_epoch(journal), 1);
    assert_int_equal(journal_last_ms(journal), 0);
}

static void
torn_last_record_is_cut_off(void **state)
{
    const struct place *place = *state;
    static const uint8_t half[JOURNAL_RECORD_LEN / 2] = {'K', 'J', 1};
    uint64_t cut = 0;
    write_journal(place, 3);
    write_octets(place, O_APPEND, 0, half, sizeof(half));
    OWN_STRUCT(journal) journal = open_journal(place, &cut);
    assert_int_equal(cut, sizeof(half));
    assert_int_equal(journal_count(journal), 3);
    assert_int_equal(append(journal, 3), BASE_OK);
    assert_int_equal(reopen(place), BASE_OK);
}

static void
zeros_that_a_power_failure_left_are_cut_off(void **state)
{
    const struct place *place = *state;
    static const uint8_t zeros[2 * JOURNAL_RECORD_LEN + 5];
    uint64_t cut = 0;
    write_journal(place, 3);
    write_octets(place, O_APPEND, 0, zeros, sizeof(zeros));
    OWN_STRUCT(journal) journal = open_journal(place, &cut);
    assert_int_equal(cut, sizeof(zeros));
    assert_int_equal(journal_count(journal), 3);
}

static void
flipped_bit_is_found_at_the_next_start(void **state)
{
    const struct place *place = *state;
    static const uint8_t other = 0xfe;
    write_journal(place, 3);
    write_octets(place, 0, 2 * JOURNAL_RECORD_LEN + 70, &other, 1); /* in the last record */
    assert_int_equal(reopen(place), E_JOURNAL_BROKEN);
}

static void
removed_record_is_found_at_the_next_start(void **state)
{
    const struct place *place = *state;
    uint8_t last[JOURNAL_RECORD_LEN];
    write_journal(place, 3);
    OWN_FD int fd = openat(place->fd, NAME, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, last, sizeof(last), 2 * JOURNAL_RECORD_LEN), sizeof(last));
    assert_int_equal(pwrite(fd, last, sizeof(last), JOURNAL_RECORD_LEN), sizeof(last));
    assert_int_equal(ftruncate(fd, 2 * JOURNAL_RECORD_LEN), 0);
    assert_int_equal(reopen(place), E_JOURNAL_BROKEN);
}

static void
pages_follow_each_other_and_verify(void **state)
{
    const struct place *place = *state;
    uint64_t cut = 0;
    write_journal(place, 10);
    OWN_STRUCT(journal) journal = open_journal(place, &cut);
    struct journal_chain chain = {0};
    while (chain.next_seq < journal_count(journal)) {
        BUFFER_LOCAL(page, 4 * JOURNAL_RECORD_LEN);
        uint64_t next = 0;
        assert_int_equal(journal_read_page(journal, chain.next_seq, journal_count(journal), 4,
                             &page, &next, NULL),
            BASE_OK);
        for (size_t at = 0; at < page.len; at += JOURNAL_RECORD_LEN) {
            struct bytes one = {page.ptr + at, JOURNAL_RECORD_LEN};
            assert_int_equal(journal_chain_take(&chain, one, NULL, NULL), BASE_OK);
        }
        assert_int_equal(next, chain.next_seq);
    }
    BUFFER_LOCAL(nothing, 4 * JOURNAL_RECORD_LEN);
    uint64_t next = 0;
    assert_int_equal(journal_read_page(journal, 99, 10, 4, &nothing, &next, NULL), BASE_OK);
    assert_int_equal(nothing.len, 0);
    assert_int_equal(next, 99);
}

static void
page_ends_before_a_broken_record(void **state)
{
    const struct place *place = *state;
    static const uint8_t other = 0xfe;
    uint64_t cut = 0;
    uint64_t next = 0;
    write_journal(place, 10);
    OWN_STRUCT(journal) journal = open_journal(place, &cut);
    write_octets(place, 0, 6 * JOURNAL_RECORD_LEN + 40, &other, 1);
    BUFFER_LOCAL(page, 10 * JOURNAL_RECORD_LEN);
    assert_int_equal(journal_read_page(journal, 4, 10, 10, &page, &next, NULL), E_JOURNAL_BROKEN);
    assert_int_equal(next, 6);
    assert_int_equal(page.len, 2 * JOURNAL_RECORD_LEN);
}

static enum base_code
add_up(void *arg, const struct journal_record *record, struct base_error *err)
{
    uint64_t *sum = arg;
    *sum += record->serial[1];
    return record->serial[1] == 200 ? base_fail(err, E_INTERNAL, "enough") : BASE_OK;
}

static void
visitor_sees_each_record_once_and_may_end_the_walk(void **state)
{
    const struct place *place = *state;
    uint64_t cut = 0;
    uint64_t sum = 0;
    write_journal(place, 10);
    OWN_STRUCT(journal) journal = open_journal(place, &cut);
    assert_int_equal(journal_visit(journal, 2, 10, add_up, &sum, NULL), BASE_OK);
    assert_int_equal(sum, 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9);
    assert_int_equal(append(journal, 200), BASE_OK);
    assert_int_equal(append(journal, 201), BASE_OK);
    sum = 0;
    assert_int_equal(journal_visit(journal, 9, 12, add_up, &sum, NULL), E_INTERNAL);
    assert_int_equal(sum, 209);
}

static void
full_disk_leaves_no_half_record(void **state)
{
    const struct place *place = *state;
    uint64_t cut = 0;
    write_journal(place, 3);
    OWN_STRUCT(journal) journal = open_journal(place, &cut);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {3 * JOURNAL_RECORD_LEN + 50, before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum base_code code = append(journal, 3);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(code, E_JOURNAL_WRITE);
    assert_int_equal(journal_count(journal), 3);
    assert_int_equal(reopen(place), BASE_OK);
    assert_int_equal(append(journal, 3), BASE_OK);
    assert_int_equal(reopen(place), BASE_OK);
    assert_int_equal(journal_count(journal), 4);
}

static void
folder_in_its_place_is_refused(void **state)
{
    const struct place *place = *state;
    assert_int_equal(mkdirat(place->fd, NAME, 0700), 0);
    assert_int_equal(reopen(place), E_JOURNAL_WRITE);
    assert_int_equal(unlinkat(place->fd, NAME, AT_REMOVEDIR), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(journal_goes_on_where_it_ended),
        TEST(empty_journal_has_epoch_one),
        TEST(torn_last_record_is_cut_off),
        TEST(zeros_that_a_power_failure_left_are_cut_off),
        TEST(flipped_bit_is_found_at_the_next_start),
        TEST(removed_record_is_found_at_the_next_start),
        TEST(pages_follow_each_other_and_verify),
        TEST(page_ends_before_a_broken_record),
        TEST(visitor_sees_each_record_once_and_may_end_the_walk),
        TEST(full_disk_leaves_no_half_record),
        TEST(folder_in_its_place_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
