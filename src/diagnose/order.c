#include "diagnose/order.h"

#include <stdlib.h>

#include "base/banned.h"

/* Observations that are held back at most; a longer file is taken as it comes. */
#define HELD_MAX ((size_t)12288)
#define HALF_A_DAY_MS ((int64_t)43200000)

struct diag_order {
    diag_on_observation on_observation;
    void *arg;
    struct diag_observation *held; /* owned */
    size_t count;
    size_t capacity;
    bool is_passing; /* times go up, or memory has an end */
    unsigned kinds;  /* of sources, as bits */
    size_t ups;
    size_t downs;
    bool has_last;
    int64_t last_ms;
    bool last_has_date;
};

struct diag_order *
diag_order_new(void)
{
    return calloc(1, sizeof(struct diag_order));
}

void
diag_order_free(struct diag_order *order)
{
    if (order != NULL) {
        free(order->held);
        free(order);
    }
}

void
diag_order_begin(struct diag_order *order, diag_on_observation on_observation, void *arg)
{
    order->on_observation = on_observation;
    order->arg = arg;
    order->count = 0;
    order->is_passing = false;
    order->kinds = 0;
    order->ups = 0;
    order->downs = 0;
    order->has_last = false;
}

/* Sources that are shown by the same viewer are one. */
static unsigned
kind_of(enum diag_source source)
{
    bool is_event = source == DIAG_WINDOWS || source == DIAG_NDES || source == DIAG_CONNECTOR ||
                    source == DIAG_CA;
    return is_event ? DIAG_WINDOWS : source;
}

/* A paste of several logs has no order of its own. */
static void
give_all(struct diag_order *order)
{
    bool is_one_kind = (order->kinds & (order->kinds - 1)) == 0;
    bool is_turned = is_one_kind && order->downs > order->ups;
    for (size_t i = 0; i < order->count; i++) {
        order->on_observation(order->arg, &order->held[is_turned ? order->count - 1 - i : i]);
    }
    order->count = 0;
}

/* Up or down since the last one that has a time. A clock without a date goes over midnight. */
static void
compare(struct diag_order *order, const struct diag_observation *observation)
{
    if (observation->at_ms < 0) {
        return;
    }
    if (order->has_last && order->last_has_date == observation->has_date) {
        int64_t step = observation->at_ms - order->last_ms;
        bool is_midnight =
            !observation->has_date && (step < -HALF_A_DAY_MS || step > HALF_A_DAY_MS);
        order->ups += step > 0 && !is_midnight ? 1 : 0;
        order->downs += step < 0 && !is_midnight ? 1 : 0;
    }
    order->has_last = true;
    order->last_ms = observation->at_ms;
    order->last_has_date = observation->has_date;
}

/* False when there is no room. */
static bool
hold(struct diag_order *order, const struct diag_observation *observation)
{
    if (order->count == HELD_MAX) {
        return false;
    }
    if (order->count == order->capacity) {
        size_t capacity = order->capacity == 0 ? 64 : 2 * order->capacity;
        struct diag_observation *held = realloc(order->held, capacity * sizeof(*held));
        if (held == NULL) {
            return false;
        }
        order->held = held;
        order->capacity = capacity;
    }
    order->held[order->count++] = *observation;
    return true;
}

void
diag_order_take(struct diag_order *order, const struct diag_observation *observation)
{
    if (order->is_passing) {
        order->on_observation(order->arg, observation);
        return;
    }
    compare(order, observation);
    order->kinds |= 1U << kind_of(observation->source);
    if (!hold(order, observation)) {
        give_all(order);
        order->on_observation(order->arg, observation);
        order->is_passing = true;
    } else if (order->ups > order->downs + 2) {
        give_all(order);
        order->is_passing = true;
    }
}

void
diag_order_end(struct diag_order *order)
{
    give_all(order);
}
