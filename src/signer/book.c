#include "signer/book.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "signer/serials.h"

#include "base/banned.h"

/* How many of the newest records are learnt at the start. */
#define LEARN_COUNT ((uint64_t)(2 * SIGNER_SERIALS_GENERATION))
/* A sync is not begun sooner than this after the last one, to leave the disk to the ledger. */
#define SYNC_PAUSE_NS 50000000L

/* The last CRL of one CA. */
struct crl_state {
    uint8_t ca[JOURNAL_CA_LEN];
    uint8_t number_len;
    uint8_t number[JOURNAL_SERIAL_MAX];
    uint8_t sha256[JOURNAL_HASH_LEN];
};

struct signer_book {
    pthread_mutex_t lock; /* all below, but for what the syncing thread does with the journal */
    pthread_cond_t changed;
    pthread_t syncer;
    bool is_syncing; /* the thread runs */
    bool is_dirty;
    bool is_ending;
    struct base_log log;
    struct journal *journal;
    struct signer_serials *serials;
    struct crl_state crls[SIGNER_CA_MAX];
    size_t crl_count;
};

static struct crl_state *
find_crl(struct signer_book *book, const uint8_t ca[JOURNAL_CA_LEN])
{
    for (size_t i = 0; i < book->crl_count; i++) {
        if (memcmp(book->crls[i].ca, ca, JOURNAL_CA_LEN) == 0) {
            return &book->crls[i];
        }
    }
    return NULL;
}

static int
compare_numbers(const struct crl_state *last, struct bytes number)
{
    if (last->number_len != number.len) {
        return last->number_len < number.len ? -1 : 1;
    }
    return memcmp(last->number, number.ptr, number.len);
}

/* CAs that the configuration no longer has count too, so the room may run out: then none is lost
 * silently. */
MUST_CHECK static enum base_code
note_crl(struct signer_book *book, const struct journal_record *record, struct base_error *err)
{
    struct crl_state *state = find_crl(book, record->ca);
    if (state == NULL) {
        if (book->crl_count == SIGNER_CA_MAX) {
            return base_fail(err, E_TOO_LARGE, "the journal knows more than %d CAs", SIGNER_CA_MAX);
        }
        state = &book->crls[book->crl_count++];
        memcpy(state->ca, record->ca, JOURNAL_CA_LEN);
    }
    state->number_len = record->serial_len;
    memcpy(state->number, record->serial, JOURNAL_SERIAL_MAX);
    memcpy(state->sha256, record->sha256, JOURNAL_HASH_LEN);
    return BASE_OK;
}

static struct bytes
record_serial(const struct journal_record *record)
{
    return (struct bytes){record->serial, record->serial_len};
}

