#include "store/sqlite/sqlite_store.h"

#include <string.h>

#include "journal/record.h"

#include "base/banned.h"

#define MINUTE_MS 60000
#define CONTACT_KEPT_MINUTES ((int64_t)30 * 24 * 60)

/* Run a statement that returns nothing; *out_changed is how many rows it changed. Resets it. */
static enum base_code
run(struct store *store, sqlite3_stmt *statement, int *out_changed, struct base_error *err)
{
    int code = sqlite3_step(statement);
    enum base_code result = BASE_OK;
    if (code != SQLITE_DONE) {
        result = store_sqlite_fail(err, store->db, "writing");
    }
    if (out_changed != NULL) {
        *out_changed = sqlite3_changes(store->db);
    }
    (void)sqlite3_reset(statement);
    return result;
}

static enum base_code
get(struct store *store, enum store_statement which, sqlite3_stmt **out, struct base_error *err)
{
    *out = store_statement(store->db, &store->statements, which);
    return *out == NULL ? store_sqlite_fail(err, store->db, "statement") : BASE_OK;
}

static void
number_key(uint64_t number, uint8_t out[8])
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)(number >> (8 * (7 - i)));
    }
}

static enum base_code
chain_number(struct store *store, const struct store_op *op, uint64_t id, struct bytes stored,
    struct base_error *err)
{
    uint8_t key[8];
    number_key(id, key);
    return store_chain_append(store, op->at_ms, op->kind, BYTES_ARRAY(key), stored, err);
}

/* ---- deliveries and events
 * -------------------------------------------------------------------------------------- */

static enum base_code
put_delivery(struct store *store, const struct store_delivery *d, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_PUT_DELIVERY, &s, err));
    store_bind_number(s, 1, (int64_t)d->id);
    store_bind_text(s, 2, d->endpoint);
    store_bind_text(s, 3, d->profile);
    store_bind_text(s, 4, d->ca);
    store_bind_text(s, 5, d->device);
    store_bind_number(s, 6, (int64_t)d->challenge_id);
    store_bind_blob(s, 7, d->transaction_id);
    store_bind_blob(s, 8, d->transaction_key);
    store_bind_blob(s, 9, d->key_sha256);
    store_bind_blob(s, 10, d->identity);
    store_bind_blob(s, 11, d->subject);
    store_bind_blob(s, 12, d->sans);
    store_bind_blob(s, 13, d->spki);
    store_bind_blob(s, 14, d->authority);
    store_bind_blob(s, 15, d->serial);
    store_bind_text(s, 16, d->source);
    store_bind_text(s, 17, d->state);
    store_bind_number(s, 18, d->step);
    store_bind_number(s, 19, d->code);
    store_bind_text(s, 20, d->detail);
    store_bind_number(s, 21, d->created_ms);
    store_bind_number(s, 22, d->updated_ms);
    return run(store, s, NULL, err);
}

static enum base_code
add_event(struct store *store, const struct store_event *event, struct base_error *err)
{
    sqlite3_stmt *next = NULL;
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_NEXT_EVENT, &next, err));
    store_bind_number(next, 1, (int64_t)event->delivery_id);
    int64_t n = sqlite3_step(next) == SQLITE_ROW ? sqlite3_column_int64(next, 0) : 0;
    (void)sqlite3_reset(next);
    if (n == 0) {
        return store_sqlite_fail(err, store->db, "events");
    }
    TRY(get(store, STORE_SQL_ADD_EVENT, &s, err));
    store_bind_number(s, 1, (int64_t)event->delivery_id);
    store_bind_number(s, 2, n);
    store_bind_number(s, 3, event->at_ms);
    store_bind_number(s, 4, event->step);
    store_bind_text(s, 5, event->event);
    store_bind_number(s, 6, event->code);
    store_bind_text(s, 7, event->detail);
    return run(store, s, NULL, err);
}

static enum base_code
add_events(struct store *store, const struct store_op *op, struct base_error *err)
{
    for (size_t i = 0; i < op->event_count; i++) {
        TRY(add_event(store, &op->events[i], err));
    }
    return BASE_OK;
}

static enum base_code
put_delivery_op(struct store *store, const struct store_op *op, struct base_error *err)
{
    TRY(put_delivery(store, op->delivery, err));
    TRY(add_events(store, op, err));
    if (op->is_transaction_kept && op->delivery->transaction_key.len > 0) {
        sqlite3_stmt *s = NULL;
        TRY(get(store, STORE_SQL_KEEP_TRANSACTION, &s, err));
        store_bind_blob(s, 1, op->delivery->transaction_key);
        store_bind_number(s, 2, (int64_t)op->delivery->id);
        TRY(run(store, s, NULL, err));
    }
    return chain_number(store, op, op->delivery->id, op->delivery->state, err);
}

