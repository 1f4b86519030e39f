/*
 * statement.h - prepared statements, each prepared at its first use and kept.
 */
#ifndef STORE_SQLITE_STATEMENT_H
#define STORE_SQLITE_STATEMENT_H

#include <sqlite3.h>

#include "base/bytes.h"

/* clang-format off */
#define STORE_DELIVERY_COLUMNS                                                                     \
    "id,endpoint,profile,ca,device,challenge_id,transaction_id,transaction_key,key_sha256,"        \
    "identity,subject,sans,spki,authority,serial,source,state,step,code,detail,created_ms,"        \
    "updated_ms"
#define STORE_NOTICE_COLUMNS                                                                       \
    "id,delivery_id,policy,event,at_ms,step,code,detail,payload,is_gate,attempts,next_ms,state,"   \
    "last_code,last_detail"
#define STORE_CERTIFICATE_COLUMNS                                                                  \
    "c.serial,c.endpoint,c.profile,c.ca,c.body,s.head,s.tail,c.not_before_s,c.not_after_s,"        \
    "c.issued_ms,r.revoked_ms,r.reason,c.delivery_id,c.challenge_id,c.renews,c.key_sha256,"        \
    "c.transaction_id"
#define STORE_CERTIFICATE_JOINS                                                                    \
    " LEFT JOIN signature s ON s.number=c.number"                                                  \
    " LEFT JOIN revocation r ON r.ca=c.ca AND r.serial=c.serial "

