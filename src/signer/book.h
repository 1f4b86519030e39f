/*
 * book.h - the journal in use: the memory that no serial is ever signed with two bodies, no CRL
 * number with two lists, and that nothing is signed before it is written.
 *
 * All workers share one book; it locks itself. A record is in the file when add returns, and a
 * thread of the book syncs the file in groups behind.
 */
#ifndef SIGNER_BOOK_H
#define SIGNER_BOOK_H

#include "base/log.h"
#include "base/random.h"
#include "journal/journal.h"
#include "signer/limits.h"

struct signer_book;

#define SIGNER_JOURNAL_NAME "journal"

/*
 * Open the journal in the signer's folder and learn from it. @log is copied. Errors:
 * E_JOURNAL_BROKEN, E_JOURNAL_WRITE, E_NO_MEMORY.
 */
MUST_CHECK enum base_code signer_book_open(int folder_fd, const struct base_log *log,
    const struct base_random *random, struct signer_book **out, struct base_error *err);
/* Begin to sync in the background. Errors: E_SYSTEM. */
MUST_CHECK enum base_code signer_book_start(struct signer_book *book, struct base_error *err);
/* What was recorded until now is on the disk when this returns, or the log says why not. */
void signer_book_flush(struct signer_book *book);
/* Ends the thread, syncs. */
void signer_book_free(struct signer_book *book);
OWNER_STRUCT(signer_book)

uint64_t signer_book_count(struct signer_book *book);

/* A clock before the last signature (by more than 5 minutes) or before this program was written is
 * wrong. Errors: E_SIGNER_CLOCK. */
MUST_CHECK enum base_code signer_book_check_clock(
    struct signer_book *book, int64_t now_ms, struct base_error *err);

/* What is signed: of which CA, under which number, with which content. */
struct signer_entry {
    const uint8_t *ca;     /* JOURNAL_CA_LEN octets */
    struct bytes serial;   /* or cRLNumber: 1 to JOURNAL_SERIAL_MAX octets, no leading zeros */
    const uint8_t *sha256; /* of the body */
};

/* *out_is_known: this body was recorded before, and may be signed again. Errors:
 * E_SIGNER_SERIAL_REUSED when its serial was used for something else; E_JOURNAL_BROKEN, E_SYSTEM.
 */
MUST_CHECK enum base_code signer_book_find_body(struct signer_book *book,
    const struct signer_entry *entry, bool *out_is_known, struct base_error *err);
/* Record a body, unless it is recorded already. Call signer_book_find_body() first: it also looks
 * where this does not, in what the table has forgotten. Errors: also E_JOURNAL_WRITE. */
MUST_CHECK enum base_code signer_book_add_body(struct signer_book *book,
    const struct signer_entry *entry, int64_t now_ms, struct base_error *err);
/* Record a CRL: its number is greater than the CA's last one, or it is the last one again. Errors:
 * E_SIGNER_SERIAL_REUSED, E_JOURNAL_WRITE. */
MUST_CHECK enum base_code signer_book_add_crl(struct signer_book *book,
    const struct signer_entry *entry, int64_t now_ms, struct base_error *err);
/* Record that a CA or RA certificate came to be. Errors: E_JOURNAL_WRITE. */
MUST_CHECK enum base_code signer_book_add_authority(struct signer_book *book,
    enum journal_kind kind, const struct signer_entry *entry, int64_t now_ms,
    struct base_error *err);

/* Record a configuration profile: entry->serial is the RA certificate's, sha256 that of the signed
 * attributes. Errors: E_JOURNAL_WRITE. */
MUST_CHECK enum base_code signer_book_add_profile(struct signer_book *book,
    const struct signer_entry *entry, int64_t now_ms, struct base_error *err);

/* Whole records from @from_seq on, at most @max_count: journal_read_page(). */
MUST_CHECK enum base_code signer_book_read_page(struct signer_book *book, uint64_t from_seq,
    size_t max_count, struct buffer *out, uint64_t *out_next_seq, bool *out_is_end,
    struct base_error *err);

#endif
