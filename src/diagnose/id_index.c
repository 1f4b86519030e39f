#include "diagnose/id_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define SLOTS ((size_t)32768) /* a power of two */

struct slot {
    uint64_t hash; /* 0: free */
    size_t number;
};

struct diag_id_index {
    size_t used;
    struct slot slots[SLOTS];
};

struct diag_id_index *
diag_id_index_new(void)
{
    return calloc(1, sizeof(struct diag_id_index));
}

void
diag_id_index_free(struct diag_id_index *index)
{
    free(index);
}

void
diag_id_index_clear(struct diag_id_index *index)
{
    memset(index, 0, sizeof(*index));
}

/* Eight octets at a time; never 0. */
static uint64_t
hash_of(enum diag_id_kind kind, const char *id)
{
    size_t len = strlen(id);
    uint64_t hash = 0x9e3779b97f4a7c15U * (unsigned)kind + len;
    while (len > 0) {
        uint64_t word = 0;
        size_t step = len < 8 ? len : 8;
        memcpy(&word, id, step);
        hash = (hash ^ word) * 0xff51afd7ed558ccdU;
        hash ^= hash >> 32;
        id += step;
        len -= step;
    }
    return hash == 0 ? 1 : hash;
}

static size_t
find_slot(const struct diag_id_index *index, uint64_t hash)
{
    size_t at = (size_t)hash & (SLOTS - 1);
    while (index->slots[at].hash != 0 && index->slots[at].hash != hash) {
        at = (at + 1) & (SLOTS - 1);
    }
    return at;
}

bool
diag_id_index_put(
    struct diag_id_index *index, enum diag_id_kind kind, const char *id, size_t number)
{
    if (id[0] == '\0') {
        return true;
    }
    uint64_t hash = hash_of(kind, id);
    struct slot *slot = &index->slots[find_slot(index, hash)];
    if (slot->hash == 0) {
        if (index->used >= SLOTS / 4 * 3) {
            return false;
        }
        index->used++;
    }
    slot->hash = hash;
    slot->number = number;
    return true;
}

size_t
diag_id_index_get(const struct diag_id_index *index, enum diag_id_kind kind, const char *id)
{
    if (id[0] == '\0') {
        return SIZE_MAX;
    }
    const struct slot *slot = &index->slots[find_slot(index, hash_of(kind, id))];
    return slot->hash == 0 ? SIZE_MAX : slot->number;
}
