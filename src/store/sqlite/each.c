#include "store/sqlite/sqlite_store.h"

#include "base/banned.h"

static enum base_code
get(struct store *store, enum store_statement which, sqlite3_stmt **out, struct base_error *err)
{
    *out = store_statement(store->db, &store->statements, which);
    return *out == NULL ? store_sqlite_fail(err, store->db, "statement") : BASE_OK;
}

/* Walk the rows of a bound statement, giving each to @take; resets it. */
typedef enum base_code (*take_row)(
    void *arg, sqlite3_stmt *row, struct store_row *memory, struct base_error *err);

static enum base_code
walk(struct store *store, sqlite3_stmt *statement, take_row take, void *arg, struct base_error *err)
{
    struct store_row memory;
    enum base_code result = BASE_OK;
    int code = SQLITE_ROW;
    store_row_init(&memory);
    while (result == BASE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        result = take(arg, statement, &memory, err);
    }
    if (result == BASE_OK && code != SQLITE_DONE) {
        result = store_sqlite_fail(err, store->db, "reading");
    }
    (void)sqlite3_reset(statement);
    store_row_clear(&memory);
    return result;
}

struct delivery_walk {
    store_on_delivery callback;
    void *arg;
};

static enum base_code
take_delivery(void *arg, sqlite3_stmt *row, struct store_row *memory, struct base_error *err)
{
    const struct delivery_walk *to = arg;
    struct store_delivery delivery;
    TRY(store_read_delivery(row, memory, &delivery, err));
    return to->callback(to->arg, &delivery, err);
}

struct certificate_walk {
    store_on_certificate callback;
    void *arg;
};

static enum base_code
take_certificate(void *arg, sqlite3_stmt *row, struct store_row *memory, struct base_error *err)
{
    const struct certificate_walk *to = arg;
    struct store_certificate certificate;
    TRY(store_read_certificate(row, memory, &certificate, err));
    return to->callback(to->arg, &certificate, err);
}

enum base_code
store_each_delivery(struct store *store, uint64_t before, struct bytes state, size_t limit,
    store_on_delivery callback, void *arg, struct base_error *err)
{
    struct delivery_walk to = {callback, arg};
    sqlite3_stmt *s = NULL;
    bool is_waiting = bytes_equal_text(state, "waiting"); /* has an index of its own */
    TRY(get(store, is_waiting ? STORE_SQL_EACH_WAITING : STORE_SQL_EACH_DELIVERY, &s, err));
    store_bind_number(s, 1, before == 0 ? INT64_MAX : (int64_t)before);
    if (!is_waiting) {
        store_bind_text(s, 2, state);
    }
    store_bind_number(s, is_waiting ? 2 : 3, (int64_t)limit);
    return walk(store, s, take_delivery, &to, err);
}

enum base_code
store_each_delivery_of_challenge(struct store *store, uint64_t challenge_id, size_t limit,
    store_on_delivery callback, void *arg, struct base_error *err)
{
    struct delivery_walk to = {callback, arg};
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_EACH_OF_CHALLENGE, &s, err));
    store_bind_number(s, 1, (int64_t)challenge_id);
    store_bind_number(s, 2, (int64_t)limit);
    return walk(store, s, take_delivery, &to, err);
}

struct event_walk {
    store_on_event callback;
    void *arg;
    uint64_t delivery_id;
};

static enum base_code
take_event(void *arg, sqlite3_stmt *row, struct store_row *memory, struct base_error *err)
{
    const struct event_walk *to = arg;
    (void)memory;
    struct store_event event = {.delivery_id = to->delivery_id,
        .at_ms = sqlite3_column_int64(row, 0),
        .step = (uint8_t)sqlite3_column_int(row, 1),
        .event = store_column(row, 2),
        .code = (uint32_t)sqlite3_column_int64(row, 3),
        .detail = store_column(row, 4)};
    return to->callback(to->arg, &event, err);
}

enum base_code
store_each_event(struct store *store, uint64_t delivery_id, size_t limit, store_on_event callback,
    void *arg, struct base_error *err)
{
    struct event_walk to = {callback, arg, delivery_id};
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_EACH_EVENT, &s, err));
    store_bind_number(s, 1, (int64_t)delivery_id);
    store_bind_number(s, 2, (int64_t)limit);
    return walk(store, s, take_event, &to, err);
}