static enum base_code
set_state(struct store *store, struct store_op *op, struct base_error *err)
{
    const struct store_delivery *d = op->delivery;
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(get(store, STORE_SQL_SET_STATE, &s, err));
    store_bind_number(s, 1, (int64_t)d->id);
    store_bind_text(s, 2, d->state);
    store_bind_number(s, 3, d->step);
    store_bind_number(s, 4, d->code);
    store_bind_text(s, 5, d->detail);
    store_bind_number(s, 6, d->updated_ms);
    store_bind_text(s, 7, op->from_state);
    TRY(run(store, s, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_TAKEN;
        return BASE_OK;
    }
    TRY(add_events(store, op, err));
    return chain_number(store, op, d->id, d->state, err);
}

/* ---- challenges
 * -------------------------------------------------------------------------------------------------
 */

static enum base_code
add_challenge(struct store *store, const struct store_op *op, struct base_error *err)
{
    const struct store_challenge *c = op->challenge;
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_ADD_CHALLENGE, &s, err));
    store_bind_number(s, 1, (int64_t)c->id);
    store_bind_blob(s, 2, c->mac);
    store_bind_text(s, 3, c->profile);
    store_bind_text(s, 4, c->device);
    store_bind_blob(s, 5, c->subject);
    store_bind_number(s, 6, c->is_san_bound);
    store_bind_blob(s, 7, c->sans);
    store_bind_number(s, 8, c->created_ms);
    store_bind_number(s, 9, c->expires_ms);
    store_bind_number(s, 10, c->uses);
    store_bind_number(s, 11, c->uses_left);
    store_bind_number(s, 12, c->mismatches);
    store_bind_number(s, 13, (int64_t)c->state);
    store_bind_number(s, 14, (int64_t)c->held_by);
    store_bind_number(s, 15, (int64_t)c->delivery_id);
    TRY(run(store, s, NULL, err));
    if (op->delivery != NULL) {
        TRY(put_delivery(store, op->delivery, err));
    }
    TRY(add_events(store, op, err));
    return chain_number(store, op, c->id, c->mac, err);
}

/* A change of a challenge's state; TAKEN when no row was as it must be. */
static enum base_code
change_challenge(struct store *store, struct store_op *op, enum store_statement which,
    int64_t second, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(get(store, which, &s, err));
    store_bind_number(s, 1, (int64_t)op->challenge_id);
    if (sqlite3_bind_parameter_count(s) > 1) {
        store_bind_number(s, 2, second);
    }
    TRY(run(store, s, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_TAKEN;
        return BASE_OK;
    }
    return chain_number(store, op, op->challenge_id, BYTES_NONE, err);
}

/* ---- certificates
 * -----------------------------------------------------------------------------------------------
 */

static enum base_code
add_certificate(struct store *store, const struct store_certificate *c, int *out_changed,
    struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_ADD_CERTIFICATE, &s, err));
    store_bind_blob(s, 1, c->serial);
    store_bind_text(s, 2, c->endpoint);
    store_bind_text(s, 3, c->profile);
    store_bind_text(s, 4, c->ca);
    store_bind_blob(s, 5, c->body);
    store_bind_number(s, 6, c->not_before_s);
    store_bind_number(s, 7, c->not_after_s);
    store_bind_number(s, 8, c->issued_ms);
    store_bind_number(s, 9, (int64_t)c->delivery_id);
    store_bind_number(s, 10, (int64_t)c->challenge_id);
    store_bind_blob(s, 11, c->renews);
    store_bind_blob(s, 12, c->key_sha256);
    store_bind_blob(s, 13, c->transaction_id);
    return run(store, s, out_changed, err);
}

/* The identity first: it is what a race is lost by. *out_is_taken: another certificate has it,
 * named in the verdict. */
static enum base_code
take_identity(struct store *store, struct store_op *op, bool *out_is_taken, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    int changed = 0;
    *out_is_taken = false;
    if (op->identity.len == 0) {
        return BASE_OK;
    }
    TRY(get(store, STORE_SQL_ADD_IDENTITY, &s, err));
    store_bind_blob(s, 1, op->identity);
    store_bind_blob(s, 2, op->certificate->serial);
    store_bind_number(s, 3, op->certificate->issued_ms);
    TRY(run(store, s, &changed, err));
    if (changed == 1) {
        return BASE_OK;
    }
    int64_t created_ms = 0;
    bool is_found = false;
    TRY(store_find_identity(
        store, op->identity, op->found_serial, &op->found_serial_len, &created_ms, &is_found, err));
    *out_is_taken = true;
    op->verdict = STORE_IDENTITY_TAKEN;
    return BASE_OK;
}

