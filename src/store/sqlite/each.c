#include "store/sqlite/sqlite_store.h"

#include "base/banned.h"

#define MINUTE_MS 60000

/* What a walk hands on to, whatever its rows are. */
struct walk {
    struct store_sqlite *store;
    struct store_row memory;
    void *arg;
    store_on_delivery on_delivery;
    store_on_event on_event;
    store_on_certificate on_certificate;
    uint64_t delivery_id; /* of events */
};
typedef enum base_code (*take_row)(struct walk *walk, sqlite3_stmt *row, struct base_error *err);

static int64_t
limit_of(size_t limit)
{
    return limit > INT64_MAX ? INT64_MAX : (int64_t)limit;
}

/* Give each row of a bound statement to @take; resets it. */
static enum base_code
walk_rows(struct walk *walk, sqlite3_stmt *statement, take_row take, struct base_error *err)
{
    enum base_code code = BASE_OK;
    bool is_found = true;
    store_row_init(&walk->memory);
    while (code == BASE_OK && is_found) {
        code = store_sqlite_row(walk->store, statement, &is_found, err);
        if (code == BASE_OK && is_found) {
            code = take(walk, statement, err);
        }
    }
    (void)sqlite3_reset(statement);
    store_row_clear(&walk->memory);
    return code;
}

/* ---- deliveries ---- */

static enum base_code
take_delivery(struct walk *walk, sqlite3_stmt *row, struct base_error *err)
{
    struct store_delivery delivery;
    TRY(store_sqlite_read_delivery(row, &walk->memory, &delivery, err));
    return walk->on_delivery(walk->arg, &delivery, err);
}

enum base_code
store_sqlite_each_delivery(struct store *base, uint64_t before, struct bytes state, size_t limit,
    store_on_delivery callback, void *arg, struct base_error *err)
{
    struct walk walk = {.store = store_sqlite_of(base), .arg = arg, .on_delivery = callback};
    bool is_any = state.len == 0;
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(
        walk.store, is_any ? STORE_SQL_EACH_DELIVERY : STORE_SQL_EACH_OF_STATE, &s, err));
    store_bind_number(s, 1, before == 0 || before > INT64_MAX ? INT64_MAX : (int64_t)before);
    store_bind_number(s, 2, limit_of(limit));
    if (!is_any) {
        store_bind_text(s, 3, state);
    }
    return walk_rows(&walk, s, take_delivery, err);
}

enum base_code
store_sqlite_each_delivery_of_challenge(struct store *base, uint64_t challenge_id, size_t limit,
    store_on_delivery callback, void *arg, struct base_error *err)
{
    struct walk walk = {.store = store_sqlite_of(base), .arg = arg, .on_delivery = callback};
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(walk.store, STORE_SQL_EACH_OF_CHALLENGE, &s, err));
    store_bind_number(s, 1, (int64_t)challenge_id);
    store_bind_number(s, 2, limit_of(limit));
    return walk_rows(&walk, s, take_delivery, err);
}

/* ---- events ---- */

static enum base_code
take_event(struct walk *walk, sqlite3_stmt *row, struct base_error *err)
{
    struct store_event event = {.delivery_id = walk->delivery_id,
        .at_ms = sqlite3_column_int64(row, 0),
        .step = (uint8_t)sqlite3_column_int(row, 1),
        .event = store_column(row, 2),
        .code = (uint32_t)sqlite3_column_int64(row, 3),
        .detail = store_column(row, 4)};
    return walk->on_event(walk->arg, &event, err);
}

enum base_code
store_sqlite_each_event(struct store *base, uint64_t delivery_id, size_t limit,
    store_on_event callback, void *arg, struct base_error *err)
{
    struct walk walk = {.store = store_sqlite_of(base),
        .arg = arg,
        .on_event = callback,
        .delivery_id = delivery_id};
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(walk.store, STORE_SQL_EACH_EVENT, &s, err));
    store_bind_number(s, 1, (int64_t)delivery_id);
    store_bind_number(s, 2, limit_of(limit));
    return walk_rows(&walk, s, take_event, err);
}

/* ---- certificates ---- */

