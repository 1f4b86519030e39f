#include "store/sqlite/statement.h"

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
