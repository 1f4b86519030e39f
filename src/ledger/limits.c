#include "ledger/limits.h"

#include <stdlib.h>

#include "base/banned.h"

#define TABLE_LEN 4096 /* sources that share a place share a limit; a power of two */
#define MINUTE_MS 60000
#define RECORDED_PER_MINUTE 60 /* refusals of one source that become rows */

struct place {
    int64_t minute;
    uint32_t wrong;
    uint32_t recorded;
};

struct ledger_limits {
    struct place table[TABLE_LEN];
};

struct ledger_limits *
ledger_limits_new(void)
{
    return calloc(1, sizeof(struct ledger_limits));
}

void
ledger_limits_free(struct ledger_limits *limits)
{
    free(limits);
}

static size_t
place_of(struct bytes source)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < source.len; i++) {
        hash = (hash ^ source.ptr[i]) * 16777619U;
    }
    return hash % TABLE_LEN;
}

/* The source's place, its counts begun anew when the minute is another. */
static struct place *
now_at(struct ledger_limits *limits, struct bytes source, int64_t mono_ms)
{
    struct place *place = &limits->table[place_of(source)];
    if (place->minute != mono_ms / MINUTE_MS) {
        *place = (struct place){.minute = mono_ms / MINUTE_MS};
    }
    return place;
}

bool
ledger_limits_is_over(
    const struct ledger_limits *limits, struct bytes source, uint32_t per_minute, int64_t mono_ms)
{
    const struct place *place = &limits->table[place_of(source)];
    return per_minute > 0 && place->minute == mono_ms / MINUTE_MS && place->wrong >= per_minute;
}

void
ledger_limits_count_wrong(struct ledger_limits *limits, struct bytes source, int64_t mono_ms)
{
    now_at(limits, source, mono_ms)->wrong++;
}

bool
ledger_limits_may_record(struct ledger_limits *limits, struct bytes source, int64_t mono_ms)
{
    return ++now_at(limits, source, mono_ms)->recorded <= RECORDED_PER_MINUTE;
}
