/*
 * store.h - the ledger's memory: batches in, verdicts out.
 *
 * All writing goes through store_commit(): a list of operations becomes durable in one transaction,
 * or not at all, and each operation has its verdict (an identity or a serial that is taken already
 * is a verdict, not an error). The caller groups what is queued; nothing is answered before the
 * commit that holds it. Reading is by key or by page.
 *
 * Everything is written for two engines: SQLite, embedded (store_open_sqlite()), and a server that
 * several ledgers share, where a commit's outcome may be unknown. Octet strings of rows that are
 * read live in the row's own memory (store_row_clear()); what is given to store_commit() is
 * borrowed for the call. Instants: milliseconds since 1970 UTC.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/own.h"

struct store;

#define STORE_SCHEMA_VERSION 3

/*
 * Open the database file (and make it first when is_new and there is none); brings an older schema
 * up to date by its numbered migrations and checks integrity: application id, schema, the end of
 * the journal's chain, and every page of a database below STORE_CHECKED_MAX (store_check() reads
 * the pages of a larger one). A file appears under its name only when it is whole, so one that is
 * empty is damaged. Nobody else can open it until store_free(). Errors: E_STORE_CORRUPT,
 * E_JOURNAL_BROKEN, E_STORE_VERSION (newer than this program), E_STORE_UNAVAILABLE (also: another
 * process has it open).
 */
MUST_CHECK enum base_code store_open_sqlite(
    const char *path, bool is_new, struct store **out, struct base_error *err);
void store_free(struct store *store);
OWNER_STRUCT(store)

/* Reads every page and looks for damage; seconds for gigabytes. Errors: E_STORE_CORRUPT,
 * E_STORE_UNAVAILABLE. */
MUST_CHECK enum base_code store_check(struct store *store, struct base_error *err);

/* ---- rows
 * -------------------------------------------------------------------------------------------------------
 */

enum store_challenge_state {
    STORE_CHALLENGE_NEW = 1,
    STORE_CHALLENGE_HELD,
    STORE_CHALLENGE_SPENT,
    STORE_CHALLENGE_DEAD
};

/* A one-time challenge (DESIGN: id, 40-bit time-ordered; the rest known by its keyed hash only). */
struct store_challenge {
    uint64_t id;
    struct bytes mac; /* HMAC-SHA-256 of the whole challenge, 32 octets */
    struct bytes profile;
    struct bytes device;
    struct bytes subject; /* DER Name that is bound; empty: not bound */
    bool is_san_bound;
    struct bytes sans; /* DER GeneralNames */
    int64_t created_ms;
    int64_t expires_ms;
    uint32_t uses;
    uint32_t uses_left;
    uint32_t mismatches;
    enum store_challenge_state state;
    uint64_t held_by;     /* delivery, while HELD */
    uint64_t delivery_id; /* the delivery that was opened with it */
};

/* One delivery: from profile to report. state: a name of the ledger's state table; step 1 to 6. */
struct store_delivery {
    uint64_t id; /* time-ordered */
    struct bytes endpoint;
    struct bytes profile;
    struct bytes ca;
    struct bytes device;
    uint64_t challenge_id; /* 0: none */
    struct bytes transaction_id;
    struct bytes
        transaction_key; /* SHA-256 of endpoint, key hash, transactionID; empty: no request yet */
    struct bytes key_sha256; /* of the SubjectPublicKeyInfo; empty: no request yet */
    struct bytes identity;   /* of the request (32 octets); empty: none */
    struct bytes subject;    /* DER Name; empty: none */
    struct bytes sans;       /* DER GeneralNames as requested */
    struct bytes spki;       /* kept while it waits for approval, else empty */
    struct bytes authority;  /* what authorises it, kept while it waits: opaque to the store */
    struct bytes serial;     /* of its certificate; empty: none */
    struct bytes source;
    struct bytes state;
    uint8_t step;
    uint32_t code; /* enum base_code, 0: none */
    struct bytes detail;
    int64_t created_ms;
    int64_t updated_ms;
};

/* Something that happened to a delivery. Appended, never changed. */
struct store_event {
    uint64_t delivery_id;
    int64_t at_ms;
    uint8_t step;
    struct bytes event; /* a stable name */
    uint32_t code;
    struct bytes detail;
};

enum store_certificate_status { STORE_GOOD = 1, STORE_REVOKED };

