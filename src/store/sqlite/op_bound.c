/* Bound challenges: those that were used, and the keys with which they are made. */
#include "store/sqlite/sqlite_store.h"

#include "base/banned.h"

static enum base_code
run_on_bound(struct store_sqlite *store, enum store_statement which,
    const struct store_bound *bound, int *out_changed, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, which, &s, err));
    store_bind_blob(s, 1, bound->key_id);
    store_bind_text(s, 2, bound->id);
    store_bind_number(s, 3, (int64_t)bound->delivery_id);
    store_bind_blob(s, 4, bound->serial);
    store_bind_number(s, 5, bound->expires_ms);
    store_bind_number(s, 6, bound->at_ms);
    return store_sqlite_run(store, s, out_changed, err);
}

enum base_code
store_sqlite_spend_bound(
    struct store_sqlite *store, const struct store_op *op, int *out_changed, struct base_error *err)
{
    struct store_bound spent = *op->bound;
    spent.delivery_id = op->delivery->id;
    spent.serial = op->certificate->serial;
    spent.at_ms = op->at_ms;
    return run_on_bound(store, STORE_SQL_SPEND_BOUND, &spent, out_changed, err);
}

enum base_code
store_sqlite_change_bound(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    const bool is_hold = op->kind == STORE_HOLD_BOUND;
    struct store_bound bound = *op->bound;
    int changed = 0;
    bound.state = is_hold ? STORE_CHALLENGE_HELD : STORE_CHALLENGE_DEAD;
    bound.serial = BYTES_NONE;
    bound.at_ms = op->at_ms;
    TRY(run_on_bound(
        store, is_hold ? STORE_SQL_HOLD_BOUND : STORE_SQL_KILL_BOUND, &bound, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_TAKEN;
        return BASE_OK;
    }
    TRY(store_sqlite_add_events(store, op, err));
    TRY(store_image_bound(&bound, &store->scratch, err));
    return store_sqlite_journal(
        store, op->at_ms, op->kind, bound.id, buffer_bytes(&store->scratch), err);
}

enum base_code
store_sqlite_forget_bound(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_sqlite_get(store, STORE_SQL_FORGET_BOUND, &s, err));
    store_bind_number(s, 1, op->before_ms);
    store_bind_number(s, 2, STORE_FORGET_MAX);
    TRY(store_sqlite_run(store, s, &changed, err));
    op->is_more = op->is_more || changed == STORE_FORGET_MAX;
    return BASE_OK;
}

enum base_code
store_sqlite_find_bound(struct store *base, struct bytes key_id, struct bytes id,
    struct store_row *row, struct store_bound *out, bool *out_found, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    sqlite3_stmt *s = NULL;
    enum base_code code = BASE_OK;
    TRY(store_sqlite_get(store, STORE_SQL_FIND_BOUND, &s, err));
    store_bind_blob(s, 1, key_id);
    store_bind_text(s, 2, id);
    TRY(store_sqlite_row(store, s, out_found, err));
    if (*out_found) {
        buffer_reset(&row->memory);
        code = buffer_append(&row->memory, store_column(s, 2), err);
        *out = (struct store_bound){.key_id = key_id,
            .id = id,
            .state = (enum store_challenge_state)sqlite3_column_int(s, 0),
            .delivery_id = (uint64_t)sqlite3_column_int64(s, 1),
            .serial = buffer_bytes(&row->memory),
            .expires_ms = sqlite3_column_int64(s, 3),
            .at_ms = sqlite3_column_int64(s, 4)};
    }
    (void)sqlite3_reset(s);
    return code;
}

/* ---- keys ---- */

enum base_code
store_sqlite_add_bound_key(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    const struct store_bound_key *key = op->bound_key;
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_sqlite_get(store, STORE_SQL_ADD_BOUND_KEY, &s, err));
    store_bind_blob(s, 1, key->key_id);
    store_bind_text(s, 2, key->name);
    store_bind_blob(s, 3, key->key);
    store_bind_text(s, 4, key->profiles);
    store_bind_number(s, 5, key->created_ms);
    TRY(store_sqlite_run(store, s, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_TAKEN;
        return BASE_OK;
    }
    TRY(store_image_bound_key(key, &store->scratch, err));
    return store_sqlite_journal(
        store, op->at_ms, op->kind, key->key_id, buffer_bytes(&store->scratch), err);
}

enum base_code
store_sqlite_drop_bound_key(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_sqlite_get(store, STORE_SQL_DROP_BOUND_KEY, &s, err));
    store_bind_text(s, 1, op->bound_key->name);
    TRY(store_sqlite_run(store, s, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_MISSING;
        return BASE_OK;
    }
    return store_sqlite_journal(
        store, op->at_ms, op->kind, op->bound_key->name, op->bound_key->name, err);
}

/* The five columns of a key; the slices point into @memory, which is wiped when it is cleared. */
static enum base_code
read_key(
    sqlite3_stmt *s, struct store_row *memory, struct store_bound_key *out, struct base_error *err)
{
    size_t at[5] = {0};
    buffer_reset(&memory->memory);
    for (int i = 0; i < 4; i++) {
        TRY(buffer_append(&memory->memory, store_column(s, i), err));
        at[i + 1] = memory->memory.len;
    }
    const uint8_t *start = memory->memory.ptr;
    *out = (struct store_bound_key){.key_id = {start, at[1]},
        .name = {start + at[1], at[2] - at[1]},
        .key = {start + at[2], at[3] - at[2]},
        .profiles = {start + at[3], at[4] - at[3]},
        .created_ms = sqlite3_column_int64(s, 4)};
    return BASE_OK;
}

enum base_code
store_sqlite_find_bound_key(struct store *base, struct bytes key_id, struct store_row *row,
    struct store_bound_key *out, bool *out_found, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, STORE_SQL_FIND_BOUND_KEY, &s, err));
    store_bind_blob(s, 1, key_id);
    TRY(store_sqlite_row(store, s, out_found, err));
    enum base_code code = *out_found ? read_key(s, row, out, err) : BASE_OK;
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_sqlite_each_bound_key(struct store *base, struct bytes after, size_t limit,
    store_on_bound_key callback, void *arg, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    struct store_row memory;
    sqlite3_stmt *s = NULL;
    bool is_found = true;
    enum base_code code = BASE_OK;
    TRY(store_sqlite_get(store, STORE_SQL_EACH_BOUND_KEY, &s, err));
    store_bind_text(s, 1, after);
    store_bind_number(s, 2, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    store_row_init(&memory);
    while (code == BASE_OK && is_found) {
        struct store_bound_key key;
        code = store_sqlite_row(store, s, &is_found, err);
        if (code == BASE_OK && is_found) {
            code = read_key(s, &memory, &key, err);
            code = code == BASE_OK ? callback(arg, &key, err) : code;
        }
    }
    store_row_clear(&memory);
    (void)sqlite3_reset(s);
    return code;
}