static enum base_code
drop_identity(struct store *store, const struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    if (op->identity.len == 0) {
        return BASE_OK;
    }
    TRY(get(store, STORE_SQL_DROP_IDENTITY, &s, err));
    store_bind_blob(s, 1, op->identity);
    return run(store, s, NULL, err);
}

static enum base_code
reserve(struct store *store, struct store_op *op, struct base_error *err)
{
    bool is_taken = false;
    int changed = 0;
    TRY(take_identity(store, op, &is_taken, err));
    if (is_taken) {
        return BASE_OK;
    }
    TRY(add_certificate(store, op->certificate, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_SERIAL_TAKEN;
        return drop_identity(store, op, err);
    }
    if (op->challenge_id != 0) {
        sqlite3_stmt *s = NULL;
        TRY(get(store, STORE_SQL_SPEND_CHALLENGE, &s, err));
        store_bind_number(s, 1, (int64_t)op->challenge_id);
        store_bind_number(s, 2, (int64_t)op->delivery->id);
        TRY(run(store, s, &changed, err));
        if (changed == 0) {
            /* The ledger has one writer and looked before: this is a race that only a shared engine
             * can lose. */
            return base_fail(
                err, E_STORE_UNAVAILABLE, "a challenge changed between look and commit");
        }
    }
    TRY(put_delivery(store, op->delivery, err));
    TRY(add_events(store, op, err));
    store->certificate_count++;
    return store_chain_append(
        store, op->at_ms, op->kind, op->certificate->serial, op->certificate->body, err);
}

/* A certificate is its body between a head (the outer SEQUENCE's header) and a tail (algorithm and
 * signature). */
static enum base_code
add_signature(struct store *store, struct store_op *op, struct base_error *err)
{
    const struct store_certificate *c = op->certificate;
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_BODY_LEN, &s, err));
    store_bind_blob(s, 1, c->serial);
    size_t body_len = sqlite3_step(s) == SQLITE_ROW ? (size_t)sqlite3_column_int64(s, 0) : 0;
    (void)sqlite3_reset(s);
    size_t head_len = c->certificate.len < 2 || c->certificate.ptr[1] < 0x80
                          ? 2
                          : 2 + (size_t)(c->certificate.ptr[1] & 0x7f);
    if (body_len == 0 || head_len + body_len >= c->certificate.len) {
        op->verdict = STORE_MISSING;
        return BASE_OK;
    }
    TRY(get(store, STORE_SQL_ADD_SIGNATURE, &s, err));
    store_bind_blob(s, 1, c->serial);
    store_bind_blob(s, 2, (struct bytes){c->certificate.ptr, head_len});
    store_bind_blob(s, 3, bytes_skip(c->certificate, head_len + body_len));
    TRY(run(store, s, NULL, err));
    return add_events(store, op, err);
}

static enum base_code
revoke_certificate(struct store *store, struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    int changed = 0;
    uint8_t reason = op->certificate->reason;
    TRY(get(store, STORE_SQL_BODY_LEN, &s, err));
    store_bind_blob(s, 1, op->certificate->serial);
    bool is_known = sqlite3_step(s) == SQLITE_ROW;
    (void)sqlite3_reset(s);
    if (!is_known) {
        op->verdict = STORE_MISSING;
        return BASE_OK;
    }
    TRY(get(store, STORE_SQL_REVOKE, &s, err));
    store_bind_blob(s, 1, op->certificate->serial);
    store_bind_number(s, 2, op->certificate->revoked_ms);
    store_bind_number(s, 3, reason);
    TRY(run(store, s, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_TAKEN;
        return BASE_OK;
    }
    TRY(add_events(store, op, err));
    return store_chain_append(
        store, op->at_ms, op->kind, op->certificate->serial, (struct bytes){&reason, 1}, err);
}

/* ---- the rest
 * ---------------------------------------------------------------------------------------------------
 */

static enum base_code
put_crl(struct store *store, struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(get(store, STORE_SQL_PUT_CRL, &s, err));
    store_bind_text(s, 1, op->crl->ca);
    store_bind_number(s, 2, (int64_t)op->crl->number);
    store_bind_number(s, 3, op->crl->this_update_s);
    store_bind_number(s, 4, op->crl->next_update_s);
    store_bind_blob(s, 5, op->crl->crl);
    TRY(run(store, s, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_TAKEN;
        return BASE_OK;
    }
    return chain_number(store, op, op->crl->number, op->crl->crl, err);
}

static enum base_code
add_contact(struct store *store, const struct store_contact *contact, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_ADD_CONTACT, &s, err));
    store_bind_text(s, 1, contact->endpoint);
    store_bind_text(s, 2, contact->source);
    store_bind_number(s, 3, contact->operation);
    store_bind_number(s, 4, contact->at_ms / MINUTE_MS);
    store_bind_number(s, 5, contact->at_ms);
    store_bind_number(s, 6, contact->count);
    return run(store, s, NULL, err);
}

