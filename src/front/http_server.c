#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/listener.h>

#include "base/own.h"
#include "front/http_connection.h"
#include "front/tls.h"

#include "base/banned.h"

/* How long accepting rests when descriptors or memory have run out. */
#define PAUSE_MS 200

struct front_http_listener {
    struct front_http_listener *next;
    struct front_http_server *server;
    struct evconnlistener *evconn; /* owned; owns the descriptor */
    struct front_tls *tls;         /* a reference; NULL: plain */
    unsigned purpose;
};

struct front_http_limits
front_http_limits_default(void)
{
    return (struct front_http_limits){.request_line_max = (size_t)64 * 1024,
        .fields_max = (size_t)16 * 1024,
        .field_count_max = 100,
        .body_max = (size_t)256 * 1024,
        .head_ms = 5000,
        .request_ms = 10000,
        .answer_ms = 30000,
        .take_ms = 30000,
        .idle_ms = 60000,
        .linger_ms = 2000,
        .connections_max = 12000,
        .per_source_max = 1024};
}

const struct front_http_counters *
front_http_server_peek_counters(const struct front_http_server *server)
{
    return &server->counters;
}

void
front_http_server_defer(struct front_http_server *server)
{
    event_active(server->deferred, EV_TIMEOUT, 0);
}

void
front_http_server_tell_lost(
    struct front_http_server *server, const struct front_http_answer *answer)
{
    struct front_http_sent *sent = calloc(1, sizeof(*sent));
    if (sent == NULL) {
        answer->done(answer->arg, false); /* rather too early than never */
        return;
    }
    *sent = (struct front_http_sent){.done = answer->done, .arg = answer->arg};
    STAILQ_INSERT_TAIL(&server->settled, sent, links);
    front_http_server_defer(server);
}

static void
tell_settled(struct front_http_server *server)
{
    struct front_http_sent *sent = NULL;
    while ((sent = STAILQ_FIRST(&server->settled)) != NULL) {
        STAILQ_REMOVE_HEAD(&server->settled, links);
        sent->done(sent->arg, sent->is_taken);
        free(sent);
    }
}

static void
on_deferred(evutil_socket_t fd, short what, void *arg)
{
    struct front_http_server *server = arg;
    (void)fd;
    (void)what;
    tell_settled(server);
    if (server->drained != NULL && server->counters.connections_open == 0) {
        void (*drained)(void *, bool) = server->drained;
        server->drained = NULL;
        (void)event_del(server->drain_timer);
        drained(server->drained_arg, server->was_cut_off); /* may free the server: nothing after */
    }
}

void
front_http_server_note_end(struct front_http_server *server)
{
    if (server->drained != NULL && server->counters.connections_open == 0) {
        front_http_server_defer(server);
    }
}

static void
set_accepting(struct front_http_server *server, bool is_accepting)
{
    for (struct front_http_listener *l = server->listeners; l != NULL; l = l->next) {
        (void)(is_accepting ? evconnlistener_enable(l->evconn) : evconnlistener_disable(l->evconn));
    }
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    set_accepting(arg, true);
}

/* End the connection that has been idle for the longest time. */
static bool
evict_idle(struct front_http_server *server)
{
    struct front_http_connection *connection = NULL;
    TAILQ_FOREACH(connection, &server->idle, links)
    {
        if (connection->unsettled_count == 0) {
            server->counters.connections_evicted++;
            front_http_connection_end(connection);
            return true;
        }
    }
    return false;
}

/* accept(2) fails for want of descriptors or memory: make room, and do not try again at once. */
static void
on_accept_error(struct evconnlistener *evconn, void *arg)
{
    struct front_http_listener *listener = arg;
    struct timeval pause = {.tv_usec = (suseconds_t)PAUSE_MS * 1000};
    (void)evconn;
    (void)evict_idle(listener->server);
    set_accepting(listener->server, false);
    (void)event_add(listener->server->pause, &pause);
}

