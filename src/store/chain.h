/*
 * chain.h - the ledger's journal, as octets: its records, and the chain that ties each to all
 * before it. The same for every engine; an engine keeps the rows (seq, record, hash).
 *
 * A record is at_ms (8 octets, big-endian), the operation's kind (1), the length of its key (1),
 * the key (a serial; or an id in 8 octets, big-endian), and the SHA-256 of what was stored (32): a
 * certificate's body, or the image of a row. The hash of record seq is SHA-256 over the hash before
 * it, seq in 8 octets, and the record; before the first it is zeros. seq counts from 1.
 *
 * An image is each of a row's values in turn: octets with their length in 4 octets before them,
 * numbers as 8 octets.
 */
#ifndef STORE_CHAIN_H
#define STORE_CHAIN_H

#include "store/limits.h"
#include "store/store.h"

#define STORE_CHAIN_LEN 32
#define STORE_RECORD_MAX (8 + 1 + 1 + STORE_RECORD_KEY_MAX + 32)

/* Where a journal stands after its record seq. */
struct store_chain {
    uint64_t seq; /* 0: no record yet */
    uint8_t hash[STORE_CHAIN_LEN];
};

/* Errors: E_INTERNAL (the hash fails). */
MUST_CHECK enum base_code store_record_make(int64_t at_ms, enum store_op_kind kind,
    struct bytes key, struct bytes stored, uint8_t out[STORE_RECORD_MAX], size_t *out_len,
    struct base_error *err);
/* The next record: @chain moves on. */
MUST_CHECK enum base_code store_chain_add(
    struct store_chain *chain, struct bytes record, struct base_error *err);
/* The same for a record that was read with its number and hash: they must be those that follow.
 * @chain stays where it is otherwise. Errors: E_JOURNAL_BROKEN. */
MUST_CHECK enum base_code store_chain_take(struct store_chain *chain, uint64_t seq,
    struct bytes record, struct bytes hash, struct base_error *err);

/* Images, appended to @out. Errors: E_TOO_LARGE, E_NO_MEMORY. */
MUST_CHECK enum base_code store_image_challenge(
    const struct store_challenge *challenge, struct buffer *out, struct base_error *err);
MUST_CHECK enum base_code store_image_delivery(
    const struct store_delivery *delivery, struct buffer *out, struct base_error *err);
/* Of STORE_SET_STATE: state, step, code, detail, updated_ms. */
MUST_CHECK enum base_code store_image_state(
    const struct store_delivery *delivery, struct buffer *out, struct base_error *err);
/* Of STORE_REVOKE: revoked_ms, reason. */
MUST_CHECK enum base_code store_image_revocation(
    const struct store_certificate *certificate, struct buffer *out, struct base_error *err);
MUST_CHECK enum base_code store_image_crl(
    const struct store_crl *crl, struct buffer *out, struct base_error *err);
MUST_CHECK enum base_code store_image_bound(
    const struct store_bound *bound, struct buffer *out, struct base_error *err);
/* Without the key itself. */
MUST_CHECK enum base_code store_image_bound_key(
    const struct store_bound_key *key, struct buffer *out, struct base_error *err);
MUST_CHECK enum base_code store_image_number(
    uint64_t number, struct buffer *out, struct base_error *err);

/* By what a look-up value is found: the first half of SHA-256 over its kind and octets. */
#define STORE_LOOKUP_KEY_LEN 16
MUST_CHECK enum base_code store_lookup_key(enum store_lookup_kind kind, struct bytes value,
    struct buffer *scratch, uint8_t out[STORE_LOOKUP_KEY_LEN], struct base_error *err);

#endif
