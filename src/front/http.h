/*
 * http.h - a strict HTTP/1.1 server (RFC 9110, RFC 9112), and all that the rest of Kurier sees of
 * HTTP.
 *
 * One server lives on one event loop. It owns its listening descriptors and connections, reads each
 * request whole under absolute deadlines, and hands it to one callback. That callback answers at
 * once or later, from the same thread; a connection has at most one request with the callback, so
 * answers leave in the order of the requests. What is malformed, ambiguous, too large or too slow
 * never reaches the callback: it is refused with a constant text, the connection lingers for a
 * moment so that the peer can read why, and ends.
 *
 * Strict where two readers of the same octets could disagree (request smuggling): one
 * Content-Length at most, never beside Transfer-Encoding, only "chunked", no folding, no blank
 * before a colon, CRLF alone ends a line. A bare LF is refused too: no client that we know of sends
 * one. Lenient where devices in the field need it: HTTP/1.0, no Host (a deviation from RFC 9112,
 * section 3.2: Cisco gear leaves it out), octets above 0x7f in a target, any Content-Type.
 *
 * Answers have a Content-Length, are never chunked, compressed or redirects.
 *
 * A listener may speak TLS (tls.h). Nothing else changes: the handshake's time counts as part of
 * the first request's head, "taken" means that the peer's TCP acknowledged every record, and a
 * connection ends with close_notify before FIN. Plain HTTP on such a listener is told so.
 *
 * The process must ignore SIGPIPE. System calls after the start: accept4, fcntl, setsockopt, ioctl
 * (FIONREAD, SIOCOUTQ), readv, writev, sendto, shutdown, poll, close, and those of epoll and
 * clocks.
 */
#ifndef FRONT_HTTP_H
#define FRONT_HTTP_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

struct event_base;
struct front_http_server;
struct front_tls; /* tls.h */

enum front_http_method { FRONT_HTTP_GET, FRONT_HTTP_HEAD, FRONT_HTTP_POST };

/* How much, how long. front_http_limits_default() fills in the values named here. */
struct front_http_limits {
    size_t request_line_max;  /* 65536 octets without the line end; beyond: 414. A GET with an
                                 Intune challenge exceeds 10,000 */
    size_t fields_max;        /* 16384 octets of header fields with their line ends; beyond: 431 */
    unsigned field_count_max; /* 100; beyond: 431 */
    size_t body_max;          /* 262144 octets; beyond: 413, before any of it is read */
    int64_t head_ms;    /* 5000, from the first octet of a request to the end of its head: 408 */
    int64_t request_ms; /* 10000, from the first octet to the last: 408 */
    int64_t answer_ms;  /* 30000, from the last octet to front_http_answer(): 503 */
    int64_t take_ms;    /* 30000, from the answer to its last octet's acknowledgement: reset */
    int64_t idle_ms;    /* 60000 without an octet of a request: closed */
    int64_t linger_ms;  /* 2000 of reading what a refused peer still sends */
    unsigned connections_max; /* 12000; beyond, the longest idle one is closed, else 503 */
    unsigned per_source_max;  /* 1024 of one IPv4 address or one IPv6 /64; beyond: 503 */
};
struct front_http_limits front_http_limits_default(void);

/* An address of either family. */
union front_http_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};
#define FRONT_HTTP_SOURCE_LEN 48

/*
 * A request that was received whole. It and all that it points at stay valid until
 * front_http_answer(), whatever happens to the connection or the server meanwhile.
 */
struct front_http_request {
    enum front_http_method method;
    unsigned minor_version; /* of HTTP/1: 0 or 1 */
    struct bytes path;      /* as it was sent, undecoded; begins with '/' */
    struct bytes query;     /* as it was sent, undecoded, without its '?'; may be empty */
    struct bytes body;      /* without transfer coding; empty for GET and HEAD */
    union front_http_address source;
    char source_text[FRONT_HTTP_SOURCE_LEN]; /* "192.0.2.7", "2001:db8::7"; IPv4 in IPv6 as IPv4 */
    uint16_t source_port;
    bool is_tls;
    unsigned purpose;    /* of the listener */
    int64_t begun_at_ms; /* wall clock at the first octet */
    void *context;       /* the callback's own; NULL at first */
};

/* What was refused without the callback, for a log line. Valid for the call. */
struct front_http_refusal {
    unsigned status; /* 0: a TLS handshake that failed; nobody was told */
    const struct base_error *error;
    const char *source_text;
    unsigned purpose;
    struct bytes request_line; /* the peer's text as far as it was read; may be empty */
};

/* Everything that a server tells. All run on the event loop's thread; none may free the server
 * except `ended` of front_http_server_drain(). */
struct front_http_handler {
    /* Must see to it that front_http_answer() is called once for each request, now or later. */
    void (*request)(void *arg, struct front_http_request *request);
    /*
     * A request's answer cannot be delivered any more: E_HTTP_CLIENT_GONE (reset, or the connection
     * ended), E_HTTP_ANSWER_LATE (answer_ms passed; the peer was told 503). The request stays valid
     * and must still be answered, from here or later; that answer goes nowhere and only releases
     * the request. A client that only shut down its sending side is not gone: it waits for its
     * answer. May be NULL.
     */
    void (*gone)(void *arg, struct front_http_request *request, const struct base_error *why);
    /* May be NULL. Connections over a limit are told at most once a second. */
    void (*refused)(void *arg, const struct front_http_refusal *refusal);
    /* True when per_source_max does not apply, as to a trusted proxy. May be NULL: none. */
    bool (*is_exempt)(void *arg, const union front_http_address *source);
    void *arg;
};

