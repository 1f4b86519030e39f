/*
 * serials.h - which record of the journal has a serial number, for the serials of late.
 *
 * A body is signed within moments of its serial being made, so nearly every question is about a
 * serial that is new. This table answers "never seen" from memory, in 16 octets a record, and for
 * the rest names the records to look at. It forgets in two generations: at least the last 4,096
 * records, and what falls in the last 48 hours up to 8,192 records, are always in it. What was
 * forgotten is known by the latest time (the serial's first 48 bits) among it: an older serial has
 * to be looked for in the file.
 */
#ifndef SIGNER_SERIALS_H
#define SIGNER_SERIALS_H

#include "base/bytes.h"
#include "base/own.h"

/* Serials whose records may share a slot's key: with a secret 64-bit key, in truth one. */
#define SIGNER_CANDIDATES_MAX 8

/* What it remembers at most: two generations of so many. */
#define SIGNER_SERIALS_GENERATION ((size_t)8192)

struct signer_serials;

/* @secret keys the table, so that nobody can choose serials that collide in it. NULL without
 * memory. */
struct signer_serials *signer_serials_new(const uint64_t secret[2]);
void signer_serials_free(struct signer_serials *serials);
OWNER_STRUCT(signer_serials)

/* The first 48 bits of a serial: milliseconds since 1970. 0 for a shorter one. */
int64_t signer_serial_ms(struct bytes serial);

/* Record @seq, written at @at_ms, has this serial. */
void signer_serials_add(
    struct signer_serials *serials, struct bytes serial, uint64_t seq, int64_t at_ms);
/* Records before the first one added may have serials up to this time. */
void signer_serials_forget(struct signer_serials *serials, int64_t until_ms);

/* Records that may have this serial, at most SIGNER_CANDIDATES_MAX; returns how many. */
size_t signer_serials_find(const struct signer_serials *serials, struct bytes serial,
    uint64_t out_seqs[SIGNER_CANDIDATES_MAX]);
/* May a record with this serial have been forgotten? */
bool signer_serials_may_have_forgotten(const struct signer_serials *serials, struct bytes serial);

#endif
