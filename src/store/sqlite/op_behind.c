/* What is written behind, or beside, the path of an enrolment. */
#include "store/sqlite/sqlite_store.h"

#include <string.h>

#include "base/banned.h"

#define MINUTE_MS 60000
#define MANY_SOURCES BYTES_LITERAL("*")
static const char identities_cut[] = "store.identities_cut";

enum base_code
store_sqlite_behind_load(struct store_sqlite *store, struct base_error *err)
{
    struct store_sqlite_position *at = &store->position;
    TRY(store_sqlite_number(store, STORE_SQL_LAST_BUCKET, 0, &at->lookup_bucket, err));
    TRY(store_sqlite_number(
        store, STORE_SQL_BUCKET_ROWS, at->lookup_bucket, &at->lookup_rows, err));
    at->contact_minute = -1;
    return store_sqlite_number(store, STORE_SQL_CONTACT_ROWS, 0, &at->contact_rows, err);
}

/* ---- look-ups ---- */

static enum base_code
add_lookup(struct store_sqlite *store, const struct store_lookup *lookup, struct base_error *err)
{
    struct store_sqlite_position *at = &store->position;
    uint8_t key[STORE_LOOKUP_KEY_LEN];
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_lookup_key(lookup->kind, lookup->value, &store->scratch, key, err));
    if (at->lookup_rows >= STORE_LOOKUP_BUCKET) {
        at->lookup_bucket++;
        at->lookup_rows = 0;
    }
    TRY(store_sqlite_get(store, STORE_SQL_ADD_LOOKUP, &s, err));
    store_bind_number(s, 1, at->lookup_bucket);
    store_bind_blob(s, 2, BYTES_ARRAY(key));
    store_bind_number(s, 3, (int64_t)lookup->delivery_id);
    TRY(store_sqlite_run(store, s, &changed, err));
    at->lookup_rows += changed;
    return BASE_OK;
}

enum base_code
store_sqlite_add_lookups(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    for (size_t i = 0; i < op->lookup_count; i++) {
        TRY(add_lookup(store, &op->lookups[i], err));
    }
    return BASE_OK;
}

/* ---- contacts ---- */

static enum base_code
step_contact(struct store_sqlite *store, enum store_statement which, int64_t minute,
    struct bytes source, const struct store_contact *contact, int *out_changed,
    struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, which, &s, err));
    store_bind_number(s, 1, minute);
    store_bind_text(s, 2, contact->endpoint);
    store_bind_text(s, 3, source);
    store_bind_number(s, 4, contact->operation);
    store_bind_number(s, 5, contact->at_ms);
    store_bind_number(s, 6, contact->count);
    return store_sqlite_run(store, s, out_changed, err);
}

static enum base_code
drop_first_minute(struct store_sqlite *store, int64_t *out_minute, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_sqlite_number(store, STORE_SQL_FIRST_MINUTE, 0, out_minute, err));
    TRY(store_sqlite_get(store, STORE_SQL_DROP_MINUTE, &s, err));
    store_bind_number(s, 1, *out_minute);
    TRY(store_sqlite_run(store, s, &changed, err));
    store->position.contact_rows -= changed;
    return BASE_OK;
}

/* Count on the row that is there, or make one: *out_is_new. */
static enum base_code
count_contact(struct store_sqlite *store, int64_t minute, struct bytes source,
    const struct store_contact *contact, bool is_room, bool *out_is_done, struct base_error *err)
{
    int changed = 0;
    TRY(step_contact(store, STORE_SQL_COUNT_CONTACT, minute, source, contact, &changed, err));
    *out_is_done = changed == 1 || is_room;
    if (changed == 1 || !is_room) {
        return BASE_OK;
    }
    TRY(step_contact(store, STORE_SQL_ADD_CONTACT, minute, source, contact, NULL, err));
    store->position.contact_rows++;
    store->position.contact_minute_rows++;
    return BASE_OK;
}

