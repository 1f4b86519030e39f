#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "front/http_connection.h"

#include "base/banned.h"

/* No further request is begun while this much of the answers before waits to be sent. */
#define OUTPUT_MAX ((size_t)64 * 1024)
/* Empty lines before a request (RFC 9112, section 2.2, asks for one at least). */
#define BLANK_LINES_MAX 2
/* A body of known length gets this much room at once; what is larger earns it by arriving. */
#define BODY_ROOM_FIRST ((size_t)16 * 1024)

void
front_http_exchange_free(struct front_http_exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    if (exchange->is_waiting) {
        TAILQ_REMOVE(&exchange->server->waiting, exchange, links);
        exchange->server->counters.requests_open--;
    }
    buffer_clear(&exchange->head_octets);
    buffer_clear(&exchange->body);
    free(exchange);
}

/* The first contiguous octets of what was read. */
static struct bytes
peek_input(struct front_http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    size_t len = evbuffer_get_contiguous_space(input);
    return len == 0 ? BYTES_NONE : (struct bytes){evbuffer_pullup(input, (ev_ssize_t)len), len};
}

/* Empty lines before a request. False: wait for more, what is there may be half an empty line. */
static bool
skip_blank_lines(struct front_http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    char start[2] = {0, 0};
    while (connection->blank_lines < BLANK_LINES_MAX) {
        ev_ssize_t len = evbuffer_copyout(input, start, sizeof(start));
        if (len == 1 && start[0] == '\r') {
            return false;
        }
        if (len < 2 || start[0] != '\r' || start[1] != '\n') {
            break;
        }
        front_http_drop_input(connection, 2);
        connection->blank_lines++;
    }
    return front_http_input_len(connection) > 0;
}

static bool
step_idle(struct front_http_connection *connection)
{
    struct front_http_server *server = connection->server;
    if (!skip_blank_lines(connection)) {
        if (connection->has_ended_input || server->is_draining) {
            front_http_set_phase(connection, FRONT_HTTP_LINGER);
            return true;
        }
        return false;
    }
    if (front_http_output_len(connection) > OUTPUT_MAX ||
        connection->unsettled_count >= FRONT_HTTP_UNSETTLED_MAX) {
        return false;
    }
    struct front_http_exchange *exchange = calloc(1, sizeof(*exchange));
    if (exchange == NULL) {
        front_http_set_phase(connection, FRONT_HTTP_ENDED);
        return false;
    }
    exchange->server = server;
    exchange->connection = connection;
    exchange->request.begun_at_ms = base_clock_now_ms(&server->clock);
    front_http_head_reader_init(&exchange->reader, &server->limits);
    /* Room for one piece beyond what the reader lets through: the start of what is refused is kept
     * for the log. */
    buffer_init(&exchange->head_octets,
        server->limits.request_line_max + server->limits.fields_max + 2 * FRONT_HTTP_WATERMARK);
    buffer_init(&exchange->body, server->limits.body_max);
    connection->exchange = exchange;
    connection->blank_lines = 0;
    connection->begun_ms = front_http_now_ms(connection) - connection->handshake_ms;
    connection->handshake_ms = 0;
    front_http_set_phase(connection, FRONT_HTTP_IN_HEAD);
    return true;
}

/* Nothing more to read for now. */
static bool
wait_or_give_up(struct front_http_connection *connection)
{
    if (!connection->has_ended_input) {
        return false;
    }
    struct base_error error;
    (void)base_fail(&error, E_HTTP_INCOMPLETE, "the connection ended within a request");
    return front_http_refuse(connection, &error);
}

/* The request is complete: it is the callback's now. */
static bool
hand_over(struct front_http_connection *connection)
{
    struct front_http_server *server = connection->server;
    struct front_http_exchange *exchange = connection->exchange;
    struct front_http_request *request = &exchange->request;
    request->body = buffer_bytes(&exchange->body);
    request->source = front_http_address_plain(&connection->address);
    memcpy(request->source_text, connection->source_text, sizeof(request->source_text));
    request->source_port = connection->source_port;
    request->purpose = connection->purpose;
    request->is_tls = connection->tls != NULL;
    exchange->is_waiting = true;
    TAILQ_INSERT_TAIL(&server->waiting, exchange, links);
    server->counters.requests++;
    server->counters.requests_open++;
    front_http_set_phase(connection, FRONT_HTTP_IN_HANDLER);
    server->handler.request(server->handler.arg, request);
    return true;
}

