#include "ledger/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ledger/batch.h"
#include "ledger/challenge.h"
#include "pki/algorithm.h"
#include "pki/name.h"

#include "base/banned.h"

#define KEYS_MAX 8

struct keys {
    struct store_lookup *rows;
    size_t count;
    struct arena *arena;
    uint64_t delivery_id;
};

static enum base_code
add_key(struct keys *keys, enum store_lookup_kind kind, struct bytes value, struct base_error *err)
{
    if (value.len == 0) {
        return BASE_OK;
    }
    struct store_lookup *row = &keys->rows[keys->count++];
    row->kind = kind;
    row->delivery_id = keys->delivery_id;
    return arena_copy(keys->arena, value, &row->value, err);
}

enum base_code
ledger_lookup_add(struct ledger *ledger, const struct store_delivery *delivery,
    struct bytes certificate, struct base_error *err)
{
    struct store_op *op = NULL;
    void *memory = NULL;
    uint8_t digest[PKI_DIGEST_MAX];
    BUFFER_LOCAL(subject, 65536);
    struct keys keys = {.arena = ledger_batch_arena(ledger->batch), .delivery_id = delivery->id};
    TRY(arena_alloc(keys.arena, KEYS_MAX * sizeof(struct store_lookup), &memory, err));
    keys.rows = memory;
    if (!pki_name_is_empty(delivery->subject)) {
        TRY(pki_name_text(delivery->subject, &subject, err));
    }
    TRY(add_key(&keys, STORE_BY_DEVICE, delivery->device, err));
    TRY(add_key(&keys, STORE_BY_SUBJECT, buffer_bytes(&subject), err));
    TRY(add_key(&keys, STORE_BY_TRANSACTION_ID, delivery->transaction_id, err));
    TRY(add_key(&keys, STORE_BY_KEY, delivery->key_sha256, err));
    TRY(add_key(&keys, STORE_BY_TRANSACTION_KEY, delivery->transaction_key, err));
    if (certificate.len > 0) {
        TRY(pki_digest(PKI_SHA256, certificate, digest, err));
        TRY(add_key(&keys, STORE_BY_SHA256, (struct bytes){digest, 32}, err));
        TRY(pki_digest(PKI_SHA1, certificate, digest, err));
        TRY(add_key(&keys, STORE_BY_SHA1, (struct bytes){digest, 20}, err));
    }
    if (keys.count == 0) {
        return BASE_OK;
    }
    TRY(ledger_batch_op(ledger, STORE_ADD_LOOKUPS, &op, NULL, err));
    op->lookups = keys.rows;
    op->lookup_count = keys.count;
    return BASE_OK;
}

enum base_code
ledger_lookup_add_bound(
    struct ledger *ledger, uint64_t delivery_id, struct bytes bound_id, struct base_error *err)
{
    struct store_op *op = NULL;
    void *memory = NULL;
    struct keys keys = {.arena = ledger_batch_arena(ledger->batch), .delivery_id = delivery_id};
    TRY(arena_alloc(keys.arena, sizeof(struct store_lookup), &memory, err));
    keys.rows = memory;
    TRY(add_key(&keys, STORE_BY_BOUND_ID, bound_id, err));
    TRY(ledger_batch_op(ledger, STORE_ADD_LOOKUPS, &op, NULL, err));
    op->lookups = keys.rows;
    op->lookup_count = keys.count;
    return BASE_OK;
}

/* ---- finding
 * ----------------------------------------------------------------------------------------------------
 */

struct found {
    uint64_t ids[4 * LEDGER_FOUND_MAX];
    size_t count;
};

static void
add_id(struct found *found, uint64_t id)
{
    for (size_t i = 0; i < found->count; i++) {
        if (found->ids[i] == id) {
            return;
        }
    }
    if (id != 0 && found->count < sizeof(found->ids) / sizeof(found->ids[0])) {
        found->ids[found->count++] = id;
    }
}

static enum base_code
search(struct ledger *ledger, enum store_lookup_kind kind, struct bytes value, struct found *found,
    struct base_error *err)
{
    uint64_t ids[LEDGER_FOUND_MAX];
    size_t count = 0;
    TRY(store_search(ledger->store, kind, value, ids, LEDGER_FOUND_MAX, &count, err));
    for (size_t i = 0; i < count; i++) {
        add_id(found, ids[i]);
    }
    return BASE_OK;
}

