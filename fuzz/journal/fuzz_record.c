/* Records of a journal as a reader gets them in pages: one after the other, any octets. */
#include <stdlib.h>
#include <string.h>

#include "journal/record.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal_chain chain = {0};
    while (size > 0) {
        size_t len = size < JOURNAL_RECORD_LEN ? size : JOURNAL_RECORD_LEN;
        struct bytes one = {data, len};
        struct journal_record record;
        struct base_error err = {0};
        if (journal_record_decode(one, &record, &err) == BASE_OK) {
            /* What was read is written again with the same content. */
            uint8_t again[JOURNAL_RECORD_LEN];
            uint8_t previous[JOURNAL_HASH_LEN] = {0};
            if (journal_record_encode(&record, previous, again, &err) != BASE_OK ||
                memcmp(again, data, JOURNAL_RECORD_LEN - JOURNAL_HASH_LEN) != 0) {
                abort();
            }
        }
        if (journal_chain_take(&chain, one, NULL, &err) != BASE_OK && err.code == BASE_OK) {
            abort();
        }
        data += len;
        size -= len;
    }
    return 0;
}
