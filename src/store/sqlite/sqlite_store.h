/*
 * sqlite_store.h - what the files of this engine share.
 */
#ifndef STORE_SQLITE_SQLITE_STORE_H
#define STORE_SQLITE_SQLITE_STORE_H

#include <sqlite3.h>

#include "store/sqlite/statement.h"
#include "store/store.h"

#define STORE_CHAIN_LEN 32

/* find.c: the number under which a look-up value is kept. */
int64_t store_lookup_hash(struct bytes value);

struct store {
    sqlite3 *db;
    struct store_statements statements;
    uint64_t journal_seq; /* of the last record; 0: none */
    uint8_t chain[STORE_CHAIN_LEN];
    uint64_t certificate_count;
};

/* SQLite's refusal as ours: corrupt, or unavailable. */
enum base_code store_sqlite_fail(struct base_error *err, sqlite3 *db, const char *what);

/* migrations.c: bring the schema up to STORE_SCHEMA_VERSION. Errors: E_STORE_VERSION, E_STORE_*. */
MUST_CHECK enum base_code store_migrate(sqlite3 *db, struct base_error *err);

/* chain.c: append a record within the open transaction; @sha256 is of what was stored. */
MUST_CHECK enum base_code store_chain_append(struct store *store, int64_t at_ms,
    enum store_op_kind kind, struct bytes key, struct bytes stored, struct base_error *err);
/* Where the chain stands in the database. */
MUST_CHECK enum base_code store_chain_load(struct store *store, struct base_error *err);

/* read_rows.c: the columns of the statements in statement.c as rows. */
enum base_code store_read_challenge(sqlite3_stmt *row, struct store_row *memory,
    struct store_challenge *out, struct base_error *err);
enum base_code store_read_delivery(sqlite3_stmt *row, struct store_row *memory,
    struct store_delivery *out, struct base_error *err);
enum base_code store_read_certificate(sqlite3_stmt *row, struct store_row *memory,
    struct store_certificate *out, struct base_error *err);

#endif