enum base_code
store_each_certificate(struct store *store, struct bytes after, size_t limit,
    store_on_certificate callback, void *arg, struct base_error *err)
{
    struct certificate_walk to = {callback, arg};
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_EACH_CERTIFICATE, &s, err));
    store_bind_blob(s, 1, after);
    store_bind_number(s, 2, (int64_t)limit);
    return walk(store, s, take_certificate, &to, err);
}

enum base_code
store_each_revoked(struct store *store, struct bytes ca, int64_t now_s,
    store_on_certificate callback, void *arg, struct base_error *err)
{
    struct certificate_walk to = {callback, arg};
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_EACH_REVOKED, &s, err));
    store_bind_text(s, 1, ca);
    store_bind_number(s, 2, now_s);
    return walk(store, s, take_certificate, &to, err);
}

/*
 * Everything up to a number is known to be signed; that mark is kept in meta, so a start looks only
 * at what came after it. It moves when this is asked, which is at a start and after what was
 * missing has been signed.
 */
static enum base_code
move_signed_mark(struct store *store, int64_t *out_mark, struct base_error *err)
{
    struct store_row row;
    struct bytes value = BYTES_NONE;
    bool is_found = false;
    sqlite3_stmt *s = NULL;
    uint8_t octets[8];
    uint64_t mark = 0;
    store_row_init(&row);
    enum base_code code = store_find_meta(store, "signed_up_to", &row, &value, &is_found, err);
    for (size_t i = 0; code == BASE_OK && is_found && i < value.len && i < 8; i++) {
        mark = mark << 8 | value.ptr[i];
    }
    store_row_clear(&row);
    TRY(code);
    TRY(get(store, STORE_SQL_SIGNED_UP_TO, &s, err));
    store_bind_number(s, 1, (int64_t)mark);
    if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL) {
        mark = (uint64_t)sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_reset(s);
    for (size_t i = 0; i < 8; i++) {
        octets[i] = (uint8_t)(mark >> (8 * (7 - i)));
    }
    struct store_op op = {.kind = STORE_PUT_META,
        .meta_key = BYTES_LITERAL("signed_up_to"),
        .meta_value = BYTES_ARRAY(octets)};
    *out_mark = (int64_t)mark;
    return store_commit(store, &op, 1, err);
}

enum base_code
store_each_unsigned(struct store *store, size_t limit, store_on_certificate callback, void *arg,
    struct base_error *err)
{
    struct certificate_walk to = {callback, arg};
    sqlite3_stmt *s = NULL;
    int64_t mark = 0;
    TRY(move_signed_mark(store, &mark, err));
    TRY(get(store, STORE_SQL_EACH_UNSIGNED, &s, err));
    store_bind_number(s, 1, mark);
    store_bind_number(s, 2, (int64_t)limit);
    return walk(store, s, take_certificate, &to, err);
}

struct contact_walk {
    store_on_contact callback;
    void *arg;
    struct bytes endpoint;
    struct bytes source;
    int64_t from_ms;
    int64_t to_ms;
};

static enum base_code
take_contact(void *arg, sqlite3_stmt *row, struct store_row *memory, struct base_error *err)
{
    const struct contact_walk *to = arg;
    (void)memory;
    struct store_contact contact = {.endpoint = to->endpoint,
        .source = to->source,
        .operation = (uint8_t)sqlite3_column_int(row, 0),
        .at_ms = sqlite3_column_int64(row, 1),
        .count = (uint32_t)sqlite3_column_int64(row, 2)};
    if (contact.at_ms < to->from_ms || contact.at_ms > to->to_ms) {
        return BASE_OK; /* in the minute, but not in the time */
    }
    return to->callback(to->arg, &contact, err);
}

enum base_code
store_each_contact(struct store *store, struct bytes endpoint, struct bytes source, int64_t from_ms,
    int64_t to_ms, size_t limit, store_on_contact callback, void *arg, struct base_error *err)
{
    struct contact_walk to = {callback, arg, endpoint, source, from_ms, to_ms};
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_EACH_CONTACT, &s, err));
    store_bind_text(s, 1, endpoint);
    store_bind_text(s, 2, source);
    store_bind_number(s, 3, from_ms / 60000);
    store_bind_number(s, 4, to_ms / 60000);
    store_bind_number(s, 5, (int64_t)limit);
    return walk(store, s, take_contact, &to, err);
}
