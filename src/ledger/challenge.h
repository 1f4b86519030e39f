/*
 * challenge.h - one-time challenges: base32 of a 40-bit time-ordered id and 128 random bits.
 *
 * The id finds the row and is no secret; of the rest only HMAC-SHA-256 over the whole, with a key
 * of this ledger, is kept, and compared in constant time.
 */
#ifndef LEDGER_CHALLENGE_H
#define LEDGER_CHALLENGE_H

#include "base/bytes.h"
#include "base/random.h"

#define LEDGER_CHALLENGE_ID_LEN 5
#define LEDGER_CHALLENGE_LEN (LEDGER_CHALLENGE_ID_LEN + 16)
#define LEDGER_CHALLENGE_TEXT_LEN 34   /* characters of base32 */
#define LEDGER_CHALLENGE_ID_TEXT_LEN 8 /* characters of base32, as `kurier trace` takes it */
#define LEDGER_CHALLENGE_ID_MAX (((uint64_t)1 << 40) - 1)

/* @out_text: LEDGER_CHALLENGE_TEXT_LEN characters and a NUL. */
MUST_CHECK enum base_code ledger_challenge_make(uint64_t id, struct bytes mac_key,
    const struct base_random *random, char out_text[LEDGER_CHALLENGE_TEXT_LEN + 1],
    uint8_t out_mac[32], struct base_error *err);
/* The id and keyed hash of a presented text; *out_is_ours is false when it cannot be one of ours.
 */
MUST_CHECK enum base_code ledger_challenge_read(struct bytes text, struct bytes mac_key,
    bool *out_is_ours, uint64_t *out_id, uint8_t out_mac[32], struct base_error *err);

/* The id as people see it; and back, false when it is none. */
void ledger_challenge_id_text(uint64_t id, char out[LEDGER_CHALLENGE_ID_TEXT_LEN + 1]);
bool ledger_challenge_id_read(struct bytes text, uint64_t *out_id);

#endif