/* X(name, SQL) */
#define STORE_STATEMENTS(X)                                                                        \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(ADD_CHALLENGE,                                                                               \
        "INSERT OR IGNORE INTO challenge VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")                   \
    X(COUNT_MISMATCH,                                                                              \
        "UPDATE challenge SET mismatches=mismatches+1,"                                            \
        "state=CASE WHEN ?2>0 AND mismatches+1>=?2 AND state<>3 THEN 4 ELSE state END "            \
        "WHERE id=?1")                                                                             \
    X(HOLD_CHALLENGE,                                                                              \
        "UPDATE challenge SET state=2,held_by=?2 "                                                 \
        "WHERE id=?1 AND (state=1 OR (state=2 AND held_by=?2))")                                   \
    X(RELEASE_CHALLENGE,                                                                           \
        "UPDATE challenge SET state=1,held_by=0 WHERE id=?1 AND state=2 AND held_by=?2")           \
    X(KILL_CHALLENGE, "UPDATE challenge SET state=4,held_by=0 WHERE id=?1 AND state<>3")           \
    X(SPEND_CHALLENGE,                                                                             \
        "UPDATE challenge SET uses_left=uses_left-1,held_by=0,"                                    \
        "state=CASE WHEN uses_left=1 THEN 3 ELSE 1 END "                                           \
        "WHERE id=?1 AND uses_left>0 AND (state=1 OR (state=2 AND held_by=?2))")                   \
    X(SPEND_BOUND,                                                                                 \
        "INSERT INTO bound_spent VALUES(?1,?2,3,?3,?4,?5,?6) ON CONFLICT(key_id,id) "              \
        "DO UPDATE SET state=3,serial=?4,at_ms=?6 WHERE state=2 AND delivery_id=?3")               \
    X(HOLD_BOUND,                                                                                  \
        "INSERT INTO bound_spent VALUES(?1,?2,2,?3,?4,?5,?6) ON CONFLICT(key_id,id) "              \
        "DO UPDATE SET at_ms=?6 WHERE state=2 AND delivery_id=?3")                                 \
    X(KILL_BOUND,                                                                                  \
        "INSERT INTO bound_spent VALUES(?1,?2,4,?3,?4,?5,?6) ON CONFLICT(key_id,id) "              \
        "DO UPDATE SET state=4,at_ms=?6 WHERE state<>3")                                           \
    X(FIND_BOUND,                                                                                  \
        "SELECT state,delivery_id,serial,expires_ms,at_ms FROM bound_spent "                       \
        "WHERE key_id=? AND id=?")                                                                 \
    X(FORGET_BOUND,                                                                                \
        "DELETE FROM bound_spent WHERE (key_id,id) IN "                                            \
        "(SELECT key_id,id FROM bound_spent WHERE expires_ms<?1 ORDER BY expires_ms LIMIT ?2)")    \
    X(ADD_BOUND_KEY, "INSERT OR IGNORE INTO bound_key VALUES(?,?,?,?,?)")                          \
    X(DROP_BOUND_KEY, "DELETE FROM bound_key WHERE name=?")                                        \
    X(FIND_BOUND_KEY,                                                                              \
        "SELECT key_id,name,key,profiles,created_ms FROM bound_key WHERE key_id=?")                \
    X(EACH_BOUND_KEY,                                                                              \
        "SELECT key_id,name,key,profiles,created_ms FROM bound_key WHERE name>? "                  \
        "ORDER BY name LIMIT ?")                                                                   \
    X(HAS_CHALLENGE, "SELECT 1 FROM challenge WHERE id=?")                                         \
    X(UPDATE_DELIVERY, /* the index on challenge_id is not touched */                              \
        "UPDATE delivery SET endpoint=?2,profile=?3,ca=?4,device=?5,transaction_id=?7,"            \
        "transaction_key=?8,key_sha256=?9,identity=?10,subject=?11,sans=?12,spki=?13,"             \
        "authority=?14,serial=?15,source=?16,state=?17,step=?18,code=?19,detail=?20,"              \
        "created_ms=?21,updated_ms=?22 WHERE id=?1 AND challenge_id=?6")                           \
    X(PUT_DELIVERY,                                                                                \
        "INSERT OR REPLACE INTO delivery(" STORE_DELIVERY_COLUMNS ") "                             \
        "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")                                     \
    X(SET_STATE,                                                                                   \
        "UPDATE delivery SET state=?2,step=?3,code=?4,detail=?5,updated_ms=?6 "                    \
        "WHERE id=?1 AND (?7='' OR state=?7)")                                                     \
    X(HAS_DELIVERY, "SELECT 1 FROM delivery WHERE id=?")                                           \
    X(KEEP_TRANSACTION, "INSERT OR REPLACE INTO kept_transaction VALUES(?,?,?)")                   \
    X(FORGET_TRANSACTIONS, "DELETE FROM kept_transaction WHERE kept_ms<?")                         \
    X(ADD_EVENT,                                                                                   \
        "INSERT INTO event VALUES(?1,"                                                             \
        "(SELECT coalesce(max(n),0)+1 FROM event WHERE delivery_id=?1),?2,?3,?4,?5,?6)")                                                         \
    X(PUT_IDENTITY, "INSERT OR REPLACE INTO identity VALUES(?,?,?)")                               \
    X(OLD_IDENTITIES,                                                                              \
        "SELECT number,identity,serial FROM certificate "                                          \
        "WHERE number>?1 AND issued_ms<?2 ORDER BY number LIMIT ?3")                               \
    X(DROP_IDENTITY, "DELETE FROM identity WHERE hash=? AND serial=?")                             \
    X(ADD_CERTIFICATE,                                                                             \
        "INSERT OR IGNORE INTO certificate(serial,endpoint,profile,ca,body,not_before_s,"          \
        "not_after_s,issued_ms,delivery_id,challenge_id,renews,key_sha256,transaction_id,"         \
        "identity) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)")                                           \
    X(DROP_CERTIFICATE, "DELETE FROM certificate WHERE number=?")                                  \
    X(ADD_UNSIGNED, "INSERT INTO unsigned VALUES(?)")                                              \
    X(DROP_UNSIGNED, "DELETE FROM unsigned WHERE number=?")                                        \
    X(FIND_BODY, "SELECT number,body FROM certificate WHERE serial=?")                             \
    X(ADD_SIGNATURE, "INSERT OR IGNORE INTO signature VALUES(?,?,?)")                              \
    X(FIND_SIGNATURE, "SELECT head,tail FROM signature WHERE number=?")                            \
    X(REVOKE,                                                                                      \
        "INSERT OR IGNORE INTO revocation SELECT ca,serial,number,not_after_s,?2,?3 "              \
        "FROM certificate WHERE serial=?1")                                                        \
    X(PUT_CRL,                                                                                     \
        "INSERT INTO crl VALUES(?1,?2,?3,?4,?5) ON CONFLICT(ca) DO UPDATE SET number=?2,"          \
        "this_update_s=?3,next_update_s=?4,crl=?5 WHERE number<?2")                                \
    X(LAST_BUCKET, "SELECT coalesce(max(bucket),0) FROM lookup")                                   \
    X(BUCKET_ROWS, "SELECT count(*) FROM lookup WHERE bucket=?")                                   \
    X(ADD_LOOKUP, "INSERT OR IGNORE INTO lookup VALUES(?,?,?)")                                    \
    X(COUNT_CONTACT,                                                                               \
        "UPDATE contact SET at_ms=max(at_ms,?5),count=count+?6 "                                   \
        "WHERE minute=?1 AND endpoint=?2 AND source=?3 AND operation=?4")                          \
    X(ADD_CONTACT, "INSERT INTO contact VALUES(?,?,?,?,?,?)")                                      \
    X(CONTACT_ROWS, "SELECT count(*) FROM contact")                                                \
    X(MINUTE_ROWS, "SELECT count(*) FROM contact WHERE minute=?")                                  \
    X(FIRST_MINUTE, "SELECT min(minute) FROM contact WHERE minute>=?")                             \
    X(DROP_MINUTE, "DELETE FROM contact WHERE minute=?")                                           \
    X(ADD_NOTICE,                                                                                  \
        "INSERT INTO notice(delivery_id,policy,event,at_ms,step,code,detail,payload,is_gate,"      \
        "attempts,next_ms,state,last_code,last_detail) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,0,?4,1,"   \
        "0,'')")                                                                                   \
    X(DROP_NOTICE, "DELETE FROM notice WHERE id=?")                                                \
    X(DEFER_NOTICE,                                                                                \
        "UPDATE notice SET attempts=?2,next_ms=?3,state=?4,last_code=?5,last_detail=?6 "           \
        "WHERE id=?1")                                                                             \
    X(HOLD_NOTICES,                                                                                \
        "UPDATE notice SET next_ms=?2 WHERE id>?1 AND next_ms<?2 AND state=1 "                     \
        "AND (delivery_id,policy)=(SELECT delivery_id,policy FROM notice WHERE id=?1)")            \
    X(DUE_NOTICES,                                                                                 \
        "SELECT " STORE_NOTICE_COLUMNS " FROM notice n "                                           \
        "WHERE policy=?1 AND state=1 AND next_ms<=?2 AND NOT EXISTS(SELECT 1 FROM notice b "       \
        "WHERE b.delivery_id=n.delivery_id AND b.policy=n.policy AND b.id<n.id AND b.state=1) "    \
        "ORDER BY next_ms,id LIMIT ?3")                                                            \
    X(NOTICES_OF,                                                                                  \
        "SELECT " STORE_NOTICE_COLUMNS " FROM notice WHERE delivery_id=? ORDER BY id LIMIT ?")     \
    X(EACH_NOTICE,                                                                                 \
        "SELECT " STORE_NOTICE_COLUMNS " FROM notice WHERE id>?1 AND (?2=0 OR state=?2) "          \
        "ORDER BY id LIMIT ?3")                                                                    \
    X(COUNT_NOTICES,                                                                               \
        "SELECT coalesce(sum(state=1),0),coalesce(sum(state=2),0),"                                \
        "coalesce(min(CASE WHEN state=1 THEN at_ms END),0) FROM notice WHERE policy=?")            \
    X(PUT_META, "INSERT OR REPLACE INTO meta VALUES(?,?)")                                         \
    X(ADD_JOURNAL, "INSERT INTO journal VALUES(?,?,?)")                                            \
    X(LAST_JOURNAL, "SELECT coalesce(max(seq),0) FROM journal")                                    \
    X(JOURNAL_HASH, "SELECT hash FROM journal WHERE seq=?")                                        \
    X(COUNT_CERTIFICATES, "SELECT coalesce(max(number),0) FROM certificate")                       \
    X(LAST_SERIAL, "SELECT serial FROM certificate ORDER BY serial DESC LIMIT 1")                  \
    X(LAST_CHALLENGE, "SELECT coalesce(max(id),0) FROM challenge")                                 \
    X(FIND_CHALLENGE,                                                                              \
        "SELECT id,mac,profile,device,subject,is_san_bound,sans,created_ms,expires_ms,uses,"       \
        "uses_left,mismatches,state,held_by,delivery_id FROM challenge WHERE id=?")                \
    X(FIND_DELIVERY, "SELECT " STORE_DELIVERY_COLUMNS " FROM delivery WHERE id=?")                 \
    X(FIND_CERTIFICATE,                                                                            \
        "SELECT " STORE_CERTIFICATE_COLUMNS " FROM certificate c" STORE_CERTIFICATE_JOINS          \
        "WHERE c.serial=?")                                                                        \
    X(FIND_IDENTITY, "SELECT serial,created_ms FROM identity WHERE hash=?")                        \
    X(FIND_TRANSACTION, "SELECT delivery_id FROM kept_transaction WHERE key=?")                    \
    X(FIND_CRL, "SELECT number,this_update_s,next_update_s,crl FROM crl WHERE ca=?")               \
    X(FIND_META, "SELECT value FROM meta WHERE key=?")                                             \
    X(SEARCH,                                                                                      \
        "SELECT delivery_id FROM lookup WHERE bucket=? AND key=? "                                 \
        "ORDER BY delivery_id DESC LIMIT ?")                                                       \
    X(EACH_DELIVERY,                                                                               \
        "SELECT " STORE_DELIVERY_COLUMNS " FROM delivery WHERE id<?1 ORDER BY id DESC LIMIT ?2")   \
    X(EACH_OF_STATE,                                                                               \
        "SELECT " STORE_DELIVERY_COLUMNS " FROM delivery WHERE id<?1 AND state=?3 "                \
        "ORDER BY id DESC LIMIT ?2")                                                               \
    X(EACH_OF_CHALLENGE,                                                                           \
        "SELECT " STORE_DELIVERY_COLUMNS " FROM delivery "                                         \
        "WHERE challenge_id=?1 AND challenge_id<>0 ORDER BY id DESC LIMIT ?2")                     \
    X(EACH_EVENT,                                                                                  \
        "SELECT at_ms,step,event,code,detail FROM event WHERE delivery_id=? ORDER BY n LIMIT ?")   \
    X(EACH_CERTIFICATE,                                                                            \
        "SELECT " STORE_CERTIFICATE_COLUMNS " FROM certificate c" STORE_CERTIFICATE_JOINS          \
        "WHERE c.serial>? ORDER BY c.serial LIMIT ?")                                              \
    X(EACH_REVOKED,                                                                                \
        "SELECT " STORE_CERTIFICATE_COLUMNS " FROM revocation r "                                  \
        "CROSS JOIN certificate c ON c.number=r.number "                                           \
        "LEFT JOIN signature s ON s.number=c.number "                                              \
        "WHERE r.ca=?1 AND r.not_after_s>=?2 ORDER BY r.serial")                                   \
    X(EACH_UNSIGNED,                                                                               \
        "SELECT " STORE_CERTIFICATE_COLUMNS " FROM unsigned u "                                    \
        "CROSS JOIN certificate c ON c.number=u.number" STORE_CERTIFICATE_JOINS                    \
        "ORDER BY u.number LIMIT ?")                                                               \
    X(EACH_CONTACT,                                                                                \
        "SELECT operation,at_ms,count FROM contact "                                               \
        "WHERE minute=? AND endpoint=? AND source=? ORDER BY operation")                           \
    X(EACH_JOURNAL, "SELECT seq,record,hash FROM journal WHERE seq>=? ORDER BY seq LIMIT ?")
/* clang-format on */

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
