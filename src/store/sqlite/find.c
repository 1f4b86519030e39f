#include "store/sqlite/sqlite_store.h"

#include <string.h>

#include "base/banned.h"

/* A statement with one parameter, stepped to its row: the caller reads it and resets. */
static enum base_code
find_by_number(struct store *base, enum store_statement which, uint64_t id, sqlite3_stmt **out,
    bool *out_found, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    TRY(store_sqlite_get(store, which, out, err));
    store_bind_number(*out, 1, (int64_t)id);
    return store_sqlite_row(store, *out, out_found, err);
}

static enum base_code
find_by_blob(struct store *base, enum store_statement which, struct bytes key, sqlite3_stmt **out,
    bool *out_found, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    TRY(store_sqlite_get(store, which, out, err));
    store_bind_blob(*out, 1, key);
    return store_sqlite_row(store, *out, out_found, err);
}

static enum base_code
find_by_text(struct store *base, enum store_statement which, struct bytes key, sqlite3_stmt **out,
    bool *out_found, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    TRY(store_sqlite_get(store, which, out, err));
    store_bind_text(*out, 1, key);
    return store_sqlite_row(store, *out, out_found, err);
}

enum base_code
store_sqlite_find_challenge(struct store *base, uint64_t id, struct store_row *row,
    struct store_challenge *out, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(find_by_number(base, STORE_SQL_FIND_CHALLENGE, id, &s, out_found, err));
    enum base_code code = *out_found ? store_sqlite_read_challenge(s, row, out, err) : BASE_OK;
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_sqlite_find_delivery(struct store *base, uint64_t id, struct store_row *row,
    struct store_delivery *out, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(find_by_number(base, STORE_SQL_FIND_DELIVERY, id, &s, out_found, err));
    enum base_code code = *out_found ? store_sqlite_read_delivery(s, row, out, err) : BASE_OK;
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_sqlite_find_certificate(struct store *base, struct bytes serial, struct store_row *row,
    struct store_certificate *out, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(find_by_blob(base, STORE_SQL_FIND_CERTIFICATE, serial, &s, out_found, err));
    enum base_code code = *out_found ? store_sqlite_read_certificate(s, row, out, err) : BASE_OK;
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
store_sqlite_find_identity(struct store *base, struct bytes identity, uint8_t out_serial[20],
    size_t *out_serial_len, int64_t *out_created_ms, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(find_by_blob(base, STORE_SQL_FIND_IDENTITY, identity, &s, out_found, err));
    if (*out_found) {
        copy_serial(store_column(s, 0), out_serial, out_serial_len);
        *out_created_ms = sqlite3_column_int64(s, 1);
    }
    (void)sqlite3_reset(s);
    return BASE_OK;
}

enum base_code
store_sqlite_find_transaction(struct store *base, struct bytes transaction_key,
    uint64_t *out_delivery_id, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(find_by_blob(base, STORE_SQL_FIND_TRANSACTION, transaction_key, &s, out_found, err));
    if (*out_found) {
        *out_delivery_id = (uint64_t)sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_reset(s);
    return BASE_OK;
}

static enum base_code
copy_column(
    sqlite3_stmt *s, int index, struct store_row *row, struct bytes *out, struct base_error *err)
{
    buffer_reset(&row->memory);
    TRY(buffer_append(&row->memory, store_column(s, index), err));
    *out = buffer_bytes(&row->memory);
    return BASE_OK;
}

enum base_code
store_sqlite_find_crl(struct store *base, struct bytes ca, struct store_row *row,
    struct store_crl *out, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    enum base_code code = BASE_OK;
    TRY(find_by_text(base, STORE_SQL_FIND_CRL, ca, &s, out_found, err));
    if (*out_found) {
        struct store_crl crl = {.ca = ca,
            .number = (uint64_t)sqlite3_column_int64(s, 0),
            .this_update_s = sqlite3_column_int64(s, 1),
            .next_update_s = sqlite3_column_int64(s, 2)};
        code = copy_column(s, 3, row, &crl.crl, err);
        if (code == BASE_OK) {
            *out = crl;
        }
    }
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_sqlite_find_meta(struct store *base, const char *key, struct store_row *row,
    struct bytes *out_value, bool *out_found, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(find_by_text(base, STORE_SQL_FIND_META, bytes_from_text(key), &s, out_found, err));
    enum base_code code = *out_found ? copy_column(s, 0, row, out_value, err) : BASE_OK;
    (void)sqlite3_reset(s);
    return code;
}

/* ---- searching ---- */

/* Into descending ids without doubles; the smallest falls out when there are more than @max. */
static void
insert_id(uint64_t id, uint64_t *ids, size_t max, size_t *count)
{
    size_t at = *count;
    while (at > 0 && ids[at - 1] < id) {
        at--;
    }
    if ((at > 0 && ids[at - 1] == id) || at == max) {
        return;
    }
    size_t moved = (*count < max ? *count : max - 1) - at;
    memmove(ids + at + 1, ids + at, moved * sizeof(*ids));
    ids[at] = id;
    if (*count < max) {
        ++*count;
    }
}

static enum base_code
search_bucket(struct store_sqlite *store, int64_t bucket, struct bytes key, uint64_t *ids,
    size_t max, size_t *count, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    bool is_found = true;
    TRY(store_sqlite_get(store, STORE_SQL_SEARCH, &s, err));
    store_bind_number(s, 1, bucket);
    store_bind_blob(s, 2, key);
    store_bind_number(s, 3, max > INT64_MAX ? INT64_MAX : (int64_t)max);
    while (is_found) {
        TRY(store_sqlite_row(store, s, &is_found, err));
        if (is_found) {
            insert_id((uint64_t)sqlite3_column_int64(s, 0), ids, max, count);
        }
    }
    (void)sqlite3_reset(s);
    return BASE_OK;
}

enum base_code
store_sqlite_search(struct store *base, enum store_lookup_kind kind, struct bytes value,
    uint64_t *out_ids, size_t max, size_t *out_count, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    uint8_t key[STORE_LOOKUP_KEY_LEN];
    size_t count = 0;
    TRY(store_lookup_key(kind, value, &store->scratch, key, err));
    for (int64_t bucket = store->position.lookup_bucket; max > 0 && bucket >= 0; bucket--) {
        TRY(search_bucket(store, bucket, BYTES_ARRAY(key), out_ids, max, &count, err));
    }
    *out_count = count;
    return BASE_OK;
}

/* ---- how far it goes ---- */

enum base_code
store_sqlite_last_serial(
    struct store *base, uint8_t out_serial[20], size_t *out_len, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    sqlite3_stmt *s = NULL;
    bool is_found = false;
    TRY(store_sqlite_get(store, STORE_SQL_LAST_SERIAL, &s, err));
    TRY(store_sqlite_row(store, s, &is_found, err));
    copy_serial(is_found ? store_column(s, 0) : BYTES_NONE, out_serial, out_len);
    (void)sqlite3_reset(s);
    return BASE_OK;
}

enum base_code
store_sqlite_last_challenge(struct store *base, uint64_t *out_id, struct base_error *err)
{
    int64_t id = 0;
    TRY(store_sqlite_number(store_sqlite_of(base), STORE_SQL_LAST_CHALLENGE, 0, &id, err));
    *out_id = (uint64_t)id;
    return BASE_OK;
}

enum base_code
store_sqlite_count_certificates(struct store *base, uint64_t *out_count, struct base_error *err)
{
    (void)err;
    *out_count = store_sqlite_of(base)->position.certificate_count;
    return BASE_OK;
}