static enum base_code
take_certificate(struct walk *walk, sqlite3_stmt *row, struct base_error *err)
{
    struct store_certificate certificate;
    TRY(store_sqlite_read_certificate(row, &walk->memory, &certificate, err));
    return walk->on_certificate(walk->arg, &certificate, err);
}

enum base_code
store_sqlite_each_certificate(struct store *base, struct bytes after, size_t limit,
    store_on_certificate callback, void *arg, struct base_error *err)
{
    struct walk walk = {.store = store_sqlite_of(base), .arg = arg, .on_certificate = callback};
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(walk.store, STORE_SQL_EACH_CERTIFICATE, &s, err));
    store_bind_blob(s, 1, after);
    store_bind_number(s, 2, limit_of(limit));
    return walk_rows(&walk, s, take_certificate, err);
}

enum base_code
store_sqlite_each_revoked(struct store *base, struct bytes ca, int64_t now_s,
    store_on_certificate callback, void *arg, struct base_error *err)
{
    struct walk walk = {.store = store_sqlite_of(base), .arg = arg, .on_certificate = callback};
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(walk.store, STORE_SQL_EACH_REVOKED, &s, err));
    store_bind_text(s, 1, ca);
    store_bind_number(s, 2, now_s);
    return walk_rows(&walk, s, take_certificate, err);
}

enum base_code
store_sqlite_each_unsigned(struct store *base, size_t limit, store_on_certificate callback,
    void *arg, struct base_error *err)
{
    struct walk walk = {.store = store_sqlite_of(base), .arg = arg, .on_certificate = callback};
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(walk.store, STORE_SQL_EACH_UNSIGNED, &s, err));
    store_bind_number(s, 1, limit_of(limit));
    return walk_rows(&walk, s, take_certificate, err);
}

/* ---- contacts ---- */

struct contact_walk {
    struct store_contact contact; /* endpoint and source; the rest of each row */
    int64_t from_ms;
    int64_t to_ms;
    size_t left;
    store_on_contact callback;
    void *arg;
};

static enum base_code
walk_minute(
    struct store_sqlite *store, int64_t minute, struct contact_walk *walk, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    bool is_found = true;
    enum base_code code = BASE_OK;
    TRY(store_sqlite_get(store, STORE_SQL_EACH_CONTACT, &s, err));
    store_bind_number(s, 1, minute);
    store_bind_text(s, 2, walk->contact.endpoint);
    store_bind_text(s, 3, walk->contact.source);
    while (code == BASE_OK && walk->left > 0 && is_found) {
        code = store_sqlite_row(store, s, &is_found, err);
        walk->contact.operation = (uint8_t)sqlite3_column_int(s, 0);
        walk->contact.at_ms = sqlite3_column_int64(s, 1);
        walk->contact.count = (uint32_t)sqlite3_column_int64(s, 2);
        if (code == BASE_OK && is_found && walk->contact.at_ms >= walk->from_ms &&
            walk->contact.at_ms <= walk->to_ms) {
            walk->left--;
            code = walk->callback(walk->arg, &walk->contact, err);
        }
    }
    (void)sqlite3_reset(s);
    return code;
}

/* From one minute that has contacts to the next: at most those of STORE_CONTACT_KEPT_MS. */
enum base_code
store_sqlite_each_contact(struct store *base, struct bytes endpoint, struct bytes source,
    int64_t from_ms, int64_t to_ms, size_t limit, store_on_contact callback, void *arg,
    struct base_error *err)
{
    struct store_sqlite *store = store_sqlite_of(base);
    struct contact_walk walk = {.contact = {.endpoint = endpoint, .source = source},
        .from_ms = from_ms,
        .to_ms = to_ms,
        .left = limit,
        .callback = callback,
        .arg = arg};
    int64_t minute = from_ms < 0 ? 0 : from_ms / MINUTE_MS;
    while (walk.left > 0) {
        TRY(store_sqlite_number(store, STORE_SQL_FIRST_MINUTE, minute, &minute, err));
        if (minute < 0 || minute > to_ms / MINUTE_MS) {
            break;
        }
        TRY(walk_minute(store, minute, &walk, err));
        minute++;
    }
    return BASE_OK;
}
