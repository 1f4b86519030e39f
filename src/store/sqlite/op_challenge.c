#include "store/sqlite/sqlite_store.h"

#include "base/banned.h"

enum base_code
store_sqlite_add_challenge(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    const struct store_challenge *c = op->challenge;
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_sqlite_get(store, STORE_SQL_ADD_CHALLENGE, &s, err));
    store_bind_number(s, 1, (int64_t)c->id);
    store_bind_blob(s, 2, c->mac);
    store_bind_text(s, 3, c->profile);
    store_bind_text(s, 4, c->device);
    store_bind_blob(s, 5, c->subject);
    store_bind_number(s, 6, c->is_san_bound);
    store_bind_blob(s, 7, c->sans);
    store_bind_number(s, 8, c->created_ms);
    store_bind_number(s, 9, c->expires_ms);
    store_bind_number(s, 10, c->uses);
    store_bind_number(s, 11, c->uses_left);
    store_bind_number(s, 12, c->mismatches);
    store_bind_number(s, 13, (int64_t)c->state);
    store_bind_number(s, 14, (int64_t)c->held_by);
    store_bind_number(s, 15, (int64_t)c->delivery_id);
    TRY(store_sqlite_run(store, s, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_TAKEN;
        return BASE_OK;
    }
    if (op->delivery != NULL) {
        TRY(store_sqlite_put_row(store, op->delivery, err));
    }
    TRY(store_sqlite_add_events(store, op, err));
    TRY(store_image_challenge(c, &store->scratch, err));
    return store_sqlite_journal_id(store, op, c->id, err);
}

/* The statement of a change, what it binds as its second parameter, and whether an unknown
 * challenge is told apart from one in another state. */
struct change {
    enum store_statement statement;
    int64_t second;
    bool is_missing_told;
};

static struct change
change_of(const struct store_op *op)
{
    int64_t delivery_id = op->delivery == NULL ? 0 : (int64_t)op->delivery->id;
    if (op->kind == STORE_COUNT_MISMATCH) {
        return (struct change){STORE_SQL_COUNT_MISMATCH, op->max_mismatches, true};
    }
    if (op->kind == STORE_HOLD_CHALLENGE) {
        return (struct change){STORE_SQL_HOLD_CHALLENGE, delivery_id, false};
    }
    if (op->kind == STORE_RELEASE_CHALLENGE) {
        return (struct change){STORE_SQL_RELEASE_CHALLENGE, delivery_id, false};
    }
    return (struct change){STORE_SQL_KILL_CHALLENGE, 0, true};
}

enum base_code
store_sqlite_change_challenge(
    struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    struct change change = change_of(op);
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_sqlite_get(store, change.statement, &s, err));
    store_bind_number(s, 1, (int64_t)op->challenge_id);
    if (sqlite3_bind_parameter_count(s) > 1) {
        store_bind_number(s, 2, change.second);
    }
    TRY(store_sqlite_run(store, s, &changed, err));
    if (changed == 0) {
        int64_t has = 1;
        if (change.is_missing_told) {
            TRY(store_sqlite_number(
                store, STORE_SQL_HAS_CHALLENGE, (int64_t)op->challenge_id, &has, err));
        }
        op->verdict = has == 1 ? STORE_TAKEN : STORE_MISSING;
        return BASE_OK;
    }
    TRY(store_sqlite_add_events(store, op, err));
    TRY(store_image_number((uint64_t)change.second, &store->scratch, err));
    return store_sqlite_journal_id(store, op, op->challenge_id, err);
}