struct store_certificate {
    struct bytes serial; /* primary key; time-ordered */
    struct bytes endpoint;
    struct bytes profile;
    struct bytes ca;
    struct bytes body;        /* TBSCertificate */
    struct bytes certificate; /* empty until it is signed */
    int64_t not_before_s;
    int64_t not_after_s;
    int64_t issued_ms;
    enum store_certificate_status status;
    int64_t revoked_ms;
    uint8_t reason;
    uint64_t delivery_id;
    uint64_t challenge_id; /* spent for it; 0: none */
    struct bytes renews;   /* serial of the certificate that it renews; empty: none */
    struct bytes key_sha256;
    struct bytes transaction_id;
};

/* GetCACaps and GetCACert of one source. operation: 1 GetCACaps, 2 GetCACert. */
struct store_contact {
    struct bytes endpoint;
    struct bytes source;
    uint8_t operation;
    int64_t at_ms;
    uint32_t count;
};

struct store_crl {
    struct bytes ca;
    uint64_t number;
    int64_t this_update_s;
    int64_t next_update_s;
    struct bytes crl; /* DER */
};

enum store_notice_state { STORE_NOTICE_WAITING = 1, STORE_NOTICE_DEAD };

/*
 * A row of the outbox: a policy is to be told of an event of a delivery. It comes to be with the
 * event, in one transaction, and goes when it was taken. Those of one delivery and policy are sent
 * in the order of their ids.
 */
struct store_notice {
    uint64_t id; /* given by the store */
    uint64_t delivery_id;
    struct bytes policy;
    struct bytes event; /* a stable name */
    int64_t at_ms;
    uint8_t step;
    uint32_t code;
    struct bytes detail;
    struct bytes payload; /* what the notice needs and nothing else keeps; may be empty */
    bool is_gate;         /* the certificate is withheld until this was taken */
    uint32_t attempts;
    int64_t next_ms; /* not before */
    enum store_notice_state state;
    uint32_t last_code; /* of the last attempt; 0: none yet */
    struct bytes last_detail;
};

struct store_notice_counts {
    uint64_t waiting;
    uint64_t dead;
    int64_t oldest_ms; /* of those that wait; 0: none does */
};

/* A key with which a management system makes bound challenges. */
struct store_bound_key {
    struct bytes key_id; /* 8 octets */
    struct bytes name;
    struct bytes key;      /* 32 octets; secret */
    struct bytes profiles; /* newline-separated; empty: all */
    int64_t created_ms;
};

/* A bound challenge that was used: known from then on only, by its key and id. */
struct store_bound {
    struct bytes key_id;
    struct bytes id;
    enum store_challenge_state state; /* HELD (by delivery_id), SPENT or DEAD */
    uint64_t delivery_id;
    struct bytes serial; /* of the certificate that it was spent for; empty: not spent */
    int64_t expires_ms;
    int64_t at_ms;
};

/* ---- writing
 * ----------------------------------------------------------------------------------------------------
 */

