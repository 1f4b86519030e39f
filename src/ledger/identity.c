#include "ledger/identity.h"

#include "pki/algorithm.h"
#include "pki/name.h"

#include "base/banned.h"

#define PARTS_MAX 8

/* SHA-256 over parts, each with its length in 4 octets before it: no two lists of parts run into
 * the same octets. */
static enum base_code
hash_parts(const struct bytes *parts, size_t count, uint8_t out[32], struct base_error *err)
{
    uint8_t lengths[PARTS_MAX][4];
    struct bytes all[2 * PARTS_MAX];
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < 4; k++) {
            lengths[i][k] = (uint8_t)(parts[i].len >> (8 * (3 - k)));
        }
        all[2 * i] = (struct bytes){lengths[i], 4};
        all[2 * i + 1] = parts[i];
    }
    return pki_sha256(all, 2 * count, out, err);
}

enum base_code
ledger_identity_make(
    const struct ledger_identity_spec *spec, uint8_t out[32], struct base_error *err)
{
    const uint8_t authority = (uint8_t)spec->authority;
    BUFFER_LOCAL(subject, 65536);
    BUFFER_LOCAL(sans, 65536);
    /* As text: a client that writes the same names in another string type asks for the same thing.
     */
    TRY(pki_name_text(spec->subject_der, &subject, err));
    TRY(pki_sans_text(spec->sans_der, &sans, err));
    const struct bytes parts[] = {spec->endpoint, spec->profile, spec->key_sha256, {&authority, 1},
        spec->authority_id, buffer_bytes(&subject), buffer_bytes(&sans), spec->sid};
    size_t count = sizeof(parts) / sizeof(parts[0]);
    /* Those without a SID are what they were before there was one. */
    return hash_parts(parts, spec->sid.len == 0 ? count - 1 : count, out, err);
}

enum base_code
ledger_transaction_key(struct bytes endpoint, struct bytes key_sha256, struct bytes transaction_id,
    uint8_t out[32], struct base_error *err)
{
    const struct bytes parts[] = {endpoint, key_sha256, transaction_id};
    return hash_parts(parts, sizeof(parts) / sizeof(parts[0]), out, err);
}
