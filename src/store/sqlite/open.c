#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/wal_file.h"

#include <stdlib.h>

#include "base/banned.h"

static void
free_store(struct store *base)
{
    struct store_sqlite *store = store_sqlite_of(base);
    store_statements_clear(&store->statements);
    (void)sqlite3_close(store->db);
    buffer_clear(&store->scratch);
    free(store);
}

static const struct store_engine engine = {.free = free_store,
#define X(name) .name = store_sqlite_##name,
    STORE_ENGINE_FUNCTIONS(X)
#undef X
};

/*
 * The whole file is ours: an exclusive lock needs no shared memory, and a second process cannot
 * open it. Nothing is written outside its folder (temp_store). The cache is small because the
 * kernel has the file's pages as well. A checkpoint is rare, so that a page that changes often goes
 * to the file once; the log then has some 32 MB.
 */
static const char settings[] =
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2048; PRAGMA wal_autocheckpoint=8000;"
    "PRAGMA journal_size_limit=67108864; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;";

static enum base_code
settle(sqlite3 *db, struct base_error *err)
{
    int64_t is_wal = 0;
    if (sqlite3_exec(db, settings, NULL, NULL, NULL) != SQLITE_OK) {
        return store_sqlite_fail(err, db, "opening");
    }
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    TRY(store_sqlite_ask(db, "SELECT journal_mode='wal' FROM pragma_journal_mode", &is_wal, err));
    if (is_wal != 1) {
        return base_fail(err, E_STORE_UNAVAILABLE, "the database cannot have a write-ahead log");
    }
    return BASE_OK;
}

static enum base_code
check_integrity(sqlite3 *db, struct base_error *err)
{
    int64_t octets = 0;
    TRY(store_sqlite_ask(
        db, "SELECT page_count*page_size FROM pragma_page_count,pragma_page_size", &octets, err));
    return store_sqlite_check_pages(db, octets <= STORE_CHECKED_MAX, err);
}

static enum base_code
load(struct store_sqlite *store, struct base_error *err)
{
    int64_t count = 0;
    TRY(store_sqlite_journal_load(store, err));
    /* Certificates are numbered from 1 and never deleted. */
    TRY(store_sqlite_number(store, STORE_SQL_COUNT_CERTIFICATES, 0, &count, err));
    store->position.certificate_count = (uint64_t)count;
    return store_sqlite_behind_load(store, err);
}

enum base_code
store_open_sqlite(const char *path, bool is_new, struct store **out, struct base_error *err)
{
    if (is_new) {
        TRY(store_sqlite_create(path, err));
    }
    struct store_sqlite *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return base_fail(err, E_NO_MEMORY, "store");
    }
    OWN_STRUCT(store) owned = &store->base;
    owned->engine = &engine;
    buffer_init(&store->scratch, STORE_IMAGE_MAX);
    TRY(store_sqlite_wal_file_register(err));
    if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
            STORE_SQLITE_VFS) != SQLITE_OK) {
        return store_sqlite_fail(err, store->db, path);
    }
    (void)sqlite3_busy_timeout(store->db, 2000);
    TRY(settle(store->db, err));
    TRY(store_sqlite_migrate(store->db, false, err));
    TRY(check_integrity(store->db, err));
    TRY(load(store, err));
    *out = MOVE(owned);
    return BASE_OK;
}