/* Over a limit: one constant answer, as far as the socket takes it, and no further thought. */
static void
turn_away(struct front_http_listener *listener, evutil_socket_t take_fd,
    const union front_http_address *address, const struct base_error *error)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
                                 "Content-Length: 24\r\nRetry-After: 5\r\nConnection: close\r\n\r\n"
                                 "503 Service Unavailable\n";
    struct front_http_server *server = listener->server;
    if (listener->tls == NULL) {
        ssize_t sent = send(take_fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)sent;
    }
    (void)close(take_fd);
    server->counters.connections_refused++;
    int64_t now = base_clock_mono_ms(&server->clock);
    if (server->handler.refused == NULL ||
        (server->full_told_ms != 0 && now - server->full_told_ms < 1000)) {
        return;
    }
    server->full_told_ms = now;
    char text[FRONT_HTTP_SOURCE_LEN];
    uint16_t port = 0;
    front_http_address_text(address, text, &port);
    struct front_http_refusal refusal = {503, error, text, listener->purpose, BYTES_NONE};
    server->handler.refused(server->handler.arg, &refusal);
}

static enum base_code
find_place(struct front_http_server *server, const union front_http_address *address,
    struct front_http_source **out_source, struct base_error *err)
{
    const struct front_http_handler *handler = &server->handler;
    if (server->counters.connections_open >= server->limits.connections_max &&
        !evict_idle(server)) {
        return base_fail(
            err, E_HTTP_CONNECTIONS, "%u connections in all", server->limits.connections_max);
    }
    if (handler->is_exempt != NULL && handler->is_exempt(handler->arg, address)) {
        *out_source = NULL;
        return BASE_OK;
    }
    return front_http_source_enter(
        server->sources, address, server->limits.per_source_max, out_source, err);
}

static void
on_accept(struct evconnlistener *evconn, evutil_socket_t fd, struct sockaddr *peer, int peer_len,
    void *arg)
{
    struct front_http_listener *listener = arg;
    struct front_http_server *server = listener->server;
    union front_http_address address;
    (void)evconn;
    memset(&address, 0, sizeof(address));
    if (peer_len > 0 && (size_t)peer_len <= sizeof(address)) {
        memcpy(&address, peer, (size_t)peer_len);
    }
    union front_http_address plain = front_http_address_plain(&address);
    struct front_http_source *source = NULL;
    struct base_error error;
    if (find_place(server, &plain, &source, &error) != BASE_OK) {
        turn_away(listener, fd, &plain, &error);
        return;
    }
    front_http_connection_begin(server, fd, &plain, listener->purpose, listener->tls, source);
}

static void
listener_free(struct front_http_listener *listener)
{
    evconnlistener_free(listener->evconn);
    front_tls_free(listener->tls);
    free(listener);
}

void
front_http_server_unlisten(struct front_http_server *server, int fd)
{
    for (struct front_http_listener **at = &server->listeners; *at != NULL; at = &(*at)->next) {
        struct front_http_listener *listener = *at;
        if (evconnlistener_get_fd(listener->evconn) == fd) {
            *at = listener->next;
            listener_free(listener);
            return;
        }
    }
}

void
front_http_server_set_tls(struct front_http_server *server, int fd, struct front_tls *tls)
{
    for (struct front_http_listener *at = server->listeners; at != NULL; at = at->next) {
        if (evconnlistener_get_fd(at->evconn) == fd) {
            front_tls_free(at->tls);
            at->tls = tls == NULL ? NULL : front_tls_keep(tls);
        }
    }
}

static void
free_listeners(struct front_http_server *server)
{
    while (server->listeners != NULL) {
        struct front_http_listener *listener = server->listeners;
        server->listeners = listener->next;
        listener_free(listener);
    }
}

