#include "ledger/bound.h"

#include <string.h>

#include "base/text.h"
#include "pki/seal.h"

#include "base/banned.h"

#define PREFIX_LEN (sizeof(LEDGER_BOUND_PREFIX) - 1)
#define OCTETS_MIN (LEDGER_BOUND_KEY_ID_LEN + PKI_SEAL_NONCE_LEN + PKI_SEAL_TAG_LEN)

static const char associated_text[] = "kurier-bound-challenge-v1";
#define ASSOCIATED_LEN (sizeof(associated_text) - 1 + LEDGER_BOUND_KEY_ID_LEN)

bool
ledger_bound_is(struct bytes text)
{
    return text.len >= PREFIX_LEN && memcmp(text.ptr, LEDGER_BOUND_PREFIX, PREFIX_LEN) == 0;
}

static void
put_associated(struct bytes key_id, uint8_t out[ASSOCIATED_LEN])
{
    memcpy(out, associated_text, sizeof(associated_text) - 1);
    memcpy(out + sizeof(associated_text) - 1, key_id.ptr, LEDGER_BOUND_KEY_ID_LEN);
}

/* One text for the same octets, with its padding or without: what was changed on its way is not
 * taken for whole. */
static enum base_code
decode(struct bytes text, struct buffer *octets, struct base_error *err)
{
    BUFFER_LOCAL(again, LEDGER_BOUND_TEXT_MAX + 4);
    if (base_base64_decode(text, octets, NULL) != BASE_OK) {
        return base_fail(err, E_CHALLENGE_SEAL, "not base64");
    }
    TRY(base_base64(buffer_bytes(octets), &again, err));
    struct bytes whole = buffer_bytes(&again);
    struct bytes bare = whole;
    while (bare.len > 0 && bare.ptr[bare.len - 1] == '=') {
        bare.len--;
    }
    if (!bytes_equal(text, whole) && !bytes_equal(text, bare)) {
        return base_fail(err, E_CHALLENGE_SEAL, "not the base64 of RFC 4648, section 4");
    }
    return BASE_OK;
}

enum base_code
ledger_bound_read(struct bytes text, struct buffer *octets, struct ledger_bound_parts *out,
    struct base_error *err)
{
    if (!ledger_bound_is(text) || text.len > LEDGER_BOUND_TEXT_MAX) {
        return base_fail(err, E_CHALLENGE_SEAL, "a text of %zu characters", text.len);
    }
    TRY(decode(bytes_skip(text, PREFIX_LEN), octets, err));
    if (octets->len <= OCTETS_MIN) {
        return base_fail(err, E_CHALLENGE_SEAL, "%zu octets are too few", octets->len);
    }
    struct bytes all = buffer_bytes(octets);
    *out = (struct ledger_bound_parts){.key_id = {all.ptr, LEDGER_BOUND_KEY_ID_LEN},
        .nonce = {all.ptr + LEDGER_BOUND_KEY_ID_LEN, PKI_SEAL_NONCE_LEN},
        .sealed = bytes_skip(all, LEDGER_BOUND_KEY_ID_LEN + PKI_SEAL_NONCE_LEN)};
    return BASE_OK;
}

enum base_code
ledger_bound_open(const struct ledger_bound_parts *parts, struct bytes key, struct buffer *out_json,
    struct base_error *err)
{
    uint8_t associated[ASSOCIATED_LEN];
    put_associated(parts->key_id, associated);
    enum base_code code =
        pki_seal_open(key, parts->nonce, BYTES_ARRAY(associated), parts->sealed, out_json, err);
    return code == E_DECRYPT ? base_fail(err, E_CHALLENGE_SEAL, "its tag is not that of its octets")
                             : code;
}

enum base_code
ledger_bound_seal(struct bytes key_id, struct bytes key, struct bytes json,
    const struct base_random *random, struct buffer *out_text, struct base_error *err)
{
    uint8_t associated[ASSOCIATED_LEN];
    uint8_t nonce[PKI_SEAL_NONCE_LEN];
    BUFFER_LOCAL(octets, LEDGER_BOUND_TEXT_MAX);
    put_associated(key_id, associated);
    TRY(base_random_fill(random, nonce, sizeof(nonce), err));
    TRY(buffer_append(&octets, key_id, err));
    TRY(buffer_append(&octets, BYTES_ARRAY(nonce), err));
    TRY(pki_seal(key, BYTES_ARRAY(nonce), BYTES_ARRAY(associated), json, &octets, err));
    TRY(buffer_append_text(out_text, LEDGER_BOUND_PREFIX, err));
    return base_base64(buffer_bytes(&octets), out_text, err);
}
