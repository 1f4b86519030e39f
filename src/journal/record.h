/*
 * record.h - one record of a journal, and the chain that ties it to all records before it.
 *
 * A record is 128 octets: 96 of content and the SHA-256 of the hash before it and these 96. So the
 * last hash of a journal stands for all of it: nobody can change, remove, insert or move a record
 * without changing every later hash. These functions are pure; whoever holds an earlier hash can
 * check later pages with them.
 *
 *   0  "KJ"   2 version 1   3 kind   4 epoch, 4 octets   8 sequence number, 8 octets
 *   16 time, 8 octets   24 CA, 8 octets   32 length of the serial   33 serial, 20 octets,
 * zero-padded 53 eleven zero octets   64 SHA-256 of the content   96 chain hash
 *
 * Numbers are big-endian.
 */
#ifndef JOURNAL_RECORD_H
#define JOURNAL_RECORD_H

#include "base/bytes.h"

#define JOURNAL_RECORD_LEN 128
#define JOURNAL_HASH_LEN 32
#define JOURNAL_CA_LEN 8
#define JOURNAL_SERIAL_MAX 20 /* octets; RFC 5280, section 4.1.2.2 */

/* The numbers are the file's. */
enum journal_kind {
    JOURNAL_BODY_SIGNED = 1, /* serial and SHA-256 of a TBSCertificate */
    JOURNAL_CRL_SIGNED,      /* cRLNumber and SHA-256 of a TBSCertList */
    JOURNAL_RA_MADE,         /* serial and SHA-256 of the RA certificate's TBSCertificate */
    JOURNAL_CA_CREATED,      /* serial and SHA-256 of the CA certificate's TBSCertificate */
    JOURNAL_CA_IMPORTED,     /* the same */
    JOURNAL_PROFILE_SIGNED,  /* serial of the RA certificate, SHA-256 of the signed attributes */
    JOURNAL_TLS_MADE,        /* serial and SHA-256 of the TBSCertificate of a listener's own TLS */
};

struct journal_record {
    enum journal_kind kind;
    uint32_t epoch;
    uint64_t seq; /* counts from 0 */
    int64_t at_ms;
    uint8_t ca[JOURNAL_CA_LEN]; /* journal_ca_id() */
    uint8_t serial_len;         /* 1 to JOURNAL_SERIAL_MAX */
    uint8_t serial[JOURNAL_SERIAL_MAX];
    uint8_t sha256[JOURNAL_HASH_LEN]; /* of what was signed */
    uint8_t chain[JOURNAL_HASH_LEN];  /* set by journal_record_encode() */
};

/* The first octets of the SHA-256 of the CA's name in the configuration. */
MUST_CHECK enum base_code journal_ca_id(
    struct bytes ca_name, uint8_t out[JOURNAL_CA_LEN], struct base_error *err);
/* SHA-256. Errors: E_INTERNAL when the library fails. */
MUST_CHECK enum base_code journal_sha256(
    struct bytes data, uint8_t out[JOURNAL_HASH_LEN], struct base_error *err);

/* Writes the octets of @record, and its chain hash there and into record->chain. @previous: the
 * chain hash of the record before it, zeros before the first. */
MUST_CHECK enum base_code journal_record_encode(struct journal_record *record,
    const uint8_t previous[JOURNAL_HASH_LEN], uint8_t out[JOURNAL_RECORD_LEN],
    struct base_error *err);
/* Reads a record's form only; its chain hash is not checked. Errors: E_JOURNAL_BROKEN. */
MUST_CHECK enum base_code journal_record_decode(
    struct bytes octets, struct journal_record *out, struct base_error *err);

/* Where a reader of a journal stands. All zero before the first record. */
struct journal_chain {
    uint64_t next_seq;
    uint8_t hash[JOURNAL_HASH_LEN];
};

/*
 * Take the next record of a journal: it must follow, by number and by hash, those that were taken
 * before. @chain moves on; on an error it stays where it was, and the journal is broken there.
 * @out_record may be NULL. Errors: E_JOURNAL_BROKEN.
 */
MUST_CHECK enum base_code journal_chain_take(struct journal_chain *chain, struct bytes octets,
    struct journal_record *out_record, struct base_error *err);

#endif