enum base_code
store_sqlite_add_contact(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    struct store_sqlite_position *at = &store->position;
    int64_t minute = op->contact->at_ms / MINUTE_MS;
    int64_t dropped = 0;
    bool is_done = false;
    if (minute < 0) {
        minute = 0;
    }
    if (minute != at->contact_minute) {
        TRY(store_sqlite_number(
            store, STORE_SQL_MINUTE_ROWS, minute, &at->contact_minute_rows, err));
        at->contact_minute = minute;
    }
    bool is_room = at->contact_minute_rows < STORE_CONTACTS_A_MINUTE;
    TRY(count_contact(store, minute, op->contact->source, op->contact, is_room, &is_done, err));
    if (!is_done) {
        TRY(count_contact(store, minute, MANY_SOURCES, op->contact, true, &is_done, err));
    }
    if (at->contact_rows > STORE_CONTACTS_MAX) {
        TRY(drop_first_minute(store, &dropped, err));
        at->contact_minute = -1;
    }
    return BASE_OK;
}

/* The oldest minutes that are out of their time; as many as a commit may take. */
static enum base_code
cut_contacts(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    int64_t first_kept = (op->at_ms - STORE_CONTACT_KEPT_MS) / MINUTE_MS;
    for (int i = 0; i < STORE_FORGET_MINUTES; i++) {
        int64_t minute = 0;
        TRY(store_sqlite_number(store, STORE_SQL_FIRST_MINUTE, 0, &minute, err));
        if (minute < 0 || minute >= first_kept) {
            return BASE_OK;
        }
        TRY(drop_first_minute(store, &minute, err));
    }
    op->is_more = true;
    return BASE_OK;
}

/* ---- the window of identities ---- */

static enum base_code
find_mark(struct store_sqlite *store, int64_t *out_mark, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    bool is_found = false;
    TRY(store_sqlite_get(store, STORE_SQL_FIND_META, &s, err));
    store_bind_text(s, 1, bytes_from_text(identities_cut));
    TRY(store_sqlite_row(store, s, &is_found, err));
    *out_mark = is_found ? sqlite3_column_int64(s, 0) : 0;
    (void)sqlite3_reset(s);
    return BASE_OK;
}

static enum base_code
put_mark(struct store_sqlite *store, int64_t mark, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, STORE_SQL_PUT_META, &s, err));
    store_bind_text(s, 1, bytes_from_text(identities_cut));
    store_bind_number(s, 2, mark);
    return store_sqlite_run(store, s, NULL, err);
}

/* An identity that a later certificate has taken over stays: its row names that one's serial. */
static enum base_code
drop_identity(struct store_sqlite *store, sqlite3_stmt *old, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, STORE_SQL_DROP_IDENTITY, &s, err));
    store_bind_blob(s, 1, store_column(old, 1));
    store_bind_blob(s, 2, store_column(old, 2));
    return store_sqlite_run(store, s, NULL, err);
}

static enum base_code
cut_identities(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *old = NULL;
    int64_t mark = 0;
    int64_t count = 0;
    bool is_found = true;
    enum base_code code = BASE_OK;
    TRY(find_mark(store, &mark, err));
    TRY(store_sqlite_get(store, STORE_SQL_OLD_IDENTITIES, &old, err));
    store_bind_number(old, 1, mark);
    store_bind_number(old, 2, op->before_ms);
    store_bind_number(old, 3, STORE_FORGET_MAX);
    while (code == BASE_OK && is_found) {
        code = store_sqlite_row(store, old, &is_found, err);
        if (code == BASE_OK && is_found) {
            mark = sqlite3_column_int64(old, 0);
            count++;
            code = drop_identity(store, old, err);
        }
    }
    (void)sqlite3_reset(old);
    TRY(code);
    op->is_more = count == STORE_FORGET_MAX;
    return count == 0 ? BASE_OK : put_mark(store, mark, err);
}

enum base_code
store_sqlite_forget(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(cut_identities(store, op, err));
    TRY(store_sqlite_get(store, STORE_SQL_FORGET_TRANSACTIONS, &s, err));
    store_bind_number(s, 1, op->before_ms);
    TRY(store_sqlite_run(store, s, NULL, err));
    TRY(store_sqlite_forget_bound(store, op, err));
    return cut_contacts(store, op, err);
}

enum base_code
store_sqlite_put_meta(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, STORE_SQL_PUT_META, &s, err));
    store_bind_text(s, 1, op->meta_key);
    store_bind_blob(s, 2, op->meta_value);
    return store_sqlite_run(store, s, NULL, err);
}
