#include "store/sqlite/sqlite_store.h"

#include <string.h>

#include "base/banned.h"

/* ---- reserving ---- */

/* *out_is_free: nobody has the identity, or only the certificate whose time is over. */
static enum base_code
look_at_identity(
    struct store_sqlite *store, struct store_op *op, bool *out_is_free, struct base_error *err)
{
    int64_t created_ms = 0;
    bool is_found = false;
    uint8_t serial[sizeof(op->found_serial)];
    size_t len = 0;
    *out_is_free = true;
    if (op->identity.len == 0) {
        return BASE_OK;
    }
    TRY(store_sqlite_find_identity(
        &store->base, op->identity, serial, &len, &created_ms, &is_found, err));
    if (is_found && !bytes_equal(op->identity_over, (struct bytes){serial, len})) {
        *out_is_free = false;
        op->verdict = STORE_IDENTITY_TAKEN;
        memcpy(op->found_serial, serial, len);
        op->found_serial_len = len;
    }
    return BASE_OK;
}

static enum base_code
add_certificate(
    struct store_sqlite *store, const struct store_op *op, int *out_changed, struct base_error *err)
{
    const struct store_certificate *c = op->certificate;
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, STORE_SQL_ADD_CERTIFICATE, &s, err));
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
    store_bind_blob(s, 14, op->identity);
    return store_sqlite_run(store, s, out_changed, err);
}

static enum base_code
spend_challenge(
    struct store_sqlite *store, const struct store_op *op, int *out_changed, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    *out_changed = 1;
    if (op->challenge_id == 0) {
        return BASE_OK;
    }
    TRY(store_sqlite_get(store, STORE_SQL_SPEND_CHALLENGE, &s, err));
    store_bind_number(s, 1, (int64_t)op->challenge_id);
    store_bind_number(s, 2, (int64_t)op->delivery->id);
    return store_sqlite_run(store, s, out_changed, err);
}

static enum base_code
run_by_number(
    struct store_sqlite *store, enum store_statement which, int64_t number, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(store_sqlite_get(store, which, &s, err));
    store_bind_number(s, 1, number);
    return store_sqlite_run(store, s, NULL, err);
}

static enum base_code
put_identity(struct store_sqlite *store, const struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    if (op->identity.len == 0) {
        return BASE_OK;
    }
    TRY(store_sqlite_get(store, STORE_SQL_PUT_IDENTITY, &s, err));
    store_bind_blob(s, 1, op->identity);
    store_bind_blob(s, 2, op->certificate->serial);
    store_bind_number(s, 3, op->certificate->issued_ms);
    return store_sqlite_run(store, s, NULL, err);
}

