/*
 * limits.h - the bounds of this room, and what happens beyond them.
 */
#ifndef STORE_LIMITS_H
#define STORE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Octets of one row that is read: a CRL of a million entries has about 40 MB, all else a few kB.
 * Beyond: E_TOO_LARGE. */
#define STORE_ROW_MAX ((size_t)64 * 1024 * 1024)

/* Octets of a row's image, which the journal's hash covers: names and keys of the largest request.
 * Beyond: E_TOO_LARGE. */
#define STORE_IMAGE_MAX ((size_t)2 * 1024 * 1024)

/* Octets of a journal record's key: a serial has 20, a number 8. A longer one is cut; the hash
 * beside it covers all. */
#define STORE_RECORD_KEY_MAX 64

/* Records at the journal's end whose chain is verified at every opening: what a crash can have
 * touched. All are verified by store_each_journal(). */
#define STORE_JOURNAL_TAIL ((uint64_t)1024)

/* Octets of a database of which every page is checked at opening: well below half a second. Of a
 * larger one, the small tables are. */
#define STORE_CHECKED_MAX ((int64_t)64 * 1024 * 1024)

/* Identities that one STORE_FORGET_IDENTITIES cuts, so that no commit is held up for long. The rest
 * stays for the next one. */
#define STORE_FORGET_MAX 512
/* The same for minutes of contacts. */
#define STORE_FORGET_MINUTES 64

/* How long contacts are kept. */
#define STORE_CONTACT_KEPT_MS ((int64_t)30 * 24 * 3600 * 1000)
/* Sources that are told apart in one minute; further ones are counted together as "*". Strangers
 * decide how many come. */
#define STORE_CONTACTS_A_MINUTE 10000
/* Contacts in all, about 40 MB; beyond, the oldest minutes go first. */
#define STORE_CONTACTS_MAX 500000

/*
 * Look-up rows of one bucket. Their keys are random; within a bucket they touch some 190 pages that
 * stay in memory, so a row costs the same at a million deliveries as at none. A search asks every
 * bucket.
 */
#define STORE_LOOKUP_BUCKET 16384

#endif
