#include "ledger/challenge.h"

#include <string.h>

#include "base/text.h"
#include "pki/algorithm.h"

#include "base/banned.h"

static void
put_id(uint64_t id, uint8_t out[LEDGER_CHALLENGE_ID_LEN])
{
    for (size_t i = 0; i < LEDGER_CHALLENGE_ID_LEN; i++) {
        out[i] = (uint8_t)(id >> (8 * (LEDGER_CHALLENGE_ID_LEN - 1 - i)));
    }
}

static uint64_t
take_id(const uint8_t octets[LEDGER_CHALLENGE_ID_LEN])
{
    uint64_t id = 0;
    for (size_t i = 0; i < LEDGER_CHALLENGE_ID_LEN; i++) {
        id = id << 8 | octets[i];
    }
    return id;
}

enum base_code
ledger_challenge_make(uint64_t id, struct bytes mac_key, const struct base_random *random,
    char out_text[LEDGER_CHALLENGE_TEXT_LEN + 1], uint8_t out_mac[32], struct base_error *err)
{
    uint8_t octets[LEDGER_CHALLENGE_LEN];
    put_id(id, octets);
    TRY(base_random_fill(random, octets + LEDGER_CHALLENGE_ID_LEN, 16, err));
    struct bytes whole = BYTES_ARRAY(octets);
    TRY(pki_hmac_sha256(mac_key, &whole, 1, out_mac, err));
    base_base32(whole, out_text);
    explicit_bzero(octets, sizeof(octets));
    return BASE_OK;
}

enum base_code
ledger_challenge_read(struct bytes text, struct bytes mac_key, bool *out_is_ours, uint64_t *out_id,
    uint8_t out_mac[32], struct base_error *err)
{
    BUFFER_LOCAL(octets, LEDGER_CHALLENGE_LEN);
    if (text.len != LEDGER_CHALLENGE_TEXT_LEN ||
        base_base32_decode(text, &octets, NULL) != BASE_OK || octets.len != LEDGER_CHALLENGE_LEN) {
        *out_is_ours = false;
        return BASE_OK;
    }
    *out_is_ours = true;
    struct bytes whole = buffer_bytes(&octets);
    *out_id = take_id(octets.ptr);
    return pki_hmac_sha256(mac_key, &whole, 1, out_mac, err);
}

void
ledger_challenge_id_text(uint64_t id, char out[LEDGER_CHALLENGE_ID_TEXT_LEN + 1])
{
    uint8_t octets[LEDGER_CHALLENGE_ID_LEN];
    put_id(id, octets);
    base_base32(BYTES_ARRAY(octets), out);
}

bool
ledger_challenge_id_read(struct bytes text, uint64_t *out_id)
{
    BUFFER_LOCAL(octets, LEDGER_CHALLENGE_ID_LEN);
    if (text.len != LEDGER_CHALLENGE_ID_TEXT_LEN ||
        base_base32_decode(text, &octets, NULL) != BASE_OK ||
        octets.len != LEDGER_CHALLENGE_ID_LEN) {
        return false;
    }
    *out_id = take_id(octets.ptr);
    return true;
}
