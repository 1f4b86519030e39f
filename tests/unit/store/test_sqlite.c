#include "store_suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/sqlite/sqlite_store.h"

#include "base/banned.h"

struct place {
    char folder[64];
    char file[96];
};

static const char *const endings[] = {"", "-wal", "-journal", "-shm", ".new", ".new-journal"};

static const char *
beside(const struct place *place, const char *ending, char out[128])
{
    (void)snprintf(out, 128, "%s%s", place->file, ending);
    return out;
}

static void
suite_make(struct suite *suite)
{
    struct place *place = calloc(1, sizeof(*place));
    assert_non_null(place);
    (void)snprintf(place->folder, sizeof(place->folder), "/tmp/kurier-store-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    (void)snprintf(place->file, sizeof(place->file), "%s/kurier.db", place->folder);
    suite->engine = place;
    OK(store_open_sqlite(place->file, true, &suite->store, err));
}

static void
suite_open(struct suite *suite)
{
    const struct place *place = suite->engine;
    OK(store_open_sqlite(place->file, false, &suite->store, err));
}

static void
suite_remove(struct suite *suite)
{
    struct place *place = suite->engine;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        char name[128];
        (void)unlink(beside(place, endings[i], name));
    }
    assert_int_equal(rmdir(place->folder), 0); /* nothing else was left in it */
    free(place);
}

static void
close_store(struct suite *suite)
{
    store_free(suite->store);
    suite->store = NULL;
}

static bool
is_there(const struct suite *suite, const char *ending)
{
    char name[128];
    return access(beside(suite->engine, ending, name), F_OK) == 0;
}

static void
write_file(const struct suite *suite, const char *ending, off_t at, const void *octets, size_t len)
{
    char name[128];
    int fd = open(beside(suite->engine, ending, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, octets, len, at), len);
    (void)close(fd);
}