enum store_op_kind {
    STORE_ADD_CHALLENGE =
        1, /* challenge; with delivery, which is inserted. TAKEN when the id is used already */
    STORE_COUNT_MISMATCH,    /* challenge_id: mismatches + 1; at max_mismatches (0: never) the
                                challenge is dead, unless    it is spent. MISSING when unknown */
    STORE_HOLD_CHALLENGE,    /* challenge_id, delivery.id: NEW -> HELD. TAKEN when it is not new or
                                held by another */
    STORE_RELEASE_CHALLENGE, /* challenge_id, delivery.id: HELD by it -> NEW. TAKEN when it does not
                                hold it */
    STORE_KILL_CHALLENGE, /* challenge_id: dead, unless it is spent (TAKEN). MISSING when unknown */
    STORE_PUT_DELIVERY, /* delivery: inserted or replaced by its id, and events; its transaction_key
                           is remembered when is_transaction_kept */
    /*
     * Reserve a certificate: identity (32 octets, when not empty), challenge_id spent once (when
     * not 0: NEW, or HELD by delivery.id; uses_left - 1, SPENT at 0), certificate, delivery,
     * events, all or nothing. An identity that the certificate with serial identity_over has is
     * given to the new one: the caller knows that the old one's time is over (revoked, or too old
     * to be served again). Verdicts: IDENTITY_TAKEN (found_serial says which certificate has it),
     * TAKEN (challenge), SERIAL_TAKEN.
     */
    STORE_RESERVE,
    /*
     * certificate.serial and certificate.certificate, and events; idempotent. TAKEN when another
     * signature is stored already: that one counts. MISSING when there is no such certificate, or
     * its body is not the one in this.
     */
    STORE_ADD_SIGNATURE,
    STORE_ADD_EVENTS, /* events alone */
    /*
     * delivery's state, step, code, detail and updated_ms, by its id, and events; when from_state
     * is not empty only from that state (else TAKEN, and nothing of it happens). MISSING when there
     * is no such delivery.
     */
    STORE_SET_STATE,
    STORE_ADD_CONTACT, /* contact: counted per endpoint, source, operation and minute; see limits.h
                        */
    STORE_REVOKE, /* certificate.serial, revoked_ms, reason, and events. TAKEN when revoked already,
                     MISSING when unknown */
    STORE_PUT_CRL,     /* crl; TAKEN when its number is not above the stored one */
    STORE_ADD_LOOKUPS, /* lookups: keys by which a delivery is found, filled behind */
    /*
     * Identities and kept transactions older than before_ms are cut from their window, the oldest
     * first, at most STORE_FORGET_MAX: is_more says that there may be others. So are bound
     * challenges that expired before before_ms. Contacts are cut to STORE_CONTACT_KEPT_MS before
     * at_ms.
     */
    STORE_FORGET_IDENTITIES,
    STORE_DROP_NOTICE, /* notice_id was taken: gone, and events. MISSING when it is gone already */
    /*
     * notice_id was not taken: notices[0]'s attempts, next_ms, state, last_code and last_detail,
     * and events. While it waits, those behind it wait as long. MISSING when it is gone.
     */
    STORE_DEFER_NOTICE,
    STORE_PUT_META,   /* meta_key (one that begins with "store." is the store's own), meta_value */
    STORE_HOLD_BOUND, /* bound: HELD by its delivery_id. TAKEN when it was used already, unless that
                         very delivery holds it */
    STORE_KILL_BOUND, /* bound: DEAD, unless it is spent (TAKEN) */
    STORE_ADD_BOUND_KEY,  /* bound_key. TAKEN when its name or id is there already */
    STORE_DROP_BOUND_KEY, /* bound_key's name. MISSING when there is none */
};

enum store_verdict {
    STORE_DONE = 1,
    STORE_IDENTITY_TAKEN,
    STORE_TAKEN,
    STORE_SERIAL_TAKEN,
    STORE_MISSING
};

/* By what a person looks for a delivery. The value is normalised by the ledger. */
enum store_lookup_kind {
    STORE_BY_DEVICE = 1,
    STORE_BY_SUBJECT,
    STORE_BY_TRANSACTION_ID,
    STORE_BY_SHA256,
    STORE_BY_SHA1,
    STORE_BY_KEY,
    STORE_BY_TRANSACTION_KEY,
    STORE_BY_BOUND_ID, /* of a bound challenge */
};

struct store_lookup {
    enum store_lookup_kind kind;
    struct bytes value;
    uint64_t delivery_id;
};

struct store_op {
    enum store_op_kind kind;
    const struct store_challenge *challenge;
    uint64_t challenge_id;
    uint32_t max_mismatches;
    const struct store_delivery *delivery;
    bool is_transaction_kept;
    struct bytes identity;
    struct bytes identity_over; /* a serial; empty: none */
    const struct store_certificate *certificate;
    const struct store_event *events;
    size_t event_count;
    /* Added with the events, wherever those are; on DEFER_NOTICE its new values. */
    const struct store_notice *notices;
    size_t notice_count;
    uint64_t notice_id;
    const struct store_lookup *lookups;
    size_t lookup_count;
    struct bytes from_state;
    const struct store_contact *contact;
    const struct store_crl *crl;
    const struct store_bound *bound;
    const struct store_bound_key *bound_key;
    int64_t before_ms;
    struct bytes meta_key;
    struct bytes meta_value;
    int64_t at_ms; /* when it happens, for the journal */
    /* out */
    enum store_verdict verdict;
    uint8_t found_serial[20];
    size_t found_serial_len;
    bool is_more;
};