/* The listener owns @fd only after success. */
static enum base_code
add_listener(struct front_http_server *server, int fd, unsigned purpose, struct base_error *err)
{
    int is_listening = 0;
    socklen_t len = sizeof(is_listening);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "getsockopt of a listener");
    }
    if (is_listening == 0) {
        return base_fail(err, E_SYSTEM, "the descriptor does not listen");
    }
    if (evutil_make_socket_nonblocking(fd) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "fcntl of a listener");
    }
    OWN_MEMORY struct front_http_listener *listener = calloc(1, sizeof(*listener));
    if (listener == NULL) {
        return base_fail(err, E_NO_MEMORY, "listener");
    }
    listener->server = server;
    listener->purpose = purpose;
    listener->evconn = evconnlistener_new(
        server->base, on_accept, listener, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (listener->evconn == NULL) {
        return base_fail(err, E_NO_MEMORY, "listener");
    }
    evconnlistener_set_error_cb(listener->evconn, on_accept_error);
    listener->next = server->listeners;
    server->listeners = MOVE(listener);
    return BASE_OK;
}

enum base_code
front_http_server_listen(
    struct front_http_server *server, int take_fd, unsigned purpose, struct base_error *err)
{
    enum base_code code = add_listener(server, take_fd, purpose, err);
    if (code != BASE_OK) {
        (void)close(take_fd);
    }
    return code;
}

static void
end_all(struct front_http_server *server)
{
    struct front_http_connection *connection = NULL;
    while ((connection = TAILQ_FIRST(&server->idle)) != NULL ||
           (connection = TAILQ_FIRST(&server->busy)) != NULL) {
        front_http_connection_end(connection);
    }
}

static void
on_drain_over(evutil_socket_t fd, short what, void *arg)
{
    struct front_http_server *server = arg;
    (void)fd;
    (void)what;
    server->was_cut_off = true;
    end_all(server);
    front_http_server_defer(server);
}

void
front_http_server_drain(struct front_http_server *server, int64_t timeout_ms,
    void (*ended)(void *arg, bool was_cut_off), void *arg)
{
    if (server->is_draining) {
        return;
    }
    server->is_draining = true;
    server->drained = ended;
    server->drained_arg = arg;
    (void)event_del(server->pause);
    free_listeners(server);
    /* A run takes its own connection out of the list, and no other idle one. */
    struct front_http_connection *next = NULL;
    for (struct front_http_connection *at = TAILQ_FIRST(&server->idle); at != NULL; at = next) {
        next = TAILQ_NEXT(at, links);
        if (!at->is_running) {
            front_http_connection_run(at);
        }
    }
    struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    (void)event_add(server->drain_timer, &wait);
    front_http_server_note_end(server);
}

void
front_http_server_free(struct front_http_server *server)
{
    if (server == NULL) {
        return;
    }
    server->drained = NULL;
    free_listeners(server);
    end_all(server);
    tell_settled(server);
    struct front_http_exchange *exchange = NULL;
    while ((exchange = TAILQ_FIRST(&server->waiting)) != NULL) {
        TAILQ_REMOVE(&server->waiting, exchange, links);
        exchange->is_waiting = false;
        exchange->server = NULL;
    }
    struct event *events[] = {server->deferred, server->pause, server->drain_timer};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    front_http_sources_free(server->sources);
    free(server);
}
OWNER_STRUCT(front_http_server)

enum base_code
front_http_server_new(const struct front_http_options *options,
    struct front_http_server **out_server, struct base_error *err)
{
    uint64_t key = 0;
    TRY(base_random_fill(&options->random, (uint8_t *)&key, sizeof(key), err));
    OWN_STRUCT(front_http_server) server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return base_fail(err, E_NO_MEMORY, "HTTP server");
    }
    server->base = options->base;
    server->limits = options->limits;
    server->handler = options->handler;
    server->clock = options->clock;
    TAILQ_INIT(&server->idle);
    TAILQ_INIT(&server->busy);
    TAILQ_INIT(&server->waiting);
    STAILQ_INIT(&server->settled);
    server->sources = front_http_sources_new(key);
    server->deferred = event_new(server->base, -1, 0, on_deferred, server);
    server->pause = evtimer_new(server->base, on_pause_over, server);
    server->drain_timer = evtimer_new(server->base, on_drain_over, server);
    if (server->sources == NULL || server->deferred == NULL || server->pause == NULL ||
        server->drain_timer == NULL) {
        return base_fail(err, E_NO_MEMORY, "HTTP server");
    }
    *out_server = MOVE(server);
    return BASE_OK;
}
