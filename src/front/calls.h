/*
 * calls.h - what the ledger is asked beside requests: orders for challenges, confirmations of
 * arrival.
 *
 * Each is told once: what the ledger answered, or that it did not (E_PEER_CLOSED when it was
 * restarted meanwhile, E_PEER_BUSY when it took too long). An order that has no answer may still
 * have made a challenge; nobody knows it, and it expires.
 */
#ifndef FRONT_CALLS_H
#define FRONT_CALLS_H

#include "front/front.h"
#include "ipc/to_ledger.h"

struct front_calls;

struct front_calls *front_calls_new(struct front *front); /* NULL without memory */
/* Nothing is told any more. */
void front_calls_free(struct front_calls *calls);

/* @made lives for the call; made->code and detail say how it went. */
typedef void (*front_calls_made)(void *arg, const struct ipc_challenge_made *made);
typedef void (*front_calls_confirmed)(void *arg, enum base_code code);

/* @order->request_id is set here. Errors: as front_peer_ask(); then nothing is told. */
MUST_CHECK enum base_code front_calls_order(struct front_calls *calls,
    struct ipc_challenge_order *order, front_calls_made made, void *arg, struct base_error *err);
MUST_CHECK enum base_code front_calls_confirm(struct front_calls *calls,
    struct ipc_confirm *message, front_calls_confirmed confirmed, void *arg,
    struct base_error *err);

/* CHALLENGE_MADE or CONFIRMED; true when it was one. */
bool front_calls_take(struct front_calls *calls, const struct ipc_frame *frame);
/* The ledger was restarted. */
void front_calls_lost(struct front_calls *calls);

#endif
