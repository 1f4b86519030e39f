#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"

/* Read at a time; 64 KiB. */
#define CHUNK_COUNT 512

struct journal {
    int fd;
    struct journal_chain chain; /* next_seq is the count */
    int64_t last_ms;
    uint32_t epoch;
    atomic_bool is_failed; /* a sync or a repair failed: no more appends */
};

void
journal_free(struct journal *journal)
{
    if (journal != NULL) {
        if (journal->fd >= 0) {
            (void)close(journal->fd);
        }
        free(journal);
    }
}

uint64_t
journal_count(const struct journal *journal)
{
    return journal->chain.next_seq;
}

int64_t
journal_last_ms(const struct journal *journal)
{
    return journal->last_ms;
}

uint32_t
journal_epoch(const struct journal *journal)
{
    return journal->epoch;
}

/* Fill @out from the file, whose end must not come earlier. */
MUST_CHECK static enum base_code
read_at(int fd, uint64_t offset, uint8_t *out, size_t len, struct base_error *err)
{
    size_t have = 0;
    while (have < len) {
        ssize_t got = pread(fd, out + have, len - have, (off_t)(offset + have));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return base_fail_errno(err, E_SYSTEM, errno, "read of the journal");
        }
        if (got == 0) {
            return base_fail(
                err, E_JOURNAL_BROKEN, "the file ends at octet %" PRIu64, offset + have);
        }
        have += (size_t)got;
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
read_records(
    const struct journal *journal, uint64_t seq, size_t count, uint8_t *out, struct base_error *err)
{
    return read_at(journal->fd, seq * JOURNAL_RECORD_LEN, out, count * JOURNAL_RECORD_LEN, err);
}

static bool
is_zero_record(const uint8_t octets[JOURNAL_RECORD_LEN])
{
    static const uint8_t zeros[JOURNAL_RECORD_LEN];
    return memcmp(octets, zeros, JOURNAL_RECORD_LEN) == 0;
}

/* How many records there are when the torn end is left away. */
MUST_CHECK static enum base_code
count_sound(int fd, uint64_t size, uint64_t *out_count, struct base_error *err)
{
    uint64_t count = size / JOURNAL_RECORD_LEN;
    uint8_t octets[JOURNAL_RECORD_LEN];
    while (count > 0) {
        TRY(read_at(fd, (count - 1) * JOURNAL_RECORD_LEN, octets, sizeof(octets), err));
        if (!is_zero_record(octets)) {
            break;
        }
        count--;
    }
    *out_count = count;
    return BASE_OK;
}

MUST_CHECK static enum base_code
repair_end(int fd, uint64_t *out_count, uint64_t *out_cut_octets, struct base_error *err)
{
    struct stat about = {0};
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        return base_fail(err, E_JOURNAL_WRITE, "the journal is not a regular file");
    }
    uint64_t size = (uint64_t)about.st_size;
    uint64_t count = 0;
    TRY(count_sound(fd, size, &count, err));
    uint64_t sound = count * JOURNAL_RECORD_LEN;
    if (sound < size && (ftruncate(fd, (off_t)sound) != 0 || fdatasync(fd) != 0)) {
        return base_fail_errno(err, E_JOURNAL_WRITE, errno, "cut the journal to %" PRIu64, sound);
    }
    *out_count = count;
    *out_cut_octets = size - sound;
    return BASE_OK;
}

/* Take a page's records one after the other; *out_taken counts the sound ones. */
MUST_CHECK static enum base_code
take_all(struct journal_chain *chain, const uint8_t *octets, size_t count, struct journal *heard,
    size_t *out_taken, struct base_error *err)
{
    for (*out_taken = 0; *out_taken < count; ++*out_taken) {
        struct journal_record record;
        struct bytes one = {octets + *out_taken * JOURNAL_RECORD_LEN, JOURNAL_RECORD_LEN};
        TRY(journal_chain_take(chain, one, &record, err));
        if (heard != NULL) {
            heard->last_ms = record.at_ms > heard->last_ms ? record.at_ms : heard->last_ms;
            heard->epoch = record.epoch;
        }
    }
    return BASE_OK;
}

