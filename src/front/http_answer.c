#include <inttypes.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <event2/buffer.h>

#include "front/http_connection.h"

#include "base/banned.h"

/* The head of an answer: its fields are ours, and the longest Content-Type and Allow are short. */
#define HEAD_MAX 1024

static const struct {
    unsigned status;
    const char *reason;
    const char *body;
} reasons[] = {
    {200, "OK", "200 OK\n"},
    {201, "Created", "201 Created\n"},
    {400, "Bad Request", "400 Bad Request\n"},
    {401, "Unauthorized", "401 Unauthorized\n"},
    {403, "Forbidden", "403 Forbidden\n"},
    {404, "Not Found", "404 Not Found\n"},
    {405, "Method Not Allowed", "405 Method Not Allowed\n"},
    {408, "Request Timeout", "408 Request Timeout\n"},
    {411, "Length Required", "411 Length Required\n"},
    {413, "Content Too Large", "413 Content Too Large\n"},
    {414, "URI Too Long", "414 URI Too Long\n"},
    {415, "Unsupported Media Type", "415 Unsupported Media Type\n"},
    {417, "Expectation Failed", "417 Expectation Failed\n"},
    {429, "Too Many Requests", "429 Too Many Requests\n"},
    {431, "Request Header Fields Too Large", "431 Request Header Fields Too Large\n"},
    {501, "Not Implemented", "501 Not Implemented\n"},
    {503, "Service Unavailable", "503 Service Unavailable\n"},
    {505, "HTTP Version Not Supported", "505 HTTP Version Not Supported\n"},
};

const char *
front_http_reason(unsigned status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Status"; /* a client reads the number (RFC 9112, section 4) */
}

struct bytes
front_http_reason_text(unsigned status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return bytes_from_text(reasons[i].body);
        }
    }
    return BYTES_NONE;
}

unsigned
front_http_status_of(enum base_code code)
{
    static const struct {
        enum base_code code;
        unsigned status;
    } statuses[] = {
        {E_HTTP_VERSION, 505},
        {E_HTTP_METHOD, 405},
        {E_HTTP_METHOD_UNKNOWN, 501},
        {E_HTTP_LENGTH_MISSING, 411},
        {E_HTTP_BODY_TOO_LARGE, 413},
        {E_HTTP_LINE_TOO_LONG, 414},
        {E_HTTP_FIELDS_TOO_LARGE, 431},
        {E_HTTP_CODING, 501},
        {E_HTTP_EXPECT, 417},
        {E_HTTP_TIMEOUT, 408},
        {E_HTTP_ANSWER_LATE, 503},
        {E_HTTP_CONNECTIONS, 503},
        {E_NO_MEMORY, 503},
        {E_SYSTEM, 503},
        {E_QUERY_METHOD, 405},
        {E_PEER_BUSY, 503},
        {E_PEER_CLOSED, 503},
        {E_STORE_UNAVAILABLE, 503},
        {E_STORE_CORRUPT, 503},
        {E_INTERNAL, 503},
        {E_AUTH_NEEDED, 401},
        {E_AUTH_RATE, 429},
        {E_AUTH_PLAIN, 403},
        {E_ACCOUNT_PROFILE, 403},
        {E_API_TYPE, 415},
        {E_API_METHOD, 405},
        {E_API_PATH, 404},
        {E_CONFIRM_SIGNATURE, 403},
        {E_CONFIRM_UNKNOWN, 404},
        {E_PAGE_FULL, 503},
    };
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].code == code) {
            return statuses[i].status;
        }
    }
    return 400;
}

unsigned
front_http_refused_status(size_t index)
{
    static const unsigned refused[FRONT_HTTP_REFUSED_COUNT] = {
        400, 405, 408, 411, 413, 414, 417, 431, 501, 503, 505};
    return index < FRONT_HTTP_REFUSED_COUNT ? refused[index] : 0;
}

/* IMF-fixdate (RFC 9110, section 5.6.7), made once a second. */
static const char *
date_now(struct front_http_server *server)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t at_s = base_clock_now_s(&server->clock);
    if (at_s == server->date_at_s && server->date[0] != '\0') {
        return server->date;
    }
    struct base_civil_time t = {0};
    base_time_to_civil(at_s, &t);
    int64_t weekday = (at_s / 86400 + 4) % 7; /* 1 January 1970 was a Thursday */
    (void)snprintf(server->date, sizeof(server->date), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
        days + (ptrdiff_t)3 * (weekday < 0 ? weekday + 7 : weekday), t.day % 100,
        months + (ptrdiff_t)3 * (t.month - 1), t.year % 10000, t.hour % 100, t.minute % 100,
        t.second % 100);
    server->date_at_s = at_s;
    return server->date;
}