/* By SQLite itself, while the store is closed. */
static void
alter(const struct suite *suite, const char *sql)
{
    const struct place *place = suite->engine;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
assert_open_fails(struct suite *suite, bool is_new, enum base_code wanted, const char *words)
{
    const struct place *place = suite->engine;
    struct base_error fault = {0};
    struct store *store = NULL;
    assert_int_equal(store_open_sqlite(place->file, is_new, &store, &fault), wanted);
    assert_null(store);
    if (strstr(fault.detail, words) == NULL) {
        fail_msg("'%s' does not say '%s'", fault.detail, words);
    }
}

/* ---- opening ---- */

static void
database_is_private_and_alone(void **state)
{
    struct suite *suite = *state;
    struct stat status;
    const struct place *place = suite->engine;
    assert_int_equal(reserve_sample(suite, 1), STORE_DONE);
    assert_int_equal(stat(place->file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_true(is_there(suite, "-wal"));
    assert_false(is_there(suite, "-shm"));
    close_store(suite);
    assert_false(is_there(suite, "-wal"));
    assert_false(is_there(suite, ".new"));
}

static void
new_database_has_the_schema_of_this_program(void **state)
{
    struct suite *suite = *state;
    int64_t number = 0;
    sqlite3 *db = store_sqlite_of(suite->store)->db;
    OK(store_sqlite_ask(db, "PRAGMA user_version", &number, err));
    assert_int_equal(number, STORE_SCHEMA_VERSION);
    OK(store_sqlite_ask(db, "PRAGMA application_id", &number, err));
    assert_int_equal(number, STORE_APPLICATION_ID);
    OK(store_sqlite_ask(db, "PRAGMA synchronous", &number, err));
    assert_int_equal(number, 2);
    OK(store_check(suite->store, err));
}

static void
new_on_a_database_that_is_there_opens_it(void **state)
{
    struct suite *suite = *state;
    const struct place *place = suite->engine;
    assert_int_equal(reserve_sample(suite, 1), STORE_DONE);
    close_store(suite);
    OK(store_open_sqlite(place->file, true, &suite->store, err));
    assert_int_equal(count_certificates(suite), 1);
}

static void
missing_database_is_not_made_unasked(void **state)
{
    struct suite *suite = *state;
    const struct place *place = suite->engine;
    close_store(suite);
    assert_int_equal(unlink(place->file), 0);
    assert_open_fails(suite, false, E_STORE_UNAVAILABLE, "No such file");
    assert_false(is_there(suite, ""));
}

static void
empty_file_is_damaged_whoever_asks(void **state)
{
    struct suite *suite = *state;
    const struct place *place = suite->engine;
    close_store(suite);
    assert_int_equal(truncate(place->file, 0), 0);
    assert_open_fails(suite, false, E_STORE_CORRUPT, "not a ledger");
    assert_open_fails(suite, true, E_STORE_CORRUPT, "not a ledger");
}

static void
log_without_its_database_is_damage(void **state)
{
    struct suite *suite = *state;
    const struct place *place = suite->engine;
    close_store(suite);
    assert_int_equal(unlink(place->file), 0);
    write_file(suite, "-wal", 0, "x", 1);
    assert_open_fails(suite, true, E_STORE_CORRUPT, "-wal is there without");
    assert_true(is_there(suite, "-wal"));
}

static void
creation_that_was_killed_is_begun_again(void **state)
{
    struct suite *suite = *state;
    const struct place *place = suite->engine;
    close_store(suite);
    assert_int_equal(unlink(place->file), 0);
    write_file(suite, ".new", 0, "half a database", 15);
    write_file(suite, ".new-journal", 0, "and its journal", 15);
    OK(store_open_sqlite(place->file, true, &suite->store, err));
    assert_false(is_there(suite, ".new"));
    assert_false(is_there(suite, ".new-journal"));
    assert_int_equal(reserve_sample(suite, 1), STORE_DONE);
}

static void
file_of_something_else_is_refused(void **state)
{
    struct suite *suite = *state;
    char text[8192];
    close_store(suite);
    memset(text, 'x', sizeof(text));
    write_file(suite, "", 0, text, sizeof(text));
    assert_open_fails(suite, false, E_STORE_CORRUPT, "not a database");
}

static void
database_of_something_else_is_refused(void **state)
{
    struct suite *suite = *state;
    close_store(suite);
    alter(suite, "PRAGMA application_id=7");
    assert_open_fails(suite, false, E_STORE_CORRUPT, "not a ledger");
}

static void
newer_schema_is_refused(void **state)
{
    struct suite *suite = *state;
    char pragma[64] = "";
    (void)snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", STORE_SCHEMA_VERSION + 1);
    close_store(suite);
    alter(suite, pragma);
    assert_open_fails(suite, false, E_STORE_VERSION, "this program knows");
}

/* A database of version 1: what later migrations brought is not there. */
static void
first_schema_is_brought_up_to_date_with_all_that_it_holds(void **state)
{
    struct suite *suite = *state;
    struct store_certificate row;
    struct sample sample;
    make_sample(&sample, 1);
    assert_int_equal(reserve_sample(suite, 1), STORE_DONE);
    close_store(suite);
    alter(suite,
        "DROP TABLE notice; DROP TABLE bound_key; DROP TABLE bound_spent; PRAGMA user_version=1");
    suite_open(suite);
    assert_true(find_certificate(suite, sample.row.serial, &row));
    assert_int_equal(add_notice(suite, 1, "hr", "issued", T0), STORE_DONE);
    assert_int_equal(due_notices(suite, "hr", T0).count, 1);
    assert_int_equal(spend_bound(suite, 2), STORE_DONE);
    assert_int_equal(spend_bound(suite, 3), STORE_TAKEN);
}

static void
damaged_pages_are_found_at_opening(void **state)
{
    struct suite *suite = *state;
    const struct place *place = suite->engine;
    struct stat status;
    uint8_t noise[4096];
    for (uint64_t i = 1; i <= 40; i++) {
        assert_int_equal(reserve_sample(suite, i), STORE_DONE);
    }
    close_store(suite);
    memset(noise, 0xa5, sizeof(noise));
    assert_int_equal(stat(place->file, &status), 0);
    write_file(suite, "", status.st_size / 4096 / 2 * 4096, noise, sizeof(noise));
    assert_open_fails(suite, false, E_STORE_CORRUPT, "");
}

static void
cut_off_database_is_found_at_opening(void **state)
{
    struct suite *suite = *state;
    const struct place *place = suite->engine;
    struct stat status;
    for (uint64_t i = 1; i <= 40; i++) {
        assert_int_equal(reserve_sample(suite, i), STORE_DONE);
    }
    close_store(suite);
    assert_int_equal(stat(place->file, &status), 0);
    assert_int_equal(truncate(place->file, status.st_size / 2 / 4096 * 4096), 0);
    assert_open_fails(suite, false, E_STORE_CORRUPT, "");
}

static void
small_tables_are_checked_by_themselves(void **state)
{
    struct suite *suite = *state;
    sqlite3 *db = store_sqlite_of(suite->store)->db;
    int64_t page = 0;
    uint8_t noise[4096];
    struct base_error fault = {0};
    assert_int_equal(reserve_sample(suite, 1), STORE_DONE);
    assert_int_equal(revoke_sample(suite, 1), STORE_DONE);
    OK(store_sqlite_check_pages(db, false, err));
    OK(store_sqlite_ask(
        db, "SELECT rootpage FROM sqlite_schema WHERE name='revocation'", &page, err));
    close_store(suite);
    memset(noise, 0xa5, sizeof(noise));
    write_file(suite, "", (page - 1) * 4096, noise, sizeof(noise));
    const struct place *place = suite->engine;
    assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
    assert_int_equal(store_sqlite_check_pages(db, false, &fault), E_STORE_CORRUPT);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
damage_that_is_met_while_reading_is_told(void **state)
{
    struct suite *suite = *state;
    sqlite3 *db = store_sqlite_of(suite->store)->db;
    int64_t page = 0;
    uint8_t noise[4096];
    struct base_error fault = {0};
    struct store_crl crl;
    bool is_found = false;
    OK(store_sqlite_ask(db, "SELECT rootpage FROM sqlite_schema WHERE name='crl'", &page, err));
    suite_reopen(suite);
    (void)sqlite3_db_cacheflush(store_sqlite_of(suite->store)->db);
    (void)sqlite3_db_release_memory(store_sqlite_of(suite->store)->db);
    memset(noise, 0xa5, sizeof(noise));
    write_file(suite, "", (page - 1) * 4096, noise, sizeof(noise));
    assert_int_equal(
        store_find_crl(suite->store, TEXT("ca1"), &suite->row, &crl, &is_found, &fault),
        E_STORE_CORRUPT);
}

/* ---- the journal ---- */

static void
fill_journal(struct suite *suite, size_t count)
{
    struct store_delivery delivery = {.id = 1, .state = TEXT("waiting")};
    struct store_op *ops = calloc(count, sizeof(*ops));
    assert_non_null(ops);
    for (size_t i = 0; i < count; i++) {
        ops[i] = (struct store_op){.kind = STORE_PUT_DELIVERY, .delivery = &delivery};
    }
    OK(store_commit(suite->store, ops, count, err));
    free(ops);
}

static enum base_code
count_record(void *arg, uint64_t seq, struct bytes record, struct base_error *err)
{
    (void)record;
    (void)err;
    *(uint64_t *)arg = seq;
    return BASE_OK;
}

static void
change_at_the_journals_end_is_found_at_opening(void **state)
{
    struct suite *suite = *state;
    static const char *const changes[] = {
        "UPDATE journal SET record=x'ff'||substr(record,2) WHERE seq=19",
        "UPDATE journal SET hash=zeroblob(32) WHERE seq=20", "DELETE FROM journal WHERE seq=10",
        "DELETE FROM journal WHERE seq=1", "UPDATE journal SET hash=x'00' WHERE seq=20",
        "UPDATE journal SET record=zeroblob(4000) WHERE seq=3"};
    fill_journal(suite, 20);
    close_store(suite);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        char sql[256];
        (void)snprintf(
            sql, sizeof(sql), "CREATE TABLE saved AS SELECT * FROM journal; %s;", changes[i]);
        alter(suite, sql);
        assert_open_fails(suite, false, E_JOURNAL_BROKEN, "record");
        alter(suite, "DELETE FROM journal; INSERT INTO journal SELECT * FROM saved;"
                     "DROP TABLE saved");
    }
    suite_open(suite);
}

static void
change_long_ago_is_found_by_reading_all(void **state)
{
    struct suite *suite = *state;
    struct base_error fault = {0};
    uint8_t chain[32] = {0};
    uint64_t last = 0;
    fill_journal(suite, STORE_JOURNAL_TAIL + 20);
    OK(store_each_journal(suite->store, 1, chain, SIZE_MAX, count_record, &last, err));
    assert_int_equal(last, STORE_JOURNAL_TAIL + 20);
    close_store(suite);
    alter(suite, "UPDATE journal SET record=x'ff'||substr(record,2) WHERE seq=7");
    suite_open(suite);
    memset(chain, 0, sizeof(chain));
    assert_int_equal(
        store_each_journal(suite->store, 1, chain, SIZE_MAX, count_record, &last, &fault),
        E_JOURNAL_BROKEN);
    assert_int_equal(last, 6);
    close_store(suite);
    alter(suite, "DELETE FROM journal WHERE seq BETWEEN 7 AND 9");
    suite_open(suite);
    memset(chain, 0, sizeof(chain));
    assert_int_equal(
        store_each_journal(suite->store, 1, chain, SIZE_MAX, count_record, &last, &fault),
        E_JOURNAL_BROKEN);
    assert_non_null(strstr(fault.detail, "record 10 follows record 6"));
}

/* ---- processes that end ---- */

static int
die_now(void *arg)
{
    (void)arg;
    _exit(0);
}

static int
die_after(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)arg;
    (void)db;
    (void)name;
    (void)pages;
    _exit(0);
}

/* In a child that opened the database itself and ends within its commit. */
static void
die_in_commit(struct suite *suite, bool is_after)
{
    close_store(suite);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sample sample;
        suite_open(suite);
        sqlite3 *db = store_sqlite_of(suite->store)->db;
        if (is_after) {
            (void)sqlite3_wal_hook(db, die_after, NULL);
        } else {
            (void)sqlite3_commit_hook(db, die_now, NULL);
        }
        make_sample(&sample, 2);
        sample.op.challenge_id = 1;
        _exit(store_commit(suite->store, &sample.op, 1, NULL) == BASE_OK ? 1 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    suite_open(suite);
}

static void
process_that_dies_before_the_commit_leaves_nothing(void **state)
{
    struct suite *suite = *state;
    struct store_delivery delivery;
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    die_in_commit(suite, false);
    assert_int_equal(count_certificates(suite), 0);
    assert_false(has_identity(suite, 2));
    assert_false(find_delivery(suite, 2, &delivery));
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_NEW);
}

static void
process_that_dies_after_the_commit_leaves_all(void **state)
{
    struct suite *suite = *state;
    struct store_delivery delivery;
    assert_int_equal(add_challenge(suite, 1, 1), STORE_DONE);
    die_in_commit(suite, true);
    assert_int_equal(count_certificates(suite), 1);
    assert_true(has_identity(suite, 2));
    assert_true(find_delivery(suite, 2, &delivery));
    assert_int_equal(find_challenge(suite, 1).state, STORE_CHALLENGE_SPENT);
}

#define BATCH 3

/* Reserves and signs in batches, and says the last number of each when it is durable. */
static void
issue_until_killed(struct suite *suite, uint64_t from, int to_fd)
{
    suite_open(suite);
    for (uint64_t number = from;; number += BATCH) {
        struct sample sample[BATCH];
        struct store_op ops[2 * BATCH];
        uint64_t last = number + BATCH - 1;
        for (size_t i = 0; i < BATCH; i++) {
            make_sample(&sample[i], number + i);
            ops[i] = sample[i].op;
            ops[BATCH + i] =
                (struct store_op){.kind = STORE_ADD_SIGNATURE, .certificate = &sample[i].row};
        }
        if (store_commit(suite->store, ops, 2 * BATCH, NULL) != BASE_OK ||
            write(to_fd, &last, sizeof(last)) != (ssize_t)sizeof(last)) {
            _exit(1);
        }
    }
}

static uint64_t
kill_while_it_issues(struct suite *suite, uint64_t from, useconds_t after_us)
{
    int ends[2];
    uint64_t acknowledged = from - 1;
    uint64_t number = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        issue_until_killed(suite, from, ends[1]);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &number, sizeof(number)), sizeof(number));
    acknowledged = number;
    (void)usleep(after_us);
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) {
        acknowledged = number;
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return acknowledged;
}

