#include "store/store.h"

#include "store/engine.h"
#include "store/limits.h"

#include "base/banned.h"

void
store_row_init(struct store_row *row)
{
    buffer_init(&row->memory, STORE_ROW_MAX);
}

void
store_row_clear(struct store_row *row)
{
    buffer_clear(&row->memory);
}

void
store_free(struct store *store)
{
    if (store != NULL) {
        store->engine->free(store);
    }
}

enum base_code
store_check(struct store *store, struct base_error *err)
{
    return store->engine->check(store, err);
}

/* ---- writing ---- */

/* What each operation cannot do without; whatever else is there is not looked at. */
enum need {
    NEED_CHALLENGE = 1,
    NEED_CHALLENGE_ID = 2,
    NEED_DELIVERY = 4,
    NEED_CERTIFICATE = 8,
    NEED_CONTACT = 16,
    NEED_CRL = 32,
    NEED_META_KEY = 64,
    NEED_NOTICE_ID = 128,
    NEED_NOTICE = 256,
    NEED_BOUND = 512,
    NEED_BOUND_KEY = 1024,
};

static const unsigned needs[] = {
    [STORE_ADD_CHALLENGE] = NEED_CHALLENGE,
    [STORE_COUNT_MISMATCH] = NEED_CHALLENGE_ID,
    [STORE_HOLD_CHALLENGE] = NEED_CHALLENGE_ID | NEED_DELIVERY,
    [STORE_RELEASE_CHALLENGE] = NEED_CHALLENGE_ID | NEED_DELIVERY,
    [STORE_KILL_CHALLENGE] = NEED_CHALLENGE_ID,
    [STORE_PUT_DELIVERY] = NEED_DELIVERY,
    [STORE_RESERVE] = NEED_DELIVERY | NEED_CERTIFICATE,
    [STORE_ADD_SIGNATURE] = NEED_CERTIFICATE,
    [STORE_ADD_EVENTS] = 0,
    [STORE_SET_STATE] = NEED_DELIVERY,
    [STORE_ADD_CONTACT] = NEED_CONTACT,
    [STORE_REVOKE] = NEED_CERTIFICATE,
    [STORE_PUT_CRL] = NEED_CRL,
    [STORE_ADD_LOOKUPS] = 0,
    [STORE_FORGET_IDENTITIES] = 0,
    [STORE_DROP_NOTICE] = NEED_NOTICE_ID,
    [STORE_DEFER_NOTICE] = NEED_NOTICE_ID | NEED_NOTICE,
    [STORE_PUT_META] = NEED_META_KEY,
    [STORE_HOLD_BOUND] = NEED_BOUND,
    [STORE_KILL_BOUND] = NEED_BOUND,
    [STORE_ADD_BOUND_KEY] = NEED_BOUND_KEY,
    [STORE_DROP_BOUND_KEY] = NEED_BOUND_KEY,
};
#define KIND_COUNT (sizeof(needs) / sizeof(needs[0]))

static unsigned
what_it_has(const struct store_op *op)
{
    return (op->challenge != NULL ? (unsigned)NEED_CHALLENGE : 0) |
           (op->challenge_id != 0 ? (unsigned)NEED_CHALLENGE_ID : 0) |
           (op->delivery != NULL ? (unsigned)NEED_DELIVERY : 0) |
           (op->certificate != NULL ? (unsigned)NEED_CERTIFICATE : 0) |
           (op->contact != NULL ? (unsigned)NEED_CONTACT : 0) |
           (op->crl != NULL ? (unsigned)NEED_CRL : 0) |
           (op->meta_key.len != 0 ? (unsigned)NEED_META_KEY : 0) |
           (op->notice_id != 0 ? (unsigned)NEED_NOTICE_ID : 0) |
           (op->notice_count != 0 ? (unsigned)NEED_NOTICE : 0) |
           (op->bound != NULL ? (unsigned)NEED_BOUND : 0) |
           (op->bound_key != NULL ? (unsigned)NEED_BOUND_KEY : 0);
}

/* Numbers and times are kept as signed 64-bit integers by every engine. */
static bool
is_storable(const struct store_op *op)
{
    const uint64_t max = INT64_MAX;
    return op->challenge_id <= max && op->notice_id <= max &&
           (op->challenge == NULL || op->challenge->id <= max) &&
           (op->delivery == NULL || op->delivery->id <= max) &&
           (op->crl == NULL || op->crl->number <= max);
}

enum base_code
store_commit(struct store *store, struct store_op *ops, size_t count, struct base_error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct store_op *op = &ops[i];
        size_t kind = (size_t)op->kind;
        if (kind == 0 || kind >= KIND_COUNT || (needs[kind] & ~what_it_has(op)) != 0 ||
            !is_storable(op)) {
            return base_fail(
                err, E_INTERNAL, "operation %zu of kind %zu lacks what it needs", i, kind);
        }
        op->verdict = STORE_DONE;
        op->found_serial_len = 0;
        op->is_more = false;
    }
    return count == 0 ? BASE_OK : store->engine->commit(store, ops, count, err);
}

/* ---- reading ---- */

enum base_code
store_find_challenge(struct store *store, uint64_t id, struct store_row *row,
    struct store_challenge *out, bool *out_found, struct base_error *err)
{
    return store->engine->find_challenge(store, id, row, out, out_found, err);
}

enum base_code
store_find_delivery(struct store *store, uint64_t id, struct store_row *row,
    struct store_delivery *out, bool *out_found, struct base_error *err)
{
    return store->engine->find_delivery(store, id, row, out, out_found, err);
}

enum base_code
store_find_certificate(struct store *store, struct bytes serial, struct store_row *row,
    struct store_certificate *out, bool *out_found, struct base_error *err)
{
    return store->engine->find_certificate(store, serial, row, out, out_found, err);
}