static enum base_code
add_lookups(struct store *store, const struct store_op *op, struct base_error *err)
{
    for (size_t i = 0; i < op->lookup_count; i++) {
        sqlite3_stmt *s = NULL;
        TRY(get(store, STORE_SQL_ADD_LOOKUP, &s, err));
        store_bind_number(s, 1, (int64_t)op->lookups[i].kind);
        store_bind_number(s, 2, store_lookup_hash(op->lookups[i].value));
        store_bind_number(s, 3, (int64_t)op->lookups[i].delivery_id);
        TRY(run(store, s, NULL, err));
    }
    return BASE_OK;
}

static enum base_code
forget(struct store *store, const struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_FORGET_IDENTITIES, &s, err));
    store_bind_number(s, 1, op->before_ms);
    TRY(run(store, s, NULL, err));
    TRY(get(store, STORE_SQL_PRUNE_CONTACTS, &s, err));
    store_bind_number(s, 1, op->at_ms / MINUTE_MS - CONTACT_KEPT_MINUTES);
    return run(store, s, NULL, err);
}

static enum base_code
put_meta(struct store *store, const struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(get(store, STORE_SQL_PUT_META, &s, err));
    store_bind_text(s, 1, op->meta_key);
    store_bind_blob(s, 2, op->meta_value);
    return run(store, s, NULL, err);
}

static enum base_code
apply(struct store *store, struct store_op *op, struct base_error *err)
{
    int64_t delivery_id = op->delivery == NULL ? 0 : (int64_t)op->delivery->id;
    op->verdict = STORE_DONE;
    op->found_serial_len = 0;
    switch (op->kind) {
    case STORE_ADD_CHALLENGE:
        return add_challenge(store, op, err);
    case STORE_COUNT_MISMATCH:
        return change_challenge(store, op, STORE_SQL_COUNT_MISMATCH, op->max_mismatches, err);
    case STORE_HOLD_CHALLENGE:
        return change_challenge(store, op, STORE_SQL_HOLD_CHALLENGE, delivery_id, err);
    case STORE_RELEASE_CHALLENGE:
        return change_challenge(store, op, STORE_SQL_RELEASE_CHALLENGE, delivery_id, err);
    case STORE_KILL_CHALLENGE:
        return change_challenge(store, op, STORE_SQL_KILL_CHALLENGE, 0, err);
    case STORE_PUT_DELIVERY:
        return put_delivery_op(store, op, err);
    case STORE_RESERVE:
        return reserve(store, op, err);
    case STORE_ADD_SIGNATURE:
        return add_signature(store, op, err);
    case STORE_ADD_EVENTS:
        return add_events(store, op, err);
    case STORE_SET_STATE:
        return set_state(store, op, err);
    case STORE_ADD_CONTACT:
        return add_contact(store, op->contact, err);
    case STORE_REVOKE:
        return revoke_certificate(store, op, err);
    case STORE_PUT_CRL:
        return put_crl(store, op, err);
    case STORE_ADD_LOOKUPS:
        return add_lookups(store, op, err);
    case STORE_FORGET_IDENTITIES:
        return forget(store, op, err);
    case STORE_PUT_META:
        return put_meta(store, op, err);
    default:
        return base_fail(err, E_INTERNAL, "operation %d", (int)op->kind);
    }
}

enum base_code
store_commit(struct store *store, struct store_op *ops, size_t count, struct base_error *err)
{
    sqlite3_stmt *begin = NULL;
    sqlite3_stmt *commit = NULL;
    sqlite3_stmt *rollback = NULL;
    uint8_t chain[STORE_CHAIN_LEN];
    uint64_t journal_seq = store->journal_seq;
    uint64_t certificate_count = store->certificate_count;
    memcpy(chain, store->chain, sizeof(chain));
    TRY(get(store, STORE_SQL_BEGIN, &begin, err));
    TRY(get(store, STORE_SQL_COMMIT, &commit, err));
    TRY(get(store, STORE_SQL_ROLLBACK, &rollback, err));
    TRY(run(store, begin, NULL, err));
    enum base_code code = BASE_OK;
    for (size_t i = 0; code == BASE_OK && i < count; i++) {
        code = apply(store, &ops[i], err);
    }
    if (code == BASE_OK) {
        code = run(store, commit, NULL, err);
    }
    if (code != BASE_OK) {
        if (sqlite3_get_autocommit(store->db) == 0) {
            (void)run(store, rollback, NULL, NULL);
        }
        store->journal_seq = journal_seq;
        store->certificate_count = certificate_count;
        memcpy(store->chain, chain, sizeof(chain));
    }
    return code;
}
