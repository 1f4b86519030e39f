/*
 * rates.h - how often something happened within the last minute, for many names.
 *
 * A table of fixed size: when it is full, what is oldest makes room, so that nobody fills memory by
 * coming from many addresses.
 */
#ifndef FRONT_RATES_H
#define FRONT_RATES_H

#include "base/bytes.h"

struct front_rates;

enum front_rate_kind {
    FRONT_RATE_WRONG_SOURCE = 1, /* wrong passwords of an address */
    FRONT_RATE_WRONG_ACCOUNT,    /* for an account, from anywhere */
    FRONT_RATE_ACCOUNT,          /* requests of an account */
};

/* @key random, so that nobody can choose names that fall together. NULL without memory. */
struct front_rates *front_rates_new(uint64_t key);
void front_rates_free(struct front_rates *rates);

/*
 * Count one, unless there are @max within this minute already: then false, and *out_retry_after_s
 * says when the minute is over (1 to 60).
 *
 * @now_ms  monotonic
 */
bool front_rates_take(struct front_rates *rates, enum front_rate_kind kind, struct bytes name,
    uint32_t max, int64_t now_ms, unsigned *out_retry_after_s);
/* It was none after all. */
void front_rates_give_back(
    struct front_rates *rates, enum front_rate_kind kind, struct bytes name, int64_t now_ms);

#endif