/* The octets of the head; 0 when they do not fit. */
static size_t
format_head(struct front_http_server *server, const struct front_http_answer *answer, bool is_1_0,
    char out[HEAD_MAX])
{
    char retry_after[40] = "";
    if (answer->retry_after_s > 0) {
        (void)snprintf(
            retry_after, sizeof(retry_after), "Retry-After: %u\r\n", answer->retry_after_s);
    }
    const char *connection = "";
    if (answer->is_closing) {
        connection = "Connection: close\r\n";
    } else if (is_1_0) {
        connection = "Connection: keep-alive\r\n";
    }
    /* An enrolment's answer is for one device; nothing in between may keep it. */
    const char *storing = answer->is_storable ? "" : "Cache-Control: no-store\r\n";
    int len = snprintf(out, HEAD_MAX,
        "HTTP/1.1 %u %s\r\nDate: %s\r\n%s%s%sContent-Length: %zu\r\n%s%s%s%s%s%s%s%s%s%s%s%s\r\n",
        answer->status, front_http_reason(answer->status), date_now(server),
        answer->content_type == NULL ? "" : "Content-Type: ",
        answer->content_type == NULL ? "" : answer->content_type,
        answer->content_type == NULL ? "" : "\r\n", answer->body.len, storing, retry_after,
        answer->allow == NULL ? "" : "Allow: ", answer->allow == NULL ? "" : answer->allow,
        answer->allow == NULL ? "" : "\r\n", answer->challenge == NULL ? "" : "WWW-Authenticate: ",
        answer->challenge == NULL ? "" : answer->challenge, answer->challenge == NULL ? "" : "\r\n",
        answer->confirm == NULL ? "" : "Kurier-Confirm: ",
        answer->confirm == NULL ? "" : answer->confirm, answer->confirm == NULL ? "" : "\r\n",
        connection);
    return len < 0 || len >= HEAD_MAX ? 0 : (size_t)len;
}

bool
front_http_send(struct front_http_connection *connection, bool is_head_only, bool is_1_0,
    const struct front_http_answer *answer)
{
    struct front_http_server *server = connection->server;
    struct evbuffer *output = bufferevent_get_output(connection->stream);
    struct bytes body = is_head_only ? BYTES_NONE : answer->body;
    char head[HEAD_MAX];
    size_t head_len = format_head(server, answer, is_1_0, head);
    struct front_http_sent *sent = calloc(1, sizeof(*sent));
    if (sent == NULL) {
        return false;
    }
    connection->sent_len += head_len + body.len;
    *sent = (struct front_http_sent){.end = connection->sent_len,
        .take_by_ms = base_clock_mono_ms(&server->clock) + server->limits.take_ms,
        .done = answer->done,
        .arg = answer->arg};
    STAILQ_INSERT_TAIL(&connection->unsettled, sent, links);
    connection->unsettled_count++;
    connection->look_again_ms = 1;
    connection->look_at_ms = 0;
    server->counters.octets_sent += head_len + body.len;
    server->counters.answers[answer->status / 100 % 6]++;
    return head_len > 0 && evbuffer_add(output, head, head_len) == 0 &&
           (body.len == 0 || evbuffer_add(output, body.ptr, body.len) == 0);
}

/* How many of the octets that were sent has the peer's TCP acknowledged? */
static uint64_t
acknowledged_len(const struct front_http_connection *connection)
{
    size_t unsent = evbuffer_get_length(bufferevent_get_output(connection->stream));
    uint64_t given = connection->sent_len - unsent;
    int queued = 0;
    if (ioctl(bufferevent_getfd(connection->stream), SIOCOUTQ, &queued) != 0 || queued < 0) {
        return 0;
    }
    /* Our FIN takes a place in the sequence behind the last octet. */
    uint64_t open = (uint64_t)queued;
    if (connection->has_sent_fin && open > 0) {
        open--;
    }
    return open >= given ? 0 : given - open;
}

static void
settle_one(struct front_http_connection *connection, bool is_taken)
{
    struct front_http_server *server = connection->server;
    struct front_http_sent *sent = STAILQ_FIRST(&connection->unsettled);
    STAILQ_REMOVE_HEAD(&connection->unsettled, links);
    connection->unsettled_count--;
    if (is_taken) {
        server->counters.answers_taken++;
    } else {
        server->counters.answers_lost++;
    }
    if (sent->done == NULL) {
        free(sent);
        return;
    }
    sent->is_taken = is_taken;
    STAILQ_INSERT_TAIL(&server->settled, sent, links);
    front_http_server_defer(server);
}

void
front_http_settle(struct front_http_connection *connection, bool is_over)
{
    const struct front_http_sent *first = STAILQ_FIRST(&connection->unsettled);
    if (first == NULL) {
        return;
    }
    size_t unsent = evbuffer_get_length(bufferevent_get_output(connection->stream));
    if (!is_over && first->end > connection->sent_len - unsent) {
        return; /* not even given to the socket: spare the system call */
    }
    uint64_t acknowledged = acknowledged_len(connection);
    while (first != NULL && (is_over || first->end <= acknowledged)) {
        settle_one(connection, first->end <= acknowledged);
        first = STAILQ_FIRST(&connection->unsettled);
    }
}
