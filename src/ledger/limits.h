/*
 * limits.h - what a stranger may make this ledger do: wrong challenges and recorded refusals, per
 * source and minute.
 */
#ifndef LEDGER_LIMITS_H
#define LEDGER_LIMITS_H

#include "base/bytes.h"

struct ledger_limits;

struct ledger_limits *ledger_limits_new(void); /* NULL without memory */
void ledger_limits_free(struct ledger_limits *limits);

/* So many wrong challenges came from there within this minute that further ones are refused at
 * once. */
bool ledger_limits_is_over(
    const struct ledger_limits *limits, struct bytes source, uint32_t per_minute, int64_t mono_ms);
void ledger_limits_count_wrong(struct ledger_limits *limits, struct bytes source, int64_t mono_ms);
/* May one more refusal of this source be written down? Counts it. */
bool ledger_limits_may_record(struct ledger_limits *limits, struct bytes source, int64_t mono_ms);

#endif