struct front_http_options {
    struct event_base *base; /* borrowed; outlives the server */
    struct front_http_limits limits;
    struct front_http_handler handler;
    struct base_clock clock;
    struct base_random random; /* asked once, for the key of a hash table */
};

/* Errors: E_NO_MEMORY, E_SYSTEM. */
MUST_CHECK enum base_code front_http_server_new(const struct front_http_options *options,
    struct front_http_server **out_server, struct base_error *err);
/*
 * Ends all connections at once: `gone` is called for requests that wait, `done` for answers that
 * are not yet taken. Requests that wait stay valid and must still be answered.
 */
void front_http_server_free(struct front_http_server *server);

/*
 * Serve a listening TCP socket of either family.
 *
 * @take_fd     consumed, also on failure
 * @purpose     the caller's number, copied into each request
 * Errors: E_NO_MEMORY, E_SYSTEM (not a listening socket).
 */
MUST_CHECK enum base_code front_http_server_listen(
    struct front_http_server *server, int take_fd, unsigned purpose, struct base_error *err);

/*
 * What is accepted from now on at the socket that was given as descriptor @fd speaks TLS with this
 * context, which the server keeps as long as it needs it; NULL: plain HTTP. Connections that are
 * there stay as they are. Nothing when @fd is not one of the server's.
 */
void front_http_server_set_tls(struct front_http_server *server, int fd, struct front_tls *tls);
/*
 * Stop accepting on the socket that was given as descriptor @fd, and close it; its connections live
 * on. Nothing when it is not one of the server's.
 */
void front_http_server_unlisten(struct front_http_server *server, int fd);

/*
 * Stop accepting, close what is idle, finish the requests that have begun, and say so.
 *
 * @ended       called once from the event loop, when the last connection has ended or after
 *              @timeout_ms, when the rest was cut off; may free the server
 * A second call is without effect.
 */
void front_http_server_drain(struct front_http_server *server, int64_t timeout_ms,
    void (*ended)(void *arg, bool was_cut_off), void *arg);

struct front_http_answer {
    unsigned status;          /* 200 to 599; 204 and 304 are not for this */
    const char *content_type; /* sent exactly so; NULL only without a body */
    struct bytes body;        /* copied; left out, but counted, in the answer to HEAD */
    unsigned retry_after_s;   /* 0: no Retry-After */
    const char *allow;        /* NULL: no Allow; needed with 405 */
    const char *challenge;    /* NULL: no WWW-Authenticate; needed with 401 */
    const char *confirm;      /* NULL: no Kurier-Confirm, the path that takes a confirmation */
    bool is_storable;         /* leaves "Cache-Control: no-store" away: a CRL, a CA certificate */
    bool is_closing;          /* the connection ends after this answer */
    /*
     * Told once, from the event loop and never from inside front_http_answer(), what became of the
     * answer: true when the peer's TCP acknowledged every octet of it, false when the connection
     * ended or take_ms passed before. May be NULL.
     */
    void (*done)(void *arg, bool is_taken);
    void *arg;
};

/*
 * Answer a request and release it. @request, its fields and its body are invalid afterwards. When
 * the client is gone this only releases, and `done` is told false; when the server has been freed
 * `done` is not told at all.
 */
void front_http_answer(
    struct front_http_request *take_request, const struct front_http_answer *answer);
/* An answer with the status's own constant text, "404 Not Found\n". */
void front_http_answer_status(
    struct front_http_request *take_request, unsigned status, unsigned retry_after_s);

/*
 * The @index-th field named @name (any letter case), without the blanks around its value; borrowed
 * from the request. False when there are not that many.
 */
bool front_http_find_field(const struct front_http_request *request, const char *name, size_t index,
    struct bytes *out_value);

/* The constant text of a status, "404 Not Found\n"; empty for one that has none. */
struct bytes front_http_reason_text(unsigned status);
/* The status that a request is refused with for an error of this room's HTTP and query readers; 503
 * for a lack of memory, 400 for what is not listed. */
unsigned front_http_status_of(enum base_code code);

/* Statuses that are counted one by one; front_http_refused_status(i) names the i-th. */
#define FRONT_HTTP_REFUSED_COUNT 11 /* as in http_answer.c */
unsigned front_http_refused_status(size_t index);

struct front_http_counters {
    uint64_t connections_open;    /* now */
    uint64_t connections_all;     /* since the start */
    uint64_t connections_refused; /* over a limit */
    uint64_t connections_evicted; /* idle ones that made room */
    uint64_t requests;            /* handed to the callback */
    uint64_t requests_open;       /* now with the callback */
    uint64_t answers[6];          /* by the status's first digit, refusals included */
    uint64_t answers_taken;       /* acknowledged in full */
    uint64_t answers_lost;        /* not */
    uint64_t requests_gone;       /* the client left before the answer */
    uint64_t refused[FRONT_HTTP_REFUSED_COUNT];
    uint64_t octets_received;
    uint64_t octets_sent; /* handed to the socket's buffer */
};
/* Borrowed from the server. */
const struct front_http_counters *front_http_server_peek_counters(
    const struct front_http_server *server);

#endif
