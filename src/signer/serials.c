#include "signer/serials.h"

#include <string.h>

#include "base/banned.h"

/* A body is signed moments after it was checked. One that comes when its generation is gone costs a
 * look through the journal's file, so memory need not grow with what was signed. */
#define GENERATION_MIN ((size_t)4096)
#define GENERATION_MS ((int64_t)48 * 3600 * 1000)
#define CAPACITY (2 * SIGNER_SERIALS_GENERATION)
_Static_assert((CAPACITY & (CAPACITY - 1)) == 0, "a power of two");

struct slot {
    uint64_t key;
    uint64_t seq_and_one; /* 0: empty */
};

/* Open addressing, at most half full. Of one size from the start, so that memory does not grow with
 * what is signed. */
struct generation {
    struct slot slots[CAPACITY];
    size_t count;
    int64_t first_at_ms;
    int64_t max_serial_ms;
};

struct signer_serials {
    uint64_t secret[2];
    struct generation generations[2];
    struct generation *young; /* one of the two */
    struct generation *old;   /* the other */
    int64_t forgotten_until_ms;
};

struct signer_serials *
signer_serials_new(const uint64_t secret[2])
{
    struct signer_serials *serials = calloc(1, sizeof(*serials));
    if (serials != NULL) {
        memcpy(serials->secret, secret, sizeof(serials->secret));
        serials->young = &serials->generations[0];
        serials->old = &serials->generations[1];
        serials->forgotten_until_ms = -1;
    }
    return serials;
}

void
signer_serials_free(struct signer_serials *serials)
{
    free(serials);
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
    const size_t mask = CAPACITY - 1;
    size_t at = (size_t)slot.key & mask;
    while (generation->slots[at].seq_and_one != 0) {
        at = (at + 1) & mask;
    }
    generation->slots[at] = slot;
    generation->count++;
}

static bool
is_full(const struct generation *generation, int64_t at_ms)
{
    return generation->count >= SIGNER_SERIALS_GENERATION ||
           (generation->count >= GENERATION_MIN && at_ms - generation->first_at_ms > GENERATION_MS);
}

/* The young become the old, and the old are forgotten. */
static void
start_generation(struct signer_serials *serials)
{
    struct generation *next = serials->old;
    if (next->count > 0) {
        signer_serials_forget(serials, next->max_serial_ms);
    }
    serials->old = serials->young;
    serials->young = next;
    memset(next, 0, sizeof(*next));
}

void
signer_serials_add(struct signer_serials *serials, struct bytes serial, uint64_t seq, int64_t at_ms)
{
    if (is_full(serials->young, at_ms)) {
        start_generation(serials);
    }
    struct generation *young = serials->young;
    if (young->count == 0) {
        young->first_at_ms = at_ms;
    }
    put(young, (struct slot){key_of(serials, serial), seq + 1});
    int64_t serial_ms = signer_serial_ms(serial);
    young->max_serial_ms = serial_ms > young->max_serial_ms ? serial_ms : young->max_serial_ms;
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
    const size_t mask = CAPACITY - 1;
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
    size_t found = find_in(serials->young, key, out_seqs, 0);
    return find_in(serials->old, key, out_seqs, found);
}

bool
signer_serials_may_have_forgotten(const struct signer_serials *serials, struct bytes serial)
{
    return signer_serial_ms(serial) <= serials->forgotten_until_ms;
}
