/*
 * journal.h - the file of a journal: opened and its end repaired, appended to, synced, read.
 *
 * A record is in the file (write(2) has returned) before what it records leaves the process, so a
 * killed process loses none. A power failure may lose what was not synced yet: the owner calls
 * journal_sync() in groups, behind the answers. A journal has one owner, who lets one thread at a
 * time append; journal_sync() may run beside that in another thread, and so may the readers up to
 * a count that was taken under the owner's lock.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include "base/own.h"
#include "journal/record.h"

/*
 * Records at the end of the file whose chain is verified when it is opened (32 MiB, well below a
 * second): what a crash can have touched. All of it is verified by an audit.
 */
#define JOURNAL_TAIL_COUNT ((uint64_t)262144)

struct journal;

/*
 * Open or make the file @name in @folder_fd, mode 0600, and repair what a crash left at its end: a
 * last record that is not whole, and whole records of zeros (a file system that had allocated but
 * not written), are cut off. The repair is said in *out_cut_octets. Then the chain of the tail is
 * verified. Errors: E_JOURNAL_BROKEN, E_JOURNAL_WRITE (cannot be opened, or not cut), E_NO_MEMORY.
 */
MUST_CHECK enum base_code journal_open(int folder_fd, const char *name, struct journal **out,
    uint64_t *out_cut_octets, struct base_error *err);
void journal_free(struct journal *journal);
OWNER_STRUCT(journal)

uint64_t journal_count(const struct journal *journal);
/* The latest time of any record of the tail, in milliseconds since 1970; 0 for an empty journal. */
int64_t journal_last_ms(const struct journal *journal);
/* The last record's epoch; 1 for an empty journal. */
uint32_t journal_epoch(const struct journal *journal);

/*
 * Write one record. Of @record kind, epoch, at_ms, ca, serial and sha256 are taken; seq and chain
 * are filled in. When the disk is full nothing of it remains and a later append may succeed.
 * Errors: E_JOURNAL_WRITE.
 */
MUST_CHECK enum base_code journal_append(
    struct journal *journal, struct journal_record *record, struct base_error *err);
/*
 * What was appended until now is on the disk when this returns. After a failure the kernel may have
 * dropped what it could not write, so every later append and sync fails too (E_JOURNAL_WRITE) until
 * the journal is opened again.
 */
MUST_CHECK enum base_code journal_sync(struct journal *journal, struct base_error *err);
/* It takes nothing more until it is opened again. Any thread. */
bool journal_has_failed(const struct journal *journal);

/* Record @seq, which must be below the count; its form is checked, not its chain.
 * Errors: E_JOURNAL_BROKEN, E_SYSTEM. */
MUST_CHECK enum base_code journal_find(const struct journal *journal, uint64_t seq,
    struct journal_record *out, struct base_error *err);

/* Called for each record in order; an error ends the walk and is returned. */
typedef enum base_code (*journal_visit_fn)(
    void *arg, const struct journal_record *record, struct base_error *err);
/* Visit the records from @from_seq up to @end_seq (at most the count), forms checked.
 * Errors: E_JOURNAL_BROKEN, E_SYSTEM, the visitor's. */
MUST_CHECK enum base_code journal_visit(const struct journal *journal, uint64_t from_seq,
    uint64_t end_seq, journal_visit_fn visit, void *arg, struct base_error *err);

/*
 * A page: whole records from @from_seq on, at most @max_count and not beyond @end_seq, appended to
 * @out as they are in the file. Its chain is verified from the record before it; where that fails
 * the page ends before the broken record and the error is E_JOURNAL_BROKEN: @out then holds what
 * is sound. *out_next_seq is set in both cases. Other errors: E_SYSTEM, E_TOO_LARGE.
 */
MUST_CHECK enum base_code journal_read_page(const struct journal *journal, uint64_t from_seq,
    uint64_t end_seq, size_t max_count, struct buffer *out, uint64_t *out_next_seq,
    struct base_error *err);

#endif