static void
killed_process_loses_nothing_that_was_acknowledged(void **state)
{
    struct suite *suite = *state;
    uint64_t next = 1;
    close_store(suite);
    for (unsigned round = 0; round < 20; round++) {
        uint64_t acknowledged = kill_while_it_issues(suite, next, round * 1700);
        uint8_t chain[32] = {0};
        uint64_t records = 0;
        struct seen seen = {0};
        suite_open(suite);
        uint64_t count = count_certificates(suite);
        assert_true(count == acknowledged || count == acknowledged + BATCH); /* whole batches */
        assert_true(has_identity(suite, count));
        assert_false(has_identity(suite, count + 1));
        OK(store_each_journal(suite->store, 1, chain, SIZE_MAX, count_record, &records, err));
        assert_int_equal(records, count);
        OK(store_each_unsigned(suite->store, 9, see_certificate, &seen, err));
        assert_int_equal(seen.count, 0);
        OK(store_check(suite->store, err));
        close_store(suite);
        next = count + 1;
    }
}

static void
D9_second_process_is_kept_out(void **state)
{
    struct suite *suite = *state;
    const struct place *place = suite->engine;
    assert_int_equal(reserve_sample(suite, 1), STORE_DONE);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *store = NULL;
        struct base_error fault = {0};
        enum base_code code = store_open_sqlite(place->file, true, &store, &fault);
        _exit(code == E_STORE_UNAVAILABLE && strstr(fault.detail, "locked") != NULL ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(reserve_sample(suite, 2), STORE_DONE);
}

/* ---- disks and memory that are full ---- */

/* Commits until one fails; returns how many certificates there are. */
static uint64_t
fill_up(struct suite *suite, uint64_t from, struct base_error *err)
{
    enum base_code code = BASE_OK;
    uint64_t number = from;
    for (; code == BASE_OK && number < from + 20000; number++) {
        struct sample sample;
        make_sample(&sample, number);
        code = store_commit(suite->store, &sample.op, 1, err);
    }
    assert_int_equal(code, E_STORE_UNAVAILABLE);
    return number - 2;
}

static void
assert_whole(struct suite *suite, uint64_t count)
{
    uint8_t chain[32] = {0};
    uint64_t records = 0;
    assert_int_equal(count_certificates(suite), count);
    assert_true(has_identity(suite, count));
    assert_false(has_identity(suite, count + 1));
    OK(store_each_journal(suite->store, 1, chain, SIZE_MAX, count_record, &records, err));
    assert_int_equal(records, count);
    OK(store_check(suite->store, err));
}

static void
write_error_spends_nothing_and_passes(void **state)
{
    struct suite *suite = *state;
    struct rlimit before;
    struct base_error fault = {0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {512 * 1024, before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    uint64_t count = fill_up(suite, 1, &fault);
    struct sample sample;
    make_sample(&sample, count + 1);
    assert_int_equal(store_commit(suite->store, &sample.op, 1, &fault), E_STORE_UNAVAILABLE);
    assert_true(has_identity(suite, count)); /* reading goes on */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_non_null(strstr(fault.detail, "File too large"));
    assert_whole(suite, count);
    assert_int_equal(reserve_sample(suite, count + 1), STORE_DONE);
    suite_reopen(suite);
    assert_whole(suite, count + 1);
}

/* In a namespace of its own: a disk of one megabyte that fills up and is freed again. */
static void
fill_a_disk(struct suite *suite)
{
    const struct place *place = suite->engine;
    struct base_error fault = {0};
    char ballast[128];
    static const uint8_t zeros[300 * 1024];
    assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    assert_int_equal(mount("kurier", place->folder, "tmpfs", 0, "size=1m"), 0);
    OK(store_open_sqlite(place->file, true, &suite->store, err));
    write_file(suite, ".ballast", 0, zeros, sizeof(zeros));
    uint64_t count = fill_up(suite, 1, &fault);
    assert_non_null(strstr(fault.detail, "full"));
    assert_true(has_identity(suite, count));
    assert_int_equal(unlink(beside(place, ".ballast", ballast)), 0);
    assert_whole(suite, count);
    assert_int_equal(reserve_sample(suite, count + 1), STORE_DONE);
    suite_reopen(suite);
    assert_whole(suite, count + 1);
    close_store(suite);
}

static void
full_disk_spends_nothing_and_passes(void **state)
{
    struct suite *suite = *state;
    close_store(suite);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0) {
            _exit(77);
        }
        fill_a_disk(suite);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        skip(); /* needs the right to mount */
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
want_of_memory_spends_nothing_and_passes(void **state)
{
    struct suite *suite = *state;
    uint64_t count = 0;
    for (int64_t room = 0; room < 200000; room += 1000) {
        struct sample sample;
        make_sample(&sample, count + 1);
        (void)sqlite3_hard_heap_limit64(sqlite3_memory_used() + room + 1);
        enum base_code code = store_commit(suite->store, &sample.op, 1, NULL);
        (void)sqlite3_hard_heap_limit64(0);
        assert_true(code == BASE_OK || code == E_STORE_UNAVAILABLE);
        count += code == BASE_OK;
        assert_int_equal(count_certificates(suite), count);
    }
    assert_whole(suite, count);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SUITE_TESTS,
        SUITE_TEST(database_is_private_and_alone),
        SUITE_TEST(new_database_has_the_schema_of_this_program),
        SUITE_TEST(new_on_a_database_that_is_there_opens_it),
        SUITE_TEST(missing_database_is_not_made_unasked),
        SUITE_TEST(empty_file_is_damaged_whoever_asks),
        SUITE_TEST(log_without_its_database_is_damage),
        SUITE_TEST(creation_that_was_killed_is_begun_again),
        SUITE_TEST(file_of_something_else_is_refused),
        SUITE_TEST(database_of_something_else_is_refused),
        SUITE_TEST(newer_schema_is_refused),
        SUITE_TEST(first_schema_is_brought_up_to_date_with_all_that_it_holds),
        SUITE_TEST(damaged_pages_are_found_at_opening),
        SUITE_TEST(cut_off_database_is_found_at_opening),
        SUITE_TEST(small_tables_are_checked_by_themselves),
        SUITE_TEST(damage_that_is_met_while_reading_is_told),
        SUITE_TEST(change_at_the_journals_end_is_found_at_opening),
        SUITE_TEST(change_long_ago_is_found_by_reading_all),
        SUITE_TEST(process_that_dies_before_the_commit_leaves_nothing),
        SUITE_TEST(process_that_dies_after_the_commit_leaves_all),
        SUITE_TEST(killed_process_loses_nothing_that_was_acknowledged),
        SUITE_TEST(D9_second_process_is_kept_out),
        SUITE_TEST(write_error_spends_nothing_and_passes),
        SUITE_TEST(full_disk_spends_nothing_and_passes),
        SUITE_TEST(want_of_memory_spends_nothing_and_passes),
    };
    return cmocka_run_group_tests_name("store/sqlite", tests, NULL, NULL);
}
