#include "store/sqlite/sqlite_store.h"

#include <string.h>

#include "journal/record.h"

#include "base/banned.h"

/* The first 64 bits of SHA-256: a search's answer is compared with what it was asked for by the
 * ledger. */

int64_t
store_lookup_hash(struct bytes value)
{
    uint8_t hash[JOURNAL_HASH_LEN] = {0};
    uint64_t number = 0;
    if (journal_sha256(value, hash, NULL) != BASE_OK) {
        return 0;
    }
    for (size_t i = 0; i < 8; i++) {
        number = number << 8 | hash[i];
    }
    return (int64_t)(number >> 1);
}

/* Step once; *out_found says whether there is a row. The caller resets. */
static enum base_code
first_row(struct store *store, sqlite3_stmt *statement, bool *out_found, struct base_error *err)
{
    int code = sqlite3_step(statement);
    *out_found = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? BASE_OK
                                                     : store_sqlite_fail(err, store->db, "reading");
}

static enum base_code
get(struct store *store, enum store_statement which, sqlite3_stmt **out, struct base_error *err)
{
    *out = store_statement(store->db, &store->statements, which);
    return *out == NULL ? store_sqlite_fail(err, store->db, "statement") : BASE_OK;
}

enum base_code
store_find_challenge(struct store *store, uint64_t id, struct store_row *row,
    struct store_challenge *out, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_FIND_CHALLENGE, &s, err));
    store_bind_number(s, 1, (int64_t)id);
    enum base_code code = first_row(store, s, out_found, err);
    if (code == BASE_OK && *out_found) {
        code = store_read_challenge(s, row, out, err);
    }
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_find_delivery(struct store *store, uint64_t id, struct store_row *row,
    struct store_delivery *out, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_FIND_DELIVERY, &s, err));
    store_bind_number(s, 1, (int64_t)id);
    enum base_code code = first_row(store, s, out_found, err);
    if (code == BASE_OK && *out_found) {
        code = store_read_delivery(s, row, out, err);
    }
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_find_certificate(struct store *store, struct bytes serial, struct store_row *row,
    struct store_certificate *out, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_FIND_CERTIFICATE, &s, err));
    store_bind_blob(s, 1, serial);
    enum base_code code = first_row(store, s, out_found, err);
    if (code == BASE_OK && *out_found) {
        code = store_read_certificate(s, row, out, err);
    }
    (void)sqlite3_reset(s);
    return code;
}

static void
copy_serial(struct bytes serial, uint8_t out[20], size_t *out_len)
{
    *out_len = serial.len < 20 ? serial.len : 20;
    if (*out_len > 0) {
        memcpy(out, serial.ptr, *out_len);
    }
}

enum base_code
store_find_identity(struct store *store, struct bytes identity, uint8_t out_serial[20],
    size_t *out_serial_len, int64_t *out_created_ms, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_FIND_IDENTITY, &s, err));
    store_bind_blob(s, 1, identity);
    enum base_code code = first_row(store, s, out_found, err);
    if (code == BASE_OK && *out_found) {
        copy_serial(store_column(s, 0), out_serial, out_serial_len);
        *out_created_ms = sqlite3_column_int64(s, 1);
    }
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_find_transaction(struct store *store, struct bytes transaction_key, uint64_t *out_delivery_id,
    bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_FIND_TRANSACTION, &s, err));
    store_bind_blob(s, 1, transaction_key);
    enum base_code code = first_row(store, s, out_found, err);
    if (code == BASE_OK && *out_found) {
        *out_delivery_id = (uint64_t)sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_find_crl(struct store *store, struct bytes ca, struct store_row *row, struct store_crl *out,
    bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_FIND_CRL, &s, err));
    store_bind_text(s, 1, ca);
    enum base_code code = first_row(store, s, out_found, err);
    if (code == BASE_OK && *out_found) {
        out->ca = ca;
        out->number = (uint64_t)sqlite3_column_int64(s, 0);
        out->this_update_s = sqlite3_column_int64(s, 1);
        out->next_update_s = sqlite3_column_int64(s, 2);
        row->memory.max = (size_t)64 * 1024 * 1024; /* a CRL is the one large value */
        buffer_reset(&row->memory);
        code = buffer_append(&row->memory, store_column(s, 3), err);
        out->crl = buffer_bytes(&row->memory);
    }
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_find_meta(struct store *store, const char *key, struct store_row *row,
    struct bytes *out_value, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_FIND_META, &s, err));
    store_bind_text(s, 1, bytes_from_text(key));
    enum base_code code = first_row(store, s, out_found, err);
    if (code == BASE_OK && *out_found) {
        buffer_reset(&row->memory);
        code = buffer_append(&row->memory, store_column(s, 0), err);
        *out_value = buffer_bytes(&row->memory);
    }
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_search(struct store *store, enum store_lookup_kind kind, struct bytes value,
    uint64_t *out_ids, size_t max, size_t *out_count, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    int code = SQLITE_ROW;
    size_t count = 0;
    TRY(get(store, STORE_SQL_SEARCH, &s, err));
    store_bind_number(s, 1, (int64_t)kind);
    store_bind_number(s, 2, store_lookup_hash(value));
    store_bind_number(s, 3, (int64_t)max);
    while (count < max && (code = sqlite3_step(s)) == SQLITE_ROW) {
        out_ids[count++] = (uint64_t)sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_reset(s);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return store_sqlite_fail(err, store->db, "searching");
    }
    *out_count = count;
    return BASE_OK;
}

enum base_code
store_last_serial(
    struct store *store, uint8_t out_serial[20], size_t *out_len, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    bool is_found = false;
    *out_len = 0;
    TRY(get(store, STORE_SQL_LAST_SERIAL, &s, err));
    enum base_code code = first_row(store, s, &is_found, err);
    if (code == BASE_OK && is_found) {
        copy_serial(store_column(s, 0), out_serial, out_len);
    }
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_last_challenge(struct store *store, uint64_t *out_id, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    bool is_found = false;
    TRY(get(store, STORE_SQL_LAST_CHALLENGE, &s, err));
    enum base_code code = first_row(store, s, &is_found, err);
    if (code == BASE_OK && is_found) {
        *out_id = (uint64_t)sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_count_certificates(struct store *store, uint64_t *out_count, struct base_error *err)
{
    (void)err;
    *out_count = store->certificate_count;
    return BASE_OK;
}