/* Where a check that begins with record @from_seq starts: after the record before it. */
MUST_CHECK static enum base_code
start_chain(const struct journal *journal, uint64_t from_seq, struct journal_chain *out,
    struct base_error *err)
{
    memset(out, 0, sizeof(*out));
    if (from_seq > 0) {
        struct journal_record before;
        TRY(journal_find(journal, from_seq - 1, &before, err));
        memcpy(out->hash, before.chain, JOURNAL_HASH_LEN);
        out->next_seq = from_seq;
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
verify_tail(struct journal *journal, uint64_t count, struct base_error *err)
{
    OWN_MEMORY uint8_t *chunk = malloc((size_t)CHUNK_COUNT * JOURNAL_RECORD_LEN);
    if (chunk == NULL) {
        return base_fail(err, E_NO_MEMORY, "to read the journal");
    }
    uint64_t from = count > JOURNAL_TAIL_COUNT ? count - JOURNAL_TAIL_COUNT : 0;
    struct journal_chain chain;
    TRY(start_chain(journal, from, &chain, err));
    while (chain.next_seq < count) {
        uint64_t left = count - chain.next_seq;
        size_t some = left < CHUNK_COUNT ? (size_t)left : CHUNK_COUNT;
        size_t taken = 0;
        TRY(read_records(journal, chain.next_seq, some, chunk, err));
        TRY(take_all(&chain, chunk, some, journal, &taken, err));
    }
    journal->chain = chain;
    return BASE_OK;
}

enum base_code
journal_open(int folder_fd, const char *name, struct journal **out, uint64_t *out_cut_octets,
    struct base_error *err)
{
    OWN_STRUCT(journal) journal = calloc(1, sizeof(*journal));
    if (journal == NULL) {
        return base_fail(err, E_NO_MEMORY, "journal");
    }
    journal->epoch = 1;
    journal->fd =
        openat(folder_fd, name, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (journal->fd < 0) {
        return base_fail_errno(err, E_JOURNAL_WRITE, errno, "open %s", name);
    }
    uint64_t count = 0;
    uint64_t cut = 0;
    TRY(repair_end(journal->fd, &count, &cut, err));
    TRY(verify_tail(journal, count, err));
    if (count == 0 && fsync(folder_fd) != 0) { /* a new file: its name too must outlive a crash */
        return base_fail_errno(err, E_JOURNAL_WRITE, errno, "fsync of the folder");
    }
    *out_cut_octets = cut;
    *out = MOVE(journal);
    return BASE_OK;
}

/* Leave nothing of a record that was not written whole. */
static void
take_back(struct journal *journal)
{
    if (ftruncate(journal->fd, (off_t)(journal->chain.next_seq * JOURNAL_RECORD_LEN)) != 0) {
        atomic_store(&journal->is_failed, true);
    }
}

enum base_code
journal_append(struct journal *journal, struct journal_record *record, struct base_error *err)
{
    uint8_t octets[JOURNAL_RECORD_LEN];
    if (atomic_load(&journal->is_failed)) {
        return base_fail(err, E_JOURNAL_WRITE, "the journal failed before; restart the signer");
    }
    record->seq = journal->chain.next_seq;
    TRY(journal_record_encode(record, journal->chain.hash, octets, err));
    ssize_t written = -1;
    do {
        written = write(journal->fd, octets, sizeof(octets));
    } while (written < 0 && errno == EINTR);
    if (written != (ssize_t)sizeof(octets)) {
        int errnum = written < 0 ? errno : ENOSPC;
        take_back(journal);
        return base_fail_errno(err, E_JOURNAL_WRITE, errnum, "record %" PRIu64, record->seq);
    }
    memcpy(journal->chain.hash, record->chain, JOURNAL_HASH_LEN);
    journal->chain.next_seq++;
    journal->last_ms = record->at_ms > journal->last_ms ? record->at_ms : journal->last_ms;
    journal->epoch = record->epoch;
    return BASE_OK;
}

bool
journal_has_failed(const struct journal *journal)
{
    return atomic_load(&journal->is_failed);
}

enum base_code
journal_sync(struct journal *journal, struct base_error *err)
{
    if (atomic_load(&journal->is_failed)) {
        return base_fail(err, E_JOURNAL_WRITE, "the journal failed before; restart the signer");
    }
    if (fdatasync(journal->fd) != 0) {
        int errnum = errno;
        atomic_store(&journal->is_failed, true);
        return base_fail_errno(err, E_JOURNAL_WRITE, errnum, "fdatasync of the journal");
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
decode_at(uint64_t seq, const uint8_t octets[JOURNAL_RECORD_LEN], struct journal_record *out,
    struct base_error *err)
{
    struct base_error why = {0};
    if (journal_record_decode((struct bytes){octets, JOURNAL_RECORD_LEN}, out, &why) != BASE_OK) {
        return base_fail(err, why.code, "record %" PRIu64 ": %.200s", seq, why.detail);
    }
    return BASE_OK;
}

enum base_code
journal_find(
    const struct journal *journal, uint64_t seq, struct journal_record *out, struct base_error *err)
{
    uint8_t octets[JOURNAL_RECORD_LEN];
    TRY(read_records(journal, seq, 1, octets, err));
    return decode_at(seq, octets, out, err);
}

enum base_code
journal_visit(const struct journal *journal, uint64_t from_seq, uint64_t end_seq,
    journal_visit_fn visit, void *arg, struct base_error *err)
{
    OWN_MEMORY uint8_t *chunk = malloc((size_t)CHUNK_COUNT * JOURNAL_RECORD_LEN);
    if (chunk == NULL) {
        return base_fail(err, E_NO_MEMORY, "to read the journal");
    }
    while (from_seq < end_seq) {
        uint64_t left = end_seq - from_seq;
        size_t some = left < CHUNK_COUNT ? (size_t)left : CHUNK_COUNT;
        TRY(read_records(journal, from_seq, some, chunk, err));
        for (size_t i = 0; i < some; i++, from_seq++) {
            struct journal_record record;
            TRY(decode_at(from_seq, chunk + i * JOURNAL_RECORD_LEN, &record, err));
            TRY(visit(arg, &record, err));
        }
    }
    return BASE_OK;
}

enum base_code
journal_read_page(const struct journal *journal, uint64_t from_seq, uint64_t end_seq,
    size_t max_count, struct buffer *out, uint64_t *out_next_seq, struct base_error *err)
{
    *out_next_seq = from_seq;
    if (from_seq >= end_seq) {
        return BASE_OK;
    }
    uint64_t left = end_seq - from_seq;
    size_t count = left < max_count ? (size_t)left : max_count;
    size_t taken = 0;
    uint8_t *to = NULL;
    struct journal_chain chain;
    TRY(start_chain(journal, from_seq, &chain, err));
    TRY(buffer_reserve(out, count * JOURNAL_RECORD_LEN, &to, err));
    TRY(read_records(journal, from_seq, count, to, err));
    enum base_code code = take_all(&chain, to, count, NULL, &taken, err);
    out->len += taken * JOURNAL_RECORD_LEN;
    *out_next_seq = chain.next_seq;
    return code;
}