static enum base_code
add_if_there(struct ledger *ledger, uint64_t id, struct found *found, struct base_error *err)
{
    struct store_row row;
    struct store_delivery delivery;
    bool is_found = false;
    store_row_init(&row);
    enum base_code code = store_find_delivery(ledger->store, id, &row, &delivery, &is_found, err);
    store_row_clear(&row);
    if (is_found) {
        add_id(found, id);
    }
    return code;
}

static enum base_code
take_challenge_delivery(void *arg, const struct store_delivery *row, struct base_error *err)
{
    (void)err;
    add_id(arg, row->id);
    return BASE_OK;
}

static enum base_code
search_hex(struct ledger *ledger, struct bytes what, struct found *found, struct base_error *err)
{
    BUFFER_LOCAL(octets, 64);
    struct store_row row;
    struct store_certificate certificate;
    bool is_found = false;
    if (base_hex_decode(what, &octets, NULL) != BASE_OK || octets.len == 0) {
        return BASE_OK;
    }
    struct bytes value = buffer_bytes(&octets);
    store_row_init(&row);
    enum base_code code =
        store_find_certificate(ledger->store, value, &row, &certificate, &is_found, err);
    if (is_found) {
        add_id(found, certificate.delivery_id);
    }
    store_row_clear(&row);
    TRY(code);
    if (value.len == 32) {
        TRY(search(ledger, STORE_BY_SHA256, value, found, err));
        TRY(search(ledger, STORE_BY_KEY, value, found, err));
    }
    return value.len == 20 ? search(ledger, STORE_BY_SHA1, value, found, err) : BASE_OK;
}

static enum base_code
search_subject(
    struct ledger *ledger, struct bytes what, struct found *found, struct base_error *err)
{
    BUFFER_LOCAL(der, 65536);
    BUFFER_LOCAL(text, 65536);
    if (memchr(what.ptr, '=', what.len) == NULL ||
        pki_name_from_text(what, &der, NULL) != BASE_OK) {
        return BASE_OK;
    }
    TRY(pki_name_text(buffer_bytes(&der), &text, err));
    return search(ledger, STORE_BY_SUBJECT, buffer_bytes(&text), found, err);
}

static int
newest_first(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return *left > *right ? -1 : *left < *right ? 1 : 0;
}

enum base_code
ledger_lookup_find(struct ledger *ledger, struct bytes what, uint64_t out_ids[LEDGER_FOUND_MAX],
    size_t *out_count, struct base_error *err)
{
    struct found found = {.count = 0};
    uint64_t number = 0;
    if (what.len == 0) {
        return base_fail(err, E_NOT_FOUND, "an empty name");
    }
    if (base_parse_number(what, INT64_MAX, &number, NULL) == BASE_OK) {
        TRY(add_if_there(ledger, number, &found, err));
    }
    if (ledger_challenge_id_read(what, &number)) {
        TRY(store_each_delivery_of_challenge(
            ledger->store, number, LEDGER_FOUND_MAX, take_challenge_delivery, &found, err));
    }
    TRY(search_hex(ledger, what, &found, err));
    TRY(search(ledger, STORE_BY_DEVICE, what, &found, err));
    TRY(search(ledger, STORE_BY_TRANSACTION_ID, what, &found, err));
    TRY(search(ledger, STORE_BY_BOUND_ID, what, &found, err));
    TRY(search_subject(ledger, what, &found, err));
    if (found.count == 0) {
        return base_fail(err, E_NOT_FOUND, "'%.*s'",
            base_size_to_int(what.len < 64 ? what.len : 64), (const char *)what.ptr);
    }
    qsort(found.ids, found.count, sizeof(found.ids[0]), newest_first);
    *out_count = found.count < LEDGER_FOUND_MAX ? found.count : LEDGER_FOUND_MAX;
    memcpy(out_ids, found.ids, *out_count * sizeof(out_ids[0]));
    return BASE_OK;
}
