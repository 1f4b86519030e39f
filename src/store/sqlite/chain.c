#include "store/sqlite/sqlite_store.h"

#include <string.h>

#include "journal/record.h"

#include "base/banned.h"

/*
 * A record: at_ms (8 octets, big-endian), kind (1), length of the key (1), key, SHA-256 of what was
 * stored (32). chain = SHA-256(chain before, seq as 8 octets, record).
 */
#define RECORD_MAX (8 + 1 + 1 + 64 + 32)

static void
put_number(uint8_t out[8], uint64_t number)
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)(number >> (8 * (7 - i)));
    }
}

static enum base_code
next_chain(
    uint8_t chain[STORE_CHAIN_LEN], uint64_t seq, struct bytes record, struct base_error *err)
{
    uint8_t octets[STORE_CHAIN_LEN + 8 + RECORD_MAX];
    if (record.len > RECORD_MAX) {
        return base_fail(err, E_JOURNAL_BROKEN, "record %llu has %zu octets",
            (unsigned long long)seq, record.len);
    }
    memcpy(octets, chain, STORE_CHAIN_LEN);
    put_number(octets + STORE_CHAIN_LEN, seq);
    memcpy(octets + STORE_CHAIN_LEN + 8, record.ptr, record.len);
    return journal_sha256((struct bytes){octets, STORE_CHAIN_LEN + 8 + record.len}, chain, err);
}

enum base_code
store_chain_append(struct store *store, int64_t at_ms, enum store_op_kind kind, struct bytes key,
    struct bytes stored, struct base_error *err)
{
    uint8_t record[RECORD_MAX];
    uint8_t chain[STORE_CHAIN_LEN];
    size_t key_len = key.len < 64 ? key.len : 64;
    put_number(record, (uint64_t)at_ms);
    record[8] = (uint8_t)kind;
    record[9] = (uint8_t)key_len;
    memcpy(record + 10, key.ptr, key_len);
    TRY(journal_sha256(stored, record + 10 + key_len, err));
    struct bytes whole = {record, 10 + key_len + 32};
    memcpy(chain, store->chain, sizeof(chain));
    TRY(next_chain(chain, store->journal_seq + 1, whole, err));
    sqlite3_stmt *statement = store_statement(store->db, &store->statements, STORE_SQL_ADD_JOURNAL);
    if (statement == NULL) {
        return store_sqlite_fail(err, store->db, "journal");
    }
    store_bind_number(statement, 1, (int64_t)store->journal_seq + 1);
    store_bind_blob(statement, 2, whole);
    store_bind_blob(statement, 3, BYTES_ARRAY(chain));
    int code = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    if (code != SQLITE_DONE) {
        return store_sqlite_fail(err, store->db, "journal");
    }
    store->journal_seq++;
    memcpy(store->chain, chain, sizeof(chain));
    return BASE_OK;
}

enum base_code
store_chain_load(struct store *store, struct base_error *err)
{
    sqlite3_stmt *statement =
        store_statement(store->db, &store->statements, STORE_SQL_LAST_JOURNAL);
    int code = statement == NULL ? SQLITE_ERROR : sqlite3_step(statement);
    memset(store->chain, 0, sizeof(store->chain));
    store->journal_seq = 0;
    if (code == SQLITE_ROW) {
        struct bytes chain = store_column(statement, 1);
        if (chain.len != STORE_CHAIN_LEN) {
            (void)sqlite3_reset(statement);
            return base_fail(
                err, E_JOURNAL_BROKEN, "the last record's hash has %zu octets", chain.len);
        }
        store->journal_seq = (uint64_t)sqlite3_column_int64(statement, 0);
        memcpy(store->chain, chain.ptr, STORE_CHAIN_LEN);
    } else if (code != SQLITE_DONE) {
        return store_sqlite_fail(err, store->db, "journal");
    }
    (void)sqlite3_reset(statement);
    return BASE_OK;
}

static enum base_code
take_record(sqlite3_stmt *row, uint64_t wanted_seq, uint8_t chain[32], store_on_journal callback,
    void *arg, struct base_error *err)
{
    uint64_t seq = (uint64_t)sqlite3_column_int64(row, 0);
    struct bytes record = store_column(row, 1);
    struct bytes hash = store_column(row, 2);
    if (seq != wanted_seq) {
        return base_fail(err, E_JOURNAL_BROKEN, "record %llu follows where %llu should",
            (unsigned long long)seq, (unsigned long long)wanted_seq);
    }
    TRY(next_chain(chain, seq, record, err));
    if (!bytes_equal(hash, (struct bytes){chain, STORE_CHAIN_LEN})) {
        return base_fail(err, E_JOURNAL_BROKEN,
            "the hash of record %llu does not follow from those before it",
            (unsigned long long)seq);
    }
    return callback(arg, seq, record, err);
}

enum base_code
store_each_journal(struct store *store, uint64_t from_seq, uint8_t chain[32], size_t limit,
    store_on_journal callback, void *arg, struct base_error *err)
{
    sqlite3_stmt *statement =
        store_statement(store->db, &store->statements, STORE_SQL_EACH_JOURNAL);
    uint64_t seq = from_seq == 0 ? 1 : from_seq;
    enum base_code result = BASE_OK;
    if (statement == NULL) {
        return store_sqlite_fail(err, store->db, "journal");
    }
    store_bind_number(statement, 1, (int64_t)seq);
    store_bind_number(statement, 2, (int64_t)limit);
    int code = SQLITE_ROW;
    while (result == BASE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        result = take_record(statement, seq++, chain, callback, arg, err);
    }
    if (result == BASE_OK && code != SQLITE_DONE) {
        result = store_sqlite_fail(err, store->db, "journal");
    }
    (void)sqlite3_reset(statement);
    return result;
}

enum base_code
store_journal_read(struct bytes record, struct store_journal_record *out, struct base_error *err)
{
    uint64_t at_ms = 0;
    if (record.len < 10 || record.len != 10U + record.ptr[9] + 32U) {
        return base_fail(err, E_JOURNAL_BROKEN, "a record of %zu octets", record.len);
    }
    for (size_t i = 0; i < 8; i++) {
        at_ms = at_ms << 8 | record.ptr[i];
    }
    out->at_ms = (int64_t)at_ms;
    out->kind = (enum store_op_kind)record.ptr[8];
    out->key = (struct bytes){record.ptr + 10, record.ptr[9]};
    out->sha256 = (struct bytes){record.ptr + 10 + record.ptr[9], 32};
    return BASE_OK;
}
