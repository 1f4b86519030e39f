#include "store/sqlite/sqlite_store.h"

#include "base/banned.h"

typedef enum base_code (*apply_op)(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);

static const apply_op table[] = {
    [STORE_ADD_CHALLENGE] = store_sqlite_add_challenge,
    [STORE_COUNT_MISMATCH] = store_sqlite_change_challenge,
    [STORE_HOLD_CHALLENGE] = store_sqlite_change_challenge,
    [STORE_RELEASE_CHALLENGE] = store_sqlite_change_challenge,
    [STORE_KILL_CHALLENGE] = store_sqlite_change_challenge,
    [STORE_PUT_DELIVERY] = store_sqlite_put_delivery,
    [STORE_RESERVE] = store_sqlite_reserve,
    [STORE_ADD_SIGNATURE] = store_sqlite_add_signature,
    [STORE_ADD_EVENTS] = store_sqlite_add_events,
    [STORE_SET_STATE] = store_sqlite_set_state,
    [STORE_ADD_CONTACT] = store_sqlite_add_contact,
    [STORE_REVOKE] = store_sqlite_revoke,
    [STORE_PUT_CRL] = store_sqlite_put_crl,
    [STORE_ADD_LOOKUPS] = store_sqlite_add_lookups,
    [STORE_FORGET_IDENTITIES] = store_sqlite_forget,
    [STORE_DROP_NOTICE] = store_sqlite_drop_notice,
    [STORE_DEFER_NOTICE] = store_sqlite_defer_notice,
    [STORE_PUT_META] = store_sqlite_put_meta,
    [STORE_HOLD_BOUND] = store_sqlite_change_bound,
    [STORE_KILL_BOUND] = store_sqlite_change_bound,
    [STORE_ADD_BOUND_KEY] = store_sqlite_add_bound_key,
    [STORE_DROP_BOUND_KEY] = store_sqlite_drop_bound_key,
};

static enum base_code
apply_all(struct store_sqlite *store, struct store_op *ops, size_t count, struct base_error *err)
{
    for (size_t i = 0; i < count; i++) {
        buffer_reset(&store->scratch);
        TRY(table[ops[i].kind](store, &ops[i], err));
    }
    return BASE_OK;
}

/* End what a failure has left open. SQLite has often done it itself (disk full, I/O error). */
static void
roll_back(struct store_sqlite *store, sqlite3_stmt *rollback)
{
    if (sqlite3_get_autocommit(store->db) == 0) {
        (void)sqlite3_step(rollback);
        (void)sqlite3_reset(rollback);
    }
}

enum base_code
store_sqlite_commit(struct store *base, struct store_op *ops, size_t count, struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    const struct store_sqlite_position before = store->position;
    sqlite3_stmt *begin = NULL;
    sqlite3_stmt *commit = NULL;
    sqlite3_stmt *rollback = NULL;
    /* All three before anything begins: what is begun must end, also when there is no memory. */
    TRY(store_sqlite_get(store, STORE_SQL_BEGIN, &begin, err));
    TRY(store_sqlite_get(store, STORE_SQL_COMMIT, &commit, err));
    TRY(store_sqlite_get(store, STORE_SQL_ROLLBACK, &rollback, err));
    TRY(store_sqlite_run(store, begin, NULL, err));
    enum base_code code = apply_all(store, ops, count, err);
    if (code == BASE_OK) {
        code = store_sqlite_run(store, commit, NULL, err);
    }
    if (code != BASE_OK) {
        roll_back(store, rollback);
        store->position = before;
    }
    return code;
}
