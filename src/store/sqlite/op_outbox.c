/* The outbox: what is to be reported, in the transaction of what it reports. */
#include "store/sqlite/sqlite_store.h"

#include "base/banned.h"

enum base_code
store_sqlite_add_notices(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    for (size_t i = 0; i < op->notice_count; i++) {
        const struct store_notice *notice = &op->notices[i];
        sqlite3_stmt *s = NULL;
        TRY(store_sqlite_get(store, STORE_SQL_ADD_NOTICE, &s, err));
        store_bind_number(s, 1, (int64_t)notice->delivery_id);
        store_bind_text(s, 2, notice->policy);
        store_bind_text(s, 3, notice->event);
        store_bind_number(s, 4, notice->at_ms);
        store_bind_number(s, 5, notice->step);
        store_bind_number(s, 6, notice->code);
        store_bind_text(s, 7, notice->detail);
        store_bind_blob(s, 8, notice->payload);
        store_bind_number(s, 9, notice->is_gate);
        TRY(store_sqlite_run(store, s, NULL, err));
    }
    return BASE_OK;
}

enum base_code
store_sqlite_drop_notice(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_sqlite_get(store, STORE_SQL_DROP_NOTICE, &s, err));
    store_bind_number(s, 1, (int64_t)op->notice_id);
    TRY(store_sqlite_run(store, s, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_MISSING;
        return BASE_OK;
    }
    return store_sqlite_add_events(store, op, err);
}

/* What comes behind this notice, for the same delivery and policy, does not come before it. */
static enum base_code
hold_followers(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, STORE_SQL_HOLD_NOTICES, &s, err));
    store_bind_number(s, 1, (int64_t)op->notice_id);
    store_bind_number(s, 2, op->notices[0].next_ms);
    return store_sqlite_run(store, s, NULL, err);
}

enum base_code
store_sqlite_defer_notice(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    const struct store_notice *notice = &op->notices[0];
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_sqlite_get(store, STORE_SQL_DEFER_NOTICE, &s, err));
    store_bind_number(s, 1, (int64_t)op->notice_id);
    store_bind_number(s, 2, notice->attempts);
    store_bind_number(s, 3, notice->next_ms);
    store_bind_number(s, 4, (int64_t)notice->state);
    store_bind_number(s, 5, notice->last_code);
    store_bind_text(s, 6, notice->last_detail);
    TRY(store_sqlite_run(store, s, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_MISSING;
        return BASE_OK;
    }
    if (notice->state == STORE_NOTICE_WAITING) {
        TRY(hold_followers(store, op, err));
    }
    return store_sqlite_add_events(store, op, err);
}

/* ---- reading ---- */

static enum base_code
walk_notices(struct store_sqlite *store, sqlite3_stmt *s, store_on_notice callback, void *arg,
    struct base_error *err)
{
    bool is_found = true;
    enum base_code code = BASE_OK;
    while (code == BASE_OK && is_found) {
        code = store_sqlite_row(store, s, &is_found, err);
        if (code != BASE_OK || !is_found) {
            break;
        }
        const struct store_notice notice = {.id = (uint64_t)sqlite3_column_int64(s, 0),
            .delivery_id = (uint64_t)sqlite3_column_int64(s, 1),
            .policy = store_column(s, 2),
            .event = store_column(s, 3),
            .at_ms = sqlite3_column_int64(s, 4),
            .step = (uint8_t)sqlite3_column_int(s, 5),
            .code = (uint32_t)sqlite3_column_int64(s, 6),
            .detail = store_column(s, 7),
            .payload = store_column(s, 8),
            .is_gate = sqlite3_column_int(s, 9) != 0,
            .attempts = (uint32_t)sqlite3_column_int64(s, 10),
            .next_ms = sqlite3_column_int64(s, 11),
            .state = (enum store_notice_state)sqlite3_column_int(s, 12),
            .last_code = (uint32_t)sqlite3_column_int64(s, 13),
            .last_detail = store_column(s, 14)};
        code = callback(arg, &notice, err);
    }
    (void)sqlite3_reset(s);
    return code;
}

enum base_code
store_sqlite_each_due_notice(struct store *base, struct bytes policy, int64_t now_ms, size_t limit,
    store_on_notice callback, void *arg, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, STORE_SQL_DUE_NOTICES, &s, err));
    store_bind_text(s, 1, policy);
    store_bind_number(s, 2, now_ms);
    store_bind_number(s, 3, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    return walk_notices(store, s, callback, arg, err);
}

enum base_code
store_sqlite_each_notice_of(struct store *base, uint64_t delivery_id, size_t limit,
    store_on_notice callback, void *arg, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, STORE_SQL_NOTICES_OF, &s, err));
    store_bind_number(s, 1, (int64_t)delivery_id);
    store_bind_number(s, 2, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    return walk_notices(store, s, callback, arg, err);
}

enum base_code
store_sqlite_each_notice(struct store *base, uint64_t after, enum store_notice_state state,
    size_t limit, store_on_notice callback, void *arg, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, STORE_SQL_EACH_NOTICE, &s, err));
    store_bind_number(s, 1, (int64_t)after);
    store_bind_number(s, 2, (int64_t)state);
    store_bind_number(s, 3, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    return walk_notices(store, s, callback, arg, err);
}

enum base_code
store_sqlite_count_notices(struct store *base, struct bytes policy, struct store_notice_counts *out,
    struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    sqlite3_stmt *s = NULL;
    bool is_found = false;
    TRY(store_sqlite_get(store, STORE_SQL_COUNT_NOTICES, &s, err));
    store_bind_text(s, 1, policy);
    enum base_code code = store_sqlite_row(store, s, &is_found, err);
    if (code == BASE_OK && is_found) {
        *out = (struct store_notice_counts){.waiting = (uint64_t)sqlite3_column_int64(s, 0),
            .dead = (uint64_t)sqlite3_column_int64(s, 1),
            .oldest_ms = sqlite3_column_int64(s, 2)};
    }
    (void)sqlite3_reset(s);
    return code;
}
