/*
 * http_connection.h - what server and connections of http.h share; nobody else includes it.
 *
 * A connection goes round: (handshake,) idle, head, body, handler, idle. It leaves the round into
 * linger, where what is left to send is sent and what still comes is dropped, and ends. Every
 * callback of the event loop, and every answer, runs the same loop of steps until nothing moves; a
 * connection is freed at the end of that loop and nowhere else.
 */
#ifndef FRONT_HTTP_CONNECTION_H
#define FRONT_HTTP_CONNECTION_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/queue.h>

#include "front/http_parse.h"
#include "front/http_sources.h"

/* The answer that was sent last waits for its acknowledgement beside at most this many others. */
#define FRONT_HTTP_UNSETTLED_MAX 8

/* A request from its first octet to its answer. The public part is first: its address is ours. */
struct front_http_exchange {
    struct front_http_request request;
    struct front_http_server *server;         /* NULL once the server has been freed */
    struct front_http_connection *connection; /* NULL once the connection has ended */
    TAILQ_ENTRY(front_http_exchange) links;   /* of server->waiting, while with the callback */
    bool is_waiting;
    struct front_http_head_reader reader;
    struct front_http_chunks chunks;
    struct front_http_head head;
    struct buffer head_octets;
    struct buffer body;
};

/* An answer that was sent and is not yet known to have arrived, or whose fate is to be told. */
struct front_http_sent {
    STAILQ_ENTRY(front_http_sent) links;
    uint64_t end;       /* the connection's sent_len behind its last octet */
    int64_t take_by_ms; /* monotonic */
    bool is_taken;
    void (*done)(void *arg, bool is_taken);
    void *arg;
};
STAILQ_HEAD(front_http_sent_list, front_http_sent);

enum front_http_phase {
    FRONT_HTTP_HANDSHAKE,
    FRONT_HTTP_IDLE,
    FRONT_HTTP_IN_HEAD,
    FRONT_HTTP_IN_BODY,
    FRONT_HTTP_IN_HANDLER,
    FRONT_HTTP_LINGER,
    FRONT_HTTP_ENDED,
};

struct front_http_connection {
    struct front_http_server *server;
    TAILQ_ENTRY(front_http_connection) links; /* of server->idle or server->busy */
    struct bufferevent *stream;               /* owned; owns the descriptor */
    struct ssl_st *tls;                       /* the stream's; NULL: plain */
    struct event *timer;                      /* owned */
    struct front_http_source *source;         /* NULL: exempt */
    struct front_http_exchange *exchange;     /* from head to handler */
    struct front_http_sent_list unsettled;    /* in the order of sending */
    union front_http_address address;
    enum front_http_phase phase;
    char source_text[FRONT_HTTP_SOURCE_LEN];
    uint16_t source_port;
    unsigned purpose;
    unsigned unsettled_count;
    unsigned blank_lines; /* before the request that is to come */
    bool is_running;      /* in the loop of steps */
    bool is_reading;      /* EV_READ of the stream is enabled */
    bool is_in_idle_list;
    bool has_ended_input; /* the peer's FIN was read */
    bool has_sent_fin;
    bool is_closing;      /* after the answer in hand */
    int64_t handshake_ms; /* that the handshake took: less time for the first head */
    int64_t begun_ms;     /* monotonic: first octet of the request */
    int64_t phase_since_ms;
    int64_t timer_at_ms;   /* when the timer fires; INT64_MAX: it is not set */
    int64_t look_again_ms; /* how long until acknowledgements are looked for again */
    int64_t look_at_ms;
    uint64_t sent_len;  /* octets handed to the stream, ever */
    size_t dropped_len; /* octets read and dropped while lingering */
};
TAILQ_HEAD(front_http_connection_list, front_http_connection);

struct front_http_listener;

struct front_http_server {
    struct event_base *base;
    struct front_http_limits limits;
    struct front_http_handler handler;
    struct base_clock clock;
    struct front_http_sources *sources;
    struct front_http_listener *listeners; /* a list */
    struct event *deferred; /* tells what is in `settled`, and that a drain has ended */
    struct event *pause;    /* accepting again after a lack of descriptors */
    struct event *drain_timer;
    struct front_http_connection_list idle; /* oldest first */
    struct front_http_connection_list busy;
    TAILQ_HEAD(, front_http_exchange) waiting;
    struct front_http_sent_list settled;
    struct front_http_counters counters;
    bool is_draining;
    bool was_cut_off;
    void (*drained)(void *arg, bool was_cut_off);
    void *drained_arg;
    int64_t full_told_ms; /* when a connection over a limit was told last */
    int64_t date_at_s;
    char date[40]; /* of date_at_s, for the Date field */
};

