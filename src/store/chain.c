#include "store/chain.h"

#include <string.h>

#include "journal/record.h"

#include "base/banned.h"

_Static_assert(STORE_CHAIN_LEN == JOURNAL_HASH_LEN, "both chains are of SHA-256");

#define RECORD_KEY_AT 10

static void
put_number(uint8_t out[8], uint64_t number)
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)(number >> (8 * (7 - i)));
    }
}

enum base_code
store_record_make(int64_t at_ms, enum store_op_kind kind, struct bytes key, struct bytes stored,
    uint8_t out[STORE_RECORD_MAX], size_t *out_len, struct base_error *err)
{
    size_t key_len = key.len < STORE_RECORD_KEY_MAX ? key.len : STORE_RECORD_KEY_MAX;
    put_number(out, (uint64_t)at_ms);
    out[8] = (uint8_t)kind;
    out[9] = (uint8_t)key_len;
    if (key_len > 0) {
        memcpy(out + RECORD_KEY_AT, key.ptr, key_len);
    }
    TRY(journal_sha256(stored, out + RECORD_KEY_AT + key_len, err));
    *out_len = RECORD_KEY_AT + key_len + JOURNAL_HASH_LEN;
    return BASE_OK;
}

enum base_code
store_chain_add(struct store_chain *chain, struct bytes record, struct base_error *err)
{
    uint8_t octets[STORE_CHAIN_LEN + 8 + STORE_RECORD_MAX];
    if (record.len == 0 || record.len > STORE_RECORD_MAX) {
        return base_fail(err, E_JOURNAL_BROKEN, "record %llu has %zu octets",
            (unsigned long long)chain->seq + 1, record.len);
    }
    memcpy(octets, chain->hash, STORE_CHAIN_LEN);
    put_number(octets + STORE_CHAIN_LEN, chain->seq + 1);
    memcpy(octets + STORE_CHAIN_LEN + 8, record.ptr, record.len);
    TRY(journal_sha256((struct bytes){octets, STORE_CHAIN_LEN + 8 + record.len}, chain->hash, err));
    chain->seq++;
    return BASE_OK;
}

enum base_code
store_chain_take(struct store_chain *chain, uint64_t seq, struct bytes record, struct bytes hash,
    struct base_error *err)
{
    struct store_chain next = *chain;
    if (seq != chain->seq + 1) {
        return base_fail(err, E_JOURNAL_BROKEN, "record %llu follows record %llu",
            (unsigned long long)seq, (unsigned long long)chain->seq);
    }
    TRY(store_chain_add(&next, record, err));
    if (!bytes_equal(hash, BYTES_ARRAY(next.hash))) {
        return base_fail(err, E_JOURNAL_BROKEN,
            "the hash of record %llu does not follow from those before it",
            (unsigned long long)seq);
    }
    *chain = next;
    return BASE_OK;
}

enum base_code
store_journal_read(struct bytes record, struct store_journal_record *out, struct base_error *err)
{
    uint64_t at_ms = 0;
    if (record.len < RECORD_KEY_AT ||
        record.len != (size_t)RECORD_KEY_AT + record.ptr[9] + JOURNAL_HASH_LEN ||
        record.ptr[8] < STORE_ADD_CHALLENGE || record.ptr[8] > STORE_DROP_BOUND_KEY) {
        return base_fail(
            err, E_JOURNAL_BROKEN, "a record of %zu octets has another form", record.len);
    }
    for (size_t i = 0; i < 8; i++) {
        at_ms = at_ms << 8 | record.ptr[i];
    }
    out->at_ms = (int64_t)at_ms;
    out->kind = (enum store_op_kind)record.ptr[8];
    out->key = (struct bytes){record.ptr + RECORD_KEY_AT, record.ptr[9]};
    out->sha256 = bytes_skip(record, RECORD_KEY_AT + (size_t)record.ptr[9]);
    return BASE_OK;
}

/* ---- images ---- */

enum base_code
store_image_number(uint64_t number, struct buffer *out, struct base_error *err)
{
    uint8_t octets[8];
    put_number(octets, number);
    return buffer_append(out, BYTES_ARRAY(octets), err);
}

static enum base_code
put_octets(struct bytes value, struct buffer *out, struct base_error *err)
{
    uint8_t len[8];
    if (value.len > UINT32_MAX) {
        return base_fail(err, E_TOO_LARGE, "a value of %zu octets", value.len);
    }
    put_number(len, value.len);
    TRY(buffer_append(out, (struct bytes){len + 4, 4}, err));
    return buffer_append(out, value, err);
}

