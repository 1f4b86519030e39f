/*
 * peer.h - the front's end of the socket to the signer or the ledger: questions out in order,
 * answers in, never blocking.
 *
 * A question is queued and goes out while fewer than IPC_IN_FLIGHT_MAX are unanswered. When the
 * peer dies the queue is dropped, because whoever asked keeps what it needs to ask again
 * (on_restart), and the supervisor hands over a new socket soon.
 */
#ifndef FRONT_PEER_H
#define FRONT_PEER_H

#include <event2/event.h>

#include "ipc/channel.h"

struct front_peer;

struct front_peer_handlers {
    /* An answer or a notice; the frame lives for the call, frame->fd is closed after it. */
    void (*on_frame)(void *arg, const struct ipc_frame *frame);
    /* A new socket is there: ask again what was unanswered. */
    void (*on_restart)(void *arg);
    /* The socket failed and is closed. */
    void (*on_lost)(void *arg, const struct base_error *why);
    void *arg;
};

/* @name for errors, static. NULL without memory. */
struct front_peer *front_peer_new(
    struct event_base *base, const char *name, const struct front_peer_handlers *handlers);
void front_peer_free(struct front_peer *peer);

/* Take a new socket (consumed); the old one is closed and what was queued is dropped. Errors:
 * E_SYSTEM, E_NO_MEMORY. */
MUST_CHECK enum base_code front_peer_connect(
    struct front_peer *peer, int take_fd, struct base_error *err);
bool front_peer_is_connected(const struct front_peer *peer);

/* A question that is answered: counts as in flight until front_peer_answered(). Errors:
 * E_NO_MEMORY, E_PEER_BUSY when too many wait already (a fault: 503), E_IPC_FIELD. */
MUST_CHECK enum base_code front_peer_ask(struct front_peer *peer, const struct ipc_spec *spec,
    const void *message, struct base_error *err);
void front_peer_answered(struct front_peer *peer);
/* A notice that is not answered. */
MUST_CHECK enum base_code front_peer_tell(struct front_peer *peer, const struct ipc_spec *spec,
    const void *message, struct base_error *err);
/* Nothing is queued. */
bool front_peer_is_idle(const struct front_peer *peer);

#endif