enum base_code
store_find_bound(struct store *store, struct bytes key_id, struct bytes id, struct store_row *row,
    struct store_bound *out, bool *out_found, struct base_error *err)
{
    return store->engine->find_bound(store, key_id, id, row, out, out_found, err);
}

enum base_code
store_find_bound_key(struct store *store, struct bytes key_id, struct store_row *row,
    struct store_bound_key *out, bool *out_found, struct base_error *err)
{
    return store->engine->find_bound_key(store, key_id, row, out, out_found, err);
}

enum base_code
store_each_bound_key(struct store *store, struct bytes after, size_t limit,
    store_on_bound_key callback, void *arg, struct base_error *err)
{
    return store->engine->each_bound_key(store, after, limit, callback, arg, err);
}

enum base_code
store_find_identity(struct store *store, struct bytes identity, uint8_t out_serial[20],
    size_t *out_serial_len, int64_t *out_created_ms, bool *out_found, struct base_error *err)
{
    return store->engine->find_identity(
        store, identity, out_serial, out_serial_len, out_created_ms, out_found, err);
}

enum base_code
store_find_transaction(struct store *store, struct bytes transaction_key, uint64_t *out_delivery_id,
    bool *out_found, struct base_error *err)
{
    return store->engine->find_transaction(store, transaction_key, out_delivery_id, out_found, err);
}

enum base_code
store_find_crl(struct store *store, struct bytes ca, struct store_row *row, struct store_crl *out,
    bool *out_found, struct base_error *err)
{
    return store->engine->find_crl(store, ca, row, out, out_found, err);
}

enum base_code
store_find_meta(struct store *store, const char *key, struct store_row *row,
    struct bytes *out_value, bool *out_found, struct base_error *err)
{
    return store->engine->find_meta(store, key, row, out_value, out_found, err);
}

enum base_code
store_search(struct store *store, enum store_lookup_kind kind, struct bytes value,
    uint64_t *out_ids, size_t max, size_t *out_count, struct base_error *err)
{
    return store->engine->search(store, kind, value, out_ids, max, out_count, err);
}

enum base_code
store_each_delivery(struct store *store, uint64_t before, struct bytes state, size_t limit,
    store_on_delivery callback, void *arg, struct base_error *err)
{
    return store->engine->each_delivery(store, before, state, limit, callback, arg, err);
}

enum base_code
store_each_delivery_of_challenge(struct store *store, uint64_t challenge_id, size_t limit,
    store_on_delivery callback, void *arg, struct base_error *err)
{
    return store->engine->each_delivery_of_challenge(
        store, challenge_id, limit, callback, arg, err);
}

enum base_code
store_each_event(struct store *store, uint64_t delivery_id, size_t limit, store_on_event callback,
    void *arg, struct base_error *err)
{
    return store->engine->each_event(store, delivery_id, limit, callback, arg, err);
}

enum base_code
store_each_certificate(struct store *store, struct bytes after, size_t limit,
    store_on_certificate callback, void *arg, struct base_error *err)
{
    return store->engine->each_certificate(store, after, limit, callback, arg, err);
}

enum base_code
store_each_revoked(struct store *store, struct bytes ca, int64_t now_s,
    store_on_certificate callback, void *arg, struct base_error *err)
{
    return store->engine->each_revoked(store, ca, now_s, callback, arg, err);
}

enum base_code
store_each_unsigned(struct store *store, size_t limit, store_on_certificate callback, void *arg,
    struct base_error *err)
{
    return store->engine->each_unsigned(store, limit, callback, arg, err);
}

enum base_code
store_each_contact(struct store *store, struct bytes endpoint, struct bytes source, int64_t from_ms,
    int64_t to_ms, size_t limit, store_on_contact callback, void *arg, struct base_error *err)
{
    return store->engine->each_contact(
        store, endpoint, source, from_ms, to_ms, limit, callback, arg, err);
}

enum base_code
store_each_due_notice(struct store *store, struct bytes policy, int64_t now_ms, size_t limit,
    store_on_notice callback, void *arg, struct base_error *err)
{
    return store->engine->each_due_notice(store, policy, now_ms, limit, callback, arg, err);
}

enum base_code
store_each_notice_of(struct store *store, uint64_t delivery_id, size_t limit,
    store_on_notice callback, void *arg, struct base_error *err)
{
    return store->engine->each_notice_of(store, delivery_id, limit, callback, arg, err);
}

enum base_code
store_each_notice(struct store *store, uint64_t after, enum store_notice_state state, size_t limit,
    store_on_notice callback, void *arg, struct base_error *err)
{
    return store->engine->each_notice(store, after, state, limit, callback, arg, err);
}

enum base_code
store_count_notices(struct store *store, struct bytes policy, struct store_notice_counts *out,
    struct base_error *err)
{
    return store->engine->count_notices(store, policy, out, err);
}

enum base_code
store_each_journal(struct store *store, uint64_t from_seq, uint8_t chain[32], size_t limit,
    store_on_journal callback, void *arg, struct base_error *err)
{
    return store->engine->each_journal(store, from_seq, chain, limit, callback, arg, err);
}

enum base_code
store_last_serial(
    struct store *store, uint8_t out_serial[20], size_t *out_len, struct base_error *err)
{
    return store->engine->last_serial(store, out_serial, out_len, err);
}

enum base_code
store_last_challenge(struct store *store, uint64_t *out_id, struct base_error *err)
{
    return store->engine->last_challenge(store, out_id, err);
}

enum base_code
store_count_certificates(struct store *store, uint64_t *out_count, struct base_error *err)
{
    return store->engine->count_certificates(store, out_count, err);
}