/*
 * Every operation that changes what certificates, challenges or deliveries are (not contacts,
 * lookups, signatures, meta) also appends a record to the ledger's hash-chained journal, in the
 * same transaction: seq, at_ms, kind, the object's key and the SHA-256 of what was stored (for a
 * certificate: of its body).
 *
 * Errors: E_STORE_UNAVAILABLE (nothing happened; disk full and read-only are told apart in the
 * detail), E_STORE_UNKNOWN (a shared engine's connection broke during the commit: look before doing
 * it again), E_STORE_CORRUPT, E_INTERNAL (an operation without what it needs). Verdicts count only
 * when the code is BASE_OK.
 */
MUST_CHECK enum base_code store_commit(
    struct store *store, struct store_op *ops, size_t count, struct base_error *err);

/* ---- reading
 * ----------------------------------------------------------------------------------------------------
 */

/*
 * A row's memory. Init once, read many times into it; each read replaces what was there. The slices
 * in the structs below point into it.
 */
struct store_row {
    struct buffer memory;
};
void store_row_init(struct store_row *row);
void store_row_clear(struct store_row *row);

/*
 * Each: *out_found says whether there is one; when there is none, the other outputs are untouched.
 * Errors: E_STORE_UNAVAILABLE, E_STORE_CORRUPT, E_TOO_LARGE (beyond STORE_ROW_MAX), E_NO_MEMORY.
 */
MUST_CHECK enum base_code store_find_challenge(struct store *store, uint64_t id,
    struct store_row *row, struct store_challenge *out, bool *out_found, struct base_error *err);
MUST_CHECK enum base_code store_find_delivery(struct store *store, uint64_t id,
    struct store_row *row, struct store_delivery *out, bool *out_found, struct base_error *err);
MUST_CHECK enum base_code store_find_certificate(struct store *store, struct bytes serial,
    struct store_row *row, struct store_certificate *out, bool *out_found, struct base_error *err);
MUST_CHECK enum base_code store_find_bound(struct store *store, struct bytes key_id,
    struct bytes id, struct store_row *row, struct store_bound *out, bool *out_found,
    struct base_error *err);
MUST_CHECK enum base_code store_find_bound_key(struct store *store, struct bytes key_id,
    struct store_row *row, struct store_bound_key *out, bool *out_found, struct base_error *err);
/* The serial that a request's identity has; within the window. */
MUST_CHECK enum base_code store_find_identity(struct store *store, struct bytes identity,
    uint8_t out_serial[20], size_t *out_serial_len, int64_t *out_created_ms, bool *out_found,
    struct base_error *err);
/* The delivery of a kept transaction (SHA-256 of endpoint, key hash and transactionID). */
MUST_CHECK enum base_code store_find_transaction(struct store *store, struct bytes transaction_key,
    uint64_t *out_delivery_id, bool *out_found, struct base_error *err);
MUST_CHECK enum base_code store_find_crl(struct store *store, struct bytes ca,
    struct store_row *row, struct store_crl *out, bool *out_found, struct base_error *err);
MUST_CHECK enum base_code store_find_meta(struct store *store, const char *key,
    struct store_row *row, struct bytes *out_value, bool *out_found, struct base_error *err);
/*
 * Delivery ids for a key, newest first, at most @max. A key is known by 128 bits of its SHA-256;
 * what was given to STORE_ADD_LOOKUPS is found, whatever the delivery's row says now. For people:
 * milliseconds at a million deliveries.
 */
MUST_CHECK enum base_code store_search(struct store *store, enum store_lookup_kind kind,
    struct bytes value, uint64_t *out_ids, size_t max, size_t *out_count, struct base_error *err);

/*
 * Pages: called for each row, in order; a callback's error ends the walk and is returned. The row
 * is valid during the call. A callback may read and commit, but not begin the walk that it is
 * called from.
 */
typedef enum base_code (*store_on_delivery)(
    void *arg, const struct store_delivery *row, struct base_error *err);
typedef enum base_code (*store_on_event)(
    void *arg, const struct store_event *row, struct base_error *err);
typedef enum base_code (*store_on_certificate)(
    void *arg, const struct store_certificate *row, struct base_error *err);
typedef enum base_code (*store_on_contact)(
    void *arg, const struct store_contact *row, struct base_error *err);
typedef enum base_code (*store_on_journal)(
    void *arg, uint64_t seq, struct bytes record, struct base_error *err);

