#include "store/sqlite/sqlite_store.h"

#include <string.h>

#include "base/banned.h"

enum base_code
store_sqlite_journal(struct store_sqlite *store, int64_t at_ms, enum store_op_kind kind,
    struct bytes key, struct bytes stored, struct base_error *err)
{
    uint8_t octets[STORE_RECORD_MAX];
    size_t len = 0;
    struct store_chain next = store->position.chain;
    sqlite3_stmt *s = NULL;
    TRY(store_record_make(at_ms, kind, key, stored, octets, &len, err));
    struct bytes record = {octets, len};
    TRY(store_chain_add(&next, record, err));
    TRY(store_sqlite_get(store, STORE_SQL_ADD_JOURNAL, &s, err));
    store_bind_number(s, 1, (int64_t)next.seq);
    store_bind_blob(s, 2, record);
    store_bind_blob(s, 3, BYTES_ARRAY(next.hash));
    TRY(store_sqlite_run(store, s, NULL, err));
    store->position.chain = next;
    return BASE_OK;
}

enum base_code
store_sqlite_journal_id(
    struct store_sqlite *store, const struct store_op *op, uint64_t id, struct base_error *err)
{
    uint8_t key[8];
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)(id >> (8 * (7 - i)));
    }
    return store_sqlite_journal(
        store, op->at_ms, op->kind, BYTES_ARRAY(key), buffer_bytes(&store->scratch), err);
}

static enum base_code
find_hash(
    struct store_sqlite *store, uint64_t seq, uint8_t out[STORE_CHAIN_LEN], struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    bool is_found = false;
    TRY(store_sqlite_get(store, STORE_SQL_JOURNAL_HASH, &s, err));
    store_bind_number(s, 1, (int64_t)seq);
    TRY(store_sqlite_row(store, s, &is_found, err));
    struct bytes hash = is_found ? store_column(s, 0) : BYTES_NONE;
    if (hash.len == STORE_CHAIN_LEN) {
        memcpy(out, hash.ptr, STORE_CHAIN_LEN);
    }
    (void)sqlite3_reset(s);
    if (hash.len != STORE_CHAIN_LEN) {
        return base_fail(err, E_JOURNAL_BROKEN, "record %llu is missing or has no hash",
            (unsigned long long)seq);
    }
    return BASE_OK;
}

static enum base_code
ignore_record(void *arg, uint64_t seq, struct bytes record, struct base_error *err)
{
    (void)seq;
    (void)record;
    (void)err;
    ++*(uint64_t *)arg;
    return BASE_OK;
}

enum base_code
store_sqlite_journal_load(struct store_sqlite *store, struct base_error *err)
{
    struct store_chain chain = {0};
    int64_t last = 0;
    uint64_t count = 0;
    TRY(store_sqlite_number(store, STORE_SQL_LAST_JOURNAL, 0, &last, err));
    if (last > (int64_t)STORE_JOURNAL_TAIL) {
        chain.seq = (uint64_t)last - STORE_JOURNAL_TAIL;
        TRY(find_hash(store, chain.seq, chain.hash, err));
    }
    uint64_t wanted = (uint64_t)last - chain.seq;
    TRY(store_sqlite_each_journal(&store->base, chain.seq + 1, chain.hash,
        (size_t)STORE_JOURNAL_TAIL, ignore_record, &count, err));
    if (count != wanted) {
        return base_fail(err, E_JOURNAL_BROKEN, "%llu of the last %llu records",
            (unsigned long long)count, (unsigned long long)wanted);
    }
    chain.seq = (uint64_t)last;
    store->position.chain = chain;
    return BASE_OK;
}

enum base_code
store_sqlite_each_journal(struct store *base, uint64_t from_seq, uint8_t chain[32], size_t limit,
    store_on_journal callback, void *arg, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    struct store_chain at = {.seq = from_seq == 0 ? 0 : from_seq - 1};
    sqlite3_stmt *s = NULL;
    enum base_code result = BASE_OK;
    bool is_found = true;
    memcpy(at.hash, chain, STORE_CHAIN_LEN);
    TRY(store_sqlite_get(store, STORE_SQL_EACH_JOURNAL, &s, err));
    store_bind_number(s, 1, (int64_t)at.seq + 1);
    store_bind_number(s, 2, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    while (result == BASE_OK && is_found) {
        result = store_sqlite_row(store, s, &is_found, err);
        if (result == BASE_OK && is_found) {
            uint64_t seq = (uint64_t)sqlite3_column_int64(s, 0);
            struct bytes record = store_column(s, 1);
            result = store_chain_take(&at, seq, record, store_column(s, 2), err);
            if (result == BASE_OK) {
                memcpy(chain, at.hash, STORE_CHAIN_LEN);
                result = callback(arg, seq, record, err);
            }
        }
    }
    (void)sqlite3_reset(s);
    return result;
}
