#include "store/sqlite/sqlite_store.h"

#include "base/text.h"

#include "base/banned.h"

static const char *const texts[] = {
#define X(name, sql) sql,
    STORE_STATEMENTS(X)
#undef X
};

void
store_statements_clear(struct store_statements *statements)
{
    for (size_t i = 0; i < STORE_STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(statements->prepared[i]);
        statements->prepared[i] = NULL;
    }
}

sqlite3_stmt *
store_statement(sqlite3 *db, struct store_statements *statements, enum store_statement which)
{
    sqlite3_stmt **slot = &statements->prepared[which];
    if (*slot == NULL && sqlite3_prepare_v3(db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, slot,
                             NULL) != SQLITE_OK) {
        *slot = NULL;
    }
    return *slot;
}

void
store_bind_blob(sqlite3_stmt *statement, int index, struct bytes value)
{
    (void)sqlite3_bind_blob(statement, index, value.len == 0 ? (const void *)"" : value.ptr,
        base_size_to_int(value.len), SQLITE_STATIC);
}

void
store_bind_text(sqlite3_stmt *statement, int index, struct bytes value)
{
    (void)sqlite3_bind_text(statement, index, value.len == 0 ? "" : (const char *)value.ptr,
        base_size_to_int(value.len), SQLITE_STATIC);
}

void
store_bind_number(sqlite3_stmt *statement, int index, int64_t value)
{
    (void)sqlite3_bind_int64(statement, index, value);
}

struct bytes
store_column(sqlite3_stmt *statement, int index)
{
    const uint8_t *octets = sqlite3_column_blob(statement, index);
    int len = sqlite3_column_bytes(statement, index);
    return (struct bytes){octets, octets == NULL ? 0 : (size_t)len};
}

/* Why the system refused: SQLite keeps it in one of three places, depending on where it met it. */
static int
system_reason(sqlite3 *db)
{
    sqlite3_file *log = NULL;
    int reason = sqlite3_system_errno(db);
    if (reason == 0) {
        (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &reason);
    }
    if (reason == 0 &&
        sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
        log != NULL && log->pMethods != NULL) {
        (void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &reason);
    }
    return reason;
}

enum base_code
store_sqlite_fail(struct base_error *err, sqlite3 *db, const char *what)
{
    int code = sqlite3_errcode(db) & 0xff;
    const char *text = sqlite3_errmsg(db);
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
        return base_fail(err, E_STORE_CORRUPT, "%.60s: %.150s", what, text);
    }
    if (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) {
        int reason = system_reason(db);
        if (reason != 0) {
            return base_fail_errno(err, E_STORE_UNAVAILABLE, reason, "%.60s: %.120s", what, text);
        }
    }
    return base_fail(err, E_STORE_UNAVAILABLE, "%.60s: %.150s", what, text);
}

enum base_code
store_sqlite_get(struct store_sqlite *store, enum store_statement which, sqlite3_stmt **out,
    struct base_error *err)
{
    sqlite3_stmt *statement = store_statement(store->db, &store->statements, which);
    if (statement == NULL) {
        return store_sqlite_fail(err, store->db, "statement");
    }
    *out = statement;
    return BASE_OK;
}

enum base_code
store_sqlite_row(
    struct store_sqlite *store, sqlite3_stmt *statement, bool *out_found, struct base_error *err)
{
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        enum base_code result = store_sqlite_fail(err, store->db, "reading");
        (void)sqlite3_reset(statement);
        return result;
    }
    *out_found = code == SQLITE_ROW;
    return BASE_OK;
}

enum base_code
store_sqlite_run(
    struct store_sqlite *store, sqlite3_stmt *statement, int *out_changed, struct base_error *err)
{
    int code = sqlite3_step(statement);
    enum base_code result = BASE_OK;
    if (code != SQLITE_DONE) {
        result = store_sqlite_fail(err, store->db, "writing");
    } else if (out_changed != NULL) {
        *out_changed = sqlite3_changes(store->db);
    }
    (void)sqlite3_reset(statement);
    return result;
}

enum base_code
store_sqlite_number(struct store_sqlite *store, enum store_statement which, int64_t parameter,
    int64_t *out, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    bool is_found = false;
    TRY(store_sqlite_get(store, which, &s, err));
    if (sqlite3_bind_parameter_count(s) > 0) {
        store_bind_number(s, 1, parameter);
    }
    TRY(store_sqlite_row(store, s, &is_found, err));
    *out = is_found && sqlite3_column_type(s, 0) != SQLITE_NULL ? sqlite3_column_int64(s, 0) : -1;
    (void)sqlite3_reset(s);
    return BASE_OK;
}

enum base_code
store_sqlite_ask(sqlite3 *db, const char *sql, int64_t *out, struct base_error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    enum base_code result = BASE_OK;
    if (code != SQLITE_ROW) {
        result = store_sqlite_fail(err, db, "opening");
    } else {
        *out = sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return result;
}
