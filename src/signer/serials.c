#include "signer/serials.h"

#include <string.h>

#include "base/banned.h"

/* A body is signed moments after it was checked. One that comes when its generation is gone costs a
 * look through the journal's file, so memory need not grow with what was signed. */
#define GENERATION_MIN ((size_t)4096)
#define GENERATION_MAX ((size_t)16384)
#define GENERATION_MS ((int64_t)48 * 3600 * 1000)
#define FIRST_CAPACITY ((size_t)1024)
_Static_assert((FIRST_CAPACITY & (FIRST_CAPACITY - 1)) == 0, "a power of two");

struct slot {
    uint64_t key;
    uint64_t seq_and_one; /* 0: empty */
};

/* Open addressing, at most half full. */
struct generation {
    struct slot *slots;
    size_t capacity;
    size_t count;
    int64_t first_at_ms;
    int64_t max_serial_ms;
};

struct signer_serials {
    uint64_t secret[2];
    struct generation young;
    struct generation old;
    int64_t forgotten_until_ms;
};

struct signer_serials *
signer_serials_new(const uint64_t secret[2])
{
    struct signer_serials *serials = calloc(1, sizeof(*serials));
    if (serials != NULL) {
        memcpy(serials->secret, secret, sizeof(serials->secret));
        serials->forgotten_until_ms = -1;
    }
    return serials;
}

void
signer_serials_free(struct signer_serials *serials)
{
    if (serials != NULL) {
        free(serials->young.slots);
        free(serials->old.slots);
        free(serials);
    }
}

int64_t
signer_serial_ms(struct bytes serial)
{
    int64_t at_ms = 0;
    for (size_t i = 0; i < 6 && serial.len >= 6; i++) {
        at_ms = at_ms * 256 + serial.ptr[i];
    }
    return at_ms;
}

static uint64_t
rotate(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

/* Eight octets of a serial after the other into a state that begins secret. Its strength matters
 * little: a collision costs one more look at the file. */
static uint64_t
key_of(const struct signer_serials *serials, struct bytes serial)
{
    uint64_t a = serials->secret[0] ^ serial.len;
    uint64_t b = serials->secret[1];
    for (size_t i = 0; i < serial.len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, serial.ptr + i, serial.len - i < 8 ? serial.len - i : 8);
        a ^= word;
        for (int round = 0; round < 2; round++) {
            a = rotate(a, 13) + b;
            b = rotate(b ^ a, 29) * UINT64_C(0x9e3779b97f4a7c15);
            a ^= b >> 32;
        }
    }
    return a ^ rotate(b, 32);
}

static void
put(struct generation *generation, struct slot slot)
{
    size_t mask = generation->capacity - 1;
    size_t at = (size_t)slot.key & mask;
    while (generation->slots[at].seq_and_one != 0) {
        at = (at + 1) & mask;
    }
    generation->slots[at] = slot;
    generation->count++;
}

MUST_CHECK static enum base_code
make_room(struct generation *generation, struct base_error *err)
{
    if (generation->slots != NULL && generation->count < generation->capacity / 2) {
        return BASE_OK;
    }
    struct generation larger = *generation;
    larger.capacity = generation->capacity == 0 ? FIRST_CAPACITY : 2 * generation->capacity;
    larger.count = 0;
    larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
    if (larger.slots == NULL) {
        return base_fail(err, E_NO_MEMORY, "%zu serials", larger.capacity);
    }
    for (size_t i = 0; i < generation->capacity; i++) {
        if (generation->slots[i].seq_and_one != 0) {
            put(&larger, generation->slots[i]);
        }
    }
    free(generation->slots);
    *generation = larger;
    return BASE_OK;
}

static bool
is_full(const struct generation *generation, int64_t at_ms)
{
    return generation->count >= GENERATION_MAX ||
           (generation->count >= GENERATION_MIN && at_ms - generation->first_at_ms > GENERATION_MS);
}

/* The young become the old, and the old are forgotten. */
static void
start_generation(struct signer_serials *serials)
{
    if (serials->old.count > 0) {
        signer_serials_forget(serials, serials->old.max_serial_ms);
    }
    free(serials->old.slots);
    serials->old = serials->young;
    memset(&serials->young, 0, sizeof(serials->young));
}

enum base_code
signer_serials_add(struct signer_serials *serials, struct bytes serial, uint64_t seq, int64_t at_ms,
    struct base_error *err)
{
    if (is_full(&serials->young, at_ms)) {
        start_generation(serials);
    }
    struct generation *young = &serials->young;
    TRY(make_room(young, err));
    if (young->count == 0) {
        young->first_at_ms = at_ms;
    }
    put(young, (struct slot){key_of(serials, serial), seq + 1});
    int64_t serial_ms = signer_serial_ms(serial);
    young->max_serial_ms = serial_ms > young->max_serial_ms ? serial_ms : young->max_serial_ms;
    return BASE_OK;
}

void
signer_serials_forget(struct signer_serials *serials, int64_t until_ms)
{
    if (until_ms > serials->forgotten_until_ms) {
        serials->forgotten_until_ms = until_ms;
    }
}

static size_t
find_in(const struct generation *generation, uint64_t key, uint64_t *out, size_t found)
{
    size_t mask = generation->capacity - 1;
    if (generation->capacity == 0) {
        return found;
    }
    for (size_t at = (size_t)key & mask; generation->slots[at].seq_and_one != 0;
         at = (at + 1) & mask) {
        if (generation->slots[at].key == key && found < SIGNER_CANDIDATES_MAX) {
            out[found++] = generation->slots[at].seq_and_one - 1;
        }
    }
    return found;
}

size_t
signer_serials_find(const struct signer_serials *serials, struct bytes serial,
    uint64_t out_seqs[SIGNER_CANDIDATES_MAX])
{
    uint64_t key = key_of(serials, serial);
    size_t found = find_in(&serials->young, key, out_seqs, 0);
    return find_in(&serials->old, key, out_seqs, found);
}

bool
signer_serials_may_have_forgotten(const struct signer_serials *serials, struct bytes serial)
{
    return signer_serial_ms(serial) <= serials->forgotten_until_ms;
}
