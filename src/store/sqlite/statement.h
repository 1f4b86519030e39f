/*
 * statement.h - prepared statements, each prepared at its first use and kept.
 */
#ifndef STORE_SQLITE_STATEMENT_H
#define STORE_SQLITE_STATEMENT_H

#include <sqlite3.h>

#include "base/bytes.h"

#define STORE_DELIVERY_COLUMNS                                                                     \
    "id,endpoint,profile,ca,device,challenge_id,transaction_id,transaction_key,key_sha256,"        \
    "identity,subject,sans,spki,"                                                                  \
    "authority,serial,source,state,step,code,detail,created_ms,updated_ms"
#define STORE_CERTIFICATE_COLUMNS                                                                  \
    "c.serial,c.endpoint,c.profile,c.ca,c.body,s.head,s.tail,c.not_before_s,c.not_after_s,c."      \
    "issued_ms,r.revoked_ms,"                                                                      \
    "r.reason,c.delivery_id,c.challenge_id,c.renews,c.key_sha256,c.transaction_id"
#define STORE_CERTIFICATE_FROM                                                                     \
    " FROM certificate c LEFT JOIN signature s ON s.number=c.number LEFT JOIN revocation r ON "    \
    "r.number=c.number "

/* X(name, SQL) */
#define STORE_STATEMENTS(X)                                                                        \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(ADD_CHALLENGE, "INSERT INTO challenge VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")                \
    X(COUNT_MISMATCH,                                                                              \
        "UPDATE challenge SET mismatches=mismatches+1,"                                            \
        "state=CASE WHEN mismatches+1>=?2 AND state<>3 THEN 4 ELSE state END WHERE id=?1")         \
    X(HOLD_CHALLENGE, "UPDATE challenge SET state=2,held_by=?2 WHERE id=?1 AND (state=1 OR "       \
                      "(state=2 AND held_by=?2))")                                                 \
    X(RELEASE_CHALLENGE,                                                                           \
        "UPDATE challenge SET state=1,held_by=0 WHERE id=?1 AND state=2 AND held_by=?2")           \
    X(KILL_CHALLENGE, "UPDATE challenge SET state=4,held_by=0 WHERE id=?1 AND state<>3")           \
    X(SPEND_CHALLENGE, "UPDATE challenge SET uses_left=uses_left-1,held_by=0,"                     \
                       "state=CASE WHEN uses_left=1 THEN 3 ELSE 1 END "                            \
                       "WHERE id=?1 AND uses_left>0 AND (state=1 OR (state=2 AND held_by=?2))")    \
    X(PUT_DELIVERY, "INSERT OR REPLACE INTO delivery(" STORE_DELIVERY_COLUMNS                      \
                    ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")                       \
    X(SET_STATE, "UPDATE delivery SET state=?2,step=?3,code=?4,detail=?5,updated_ms=?6 WHERE "     \
                 "id=?1 AND (?7='' OR state=?7)")                                                  \
    X(LAST_CHALLENGE, "SELECT coalesce(max(id),0) FROM challenge")                                 \
    X(KEEP_TRANSACTION, "INSERT OR REPLACE INTO kept_transaction VALUES(?,?)")                     \
    X(NEXT_EVENT, "SELECT coalesce(max(n),0)+1 FROM event WHERE delivery_id=?")                    \
    X(ADD_EVENT, "INSERT INTO event VALUES(?,?,?,?,?,?,?)")                                        \
    X(ADD_IDENTITY, "INSERT OR IGNORE INTO identity VALUES(?,?,?)")                                \
    X(DROP_IDENTITY, "DELETE FROM identity WHERE hash=?")                                          \
    X(FORGET_IDENTITIES, "DELETE FROM identity WHERE created_ms<?")                                \
    X(ADD_CERTIFICATE, "INSERT OR IGNORE INTO "                                                    \
                       "certificate(serial,endpoint,profile,ca,body,not_before_s,not_after_s,"     \
                       "issued_ms,delivery_id,challenge_id,renews,key_sha256,transaction_id) "     \
                       "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)")                                        \
    X(ADD_SIGNATURE,                                                                               \
        "INSERT OR IGNORE INTO signature SELECT number,?2,?3 FROM certificate WHERE serial=?1")    \
    X(BODY_LEN, "SELECT length(body) FROM certificate WHERE serial=?")                             \
    X(REVOKE, "INSERT OR IGNORE INTO revocation SELECT number,ca,?2,?3 FROM certificate WHERE "    \
              "serial=?1")                                                                         \
    X(PUT_CRL, "INSERT INTO crl VALUES(?1,?2,?3,?4,?5) ON CONFLICT(ca) DO UPDATE SET "             \
               "number=?2,this_update_s=?3,"                                                       \
               "next_update_s=?4,crl=?5 WHERE number<?2")                                          \
    X(ADD_LOOKUP, "INSERT OR IGNORE INTO lookup VALUES(?,?,?)")                                    \
    X(ADD_CONTACT, "INSERT INTO contact VALUES(?1,?2,?3,?4,?5,?6) ON "                             \
                   "CONFLICT(endpoint,source,operation,minute) "                                   \
                   "DO UPDATE SET at_ms=max(at_ms,?5),count=count+?6")                             \
    X(PRUNE_CONTACTS, "DELETE FROM contact WHERE minute<?")                                        \
    X(PUT_META, "INSERT OR REPLACE INTO meta VALUES(?,?)")                                         \
    X(ADD_JOURNAL, "INSERT INTO journal VALUES(?,?,?)")                                            \
    X(LAST_JOURNAL, "SELECT seq,chain FROM journal ORDER BY seq DESC LIMIT 1")                     \
    X(COUNT_CERTIFICATES, "SELECT count(*) FROM certificate")                                      \
    X(LAST_SERIAL, "SELECT serial FROM certificate ORDER BY serial DESC LIMIT 1")                  \
    X(FIND_CHALLENGE,                                                                              \
        "SELECT "                                                                                  \
        "id,mac,profile,device,subject,is_san_bound,sans,created_ms,expires_ms,uses,uses_left,"    \
        "mismatches,state,held_by,delivery_id FROM challenge WHERE id=?")                          \
    X(FIND_DELIVERY, "SELECT " STORE_DELIVERY_COLUMNS " FROM delivery WHERE id=?")                 \
    X(FIND_CERTIFICATE,                                                                            \
        "SELECT " STORE_CERTIFICATE_COLUMNS STORE_CERTIFICATE_FROM "WHERE c.serial=?")             \
    X(FIND_IDENTITY, "SELECT serial,created_ms FROM identity WHERE hash=?")                        \
    X(FIND_TRANSACTION, "SELECT delivery_id FROM kept_transaction WHERE key=?")                    \
    X(FIND_CRL, "SELECT number,this_update_s,next_update_s,crl FROM crl WHERE ca=?")               \
    X(FIND_META, "SELECT value FROM meta WHERE key=?")                                             \
    X(SEARCH, "SELECT delivery_id FROM lookup WHERE kind=? AND hash=? ORDER BY delivery_id DESC "  \
              "LIMIT ?")                                                                           \
    X(EACH_DELIVERY,                                                                               \
        "SELECT " STORE_DELIVERY_COLUMNS " FROM delivery WHERE id<?1 AND (?2='' OR state=?2) "     \
        "ORDER BY id DESC LIMIT ?3")                                                               \
    X(EACH_WAITING,                                                                                \
        "SELECT " STORE_DELIVERY_COLUMNS " FROM delivery WHERE state='waiting' AND id<?1 "         \
        "ORDER BY id DESC LIMIT ?2")                                                               \
    X(EACH_OF_CHALLENGE, "SELECT " STORE_DELIVERY_COLUMNS                                          \
                         " FROM delivery WHERE challenge_id=?1 AND challenge_id<>0 "               \
                         "ORDER BY id DESC LIMIT ?2")                                              \
    X(EACH_EVENT,                                                                                  \
        "SELECT at_ms,step,event,code,detail FROM event WHERE delivery_id=? ORDER BY n LIMIT ?")   \
    X(EACH_CERTIFICATE, "SELECT " STORE_CERTIFICATE_COLUMNS STORE_CERTIFICATE_FROM                 \
                        "WHERE c.serial>? ORDER BY c.serial LIMIT ?")                              \
    X(EACH_REVOKED, "SELECT " STORE_CERTIFICATE_COLUMNS                                            \
                    " FROM revocation r JOIN certificate c ON c.number=r.number "                  \
                    "LEFT JOIN signature s ON s.number=c.number WHERE r.ca=?1 AND "                \
                    "c.not_after_s>=?2 ORDER BY c.serial")                                         \
    X(EACH_UNSIGNED, "SELECT " STORE_CERTIFICATE_COLUMNS STORE_CERTIFICATE_FROM                    \
                     "WHERE c.number>?1 AND s.number IS NULL ORDER BY c.number LIMIT ?2")          \
    X(SIGNED_UP_TO,                                                                                \
        "SELECT coalesce(min(c.number),(SELECT coalesce(max(number),0)+1 FROM certificate))-1 "    \
        "FROM certificate c WHERE c.number>?1 AND NOT EXISTS(SELECT 1 FROM signature s WHERE "     \
        "s.number=c.number)")                                                                      \
    X(EACH_CONTACT, "SELECT operation,at_ms,count FROM contact WHERE endpoint=? AND source=? AND " \
                    "minute BETWEEN ? AND ? "                                                      \
                    "ORDER BY at_ms LIMIT ?")                                                      \
    X(EACH_JOURNAL, "SELECT seq,record,chain FROM journal WHERE seq>=? ORDER BY seq LIMIT ?")

enum store_statement {
#define X(name, sql) STORE_SQL_##name,
    STORE_STATEMENTS(X)
#undef X
        STORE_STATEMENT_COUNT
};

struct store_statements {
    sqlite3_stmt *prepared[STORE_STATEMENT_COUNT];
};

void store_statements_clear(struct store_statements *statements);

/* A statement ready for its bindings, 1 upwards; NULL when it cannot be prepared. Reset it with
 * sqlite3_reset(). */
sqlite3_stmt *store_statement(
    sqlite3 *db, struct store_statements *statements, enum store_statement which);

/* Bindings are borrowed until the statement is reset. An empty slice is stored as an empty value,
 * never NULL. */
void store_bind_blob(sqlite3_stmt *statement, int index, struct bytes value);
void store_bind_text(sqlite3_stmt *statement, int index, struct bytes value);
void store_bind_number(sqlite3_stmt *statement, int index, int64_t value);

/* A column's octets; valid until the next step. */
struct bytes store_column(sqlite3_stmt *statement, int index);

#endif