/* What is read ahead of the one who uses it; TCP holds the peer back beyond. */
#define FRONT_HTTP_WATERMARK ((size_t)16 * 1024)

/* ---- http_connection.c: the life of a connection ---- */

/* Begin to serve an accepted socket. @take_fd is consumed; a failure closes it. @tls NULL: plain.
 */
void front_http_connection_begin(struct front_http_server *server, evutil_socket_t take_fd,
    const union front_http_address *address, unsigned purpose, struct front_tls *tls,
    struct front_http_source *take_source);
/* End it at once: what is unsent is lost. Frees it unless its loop of steps is running. */
void front_http_connection_end(struct front_http_connection *connection);
/* Run the loop of steps. The connection may be freed by it. */
void front_http_connection_run(struct front_http_connection *connection);

int64_t front_http_now_ms(const struct front_http_connection *connection); /* monotonic */
void front_http_set_phase(struct front_http_connection *connection, enum front_http_phase phase);
size_t front_http_input_len(const struct front_http_connection *connection);
size_t front_http_output_len(const struct front_http_connection *connection);
void front_http_drop_input(struct front_http_connection *connection, size_t len);

/* ---- http_tls.c: what is different with TLS ---- */

/* The stream of an accepted socket, consumed unless NULL is returned; *out_tls is NULL for plain.
 */
struct bufferevent *front_http_stream_new(struct front_http_server *server, evutil_socket_t fd,
    struct front_tls *tls, struct ssl_st **out_tls);
/* Say that nothing follows: close_notify, then FIN. False: not yet, or not possible any more
 * (*out_is_lost). */
bool front_http_end_output(struct front_http_connection *connection, bool *out_is_lost);
/* The handshake is over. */
void front_http_handshake_done(struct front_http_connection *connection);
/* It failed: told, and where the peer speaks plain HTTP it is told as well. */
void front_http_handshake_failed(struct front_http_connection *connection, bool is_late);

/* ---- http_request.c: reading ---- */

/* One step from idle towards the callback; true when another may follow at once. */
bool front_http_step_read(struct front_http_connection *connection);
void front_http_exchange_free(struct front_http_exchange *exchange);

/* ---- http_reply.c: what a request is told ---- */

/* Refuse the request that is being read, and leave the round. Always true: a step was made. */
bool front_http_refuse(struct front_http_connection *connection, const struct base_error *error);
/* The callback took too long: tell the client to come again. The request stays with the callback.
 */
void front_http_answer_late(struct front_http_connection *connection);
/* Part a request that is with the callback from its connection, and say so. */
void front_http_tell_gone(struct front_http_server *server, struct front_http_exchange *exchange,
    enum base_code code, const char *what);

/* ---- http_timer.c: absolute deadlines ---- */

void front_http_keep_deadlines(struct front_http_connection *connection);
/* Set the timer for whatever comes next. */
void front_http_set_timer(struct front_http_connection *connection);

/* ---- http_server.c ---- */

/* Called when a connection has been freed. */
void front_http_server_note_end(struct front_http_server *server);
/* Something in `settled`: tell it from the event loop. */
void front_http_server_defer(struct front_http_server *server);
/* An answer whose client is gone: its `done` is told false, from the event loop. */
void front_http_server_tell_lost(
    struct front_http_server *server, const struct front_http_answer *answer);

/* ---- http_answer.c: the octets of answers ---- */

/*
 * Put an answer's octets into the stream and remember it until it is taken. False without memory:
 * the connection cannot go on.
 */
bool front_http_send(struct front_http_connection *connection, bool is_head_only, bool is_1_0,
    const struct front_http_answer *answer);
/* Move answers whose octets were all acknowledged, or with @is_over all, to the settled ones. */
void front_http_settle(struct front_http_connection *connection, bool is_over);
/* "Not Found" */
const char *front_http_reason(unsigned status);

#endif
