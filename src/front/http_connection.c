#include "front/http_connection.h"

#include <assert.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "base/banned.h"

/* Read and dropped behind a refusal, so that the peer gets to reading our answer. */
#define DROPPED_MAX ((size_t)512 * 1024)

int64_t
front_http_now_ms(const struct front_http_connection *connection)
{
    return base_clock_mono_ms(&connection->server->clock);
}

void
front_http_set_phase(struct front_http_connection *connection, enum front_http_phase phase)
{
    struct front_http_server *server = connection->server;
    bool is_idle = phase == FRONT_HTTP_IDLE;
    connection->phase = phase;
    connection->phase_since_ms = front_http_now_ms(connection);
    TAILQ_REMOVE(connection->is_in_idle_list ? &server->idle : &server->busy, connection, links);
    connection->is_in_idle_list = is_idle;
    TAILQ_INSERT_TAIL(is_idle ? &server->idle : &server->busy, connection, links);
}

void
front_http_drop_input(struct front_http_connection *connection, size_t len)
{
    (void)evbuffer_drain(bufferevent_get_input(connection->stream), len);
    connection->server->counters.octets_received += len;
}

size_t
front_http_input_len(const struct front_http_connection *connection)
{
    return evbuffer_get_length(bufferevent_get_input(connection->stream));
}

size_t
front_http_output_len(const struct front_http_connection *connection)
{
    return evbuffer_get_length(bufferevent_get_output(connection->stream));
}

/* Send what is left, say that it was all, and read over what the peer still has to say: closing
 * with octets unread would reset the connection, and the peer could lose our answer. */
static bool
step_linger(struct front_http_connection *connection)
{
    size_t len = front_http_input_len(connection);
    connection->dropped_len += len;
    front_http_drop_input(connection, len);
    if (!connection->has_sent_fin && front_http_output_len(connection) == 0) {
        bool is_lost = false;
        if (!front_http_end_output(connection, &is_lost)) {
            if (is_lost) {
                front_http_set_phase(connection, FRONT_HTTP_ENDED);
            }
            return false;
        }
        connection->has_sent_fin = true;
        connection->phase_since_ms = front_http_now_ms(connection);
        front_http_settle(connection, false);
    }
    bool is_over = connection->has_ended_input || connection->dropped_len > DROPPED_MAX;
    if (connection->has_sent_fin && is_over && connection->unsettled_count == 0) {
        front_http_set_phase(connection, FRONT_HTTP_ENDED);
    }
    return false;
}

/* One step of the round; true when another may follow at once. */
static bool
step(struct front_http_connection *connection)
{
    switch (connection->phase) {
    case FRONT_HTTP_IDLE:
    case FRONT_HTTP_IN_HEAD:
    case FRONT_HTTP_IN_BODY:
        return front_http_step_read(connection);
    case FRONT_HTTP_LINGER:
        return step_linger(connection);
    case FRONT_HTTP_HANDSHAKE:
    case FRONT_HTTP_IN_HANDLER:
    case FRONT_HTTP_ENDED:
    default:
        return false;
    }
}

static void
connection_free(struct front_http_connection *connection)
{
    struct front_http_server *server = connection->server;
    struct front_http_exchange *exchange = connection->exchange;
    front_http_settle(connection, true);
    TAILQ_REMOVE(connection->is_in_idle_list ? &server->idle : &server->busy, connection, links);
    server->counters.connections_open--;
    if (connection->source != NULL) {
        front_http_source_leave(server->sources, connection->source);
    }
    event_free(connection->timer);
    bufferevent_free(connection->stream);
    free(connection);
    if (exchange != NULL && exchange->is_waiting) {
        front_http_tell_gone(server, exchange, E_HTTP_CLIENT_GONE, "the connection ended");
    } else {
        front_http_exchange_free(exchange);
    }
    front_http_server_note_end(server);
}

/*
 * Read only while there is room. The high watermark alone would stop the reading as well, but
 * libevent 2.1 calls the read callback again and again for as long as a full buffer is not drained.
 */
