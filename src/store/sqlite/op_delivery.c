#include "store/sqlite/sqlite_store.h"

#include "base/banned.h"

static void
bind_delivery(sqlite3_stmt *s, const struct store_delivery *d)
{
    store_bind_number(s, 1, (int64_t)d->id);
    store_bind_text(s, 2, d->endpoint);
    store_bind_text(s, 3, d->profile);
    store_bind_text(s, 4, d->ca);
    store_bind_text(s, 5, d->device);
    store_bind_number(s, 6, (int64_t)d->challenge_id);
    store_bind_blob(s, 7, d->transaction_id);
    store_bind_blob(s, 8, d->transaction_key);
    store_bind_blob(s, 9, d->key_sha256);
    store_bind_blob(s, 10, d->identity);
    store_bind_blob(s, 11, d->subject);
    store_bind_blob(s, 12, d->sans);
    store_bind_blob(s, 13, d->spki);
    store_bind_blob(s, 14, d->authority);
    store_bind_blob(s, 15, d->serial);
    store_bind_text(s, 16, d->source);
    store_bind_text(s, 17, d->state);
    store_bind_number(s, 18, d->step);
    store_bind_number(s, 19, d->code);
    store_bind_text(s, 20, d->detail);
    store_bind_number(s, 21, d->created_ms);
    store_bind_number(s, 22, d->updated_ms);
}

enum base_code
store_sqlite_put_row(
    struct store_sqlite *store, const struct store_delivery *delivery, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_sqlite_get(store, STORE_SQL_UPDATE_DELIVERY, &s, err));
    bind_delivery(s, delivery);
    TRY(store_sqlite_run(store, s, &changed, err));
    if (changed == 1) {
        return BASE_OK;
    }
    TRY(store_sqlite_get(store, STORE_SQL_PUT_DELIVERY, &s, err));
    bind_delivery(s, delivery);
    return store_sqlite_run(store, s, NULL, err);
}

enum base_code
store_sqlite_add_events(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    for (size_t i = 0; i < op->event_count; i++) {
        const struct store_event *event = &op->events[i];
        sqlite3_stmt *s = NULL;
        TRY(store_sqlite_get(store, STORE_SQL_ADD_EVENT, &s, err));
        store_bind_number(s, 1, (int64_t)event->delivery_id);
        store_bind_number(s, 2, event->at_ms);
        store_bind_number(s, 3, event->step);
        store_bind_text(s, 4, event->event);
        store_bind_number(s, 5, event->code);
        store_bind_text(s, 6, event->detail);
        TRY(store_sqlite_run(store, s, NULL, err));
    }
    return op->kind == STORE_DEFER_NOTICE ? BASE_OK : store_sqlite_add_notices(store, op, err);
}

static enum base_code
keep_transaction(
    struct store_sqlite *store, const struct store_delivery *delivery, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, STORE_SQL_KEEP_TRANSACTION, &s, err));
    store_bind_blob(s, 1, delivery->transaction_key);
    store_bind_number(s, 2, (int64_t)delivery->id);
    store_bind_number(s, 3, delivery->updated_ms);
    return store_sqlite_run(store, s, NULL, err);
}

enum base_code
store_sqlite_put_delivery(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    TRY(store_sqlite_put_row(store, op->delivery, err));
    TRY(store_sqlite_add_events(store, op, err));
    if (op->is_transaction_kept && op->delivery->transaction_key.len > 0) {
        TRY(keep_transaction(store, op->delivery, err));
    }
    TRY(store_image_delivery(op->delivery, &store->scratch, err));
    return store_sqlite_journal_id(store, op, op->delivery->id, err);
}

enum base_code
store_sqlite_set_state(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    const struct store_delivery *d = op->delivery;
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_sqlite_get(store, STORE_SQL_SET_STATE, &s, err));
    store_bind_number(s, 1, (int64_t)d->id);
    store_bind_text(s, 2, d->state);
    store_bind_number(s, 3, d->step);
    store_bind_number(s, 4, d->code);
    store_bind_text(s, 5, d->detail);
    store_bind_number(s, 6, d->updated_ms);
    store_bind_text(s, 7, op->from_state);
    TRY(store_sqlite_run(store, s, &changed, err));
    if (changed == 0) {
        int64_t has = 0;
        TRY(store_sqlite_number(store, STORE_SQL_HAS_DELIVERY, (int64_t)d->id, &has, err));
        op->verdict = has == 1 ? STORE_TAKEN : STORE_MISSING;
        return BASE_OK;
    }
    TRY(store_sqlite_add_events(store, op, err));
    TRY(store_image_state(d, &store->scratch, err));
    return store_sqlite_journal_id(store, op, d->id, err);
}