/* The head is complete: judge it, and make ready for the body. */
static bool
begin_body(struct front_http_connection *connection)
{
    struct front_http_exchange *exchange = connection->exchange;
    const struct front_http_limits *limits = &connection->server->limits;
    struct front_http_head *head = &exchange->head;
    struct base_error error;
    if (front_http_head_parse(buffer_bytes(&exchange->head_octets), limits, head, &error) !=
        BASE_OK) {
        return front_http_refuse(connection, &error);
    }
    exchange->request.method = head->method;
    exchange->request.minor_version = head->minor_version;
    exchange->request.path = head->path;
    exchange->request.query = head->query;
    if (head->body == FRONT_HTTP_BODY_NONE) {
        return hand_over(connection);
    }
    front_http_chunks_init(&exchange->chunks, limits);
    uint8_t *room = NULL;
    size_t room_len =
        head->content_length < BODY_ROOM_FIRST ? head->content_length : BODY_ROOM_FIRST;
    if (buffer_reserve(&exchange->body, room_len, &room, &error) != BASE_OK) {
        return front_http_refuse(connection, &error);
    }
    if (head->expects_continue && front_http_input_len(connection) == 0) {
        static const struct bytes go_on = {(const uint8_t *)"HTTP/1.1 100 Continue\r\n\r\n", 25};
        if (bufferevent_write(connection->stream, go_on.ptr, go_on.len) != 0) {
            front_http_set_phase(connection, FRONT_HTTP_ENDED);
            return false;
        }
        connection->sent_len += go_on.len;
    }
    front_http_set_phase(connection, FRONT_HTTP_IN_BODY);
    return true;
}

static bool
step_head(struct front_http_connection *connection)
{
    struct front_http_exchange *exchange = connection->exchange;
    bool is_complete = false;
    for (struct bytes piece = peek_input(connection); piece.len > 0;
         piece = peek_input(connection)) {
        struct base_error error;
        size_t used = piece.len;
        enum base_code code =
            front_http_head_read(&exchange->reader, piece, &used, &is_complete, &error);
        struct base_error append_error;
        if (buffer_append(&exchange->head_octets, (struct bytes){piece.ptr, used}, &append_error) !=
                BASE_OK &&
            code == BASE_OK) {
            code = append_error.code;
            error = append_error;
        }
        if (code != BASE_OK) {
            return front_http_refuse(connection, &error);
        }
        front_http_drop_input(connection, used);
        if (is_complete) {
            return begin_body(connection);
        }
    }
    return wait_or_give_up(connection);
}

/* The next octets of a body of known length. */
static enum base_code
read_length(struct front_http_exchange *exchange, struct bytes piece, size_t *out_used,
    bool *out_is_complete, struct base_error *err)
{
    size_t left = exchange->head.content_length - exchange->body.len;
    size_t len = piece.len < left ? piece.len : left;
    TRY(buffer_append(&exchange->body, (struct bytes){piece.ptr, len}, err));
    *out_used = len;
    *out_is_complete = len == left;
    return BASE_OK;
}

static bool
step_body(struct front_http_connection *connection)
{
    struct front_http_exchange *exchange = connection->exchange;
    bool is_complete = false;
    for (struct bytes piece = peek_input(connection); piece.len > 0;
         piece = peek_input(connection)) {
        struct base_error error;
        size_t used = 0;
        enum base_code code = exchange->head.body == FRONT_HTTP_BODY_CHUNKED
                                  ? front_http_chunks_read(&exchange->chunks, piece,
                                        &exchange->body, &used, &is_complete, &error)
                                  : read_length(exchange, piece, &used, &is_complete, &error);
        if (code != BASE_OK) {
            return front_http_refuse(connection, &error);
        }
        front_http_drop_input(connection, used);
        if (is_complete) {
            return hand_over(connection);
        }
    }
    return wait_or_give_up(connection);
}

bool
front_http_step_read(struct front_http_connection *connection)
{
    if (connection->phase == FRONT_HTTP_IDLE) {
        return step_idle(connection);
    }
    return connection->phase == FRONT_HTTP_IN_HEAD ? step_head(connection) : step_body(connection);
}

bool
front_http_find_field(const struct front_http_request *request, const char *name, size_t index,
    struct bytes *out_value)
{
    const struct front_http_exchange *exchange = (const struct front_http_exchange *)request;
    struct bytes rest = exchange->head.fields;
    struct bytes value = BYTES_NONE;
    for (size_t i = 0; i <= index; i++) {
        if (!front_http_field_find(rest, name, &value, &rest)) {
            return false;
        }
    }
    *out_value = value;
    return true;
}