/* The order is that of the verdicts, and leaves at most the certificate's row to be taken back. */
enum base_code
store_sqlite_reserve(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    bool is_free = false;
    int changed = 0;
    TRY(look_at_identity(store, op, &is_free, err));
    if (!is_free) {
        return BASE_OK;
    }
    TRY(add_certificate(store, op, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_SERIAL_TAKEN;
        return BASE_OK;
    }
    int64_t number = sqlite3_last_insert_rowid(store->db);
    TRY(spend_challenge(store, op, &changed, err));
    if (changed != 0 && op->bound != NULL) {
        TRY(store_sqlite_spend_bound(store, op, &changed, err));
    }
    if (changed == 0) {
        op->verdict = STORE_TAKEN;
        return run_by_number(store, STORE_SQL_DROP_CERTIFICATE, number, err);
    }
    TRY(put_identity(store, op, err));
    TRY(run_by_number(store, STORE_SQL_ADD_UNSIGNED, number, err));
    TRY(store_sqlite_put_row(store, op->delivery, err));
    TRY(store_sqlite_add_events(store, op, err));
    store->position.certificate_count = (uint64_t)number;
    return store_sqlite_journal(
        store, op->at_ms, op->kind, op->certificate->serial, op->certificate->body, err);
}

/* ---- signatures ---- */

/* A certificate is its body between a head (the outer header) and a tail (algorithm, signature). */
#define HEAD_MAX 8

static bool
split(struct bytes certificate, struct bytes body, struct bytes *out_head, struct bytes *out_tail)
{
    for (size_t at = 0; body.len > 0 && at <= HEAD_MAX && at + body.len <= certificate.len; at++) {
        if (memcmp(certificate.ptr + at, body.ptr, body.len) == 0) {
            *out_head = (struct bytes){certificate.ptr, at};
            *out_tail = bytes_skip(certificate, at + body.len);
            return true;
        }
    }
    return false;
}

/* *out_number: 0 when there is no such certificate or it has another body. */
static enum base_code
find_number(struct store_sqlite *store, const struct store_certificate *certificate,
    struct bytes *out_head, struct bytes *out_tail, int64_t *out_number, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    bool is_found = false;
    *out_number = 0;
    TRY(store_sqlite_get(store, STORE_SQL_FIND_BODY, &s, err));
    store_bind_blob(s, 1, certificate->serial);
    TRY(store_sqlite_row(store, s, &is_found, err));
    if (is_found && split(certificate->certificate, store_column(s, 1), out_head, out_tail)) {
        *out_number = sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_reset(s);
    return BASE_OK;
}

static enum base_code
is_same_signature(struct store_sqlite *store, int64_t number, struct bytes head, struct bytes tail,
    bool *out_is_same, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    bool is_found = false;
    TRY(store_sqlite_get(store, STORE_SQL_FIND_SIGNATURE, &s, err));
    store_bind_number(s, 1, number);
    TRY(store_sqlite_row(store, s, &is_found, err));
    *out_is_same =
        is_found && bytes_equal(head, store_column(s, 0)) && bytes_equal(tail, store_column(s, 1));
    (void)sqlite3_reset(s);
    return BASE_OK;
}

enum base_code
store_sqlite_add_signature(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    struct bytes head = BYTES_NONE;
    struct bytes tail = BYTES_NONE;
    sqlite3_stmt *s = NULL;
    int64_t number = 0;
    int changed = 0;
    TRY(find_number(store, op->certificate, &head, &tail, &number, err));
    if (number == 0) {
        op->verdict = STORE_MISSING;
        return BASE_OK;
    }
    TRY(store_sqlite_get(store, STORE_SQL_ADD_SIGNATURE, &s, err));
    store_bind_number(s, 1, number);
    store_bind_blob(s, 2, head);
    store_bind_blob(s, 3, tail);
    TRY(store_sqlite_run(store, s, &changed, err));
    if (changed == 0) {
        bool is_same = false;
        TRY(is_same_signature(store, number, head, tail, &is_same, err));
        op->verdict = is_same ? STORE_DONE : STORE_TAKEN;
        return BASE_OK;
    }
    TRY(run_by_number(store, STORE_SQL_DROP_UNSIGNED, number, err));
    return store_sqlite_add_events(store, op, err);
}

/* ---- revocation and lists ---- */

enum base_code
store_sqlite_revoke(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    const struct store_certificate *c = op->certificate;
    sqlite3_stmt *s = NULL;
    int changed = 0;
    bool is_found = false;
    TRY(store_sqlite_get(store, STORE_SQL_REVOKE, &s, err));
    store_bind_blob(s, 1, c->serial);
    store_bind_number(s, 2, c->revoked_ms);
    store_bind_number(s, 3, c->reason);
    TRY(store_sqlite_run(store, s, &changed, err));
    if (changed == 0) {
        TRY(store_sqlite_get(store, STORE_SQL_FIND_BODY, &s, err));
        store_bind_blob(s, 1, c->serial);
        TRY(store_sqlite_row(store, s, &is_found, err));
        (void)sqlite3_reset(s);
        op->verdict = is_found ? STORE_TAKEN : STORE_MISSING;
        return BASE_OK;
    }
    TRY(store_sqlite_add_events(store, op, err));
    TRY(store_image_revocation(c, &store->scratch, err));
    return store_sqlite_journal(
        store, op->at_ms, op->kind, c->serial, buffer_bytes(&store->scratch), err);
}

enum base_code
store_sqlite_put_crl(struct store_sqlite *store, struct store_op *op, struct base_error *err)
{
    sqlite3_stmt *s = NULL;
    int changed = 0;
    TRY(store_sqlite_get(store, STORE_SQL_PUT_CRL, &s, err));
    store_bind_text(s, 1, op->crl->ca);
    store_bind_number(s, 2, (int64_t)op->crl->number);
    store_bind_number(s, 3, op->crl->this_update_s);
    store_bind_number(s, 4, op->crl->next_update_s);
    store_bind_blob(s, 5, op->crl->crl);
    TRY(store_sqlite_run(store, s, &changed, err));
    if (changed == 0) {
        op->verdict = STORE_TAKEN;
        return BASE_OK;
    }
    TRY(store_image_crl(op->crl, &store->scratch, err));
    return store_sqlite_journal_id(store, op, op->crl->number, err);
}
