#include "store/sqlite/sqlite_store.h"

#include <string.h>

#include "base/banned.h"

/* What no large table hides: the schema, and whatever decides on issuing without being large. */
static const char *const small[] = {"PRAGMA quick_check(meta)", "PRAGMA quick_check(crl)",
    "PRAGMA quick_check(revocation)", "PRAGMA quick_check(unsigned)",
    "PRAGMA quick_check(kept_transaction)", "PRAGMA quick_check(bound_key)"};

static enum base_code
check(sqlite3 *db, const char *sql, struct base_error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
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

enum base_code
store_sqlite_check_pages(sqlite3 *db, bool is_all, struct base_error *err)
{
    if (is_all) {
        return check(db, "PRAGMA quick_check(1)", err);
    }
    for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
        TRY(check(db, small[i], err));
    }
    return BASE_OK;
}

enum base_code
store_sqlite_check(struct store *base, struct base_error *err)
{
    return store_sqlite_check_pages(store_sqlite_of(base)->db, true, err);
}
