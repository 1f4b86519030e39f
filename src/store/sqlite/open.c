#include "store/sqlite/sqlite_store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"

enum base_code
store_sqlite_fail(struct base_error *err, sqlite3 *db, const char *what)
{
    int code = sqlite3_errcode(db) & 0xff;
    bool is_corrupt = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    return base_fail(err, is_corrupt ? E_STORE_CORRUPT : E_STORE_UNAVAILABLE, "%.60s: %.150s", what,
        sqlite3_errmsg(db));
}

/* The whole file is ours: an exclusive lock needs no shared memory, and a second process cannot
 * open it. */
static const char settings[] =
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2048; PRAGMA wal_autocheckpoint=8000;"
    "PRAGMA foreign_keys=OFF;";

static enum base_code
check_integrity(sqlite3 *db, struct base_error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    const char *verdict =
        code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    enum base_code result = BASE_OK;
    if (verdict == NULL) {
        result = store_sqlite_fail(err, db, "quick_check");
    } else if (strcmp(verdict, "ok") != 0) {
        result = base_fail(err, E_STORE_CORRUPT, "%.200s", verdict);
    }
    (void)sqlite3_finalize(statement);
    return result;
}

static enum base_code
count_certificates(struct store *store, struct base_error *err)
{
    sqlite3_stmt *statement =
        store_statement(store->db, &store->statements, STORE_SQL_COUNT_CERTIFICATES);
    if (statement == NULL || sqlite3_step(statement) != SQLITE_ROW) {
        return store_sqlite_fail(err, store->db, "counting");
    }
    store->certificate_count = (uint64_t)sqlite3_column_int64(statement, 0);
    (void)sqlite3_reset(statement);
    return BASE_OK;
}

static enum base_code
prepare(struct store *store, struct base_error *err)
{
    if (sqlite3_exec(store->db, settings, NULL, NULL, NULL) != SQLITE_OK) {
        return store_sqlite_fail(err, store->db, "settings");
    }
    TRY(check_integrity(store->db, err));
    TRY(store_migrate(store->db, err));
    TRY(store_chain_load(store, err));
    return count_certificates(store, err);
}

enum base_code
store_open_sqlite(const char *path, bool is_new, struct store **out, struct base_error *err)
{
    OWN_STRUCT(store) store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return base_fail(err, E_NO_MEMORY, "store");
    }
    int flags = SQLITE_OPEN_READWRITE | (is_new ? SQLITE_OPEN_CREATE : 0) | SQLITE_OPEN_NOMUTEX;
    (void)umask(0077);
    if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK) {
        return store_sqlite_fail(err, store->db, path);
    }
    (void)sqlite3_busy_timeout(store->db, 2000);
    TRY(prepare(store, err));
    *out = MOVE(store);
    return BASE_OK;
}

void
store_free(struct store *store)
{
    if (store != NULL) {
        store_statements_clear(&store->statements);
        (void)sqlite3_close(store->db);
        free(store);
    }
}
