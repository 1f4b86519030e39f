#include "front/peer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/own.h"

#include "base/banned.h"

/* More than every connection could have waiting: beyond it something is wrong with the peer. */
#define QUEUE_MAX 4096

struct queued {
    STAILQ_ENTRY(queued) next;
    bool is_question;
    size_t len;
    uint8_t octets[];
};
STAILQ_HEAD(queue, queued);

struct front_peer {
    struct event_base *base;
    const char *name;
    struct front_peer_handlers handlers;
    int fd;
    struct event *readable;
    struct event *writable;
    struct queue queue;
    size_t queued;
    unsigned in_flight;
    struct ipc_frame in;
    struct ipc_frame out;
};

struct front_peer *
front_peer_new(
    struct event_base *base, const char *name, const struct front_peer_handlers *handlers)
{
    struct front_peer *peer = calloc(1, sizeof(*peer));
    if (peer != NULL) {
        peer->base = base;
        peer->name = name;
        peer->handlers = *handlers;
        peer->fd = -1;
        peer->in.fd = -1;
        peer->out.fd = -1;
        STAILQ_INIT(&peer->queue);
    }
    return peer;
}

static void
drop_queue(struct front_peer *peer)
{
    while (!STAILQ_EMPTY(&peer->queue)) {
        struct queued *first = STAILQ_FIRST(&peer->queue);
        STAILQ_REMOVE_HEAD(&peer->queue, next);
        explicit_bzero(first->octets, first->len); /* it may hold a challenge */
        free(first);
    }
    peer->queued = 0;
    peer->in_flight = 0;
}

static void
disconnect(struct front_peer *peer)
{
    if (peer->readable != NULL) {
        event_free(peer->readable);
        peer->readable = NULL;
    }
    if (peer->writable != NULL) {
        event_free(peer->writable);
        peer->writable = NULL;
    }
    if (peer->fd >= 0) {
        (void)close(peer->fd);
        peer->fd = -1;
    }
    drop_queue(peer);
}

void
front_peer_free(struct front_peer *peer)
{
    if (peer != NULL) {
        disconnect(peer);
        free(peer);
    }
}

bool
front_peer_is_connected(const struct front_peer *peer)
{
    return peer->fd >= 0;
}

bool
front_peer_is_idle(const struct front_peer *peer)
{
    return STAILQ_EMPTY(&peer->queue);
}

static void
lose(struct front_peer *peer, const struct base_error *why)
{
    disconnect(peer);
    peer->handlers.on_lost(peer->handlers.arg, why);
}

/* Send what may go; the rest waits for an answer or for room in the socket. */
static void
flush(struct front_peer *peer)
{
    while (peer->fd >= 0 && !STAILQ_EMPTY(&peer->queue)) {
        struct queued *first = STAILQ_FIRST(&peer->queue);
        if (first->is_question && peer->in_flight >= IPC_IN_FLIGHT_MAX) {
            return;
        }
        struct base_error err;
        memcpy(peer->out.octets, first->octets, first->len);
        peer->out.len = first->len;
        enum base_code code = ipc_send_frame(peer->fd, &peer->out, &err);
        if (code == E_PEER_BUSY) {
            (void)event_add(peer->writable, NULL);
            return;
        }
        if (code != BASE_OK) {
            lose(peer, &err);
            return;
        }
        peer->in_flight += first->is_question ? 1 : 0;
        STAILQ_REMOVE_HEAD(&peer->queue, next);
        peer->queued--;
        explicit_bzero(first->octets, first->len);
        free(first);
    }
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    flush(arg);
}

/* Everything that is there; a bound keeps the other sockets of the loop alive. */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct front_peer *peer = arg;
    (void)what;
    for (unsigned i = 0; i < IPC_IN_FLIGHT_MAX && peer->fd == fd; i++) {
        struct base_error err;
        enum base_code code = ipc_receive(peer->fd, &peer->in, &err);
        if (code == E_PEER_BUSY) {
            return;
        }
        if (code != BASE_OK) {
            lose(peer, &err);
            return;
        }
        peer->handlers.on_frame(peer->handlers.arg, &peer->in);
        if (peer->in.fd >= 0) {
            (void)close(peer->in.fd);
            peer->in.fd = -1;
        }
    }
}

enum base_code
front_peer_connect(struct front_peer *peer, int take_fd, struct base_error *err)
{
    disconnect(peer);
    peer->fd = take_fd;
    int flags = fcntl(take_fd, F_GETFL);
    if (flags < 0 || fcntl(take_fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        disconnect(peer);
        return base_fail(err, E_SYSTEM, "fcntl on the socket to %s", peer->name);
    }
    peer->readable = event_new(peer->base, take_fd, EV_READ | EV_PERSIST, on_readable, peer);
    peer->writable = event_new(peer->base, take_fd, EV_WRITE, on_writable, peer);
    if (peer->readable == NULL || peer->writable == NULL || event_add(peer->readable, NULL) != 0) {
        disconnect(peer);
        return base_fail(err, E_NO_MEMORY, "the socket to %s", peer->name);
    }
    peer->handlers.on_restart(peer->handlers.arg);
    return BASE_OK;
}

static enum base_code
enqueue(struct front_peer *peer, const struct ipc_spec *spec, const void *message, bool is_question,
    struct base_error *err)
{
    if (peer->queued >= QUEUE_MAX) {
        return base_fail(err, E_PEER_BUSY, "%zu messages wait for %s", peer->queued, peer->name);
    }
    TRY(ipc_encode(spec, message, &peer->out, err));
    struct queued *queued = malloc(sizeof(*queued) + peer->out.len);
    if (queued == NULL) {
        return base_fail(err, E_NO_MEMORY, "a message to %s", peer->name);
    }
    queued->is_question = is_question;
    queued->len = peer->out.len;
    memcpy(queued->octets, peer->out.octets, peer->out.len);
    explicit_bzero(peer->out.octets, peer->out.len);
    STAILQ_INSERT_TAIL(&peer->queue, queued, next);
    peer->queued++;
    flush(peer);
    return BASE_OK;
}

enum base_code
front_peer_ask(struct front_peer *peer, const struct ipc_spec *spec, const void *message,
    struct base_error *err)
{
    /* Not connected: whoever asks is asked to ask again by on_restart. */
    return peer->fd < 0 ? BASE_OK : enqueue(peer, spec, message, true, err);
}

void
front_peer_answered(struct front_peer *peer)
{
    if (peer->in_flight > 0) {
        peer->in_flight--;
    }
    flush(peer);
}

enum base_code
front_peer_tell(struct front_peer *peer, const struct ipc_spec *spec, const void *message,
    struct base_error *err)
{
    return peer->fd < 0 ? BASE_OK : enqueue(peer, spec, message, false, err);
}
