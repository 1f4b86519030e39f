#include <assert.h>
#include <string.h>

#include "front/http_connection.h"

#include "base/banned.h"

/* The answer is in the stream: what comes after it? */
static void
go_on_after_answer(struct front_http_connection *connection, bool is_sent, bool is_closing)
{
    enum front_http_phase next = is_closing ? FRONT_HTTP_LINGER : FRONT_HTTP_IDLE;
    /* Memory ran out: half an answer is worse than none. */
    front_http_set_phase(connection, is_sent ? next : FRONT_HTTP_ENDED);
}

static void
count_refusal(struct front_http_server *server, unsigned status)
{
    for (size_t i = 0; i < FRONT_HTTP_REFUSED_COUNT; i++) {
        server->counters.refused[i] += front_http_refused_status(i) == status;
    }
}

static void
tell_refusal(struct front_http_connection *connection, unsigned status,
    const struct base_error *error, const struct front_http_exchange *exchange)
{
    const struct front_http_handler *handler = &connection->server->handler;
    count_refusal(connection->server, status);
    if (handler->refused == NULL) {
        return;
    }
    struct bytes line = buffer_bytes(&exchange->head_octets);
    const uint8_t *end = line.len == 0 ? NULL : memchr(line.ptr, '\r', line.len);
    line.len = end == NULL ? line.len : (size_t)(end - line.ptr);
    struct front_http_refusal refusal = {
        status, error, connection->source_text, connection->purpose, line};
    handler->refused(handler->arg, &refusal);
}

/* A constant answer of our own, and the end of the connection. */
static void
send_refusal(struct front_http_connection *connection, unsigned status, bool is_head_only)
{
    struct front_http_answer answer = {.status = status,
        .content_type = "text/plain",
        .body = front_http_reason_text(status),
        .retry_after_s = status == 503 ? 5 : 0,
        .allow = status == 405 ? "GET, HEAD, POST" : NULL,
        .is_closing = true};
    bool is_sent = front_http_send(connection, is_head_only, false, &answer);
    go_on_after_answer(connection, is_sent, true);
}

bool
front_http_refuse(struct front_http_connection *connection, const struct base_error *error)
{
    struct front_http_exchange *exchange = connection->exchange;
    unsigned status = front_http_status_of(error->code);
    struct bytes head = buffer_bytes(&exchange->head_octets);
    bool is_head_only = head.len >= 5 && memcmp(head.ptr, "HEAD ", 5) == 0;
    tell_refusal(connection, status, error, exchange);
    connection->exchange = NULL;
    front_http_exchange_free(exchange);
    send_refusal(connection, status, is_head_only);
    return true;
}

void
front_http_tell_gone(struct front_http_server *server, struct front_http_exchange *exchange,
    enum base_code code, const char *what)
{
    struct base_error why;
    (void)base_fail(&why, code, "%s", what);
    exchange->connection = NULL;
    server->counters.requests_gone++;
    if (server->handler.gone != NULL) {
        server->handler.gone(server->handler.arg, &exchange->request, &why);
    }
}

void
front_http_answer_late(struct front_http_connection *connection)
{
    struct front_http_exchange *exchange = connection->exchange;
    struct base_error error;
    (void)base_fail(&error, E_HTTP_ANSWER_LATE, "no answer within %lld ms",
        (long long)connection->server->limits.answer_ms);
    tell_refusal(connection, 503, &error, exchange);
    connection->exchange = NULL;
    send_refusal(connection, 503, exchange->request.method == FRONT_HTTP_HEAD);
    front_http_tell_gone(connection->server, exchange, E_HTTP_ANSWER_LATE, error.detail);
}

void
front_http_answer(struct front_http_request *take_request, const struct front_http_answer *answer)
{
    struct front_http_exchange *exchange = (struct front_http_exchange *)take_request;
    struct front_http_server *server = exchange->server;
    struct front_http_connection *connection = exchange->connection;
    if (connection == NULL) {
        if (server != NULL && answer->done != NULL) {
            front_http_server_tell_lost(server, answer);
        }
        front_http_exchange_free(exchange);
        return;
    }
    assert(connection->phase == FRONT_HTTP_IN_HANDLER && connection->exchange == exchange);
    struct front_http_answer sent = *answer;
    sent.is_closing = answer->is_closing || !exchange->head.is_kept_alive || server->is_draining ||
                      (connection->has_ended_input && front_http_input_len(connection) == 0);
    bool is_sent = front_http_send(connection, take_request->method == FRONT_HTTP_HEAD,
        take_request->minor_version == 0, &sent);
    connection->exchange = NULL;
    front_http_exchange_free(exchange);
    go_on_after_answer(connection, is_sent, sent.is_closing);
    if (!connection->is_running) {
        front_http_connection_run(connection);
    }
}

void
front_http_answer_status(
    struct front_http_request *take_request, unsigned status, unsigned retry_after_s)
{
    struct front_http_answer answer = {.status = status,
        .content_type = "text/plain",
        .body = front_http_reason_text(status),
        .retry_after_s = retry_after_s,
        .allow = status == 405 ? "GET, HEAD, POST" : NULL};
    front_http_answer(take_request, &answer);
}