static enum base_code
put_all(const struct bytes *values, size_t value_count, const uint64_t *numbers,
    size_t number_count, struct buffer *out, struct base_error *err)
{
    for (size_t i = 0; i < value_count; i++) {
        TRY(put_octets(values[i], out, err));
    }
    for (size_t i = 0; i < number_count; i++) {
        TRY(store_image_number(numbers[i], out, err));
    }
    return BASE_OK;
}
#define PUT_ALL(values, numbers, out, err)                                                         \
    put_all(values, sizeof(values) / sizeof((values)[0]), numbers,                                 \
        sizeof(numbers) / sizeof((numbers)[0]), out, err)

enum base_code
store_image_challenge(
    const struct store_challenge *challenge, struct buffer *out, struct base_error *err)
{
    const struct bytes values[] = {
        challenge->mac, challenge->profile, challenge->device, challenge->subject, challenge->sans};
    const uint64_t numbers[] = {challenge->id, challenge->is_san_bound,
        (uint64_t)challenge->created_ms, (uint64_t)challenge->expires_ms, challenge->uses,
        challenge->uses_left, challenge->mismatches, (uint64_t)challenge->state, challenge->held_by,
        challenge->delivery_id};
    return PUT_ALL(values, numbers, out, err);
}

enum base_code
store_image_delivery(
    const struct store_delivery *delivery, struct buffer *out, struct base_error *err)
{
    const struct store_delivery *d = delivery;
    const struct bytes values[] = {d->endpoint, d->profile, d->ca, d->device, d->transaction_id,
        d->transaction_key, d->key_sha256, d->identity, d->subject, d->sans, d->spki, d->authority,
        d->serial, d->source, d->state, d->detail};
    const uint64_t numbers[] = {
        d->id, d->challenge_id, d->step, d->code, (uint64_t)d->created_ms, (uint64_t)d->updated_ms};
    return PUT_ALL(values, numbers, out, err);
}

enum base_code
store_image_state(const struct store_delivery *delivery, struct buffer *out, struct base_error *err)
{
    const struct bytes values[] = {delivery->state, delivery->detail};
    const uint64_t numbers[] = {delivery->step, delivery->code, (uint64_t)delivery->updated_ms};
    return PUT_ALL(values, numbers, out, err);
}

enum base_code
store_image_revocation(
    const struct store_certificate *certificate, struct buffer *out, struct base_error *err)
{
    TRY(store_image_number((uint64_t)certificate->revoked_ms, out, err));
    return store_image_number(certificate->reason, out, err);
}

enum base_code
store_image_crl(const struct store_crl *crl, struct buffer *out, struct base_error *err)
{
    uint8_t sha256[JOURNAL_HASH_LEN]; /* in place of the CRL itself, which may be large */
    TRY(journal_sha256(crl->crl, sha256, err));
    const struct bytes values[] = {crl->ca, BYTES_ARRAY(sha256)};
    const uint64_t numbers[] = {
        crl->number, (uint64_t)crl->this_update_s, (uint64_t)crl->next_update_s};
    return PUT_ALL(values, numbers, out, err);
}

enum base_code
store_image_bound(const struct store_bound *bound, struct buffer *out, struct base_error *err)
{
    const struct bytes values[] = {bound->key_id, bound->id, bound->serial};
    const uint64_t numbers[] = {
        (uint64_t)bound->state, bound->delivery_id, (uint64_t)bound->expires_ms};
    return PUT_ALL(values, numbers, out, err);
}

enum base_code
store_image_bound_key(const struct store_bound_key *key, struct buffer *out, struct base_error *err)
{
    const struct bytes values[] = {key->key_id, key->name, key->profiles};
    const uint64_t numbers[] = {(uint64_t)key->created_ms};
    return PUT_ALL(values, numbers, out, err);
}

enum base_code
store_lookup_key(enum store_lookup_kind kind, struct bytes value, struct buffer *scratch,
    uint8_t out[STORE_LOOKUP_KEY_LEN], struct base_error *err)
{
    uint8_t sha256[JOURNAL_HASH_LEN];
    buffer_reset(scratch);
    TRY(buffer_append_octet(scratch, (uint8_t)kind, err));
    TRY(buffer_append(scratch, value, err));
    TRY(journal_sha256(buffer_bytes(scratch), sha256, err));
    memcpy(out, sha256, STORE_LOOKUP_KEY_LEN);
    return BASE_OK;
}
