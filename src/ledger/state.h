/*
 * state.h - the states of a delivery, in one table.
 */
#ifndef LEDGER_STATE_H
#define LEDGER_STATE_H

#include "base/bytes.h"

enum ledger_state {
    LEDGER_OFFERED = 1, /* a challenge was made for it; no request yet */
    LEDGER_RECEIVED,    /* a request came, and was not decided */
    LEDGER_WAITING,     /* for approval */
    LEDGER_RESERVED,    /* serial and body are durable; not signed yet */
    LEDGER_SIGNED,      /* the certificate is complete */
    LEDGER_ANSWERED,    /* the device has it: its TCP took every octet */
    LEDGER_REFUSED,
    LEDGER_DEAD, /* denied, or expired unused */
    LEDGER_STATE_COUNT
};

enum ledger_event {
    LEDGER_EVENT_REQUEST = 1, /* a request that is not decided at once */
    LEDGER_EVENT_WAIT,
    LEDGER_EVENT_RESERVE,
    LEDGER_EVENT_SIGN,
    LEDGER_EVENT_ANSWER,
    LEDGER_EVENT_REFUSE,
    LEDGER_EVENT_DENY,
    LEDGER_EVENT_COUNT
};

const char *ledger_state_name(enum ledger_state state); /* "offered"; static */
/* 0 for a name that is none. */
enum ledger_state ledger_state_of(struct bytes name);
/* The workflow's step at which a delivery in this state stands, 1 to 6. */
unsigned ledger_state_step(enum ledger_state state);
/* What follows; 0 when the event has no place in this state. */
enum ledger_state ledger_state_next(enum ledger_state state, enum ledger_event event);

#endif
