#include <assert.h>

#include "ledger/bound.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text of a bound challenge, and what it holds with a key that everybody knows. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    BUFFER_LOCAL(octets, LEDGER_BOUND_TEXT_MAX);
    BUFFER_LOCAL(json, LEDGER_BOUND_TEXT_MAX);
    struct ledger_bound_parts parts;
    if (ledger_bound_read((struct bytes){data, size}, &octets, &parts, NULL) != BASE_OK) {
        return 0;
    }
    assert(parts.key_id.len == LEDGER_BOUND_KEY_ID_LEN && parts.sealed.len > 16);
    if (ledger_bound_open(&parts, BYTES_ARRAY(key), &json, NULL) != BASE_OK) {
        assert(json.len == 0);
    }
    return 0;
}