typedef enum base_code (*store_on_bound_key)(
    void *arg, const struct store_bound_key *row, struct base_error *err);

/* In the order of their names, those after @after (empty: from the first). */
MUST_CHECK enum base_code store_each_bound_key(struct store *store, struct bytes after,
    size_t limit, store_on_bound_key callback, void *arg, struct base_error *err);
/* Newest first, those with an id below @before (0: from the newest); @state empty: all. */
MUST_CHECK enum base_code store_each_delivery(struct store *store, uint64_t before,
    struct bytes state, size_t limit, store_on_delivery callback, void *arg,
    struct base_error *err);
/* Those of one challenge, newest first. */
MUST_CHECK enum base_code store_each_delivery_of_challenge(struct store *store,
    uint64_t challenge_id, size_t limit, store_on_delivery callback, void *arg,
    struct base_error *err);
MUST_CHECK enum base_code store_each_event(struct store *store, uint64_t delivery_id, size_t limit,
    store_on_event callback, void *arg, struct base_error *err);
/* In serial order, those with a serial above @after (empty: from the first). */
MUST_CHECK enum base_code store_each_certificate(struct store *store, struct bytes after,
    size_t limit, store_on_certificate callback, void *arg, struct base_error *err);
/* Revoked ones of a CA that are not expired at @now_s, in serial order. */
MUST_CHECK enum base_code store_each_revoked(struct store *store, struct bytes ca, int64_t now_s,
    store_on_certificate callback, void *arg, struct base_error *err);
/* Reserved but not signed. */
MUST_CHECK enum base_code store_each_unsigned(struct store *store, size_t limit,
    store_on_certificate callback, void *arg, struct base_error *err);
/* Contacts of a source between two instants, in the order of their minutes. */
MUST_CHECK enum base_code store_each_contact(struct store *store, struct bytes endpoint,
    struct bytes source, int64_t from_ms, int64_t to_ms, size_t limit, store_on_contact callback,
    void *arg, struct base_error *err);
/*
 * The ledger's journal from a sequence number on, the chain verified record by record against
 * @chain (32 octets: the hash before from_seq, zeros at the first; updated). Errors:
 * E_JOURNAL_BROKEN. What the callback gets is decoded by store_journal_read().
 */
MUST_CHECK enum base_code store_each_journal(struct store *store, uint64_t from_seq,
    uint8_t chain[32], size_t limit, store_on_journal callback, void *arg, struct base_error *err);
struct store_journal_record {
    int64_t at_ms;
    enum store_op_kind kind;
    struct bytes key;    /* of the object: a serial, an id */
    struct bytes sha256; /* of what was stored */
};
MUST_CHECK enum base_code store_journal_read(
    struct bytes record, struct store_journal_record *out, struct base_error *err);

typedef enum base_code (*store_on_notice)(
    void *arg, const struct store_notice *row, struct base_error *err);
/* Those of @policy that wait, whose time has come, and that have none before them that waits. */
MUST_CHECK enum base_code store_each_due_notice(struct store *store, struct bytes policy,
    int64_t now_ms, size_t limit, store_on_notice callback, void *arg, struct base_error *err);
/* Those of one delivery, in order. */
MUST_CHECK enum base_code store_each_notice_of(struct store *store, uint64_t delivery_id,
    size_t limit, store_on_notice callback, void *arg, struct base_error *err);
/* In the order of their ids, those above @after; @state 0: all. */
MUST_CHECK enum base_code store_each_notice(struct store *store, uint64_t after,
    enum store_notice_state state, size_t limit, store_on_notice callback, void *arg,
    struct base_error *err);
MUST_CHECK enum base_code store_count_notices(struct store *store, struct bytes policy,
    struct store_notice_counts *out, struct base_error *err);

/* The largest serial that was ever stored (so that time never goes back), and the number of
 * certificates. */
MUST_CHECK enum base_code store_last_serial(
    struct store *store, uint8_t out_serial[20], size_t *out_len, struct base_error *err);
/* The largest challenge id; 0: none. */
MUST_CHECK enum base_code store_last_challenge(
    struct store *store, uint64_t *out_id, struct base_error *err);
MUST_CHECK enum base_code store_count_certificates(
    struct store *store, uint64_t *out_count, struct base_error *err);

#endif
