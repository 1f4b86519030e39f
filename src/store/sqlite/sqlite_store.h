/*
 * sqlite_store.h - what the files of this engine share.
 */
#ifndef STORE_SQLITE_SQLITE_STORE_H
#define STORE_SQLITE_SQLITE_STORE_H

#include <sqlite3.h>

#include "store/chain.h"
#include "store/engine.h"
#include "store/sqlite/statement.h"

#define STORE_APPLICATION_ID 0x4b555249 /* "KURI" */

/* What is known of the database without asking it; goes back with a transaction that fails. */
struct store_sqlite_position {
    struct store_chain chain;
    uint64_t certificate_count;
    int64_t lookup_bucket; /* the one that is being filled */
    int64_t lookup_rows;   /* in it */
    int64_t contact_rows;
    int64_t contact_minute;      /* of the last contact */
    int64_t contact_minute_rows; /* in it */
};

struct store_sqlite {
    struct store base;
    sqlite3 *db;
    struct store_statements statements;
    struct store_sqlite_position position;
    struct buffer scratch; /* of one image or look-up key */
};

static inline struct store_sqlite *
store_sqlite_of(struct store *store)
{
    _Static_assert(
        offsetof(struct store_sqlite, base) == 0, "every engine begins with struct store");
    return (struct store_sqlite *)(void *)store;
}

/* SQLite's refusal as ours: corrupt, or unavailable; with the system's reason where there is one.
 * Call it before anything else is asked of the connection. */
enum base_code store_sqlite_fail(struct base_error *err, sqlite3 *db, const char *what);

/* A statement, ready; reset it when done with it. */
MUST_CHECK enum base_code store_sqlite_get(struct store_sqlite *store, enum store_statement which,
    sqlite3_stmt **out, struct base_error *err);
/* Step to a row; *out_found says whether there is one. The caller resets. */
MUST_CHECK enum base_code store_sqlite_row(
    struct store_sqlite *store, sqlite3_stmt *statement, bool *out_found, struct base_error *err);
/* Run a statement without rows, and reset it; *out_changed (may be NULL): rows changed. */
MUST_CHECK enum base_code store_sqlite_run(
    struct store_sqlite *store, sqlite3_stmt *statement, int *out_changed, struct base_error *err);
/* One number of a statement with at most one parameter; reset afterwards. NULL is -1. */
MUST_CHECK enum base_code store_sqlite_number(struct store_sqlite *store,
    enum store_statement which, int64_t parameter, int64_t *out, struct base_error *err);

/* The one number that @sql yields; for opening, before there are kept statements. */
MUST_CHECK enum base_code store_sqlite_ask(
    sqlite3 *db, const char *sql, int64_t *out, struct base_error *err);

/* migrations.c: bring the schema up to STORE_SCHEMA_VERSION, from 0 only when @is_new.
 * Errors: E_STORE_VERSION, E_STORE_CORRUPT, E_STORE_UNAVAILABLE. */
MUST_CHECK enum base_code store_sqlite_migrate(sqlite3 *db, bool is_new, struct base_error *err);

/* create.c: a new database under @path, whole or not at all; one that is there is left alone. */
MUST_CHECK enum base_code store_sqlite_create(const char *path, struct base_error *err);

/* check.c: the pages of the whole, or (@is_all false) of what is small. */
MUST_CHECK enum base_code store_sqlite_check_pages(
    sqlite3 *db, bool is_all, struct base_error *err);

/* journal.c: append a record within the open transaction. */
MUST_CHECK enum base_code store_sqlite_journal(struct store_sqlite *store, int64_t at_ms,
    enum store_op_kind kind, struct bytes key, struct bytes stored, struct base_error *err);
/* The same for an object with an id; what was stored is in ->scratch. */
MUST_CHECK enum base_code store_sqlite_journal_id(
    struct store_sqlite *store, const struct store_op *op, uint64_t id, struct base_error *err);
/* Where the chain stands in the database; its last records verified. */
MUST_CHECK enum base_code store_sqlite_journal_load(
    struct store_sqlite *store, struct base_error *err);

/* op_*.c: one operation within the open transaction; a verdict other than DONE is set, and then
 * nothing of it has happened. */
MUST_CHECK enum base_code store_sqlite_put_row(
    struct store_sqlite *store, const struct store_delivery *delivery, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_add_events(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_put_delivery(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_set_state(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_add_challenge(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_change_challenge(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_reserve(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_add_signature(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_revoke(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_put_crl(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_add_contact(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_add_lookups(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_forget(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_put_meta(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
/* What goes with the events of an operation. */
MUST_CHECK enum base_code store_sqlite_add_notices(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_drop_notice(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_defer_notice(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
/* op_bound.c; the first two of one bound challenge: within a reservation, and cut from the window.
 */
MUST_CHECK enum base_code store_sqlite_spend_bound(struct store_sqlite *store,
    const struct store_op *op, int *out_changed, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_forget_bound(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_change_bound(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_add_bound_key(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_drop_bound_key(
    struct store_sqlite *store, struct store_op *op, struct base_error *err);
/* Where look-ups and contacts stand in the database. */
MUST_CHECK enum base_code store_sqlite_behind_load(
    struct store_sqlite *store, struct base_error *err);

/* read_rows.c: the columns of the statements in statement.h as rows. */
MUST_CHECK enum base_code store_sqlite_read_challenge(sqlite3_stmt *row, struct store_row *memory,
    struct store_challenge *out, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_read_delivery(sqlite3_stmt *row, struct store_row *memory,
    struct store_delivery *out, struct base_error *err);
MUST_CHECK enum base_code store_sqlite_read_certificate(sqlite3_stmt *row, struct store_row *memory,
    struct store_certificate *out, struct base_error *err);

/* The engine's functions: commit.c, find.c, each.c, journal.c, check.c; its table: open.c. */
#define X(name) __typeof__(store_##name) store_sqlite_##name;
STORE_ENGINE_FUNCTIONS(X)
#undef X

#endif
