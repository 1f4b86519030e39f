#include "store/sqlite/sqlite_store.h"

#include <stdio.h>

#include "base/banned.h"

/*
 * Migration N brings a database from schema version N - 1 to N. What was released is never changed;
 * a new one is added.
 *
 * 1: an enrolment pays for one random index, the identity's. certificate.number counts in the order
 * of issuing, so its table and the index on the time-ordered serial grow at their right edges; rows
 * of certificates are too large for a table without rowid. A signature comes later than its
 * certificate, into a table of its own; `unsigned` has the few that wait for theirs. lookup and
 * contact are filled behind, and begin with what grows (bucket, minute), so that only their right
 * edges are written.
 *
 * 2: the outbox. Rows come at the right edge and go soon; of the indexes one finds what is due, one
 * what comes first of a delivery.
 *
 * 3: bound challenges: the keys with which they are made, and what became of those that were used.
 */
/* clang-format off */
static const char *const migrations[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE challenge(id INTEGER PRIMARY KEY, mac BLOB NOT NULL, profile TEXT NOT NULL,"
    " device TEXT NOT NULL, subject BLOB NOT NULL, is_san_bound INTEGER NOT NULL,"
    " sans BLOB NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
    " uses INTEGER NOT NULL, uses_left INTEGER NOT NULL, mismatches INTEGER NOT NULL,"
    " state INTEGER NOT NULL, held_by INTEGER NOT NULL, delivery_id INTEGER NOT NULL);"
    "CREATE TABLE delivery(id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, profile TEXT NOT NULL,"
    " ca TEXT NOT NULL, device TEXT NOT NULL, challenge_id INTEGER NOT NULL,"
    " transaction_id BLOB NOT NULL, transaction_key BLOB NOT NULL, key_sha256 BLOB NOT NULL,"
    " identity BLOB NOT NULL, subject BLOB NOT NULL, sans BLOB NOT NULL, spki BLOB NOT NULL,"
    " authority BLOB NOT NULL, serial BLOB NOT NULL, source TEXT NOT NULL, state TEXT NOT NULL,"
    " step INTEGER NOT NULL, code INTEGER NOT NULL, detail TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);"
    "CREATE INDEX delivery_state ON delivery(state, id);"
    "CREATE INDEX delivery_of_challenge ON delivery(challenge_id, id) WHERE challenge_id<>0;"
    "CREATE TABLE event(delivery_id INTEGER NOT NULL, n INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " step INTEGER NOT NULL, event TEXT NOT NULL, code INTEGER NOT NULL, detail TEXT NOT NULL,"
    " PRIMARY KEY(delivery_id, n)) WITHOUT ROWID;"
    "CREATE TABLE certificate(number INTEGER PRIMARY KEY, serial BLOB NOT NULL UNIQUE,"
    " endpoint TEXT NOT NULL, profile TEXT NOT NULL, ca TEXT NOT NULL, body BLOB NOT NULL,"
    " not_before_s INTEGER NOT NULL, not_after_s INTEGER NOT NULL, issued_ms INTEGER NOT NULL,"
    " delivery_id INTEGER NOT NULL, challenge_id INTEGER NOT NULL, renews BLOB NOT NULL,"
    " key_sha256 BLOB NOT NULL, transaction_id BLOB NOT NULL, identity BLOB NOT NULL);"
    "CREATE TABLE signature(number INTEGER PRIMARY KEY, head BLOB NOT NULL, tail BLOB NOT NULL);"
    "CREATE TABLE unsigned(number INTEGER PRIMARY KEY);"
    "CREATE TABLE revocation(ca TEXT NOT NULL, serial BLOB NOT NULL, number INTEGER NOT NULL,"
    " not_after_s INTEGER NOT NULL, revoked_ms INTEGER NOT NULL, reason INTEGER NOT NULL,"
    " PRIMARY KEY(ca, serial)) WITHOUT ROWID;"
    "CREATE TABLE identity(hash BLOB PRIMARY KEY, serial BLOB NOT NULL,"
    " created_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE kept_transaction(key BLOB PRIMARY KEY, delivery_id INTEGER NOT NULL,"
    " kept_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE lookup(bucket INTEGER NOT NULL, key BLOB NOT NULL, delivery_id INTEGER NOT NULL,"
    " PRIMARY KEY(bucket, key, delivery_id)) WITHOUT ROWID;"
    "CREATE TABLE contact(minute INTEGER NOT NULL, endpoint TEXT NOT NULL, source TEXT NOT NULL,"
    " operation INTEGER NOT NULL, at_ms INTEGER NOT NULL, count INTEGER NOT NULL,"
    " PRIMARY KEY(minute, endpoint, source, operation)) WITHOUT ROWID;"
    "CREATE TABLE crl(ca TEXT PRIMARY KEY, number INTEGER NOT NULL,"
    " this_update_s INTEGER NOT NULL, next_update_s INTEGER NOT NULL, crl BLOB NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE journal(seq INTEGER PRIMARY KEY, record BLOB NOT NULL, hash BLOB NOT NULL);",
    "CREATE TABLE notice(id INTEGER PRIMARY KEY AUTOINCREMENT, delivery_id INTEGER NOT NULL,"
    " policy TEXT NOT NULL, event TEXT NOT NULL, at_ms INTEGER NOT NULL, step INTEGER NOT NULL,"
    " code INTEGER NOT NULL, detail TEXT NOT NULL, payload BLOB NOT NULL, is_gate INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, next_ms INTEGER NOT NULL, state INTEGER NOT NULL,"
    " last_code INTEGER NOT NULL, last_detail TEXT NOT NULL);"
    "CREATE INDEX notice_due ON notice(policy, state, next_ms, id);"
    "CREATE INDEX notice_of_delivery ON notice(delivery_id, policy, id);",

    "CREATE TABLE bound_key(key_id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, key BLOB NOT NULL,"
    " profiles TEXT NOT NULL, created_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE bound_spent(key_id BLOB NOT NULL, id TEXT NOT NULL, state INTEGER NOT NULL,"
    " delivery_id INTEGER NOT NULL, serial BLOB NOT NULL, expires_ms INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL, PRIMARY KEY(key_id, id)) WITHOUT ROWID;"
    "CREATE INDEX bound_spent_expiry ON bound_spent(expires_ms);",
};
/* clang-format on */
_Static_assert(
    sizeof(migrations) / sizeof(migrations[0]) == STORE_SCHEMA_VERSION, "one migration a version");

static enum base_code
migrate_to(sqlite3 *db, int64_t version, struct base_error *err)
{
    char marks[128] = "";
    (void)snprintf(marks, sizeof(marks),
        "PRAGMA user_version=%lld; PRAGMA application_id=%d; COMMIT;", (long long)version,
        STORE_APPLICATION_ID);
    if (sqlite3_exec(db, "BEGIN EXCLUSIVE;", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, migrations[version - 1], NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, marks, NULL, NULL, NULL) != SQLITE_OK) {
        enum base_code code = store_sqlite_fail(err, db, "migration");
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        return code;
    }
    return BASE_OK;
}

enum base_code
store_sqlite_migrate(sqlite3 *db, bool is_new, struct base_error *err)
{
    int64_t version = 0;
    int64_t application = 0;
    TRY(store_sqlite_ask(db, "PRAGMA user_version", &version, err));
    TRY(store_sqlite_ask(db, "PRAGMA application_id", &application, err));
    if (!is_new && (version < 1 || application != STORE_APPLICATION_ID)) {
        return base_fail(err, E_STORE_CORRUPT, "this is not a ledger of Kurier");
    }
    if (version > STORE_SCHEMA_VERSION) {
        return base_fail(err, E_STORE_VERSION, "schema %lld, this program knows %d",
            (long long)version, STORE_SCHEMA_VERSION);
    }
    while (version < STORE_SCHEMA_VERSION) {
        version++;
        TRY(migrate_to(db, version, err));
    }
    return BASE_OK;
}
