#include "front/rates.h"

#include <stdlib.h>

#include "base/banned.h"

#define WINDOW_MS 60000
#define SETS 512 /* a power of two */
#define WAYS 8

struct rate {
    uint64_t hash; /* 0: free */
    int64_t begun_ms;
    uint32_t count;
};

struct front_rates {
    uint64_t key;
    struct rate table[SETS][WAYS];
};

struct front_rates *
front_rates_new(uint64_t key)
{
    struct front_rates *rates = calloc(1, sizeof(*rates));
    if (rates != NULL) {
        rates->key = key;
    }
    return rates;
}

void
front_rates_free(struct front_rates *rates)
{
    free(rates);
}

/* FNV-1a, begun and ended with the key, and mixed. */
static uint64_t
hash_of(const struct front_rates *rates, enum front_rate_kind kind, struct bytes name)
{
    uint64_t hash = rates->key ^ (uint64_t)kind * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ name.ptr[i]) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    hash = (hash ^ rates->key) * UINT64_C(0xbf58476d1ce4e5b9);
    hash ^= hash >> 32;
    return hash == 0 ? 1 : hash;
}

static bool
is_over(const struct rate *rate, int64_t now_ms)
{
    return rate->hash == 0 || now_ms - rate->begun_ms >= WINDOW_MS;
}

/* The name's place; or, with @is_wanted, one that is free, over, or the oldest. NULL: none. */
static struct rate *
find(struct front_rates *rates, uint64_t hash, int64_t now_ms, bool is_wanted)
{
    struct rate *set = rates->table[hash % SETS];
    struct rate *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash && !is_over(&set[i], now_ms)) {
            return &set[i];
        }
        if (is_over(&set[i], now_ms) ||
            (!is_over(oldest, now_ms) && set[i].begun_ms < oldest->begun_ms)) {
            oldest = &set[i];
        }
    }
    if (!is_wanted) {
        return NULL;
    }
    *oldest = (struct rate){.hash = hash, .begun_ms = now_ms};
    return oldest;
}

bool
front_rates_take(struct front_rates *rates, enum front_rate_kind kind, struct bytes name,
    uint32_t max, int64_t now_ms, unsigned *out_retry_after_s)
{
    struct rate *rate = find(rates, hash_of(rates, kind, name), now_ms, true);
    if (rate->count >= max) {
        int64_t left_ms = rate->begun_ms + WINDOW_MS - now_ms;
        *out_retry_after_s = (unsigned)(left_ms / 1000 + 1);
        return false;
    }
    rate->count++;
    return true;
}

void
front_rates_give_back(
    struct front_rates *rates, enum front_rate_kind kind, struct bytes name, int64_t now_ms)
{
    struct rate *rate = find(rates, hash_of(rates, kind, name), now_ms, false);
    if (rate != NULL && rate->count > 0) {
        rate->count--;
    }
}
