#include "ledger/state.h"

#include "base/banned.h"

static const struct {
    const char *name;
    unsigned step;
} states[LEDGER_STATE_COUNT] = {
    [LEDGER_OFFERED] = {"offered", 1},
    [LEDGER_RECEIVED] = {"received", 2},
    [LEDGER_WAITING] = {"waiting", 3},
    [LEDGER_RESERVED] = {"reserved", 4},
    [LEDGER_SIGNED] = {"signed", 4},
    [LEDGER_ANSWERED] = {"answered", 5},
    [LEDGER_REFUSED] = {"refused", 3},
    [LEDGER_DEAD] = {"dead", 3},
};

/* Row: the state; column: the event. 0: not possible. A refused request may be asked again, with a
 * better challenge. */
static const enum ledger_state table[LEDGER_STATE_COUNT][LEDGER_EVENT_COUNT] = {
    [LEDGER_OFFERED] = {[LEDGER_EVENT_REQUEST] = LEDGER_RECEIVED,
        [LEDGER_EVENT_WAIT] = LEDGER_WAITING,
        [LEDGER_EVENT_RESERVE] = LEDGER_RESERVED,
        [LEDGER_EVENT_REFUSE] = LEDGER_OFFERED,
        [LEDGER_EVENT_DENY] = LEDGER_DEAD},
    [LEDGER_RECEIVED] = {[LEDGER_EVENT_REQUEST] = LEDGER_RECEIVED,
        [LEDGER_EVENT_WAIT] = LEDGER_WAITING,
        [LEDGER_EVENT_RESERVE] = LEDGER_RESERVED,
        [LEDGER_EVENT_REFUSE] = LEDGER_REFUSED},
    [LEDGER_WAITING] = {[LEDGER_EVENT_REQUEST] = LEDGER_WAITING,
        [LEDGER_EVENT_WAIT] = LEDGER_WAITING,
        [LEDGER_EVENT_RESERVE] = LEDGER_RESERVED,
        [LEDGER_EVENT_REFUSE] = LEDGER_WAITING,
        [LEDGER_EVENT_DENY] = LEDGER_DEAD},
    [LEDGER_RESERVED] = {[LEDGER_EVENT_REQUEST] = LEDGER_RESERVED,
        [LEDGER_EVENT_SIGN] = LEDGER_SIGNED,
        [LEDGER_EVENT_ANSWER] = LEDGER_ANSWERED,
        [LEDGER_EVENT_REFUSE] = LEDGER_RESERVED},
    [LEDGER_SIGNED] = {[LEDGER_EVENT_REQUEST] = LEDGER_SIGNED,
        [LEDGER_EVENT_ANSWER] = LEDGER_ANSWERED,
        [LEDGER_EVENT_REFUSE] = LEDGER_SIGNED},
    [LEDGER_ANSWERED] = {[LEDGER_EVENT_REQUEST] = LEDGER_ANSWERED,
        [LEDGER_EVENT_ANSWER] = LEDGER_ANSWERED,
        [LEDGER_EVENT_REFUSE] = LEDGER_ANSWERED},
    [LEDGER_REFUSED] = {[LEDGER_EVENT_REQUEST] = LEDGER_RECEIVED,
        [LEDGER_EVENT_WAIT] = LEDGER_WAITING,
        [LEDGER_EVENT_RESERVE] = LEDGER_RESERVED,
        [LEDGER_EVENT_REFUSE] = LEDGER_REFUSED},
    [LEDGER_DEAD] = {[LEDGER_EVENT_REFUSE] = LEDGER_DEAD},
};

const char *
ledger_state_name(enum ledger_state state)
{
    return states[state].name == NULL ? "" : states[state].name;
}

enum ledger_state
ledger_state_of(struct bytes name)
{
    for (unsigned i = 1; i < LEDGER_STATE_COUNT; i++) {
        if (bytes_equal_text(name, states[i].name)) {
            return (enum ledger_state)i;
        }
    }
    return (enum ledger_state)0;
}

unsigned
ledger_state_step(enum ledger_state state)
{
    return states[state].step;
}

enum ledger_state
ledger_state_next(enum ledger_state state, enum ledger_event event)
{
    return table[state][event];
}