static void
choose_reading(struct front_http_connection *connection)
{
    bool is_reading = !connection->has_ended_input && connection->dropped_len <= DROPPED_MAX &&
                      front_http_input_len(connection) < FRONT_HTTP_WATERMARK;
    if (is_reading == connection->is_reading) {
        return;
    }
    connection->is_reading = is_reading;
    int failed = is_reading ? bufferevent_enable(connection->stream, EV_READ)
                            : bufferevent_disable(connection->stream, EV_READ);
    if (failed != 0) {
        front_http_set_phase(connection, FRONT_HTTP_ENDED);
    }
}

void
front_http_connection_run(struct front_http_connection *connection)
{
    assert(!connection->is_running);
    connection->is_running = true;
    front_http_keep_deadlines(connection);
    while (step(connection)) {
        front_http_settle(connection, false);
    }
    front_http_settle(connection, false);
    choose_reading(connection);
    connection->is_running = false;
    if (connection->phase == FRONT_HTTP_ENDED) {
        connection_free(connection);
    } else {
        front_http_set_timer(connection);
    }
}

void
front_http_connection_end(struct front_http_connection *connection)
{
    front_http_set_phase(connection, FRONT_HTTP_ENDED);
    if (!connection->is_running) {
        connection_free(connection);
    }
}

static void
on_progress(struct bufferevent *stream, void *arg)
{
    (void)stream;
    front_http_connection_run(arg);
}

static void
on_event(struct bufferevent *stream, short what, void *arg)
{
    struct front_http_connection *connection = arg;
    (void)stream;
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        front_http_handshake_done(connection);
    } else if (connection->phase == FRONT_HTTP_HANDSHAKE) {
        front_http_handshake_failed(connection, false);
    } else if ((what & BEV_EVENT_ERROR) != 0 ||
               ((what & BEV_EVENT_WRITING) != 0 && connection->tls == NULL)) {
        front_http_set_phase(connection, FRONT_HTTP_ENDED);
    } else if ((what & BEV_EVENT_EOF) != 0) {
        connection->has_ended_input = true;
    }
    front_http_connection_run(connection);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct front_http_connection *connection = arg;
    (void)fd;
    (void)what;
    connection->timer_at_ms = INT64_MAX;
    front_http_connection_run(connection);
}

void
front_http_connection_begin(struct front_http_server *server, evutil_socket_t take_fd,
    const union front_http_address *address, unsigned purpose, struct front_tls *tls,
    struct front_http_source *take_source)
{
    struct front_http_connection *connection = calloc(1, sizeof(*connection));
    struct ssl_st *session = NULL;
    struct bufferevent *stream = front_http_stream_new(server, take_fd, tls, &session);
    struct event *timer =
        connection == NULL ? NULL : evtimer_new(server->base, on_timer, connection);
    if (connection == NULL || stream == NULL || timer == NULL) {
        if (stream != NULL) {
            bufferevent_free(stream);
        } else {
            (void)close(take_fd);
        }
        if (timer != NULL) {
            event_free(timer);
        }
        if (take_source != NULL) {
            front_http_source_leave(server->sources, take_source);
        }
        free(connection);
        return;
    }
    /* Answers leave whole; waiting for more octets would only delay them. */
    int yes = 1;
    (void)setsockopt(take_fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    *connection = (struct front_http_connection){.server = server,
        .stream = stream,
        .tls = session,
        .timer = timer,
        .source = take_source,
        .address = *address,
        .purpose = purpose,
        .timer_at_ms = INT64_MAX};
    STAILQ_INIT(&connection->unsettled);
    front_http_address_text(address, connection->source_text, &connection->source_port);
    TAILQ_INSERT_TAIL(&server->busy, connection, links);
    front_http_set_phase(connection, tls == NULL ? FRONT_HTTP_IDLE : FRONT_HTTP_HANDSHAKE);
    server->counters.connections_open++;
    server->counters.connections_all++;
    bufferevent_setcb(stream, on_progress, on_progress, on_event, connection);
    bufferevent_setwatermark(stream, EV_READ, 0, FRONT_HTTP_WATERMARK);
    front_http_connection_run(connection); /* begins to read, and sets the timer */
}