/* What a record means for later ones; the same at the start and after each append. */
MUST_CHECK static enum base_code
note_record(void *arg, const struct journal_record *record, struct base_error *err)
{
    struct signer_book *book = arg;
    switch (record->kind) {
    case JOURNAL_CRL_SIGNED:
        return note_crl(book, record, err);
    case JOURNAL_BODY_SIGNED:
    case JOURNAL_RA_MADE:
    case JOURNAL_TLS_MADE:
    case JOURNAL_CA_CREATED:
        signer_serials_add(book->serials, record_serial(record), record->seq, record->at_ms);
        break;
    case JOURNAL_CA_IMPORTED:    /* its serial is another issuer's */
    case JOURNAL_PROFILE_SIGNED: /* its serial only says with which key */
        break;
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
note_crl_only(void *arg, const struct journal_record *record, struct base_error *err)
{
    return record->kind == JOURNAL_CRL_SIGNED ? note_crl(arg, record, err) : BASE_OK;
}

MUST_CHECK static enum base_code
learn(struct signer_book *book, struct base_error *err)
{
    uint64_t count = journal_count(book->journal);
    uint64_t from = count > LEARN_COUNT ? count - LEARN_COUNT : 0;
    if (from > 0) {
        /* No serial was signed that was ahead of its record's time by more than we allow, nor a
         * record written whose time was behind an earlier one's by more than that. */
        struct journal_record first;
        TRY(journal_find(book->journal, from, &first, err));
        signer_serials_forget(
            book->serials, first.at_ms + (SIGNER_AHEAD_MAX_S + SIGNER_BACK_MAX_S) * 1000);
        /* A CA's last CRL may be older than all that is learnt. */
        TRY(journal_visit(book->journal, 0, from, note_crl_only, book, err));
    }
    return journal_visit(book->journal, from, count, note_record, book, err);
}

enum base_code
signer_book_open(int folder_fd, const struct base_log *log, const struct base_random *random,
    struct signer_book **out, struct base_error *err)
{
    uint64_t secret[2] = {0, 0};
    uint64_t cut_octets = 0;
    OWN_STRUCT(signer_book) book = calloc(1, sizeof(*book));
    if (book == NULL || pthread_mutex_init(&book->lock, NULL) != 0 ||
        pthread_cond_init(&book->changed, NULL) != 0) {
        return base_fail(err, E_NO_MEMORY, "journal");
    }
    book->log = *log;
    TRY(base_random_fill(random, (uint8_t *)secret, sizeof(secret), err));
    book->serials = signer_serials_new(secret);
    if (book->serials == NULL) {
        return base_fail(err, E_NO_MEMORY, "serials");
    }
    TRY(journal_open(folder_fd, SIGNER_JOURNAL_NAME, &book->journal, &cut_octets, err));
    if (cut_octets > 0) {
        struct base_log_record record;
        base_log_begin(&record, log, BASE_LOG_WARN, "journal_repaired", BYTES_NONE);
        base_log_number(&record, "cut_octets", (int64_t)cut_octets);
        base_log_number(&record, "records", (int64_t)journal_count(book->journal));
        base_log_end(&record);
    }
    TRY(learn(book, err));
    *out = MOVE(book);
    return BASE_OK;
}

/* A signer that cannot write its journal any more can sign nothing: its successor opens the journal
 * anew, and repairs its end. */
static void
end_when_failed(const struct signer_book *book, const struct base_error *why)
{
    if (journal_has_failed(book->journal)) {
        base_log_error(&book->log, BASE_LOG_ERROR, "journal_failed", why);
        _exit(1);
    }
}

void
signer_book_flush(struct signer_book *book)
{
    struct base_error err = {0};
    if (journal_sync(book->journal, &err) != BASE_OK) {
        end_when_failed(book, &err);
    }
}

static void *
sync_behind(void *arg)
{
    struct signer_book *book = arg;
    const struct timespec pause = {0, SYNC_PAUSE_NS};
    (void)pthread_mutex_lock(&book->lock);
    while (!book->is_ending) {
        if (!book->is_dirty) {
            (void)pthread_cond_wait(&book->changed, &book->lock);
            continue;
        }
        book->is_dirty = false;
        (void)pthread_mutex_unlock(&book->lock);
        signer_book_flush(book);
        (void)nanosleep(&pause, NULL);
        (void)pthread_mutex_lock(&book->lock);
    }
    (void)pthread_mutex_unlock(&book->lock);
    return NULL;
}

enum base_code
signer_book_start(struct signer_book *book, struct base_error *err)
{
    if (book->is_syncing) {
        return BASE_OK;
    }
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return base_fail(err, E_NO_MEMORY, "thread that syncs the journal");
    }
    (void)pthread_attr_setstacksize(&attributes, SIGNER_STACK_OCTETS);
    int status = pthread_create(&book->syncer, &attributes, sync_behind, book);
    (void)pthread_attr_destroy(&attributes);
    if (status != 0) {
        return base_fail_errno(err, E_SYSTEM, status, "thread that syncs the journal");
    }
    book->is_syncing = true;
    return BASE_OK;
}

void
signer_book_free(struct signer_book *book)
{
    if (book == NULL) {
        return;
    }
    if (book->is_syncing) {
        (void)pthread_mutex_lock(&book->lock);
        book->is_ending = true;
        (void)pthread_cond_signal(&book->changed);
        (void)pthread_mutex_unlock(&book->lock);
        (void)pthread_join(book->syncer, NULL);
    }
    if (book->journal != NULL && book->is_dirty) {
        signer_book_flush(book);
    }
    journal_free(book->journal);
    signer_serials_free(book->serials);
    (void)pthread_cond_destroy(&book->changed);
    (void)pthread_mutex_destroy(&book->lock);
    free(book);
}

uint64_t
signer_book_count(struct signer_book *book)
{
    (void)pthread_mutex_lock(&book->lock);
    uint64_t count = journal_count(book->journal);
    (void)pthread_mutex_unlock(&book->lock);
    return count;
}

enum base_code
signer_book_check_clock(struct signer_book *book, int64_t now_ms, struct base_error *err)
{
    (void)pthread_mutex_lock(&book->lock);
    int64_t last_ms = journal_last_ms(book->journal);
    (void)pthread_mutex_unlock(&book->lock);
    char now_text[BASE_TIME_TEXT_LEN] = "";
    char last_text[BASE_TIME_TEXT_LEN] = "";
    if (now_ms < SIGNER_NOT_BEFORE_S * 1000 || now_ms < last_ms - SIGNER_BACK_MAX_S * 1000) {
        base_time_text(now_ms / 1000, now_text);
        base_time_text(last_ms / 1000, last_text);
        return base_fail(err, E_SIGNER_CLOCK, "the clock says %s, the last signature was at %s",
            now_text, last_text);
    }
    return BASE_OK;
}

/* What a record with the serial that is asked for says about it. */
MUST_CHECK static enum base_code
judge(const struct journal_record *record, const struct signer_entry *entry, bool *out_is_known,
    struct base_error *err)
{
    if (memcmp(record->ca, entry->ca, JOURNAL_CA_LEN) != 0 ||
        !bytes_equal(record_serial(record), entry->serial) || record->kind == JOURNAL_CRL_SIGNED ||
        record->kind == JOURNAL_CA_IMPORTED || record->kind == JOURNAL_PROFILE_SIGNED) {
        return BASE_OK;
    }
    if (record->kind != JOURNAL_BODY_SIGNED ||
        memcmp(record->sha256, entry->sha256, JOURNAL_HASH_LEN) != 0) {
        return base_fail(err, E_SIGNER_SERIAL_REUSED,
            "record %llu of the journal has the same serial with another body",
            (unsigned long long)record->seq);
    }
    *out_is_known = true;
    return BASE_OK;
}

/* The table's answer; under the lock. */
MUST_CHECK static enum base_code
look_up(struct signer_book *book, const struct signer_entry *entry, bool *out_is_known,
    struct base_error *err)
{
    uint64_t seqs[SIGNER_CANDIDATES_MAX];
    size_t count = signer_serials_find(book->serials, entry->serial, seqs);
    if (count == SIGNER_CANDIDATES_MAX) {
        return base_fail(err, E_SIGNER_SERIAL_REUSED, "too many records like this serial");
    }
    for (size_t i = 0; i < count; i++) {
        struct journal_record record;
        TRY(journal_find(book->journal, seqs[i], &record, err));
        TRY(judge(&record, entry, out_is_known, err));
    }
    return BASE_OK;
}

struct search {
    const struct signer_entry *entry;
    bool is_known;
};

MUST_CHECK static enum base_code
judge_each(void *arg, const struct journal_record *record, struct base_error *err)
{
    struct search *search = arg;
    return judge(record, search->entry, &search->is_known, err);
}

enum base_code
signer_book_find_body(struct signer_book *book, const struct signer_entry *entry,
    bool *out_is_known, struct base_error *err)
{
    struct search search = {entry, false};
    (void)pthread_mutex_lock(&book->lock);
    enum base_code code = look_up(book, entry, &search.is_known, err);
    uint64_t count = journal_count(book->journal);
    bool is_forgotten = signer_serials_may_have_forgotten(book->serials, entry->serial);
    (void)pthread_mutex_unlock(&book->lock);
    TRY(code);
    if (!search.is_known && is_forgotten) {
        /* Rare: a body that waited for longer than the table remembers. Records that are written
         * meanwhile are in the table, where add looks again. */
        TRY(journal_visit(book->journal, 0, count, judge_each, &search, err));
    }
    *out_is_known = search.is_known;
    return BASE_OK;
}

/* Under the lock. */
MUST_CHECK static enum base_code
append(struct signer_book *book, enum journal_kind kind, const struct signer_entry *entry,
    int64_t now_ms, struct base_error *err)
{
    struct journal_record record = {
        .kind = kind, .epoch = journal_epoch(book->journal), .at_ms = now_ms};
    if (entry->serial.len == 0 || entry->serial.len > JOURNAL_SERIAL_MAX) {
        return base_fail(err, E_INTERNAL, "a serial of %zu octets", entry->serial.len);
    }
    memcpy(record.ca, entry->ca, JOURNAL_CA_LEN);
    record.serial_len = (uint8_t)entry->serial.len;
    memcpy(record.serial, entry->serial.ptr, entry->serial.len);
    memcpy(record.sha256, entry->sha256, JOURNAL_HASH_LEN);
    struct base_error why = {0};
    if (journal_append(book->journal, &record, &why) != BASE_OK) {
        end_when_failed(book, &why);
        return base_fail(err, why.code, "%s", why.detail);
    }
    book->is_dirty = true;
    (void)pthread_cond_signal(&book->changed);
    enum base_code code = note_record(book, &record, err);
    if (code != BASE_OK) {
        /* Written but not in the table: from now on the file is asked. */
        signer_serials_forget(book->serials, signer_serial_ms(entry->serial));
    }
    return code;
}

enum base_code
signer_book_add_body(struct signer_book *book, const struct signer_entry *entry, int64_t now_ms,
    struct base_error *err)
{
    bool is_known = false;
    (void)pthread_mutex_lock(&book->lock);
    enum base_code code = look_up(book, entry, &is_known, err);
    if (code == BASE_OK && !is_known) {
        code = append(book, JOURNAL_BODY_SIGNED, entry, now_ms, err);
    }
    (void)pthread_mutex_unlock(&book->lock);
    return code;
}

/* Under the lock. */
MUST_CHECK static enum base_code
check_number(struct signer_book *book, const struct signer_entry *entry, bool *out_is_known,
    struct base_error *err)
{
    const struct crl_state *last = find_crl(book, entry->ca);
    int order = last == NULL ? -1 : compare_numbers(last, entry->serial);
    *out_is_known =
        last != NULL && order == 0 && memcmp(last->sha256, entry->sha256, JOURNAL_HASH_LEN) == 0;
    if (order >= 0 && !*out_is_known) {
        return base_fail(err, E_SIGNER_SERIAL_REUSED,
            "the CRL's number is not greater than that of the last one");
    }
    return BASE_OK;
}

enum base_code
signer_book_add_crl(struct signer_book *book, const struct signer_entry *entry, int64_t now_ms,
    struct base_error *err)
{
    bool is_known = false;
    (void)pthread_mutex_lock(&book->lock);
    enum base_code code = check_number(book, entry, &is_known, err);
    if (code == BASE_OK && !is_known) {
        code = append(book, JOURNAL_CRL_SIGNED, entry, now_ms, err);
    }
    (void)pthread_mutex_unlock(&book->lock);
    return code;
}

enum base_code
signer_book_add_authority(struct signer_book *book, enum journal_kind kind,
    const struct signer_entry *entry, int64_t now_ms, struct base_error *err)
{
    (void)pthread_mutex_lock(&book->lock);
    enum base_code code = append(book, kind, entry, now_ms, err);
    (void)pthread_mutex_unlock(&book->lock);
    return code;
}

enum base_code
signer_book_add_profile(struct signer_book *book, const struct signer_entry *entry, int64_t now_ms,
    struct base_error *err)
{
    (void)pthread_mutex_lock(&book->lock);
    enum base_code code = append(book, JOURNAL_PROFILE_SIGNED, entry, now_ms, err);
    (void)pthread_mutex_unlock(&book->lock);
    return code;
}

enum base_code
signer_book_read_page(struct signer_book *book, uint64_t from_seq, size_t max_count,
    struct buffer *out, uint64_t *out_next_seq, bool *out_is_end, struct base_error *err)
{
    uint64_t count = signer_book_count(book);
    enum base_code code =
        journal_read_page(book->journal, from_seq, count, max_count, out, out_next_seq, err);
    *out_is_end = *out_next_seq >= count;
    return code;
}
