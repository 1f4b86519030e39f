/* The server over real sockets on the loopback: one thread, the client in steps between turns of
 * the event loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "front/http.h"

#include "base/banned.h"

#define HELD_MAX 8

struct fixture {
    struct event_base *base;
    struct front_http_server *server;
    uint16_t port;
    bool is_holding; /* requests are kept in `held` */
    struct front_http_request *held[HELD_MAX];
    size_t held_count;
    unsigned request_count;
    unsigned gone_count;
    enum base_code gone_code;
    unsigned taken_count;
    unsigned lost_count;
    unsigned refused_status;
    char refused_line[64];
    char last_source[FRONT_HTTP_SOURCE_LEN];
    unsigned last_purpose;
    unsigned drained_count;
    bool was_cut_off;
    size_t answer_len; /* of a body of 'x'; 0: the body says what was asked */
    bool is_all_exempt;
};

static int64_t
now_ms(void)
{
    struct base_clock clock = base_clock_system();
    return base_clock_mono_ms(&clock);
}

static void
note_done(void *arg, bool is_taken)
{
    struct fixture *f = arg;
    if (is_taken) {
        f->taken_count++;
    } else {
        f->lost_count++;
    }
}

static void
answer(struct fixture *f, struct front_http_request *request)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    char text[256];
    struct bytes forwarded = BYTES_NONE;
    bool has = front_http_find_field(request, "x-forwarded-for", 1, &forwarded);
    (void)snprintf(text, sizeof(text), "%s %.*s ? %.*s : %.*s [%zu]%s%.*s",
        methods[request->method], (int)request->path.len, (const char *)request->path.ptr,
        (int)request->query.len, (const char *)request->query.ptr,
        (int)(request->body.len < 40 ? request->body.len : 40), (const char *)request->body.ptr,
        request->body.len, has ? " for " : "", (int)forwarded.len, (const char *)forwarded.ptr);
    char *large = calloc(1, f->answer_len + 1);
    assert_non_null(large);
    memset(large, 'x', f->answer_len);
    struct front_http_answer reply = {.status = 200,
        .content_type = "application/x-test",
        .body = bytes_from_text(f->answer_len > 0 ? large : text),
        .done = note_done,
        .arg = f};
    front_http_answer(request, &reply);
    free(large);
}

static void
take_request(void *arg, struct front_http_request *request)
{
    struct fixture *f = arg;
    f->request_count++;
    f->last_purpose = request->purpose;
    memcpy(f->last_source, request->source_text, sizeof(f->last_source));
    if (f->is_holding) {
        assert_true(f->held_count < HELD_MAX);
        f->held[f->held_count++] = request;
    } else {
        answer(f, request);
    }
}

static void
answer_held(struct fixture *f, size_t index)
{
    struct front_http_request *request = f->held[index];
    f->held[index] = NULL;
    answer(f, request);
}

static void
note_gone(void *arg, struct front_http_request *request, const struct base_error *why)
{
    struct fixture *f = arg;
    (void)request;
    f->gone_count++;
    f->gone_code = why->code;
}

static void
note_refused(void *arg, const struct front_http_refusal *refusal)
{
    struct fixture *f = arg;
    f->refused_status = refusal->status;
    (void)snprintf(f->refused_line, sizeof(f->refused_line), "%.*s",
        (int)(refusal->request_line.len < 60 ? refusal->request_line.len : 60),
        (const char *)refusal->request_line.ptr);
}

static bool
exempt_or_not(void *arg, const union front_http_address *source)
{
    const struct fixture *f = arg;
    assert_true(source->any.sa_family == AF_INET || source->any.sa_family == AF_INET6);
    return f->is_all_exempt;
}

static uint16_t
listen_on(
    struct fixture *f, const union front_http_address *address, socklen_t len, unsigned purpose)
{
    union front_http_address bound = *address;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (bind(fd, &address->any, len) != 0) {
        (void)close(fd);
        return 0;
    }
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, &bound.any, &len), 0);
    assert_int_equal(front_http_server_listen(f->server, fd, purpose, NULL), BASE_OK);
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

static void
start(struct fixture *f, const struct front_http_limits *limits)
{
    *f = (struct fixture){.base = event_base_new()};
    assert_non_null(f->base);
    struct front_http_options options = {.base = f->base,
        .limits = limits == NULL ? front_http_limits_default() : *limits,
        .handler = {.request = take_request,
            .gone = note_gone,
            .refused = note_refused,
            .is_exempt = exempt_or_not,
            .arg = f},
        .clock = base_clock_system(),
        .random = base_random_system()};
    assert_int_equal(front_http_server_new(&options, &f->server, NULL), BASE_OK);
    union front_http_address address = {.v4 = {.sin_family = AF_INET}};
    address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->port = listen_on(f, &address, sizeof(address.v4), 7);
    assert_true(f->port != 0);
}

static void
stop(struct fixture *f)
{
    front_http_server_free(f->server);
    event_base_free(f->base);
}

static void
turn(struct fixture *f)
{
    (void)event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static void
turn_for(struct fixture *f, int64_t ms)
{
    int64_t until = now_ms() + ms;
    do {
        turn(f);
        (void)poll(NULL, 0, 1);
    } while (now_ms() < until);
}

/* Turn until *@count is at least @wanted; at most five seconds. */
static void
turn_until(struct fixture *f, const unsigned *count, unsigned wanted)
{
    int64_t until = now_ms() + 5000;
    while (*count < wanted && now_ms() < until) {
        turn(f);
        (void)poll(NULL, 0, 1);
    }
    assert_true(*count >= wanted);
    assert_true(now_ms() < until + 1000); /* a turn that does not end is a loop that spins */
}

static int
dial_port(struct fixture *f, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    turn(f);
    return fd;
}

static int
dial(struct fixture *f)
{
    return dial_port(f, f->port);
}

static void
say_bytes(struct fixture *f, int fd, const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        ssize_t sent = send(fd, text + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            turn(f);
            (void)poll(NULL, 0, 1);
            continue;
        }
        at += (size_t)sent;
        turn(f);
    }
}

static void
say(struct fixture *f, int fd, const char *text)
{
    say_bytes(f, fd, text, strlen(text));
}

struct heard {
    char text[16384];
    size_t len;
    bool is_end; /* FIN */
    bool is_reset;
};

/* Read until @wanted stands in what was heard, or with NULL until the end; at most five seconds. */
static void
hear(struct fixture *f, int fd, const char *wanted, struct heard *heard)
{
    int64_t until = now_ms() + 5000;
    while (!heard->is_end && !heard->is_reset && now_ms() < until &&
           (wanted == NULL || strstr(heard->text, wanted) == NULL)) {
        turn(f);
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 1) != 1) {
            continue;
        }
        size_t room = sizeof(heard->text) - 1 - heard->len;
        assert_true(room > 0);
        ssize_t got = recv(fd, heard->text + heard->len, room, 0);
        heard->is_end = got == 0;
        heard->is_reset = got < 0;
        heard->len += got > 0 ? (size_t)got : 0;
        heard->text[heard->len] = '\0';
    }
    if (wanted != NULL && strstr(heard->text, wanted) == NULL) {
        fail_msg("wanted '%s', heard '%s'", wanted, heard->text);
    }
    if (wanted == NULL && !heard->is_end) {
        fail_msg("no end after '%s'", heard->text);
    }
}

static unsigned
count_of(const char *text, const char *part)
{
    unsigned count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

/* Say it, hear @status, and that the connection ends in order. */
static void
expect_refusal(struct fixture *f, const char *text, const char *status)
{
    int fd = dial(f);
    struct heard heard = {.len = 0};
    unsigned before = f->request_count;
    say(f, fd, text);
    hear(f, fd, NULL, &heard);
    if (strstr(heard.text, status) == NULL ||
        strstr(heard.text, "\r\nConnection: close\r\n") == NULL) {
        fail_msg("%s: wanted %s, heard %s", text, status, heard.text);
    }
    assert_int_equal(f->request_count, before);
    (void)close(fd);
    turn_for(f, 5);
}

static void
get_is_answered_with_a_minimal_head(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    say(&f, fd, "GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(&f, fd, "[0]", &heard);
    char date[40];
    assert_int_equal(sscanf(heard.text, "HTTP/1.1 200 OK\r\nDate: %39[^\r]\r\n", date), 1);
    struct tm parsed = {0};
    assert_non_null(strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &parsed));
    assert_int_equal(strlen(date), 29);
    int64_t behind = (int64_t)time(NULL) - (int64_t)timegm(&parsed);
    assert_true(behind >= 0 && behind < 10);
    assert_non_null(
        strstr(heard.text, "\r\nContent-Type: application/x-test\r\nContent-Length: 38\r\n"
                           "Cache-Control: no-store\r\n\r\n"
                           "GET /scep ? operation=GetCACaps :  [0]"));
    assert_string_equal(f.last_source, "127.0.0.1");
    assert_int_equal(f.last_purpose, 7);
    turn_until(&f, &f.taken_count, 1);
    const struct front_http_counters *counters = front_http_server_peek_counters(f.server);
    assert_int_equal(counters->connections_open, 1);
    assert_int_equal(counters->requests, 1);
    assert_int_equal(counters->requests_open, 0);
    assert_int_equal(counters->answers[2], 1);
    assert_int_equal(counters->answers_taken, 1);
    assert_int_equal(counters->octets_sent, heard.len);
    (void)close(fd);
    turn_for(&f, 20);
    assert_int_equal(counters->connections_open, 0);
    stop(&f);
}

static void
head_is_answered_without_a_body(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    say(&f, fd, "HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n");
    hear(&f, fd, NULL, &heard);
    assert_non_null(strstr(heard.text, "Content-Length: 16\r\n"));
    assert_non_null(strstr(heard.text, "Connection: close\r\n\r\n"));
    assert_string_equal(heard.text + heard.len - 4, "\r\n\r\n");
    (void)close(fd);
    fd = dial(&f);
    heard = (struct heard){.len = 0};
    say(&f, fd, "HEAD / HTTP/3.1\r\n\r\n");
    hear(&f, fd, NULL, &heard);
    assert_non_null(strstr(heard.text, "HTTP/1.1 505 "));
    assert_string_equal(heard.text + heard.len - 4, "\r\n\r\n");
    (void)close(fd);
    stop(&f);
}

static void
bodies_arrive_whole(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    say(&f, fd,
        "POST /a HTTP/1.1\r\nContent-Length: 5\r\nX-Forwarded-For: 1\r\nx-forwarded-for: "
        "2\r\n\r\nhe");
    turn_for(&f, 20);
    assert_int_equal(f.request_count, 0);
    say(&f, fd, "llo");
    hear(&f, fd, "POST /a ?  : hello [5] for 2", &heard);
    say(&f, fd, "POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwor");
    turn_for(&f, 5);
    say(&f, fd, "\r\n2\r\nld\r\n0\r\n\r\n");
    hear(&f, fd, "POST /b ?  : world [5]", &heard);
    (void)close(fd);
    stop(&f);
}

static void
a_body_at_the_limit_is_taken_and_one_above_refused_unread(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    size_t max = (size_t)256 * 1024;
    char *body = malloc(max);
    assert_non_null(body);
    memset(body, 'b', max);
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    say(&f, fd, "POST / HTTP/1.1\r\nContent-Length: 262144\r\n\r\n");
    say_bytes(&f, fd, body, max);
    hear(&f, fd, "[262144]", &heard);
    (void)close(fd);
    expect_refusal(
        &f, "POST / HTTP/1.1\r\nContent-Length: 262145\r\n\r\n", " 413 Content Too Large\r\n");
    assert_int_equal(f.refused_status, 413);
    assert_string_equal(f.refused_line, "POST / HTTP/1.1");
    /* One who does not wait still gets to read why: we linger. */
    fd = dial(&f);
    heard = (struct heard){.len = 0};
    say(&f, fd, "POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n");
    say_bytes(&f, fd, body, max);
    hear(&f, fd, NULL, &heard);
    assert_non_null(strstr(heard.text, " 413 "));
    (void)close(fd);
    fd = dial(&f);
    heard = (struct heard){.len = 0};
    say(&f, fd, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n40000\r\n");
    say_bytes(&f, fd, body, max);
    say(&f, fd, "\r\n1\r\n");
    hear(&f, fd, NULL, &heard);
    assert_non_null(strstr(heard.text, " 413 "));
    (void)close(fd);
    free(body);
    stop(&f);
}

static void
what_is_ambiguous_or_too_large_is_refused(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
#define POST "POST / HTTP/1.1\r\n"
    expect_refusal(
        &f, POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", " 400 Bad Request\r\n");
    expect_refusal(
        &f, POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " 400 ");
    expect_refusal(&f, POST "Content-Length : 1\r\n\r\nx", " 400 ");
    expect_refusal(&f, POST "\r\n", " 411 ");
    expect_refusal(&f, POST "Transfer-Encoding: chunked\r\n\r\nx", " 400 ");
    expect_refusal(&f, POST "Transfer-Encoding: gzip\r\n\r\nx", " 501 ");
    expect_refusal(&f, POST "Content-Length: 1\r\nExpect: x\r\n\r\n", " 417 ");
    expect_refusal(&f, "PUT / HTTP/1.1\r\n\r\n", " 405 ");
    expect_refusal(&f, "PUT / HTTP/1.1\r\n\r\n", "\r\nAllow: GET, HEAD, POST\r\n");
    expect_refusal(&f, "BREW / HTTP/1.1\r\n\r\n", " 501 ");
    expect_refusal(&f, "GET / HTTP/2.0\r\n\r\n", " 505 ");
    expect_refusal(&f, "GET / HTTP/1.1\n\n", " 400 ");
    expect_refusal(&f, "\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", " 400 ");
    char *line = malloc(70000);
    assert_non_null(line);
    memset(line, 'a', 70000);
    memcpy(line, "GET /", 5);
    line[65537] = '\0';
    expect_refusal(&f, line, " 414 URI Too Long\r\n");
    (void)snprintf(line, 70000, "GET / HTTP/1.1\r\n");
    for (unsigned i = 0; i < 101; i++) {
        memcpy(line + 16 + (size_t)4 * i, "A:\r\n", 5);
    }
    expect_refusal(&f, line, " 431 Request Header Fields Too Large\r\n");
    free(line);
    const struct front_http_counters *counters = front_http_server_peek_counters(f.server);
    uint64_t refused = 0;
    for (size_t i = 0; i < FRONT_HTTP_REFUSED_COUNT; i++) {
        refused += counters->refused[i];
    }
    assert_int_equal(refused, 15);
    assert_int_equal(counters->requests, 0);
    assert_int_equal(counters->connections_open, 0);
    stop(&f);
}

static void
empty_lines_before_a_request_are_skipped(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    say(&f, fd, "\r");
    say(&f, fd, "\n\r\nGET /a HTTP/1.1\r\n\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    hear(&f, fd, "GET /b", &heard);
    (void)close(fd);
    stop(&f);
}

static void
a_dribbled_head_meets_its_deadline(void **state)
{
    struct fixture f;
    (void)state;
    struct front_http_limits limits = front_http_limits_default();
    limits.head_ms = 150;
    limits.request_ms = 400;
    start(&f, &limits);
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    int64_t begun = now_ms();
    static const char head[] =
        "GET / HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (size_t i = 0; i < sizeof(head) - 1 && f.refused_status == 0; i++) {
        (void)send(fd, head + i, 1, MSG_NOSIGNAL);
        turn_for(&f, 10);
    }
    hear(&f, fd, NULL, &heard);
    assert_non_null(strstr(heard.text, "HTTP/1.1 408 Request Timeout\r\n"));
    assert_true(now_ms() - begun >= 150 && now_ms() - begun < 2000);
    (void)close(fd);
    /* The body has what is left of the whole request's time. */
    fd = dial(&f);
    heard = (struct heard){.len = 0};
    begun = now_ms();
    say(&f, fd, "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx");
    turn_for(&f, 250);
    say(&f, fd, "y");
    hear(&f, fd, NULL, &heard);
    assert_non_null(strstr(heard.text, "HTTP/1.1 408 "));
    assert_true(now_ms() - begun >= 400 && now_ms() - begun < 2000);
    (void)close(fd);
    stop(&f);
}

static void
an_idle_connection_is_closed_without_a_word(void **state)
{
    struct fixture f;
    (void)state;
    struct front_http_limits limits = front_http_limits_default();
    limits.idle_ms = 100;
    start(&f, &limits);
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    hear(&f, fd, NULL, &heard);
    assert_int_equal(heard.len, 0);
    (void)close(fd);
    fd = dial(&f);
    heard = (struct heard){.len = 0};
    say(&f, fd, "GET / HTTP/1.1\r\n\r\n");
    hear(&f, fd, NULL, &heard);
    assert_int_equal(count_of(heard.text, "HTTP/1.1"), 1);
    (void)close(fd);
    stop(&f);
}

static void
pipelined_requests_are_answered_in_order_one_at_a_time(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    f.is_holding = true;
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    say(&f, fd,
        "GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 1\r\n\r\nxGET /3 "
        "HTTP/1.1\r\n\r\n");
    turn_for(&f, 20);
    assert_int_equal(f.held_count, 1);
    answer_held(&f, 0);
    turn_until(&f, &f.request_count, 2);
    assert_int_equal(f.held_count, 2);
    f.is_holding = false;
    answer_held(&f, 1);
    hear(&f, fd, "GET /3", &heard);
    assert_true(strstr(heard.text, "GET /1") < strstr(heard.text, "POST /2"));
    assert_true(strstr(heard.text, "POST /2") < strstr(heard.text, "GET /3"));
    turn_until(&f, &f.taken_count, 3);
    (void)close(fd);
    stop(&f);
}

static void
fifty_pipelined_requests_get_fifty_answers(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    for (unsigned i = 0; i < 50; i++) {
        say(&f, fd, "GET /aaaa HTTP/1.1\r\n\r\n");
    }
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    hear(&f, fd, NULL, &heard);
    assert_int_equal(count_of(heard.text, "GET /aaaa"), 50);
    turn_until(&f, &f.taken_count, 50);
    (void)close(fd);
    stop(&f);
}

static void
half_close_still_gets_its_answer(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    f.is_holding = true;
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    say(&f, fd, "GET /half HTTP/1.1\r\n\r\n");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    turn_for(&f, 50);
    assert_int_equal(f.held_count, 1);
    assert_int_equal(f.gone_count, 0);
    answer_held(&f, 0);
    hear(&f, fd, NULL, &heard);
    assert_non_null(strstr(heard.text, "GET /half"));
    turn_until(&f, &f.taken_count, 1);
    (void)close(fd);
    /* Half a request is answered as well, and not handed on. */
    fd = dial(&f);
    heard = (struct heard){.len = 0};
    say(&f, fd, "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    hear(&f, fd, NULL, &heard);
    assert_non_null(strstr(heard.text, " 400 "));
    assert_int_equal(f.held_count, 1);
    (void)close(fd);
    stop(&f);
}

static void
abort_connection(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    (void)close(fd);
}

static void
a_reset_is_noticed_while_the_answer_is_pending(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    f.is_holding = true;
    int fd = dial(&f);
    say(&f, fd, "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody");
    turn_until(&f, &f.request_count, 1);
    abort_connection(fd);
    turn_until(&f, &f.gone_count, 1);
    assert_int_equal(f.gone_code, E_HTTP_CLIENT_GONE);
    assert_true(bytes_equal_text(f.held[0]->body, "body")); /* still ours */
    answer_held(&f, 0);
    assert_int_equal(f.lost_count, 0); /* never from inside front_http_answer() */
    turn_until(&f, &f.lost_count, 1);
    assert_int_equal(f.taken_count, 0);
    stop(&f);
}

static void
a_reset_is_noticed_behind_a_full_buffer_and_behind_a_fin(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    f.is_holding = true;
    int fd = dial(&f);
    say(&f, fd, "GET / HTTP/1.1\r\n\r\n");
    turn_until(&f, &f.request_count, 1);
    char more[32768];
    memset(more, 'x', sizeof(more));
    say_bytes(&f, fd, more, sizeof(more));
    turn_for(&f, 20);
    abort_connection(fd);
    turn_until(&f, &f.gone_count, 1);
    answer_held(&f, 0);
    fd = dial(&f);
    say(&f, fd, "GET / HTTP/1.1\r\n\r\n");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    turn_until(&f, &f.request_count, 2);
    turn_for(&f, 20);
    abort_connection(fd);
    turn_until(&f, &f.gone_count, 2);
    answer_held(&f, 1);
    turn_until(&f, &f.lost_count, 2);
    stop(&f);
}

static void
an_answer_to_a_closed_client_is_lost(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    f.is_holding = true;
    int fd = dial(&f);
    say(&f, fd, "GET / HTTP/1.1\r\n\r\n");
    turn_until(&f, &f.request_count, 1);
    (void)close(fd); /* a FIN, as a half-close has; our answer brings the reset */
    turn_for(&f, 20);
    assert_int_equal(f.gone_count, 0);
    answer_held(&f, 0);
    int64_t begun = now_ms();
    turn_until(&f, &f.lost_count, 1);
    assert_true(now_ms() - begun < 3000);
    stop(&f);
}

static void
a_late_answer_becomes_503(void **state)
{
    struct fixture f;
    (void)state;
    struct front_http_limits limits = front_http_limits_default();
    limits.answer_ms = 100;
    start(&f, &limits);
    f.is_holding = true;
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    say(&f, fd, "GET /late HTTP/1.1\r\n\r\n");
    hear(&f, fd, NULL, &heard);
    assert_non_null(strstr(heard.text, " 503 Service Unavailable\r\n"));
    assert_non_null(strstr(heard.text, "\r\nRetry-After: 5\r\n"));
    assert_int_equal(f.gone_count, 1);
    assert_int_equal(f.gone_code, E_HTTP_ANSWER_LATE);
    assert_true(bytes_equal_text(f.held[0]->path, "/late"));
    answer_held(&f, 0);
    turn_until(&f, &f.lost_count, 1);
    (void)close(fd);
    stop(&f);
}

static void
an_answer_that_is_not_taken_ends_at_its_deadline(void **state)
{
    struct fixture f;
    (void)state;
    struct front_http_limits limits = front_http_limits_default();
    limits.take_ms = 300;
    start(&f, &limits);
    f.answer_len = (size_t)16 * 1024 * 1024; /* more than the socket buffers of both sides hold */
    int fd = dial(&f);
    say(&f, fd, "GET / HTTP/1.1\r\n\r\n");
    turn_until(&f, &f.lost_count, 1);
    assert_int_equal(f.taken_count, 0);
    assert_int_equal(front_http_server_peek_counters(f.server)->connections_open, 0);
    (void)close(fd);
    stop(&f);
}

static void
continue_is_sent_when_asked_for_and_not_before_a_refusal(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    say(&f, fd, "POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    hear(&f, fd, "HTTP/1.1 100 Continue\r\n\r\n", &heard);
    assert_int_equal(f.request_count, 0);
    say(&f, fd, "ok");
    hear(&f, fd, ": ok [2]", &heard);
    turn_until(&f, &f.taken_count, 1);
    (void)close(fd);
    fd = dial(&f);
    heard = (struct heard){.len = 0};
    say(&f, fd, "POST / HTTP/1.1\r\nContent-Length: 999999\r\nExpect: 100-continue\r\n\r\n");
    hear(&f, fd, NULL, &heard);
    assert_null(strstr(heard.text, "100 Continue"));
    assert_non_null(strstr(heard.text, " 413 "));
    (void)close(fd);
    stop(&f);
}

static void
http_1_0_is_kept_alive_only_when_it_asks(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    say(&f, fd, "GET /one HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    hear(&f, fd, "GET /one", &heard);
    assert_non_null(strstr(heard.text, "\r\nConnection: keep-alive\r\n"));
    say(&f, fd, "GET /two HTTP/1.0\r\n\r\n");
    hear(&f, fd, NULL, &heard);
    assert_non_null(strstr(heard.text, "GET /two"));
    assert_non_null(strstr(heard.text, "\r\nConnection: close\r\n"));
    turn_until(&f, &f.taken_count, 2);
    (void)close(fd);
    stop(&f);
}

static void
too_many_connections_cost_the_longest_idle_one(void **state)
{
    struct fixture f;
    (void)state;
    struct front_http_limits limits = front_http_limits_default();
    limits.connections_max = 2;
    start(&f, &limits);
    f.is_holding = true;
    int first = dial(&f);
    int second = dial(&f);
    turn_for(&f, 10);
    int third = dial(&f);
    struct heard heard = {.len = 0};
    hear(&f, first, NULL, &heard);
    say(&f, second, "GET /2 HTTP/1.1\r\n\r\n");
    say(&f, third, "GET /3 HTTP/1.1\r\n\r\n");
    turn_until(&f, &f.request_count, 2);
    /* None is idle now. */
    int fourth = dial(&f);
    heard = (struct heard){.len = 0};
    hear(&f, fourth, NULL, &heard);
    assert_non_null(strstr(heard.text, "HTTP/1.1 503 "));
    const struct front_http_counters *counters = front_http_server_peek_counters(f.server);
    assert_int_equal(counters->connections_evicted, 1);
    assert_int_equal(counters->connections_refused, 1);
    assert_int_equal(f.refused_status, 503);
    answer_held(&f, 0);
    answer_held(&f, 1);
    (void)close(first);
    (void)close(second);
    (void)close(third);
    (void)close(fourth);
    stop(&f);
}

static void
one_source_has_its_own_limit_unless_it_is_exempt(void **state)
{
    struct fixture f;
    (void)state;
    struct front_http_limits limits = front_http_limits_default();
    limits.per_source_max = 2;
    start(&f, &limits);
    int fds[4];
    fds[0] = dial(&f);
    fds[1] = dial(&f);
    fds[2] = dial(&f);
    struct heard heard = {.len = 0};
    hear(&f, fds[2], NULL, &heard);
    assert_non_null(strstr(heard.text, "HTTP/1.1 503 "));
    (void)close(fds[0]);
    turn_for(&f, 20);
    fds[0] = dial(&f); /* the place of the one that left */
    f.is_all_exempt = true;
    fds[3] = dial(&f);
    turn_for(&f, 20);
    assert_int_equal(front_http_server_peek_counters(f.server)->connections_open, 3);
    for (size_t i = 0; i < 4; i++) {
        (void)close(fds[i]);
    }
    stop(&f);
}

static void
ipv6_is_served(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    union front_http_address address = {
        .v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT}};
    uint16_t port = listen_on(&f, &address, sizeof(address.v6), 9);
    if (port == 0) {
        stop(&f);
        skip(); /* a machine without IPv6 */
    }
    /* IPv4 through the IPv6 socket is shown as IPv4. */
    int fd = dial_port(&f, port);
    struct heard heard = {.len = 0};
    say(&f, fd, "GET / HTTP/1.1\r\n\r\n");
    hear(&f, fd, "[0]", &heard);
    assert_string_equal(f.last_source, "127.0.0.1");
    assert_int_equal(f.last_purpose, 9);
    (void)close(fd);
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    to.sin6_addr = in6addr_loopback;
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
        heard = (struct heard){.len = 0};
        say(&f, fd, "GET / HTTP/1.1\r\n\r\n");
        hear(&f, fd, "[0]", &heard);
        assert_string_equal(f.last_source, "::1");
    }
    (void)close(fd);
    stop(&f);
}

static void
note_drained(void *arg, bool was_cut_off)
{
    struct fixture *f = arg;
    f->drained_count++;
    f->was_cut_off = was_cut_off;
}

static void
drain_finishes_what_has_begun(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    f.is_holding = true;
    int idle = dial(&f);
    int busy = dial(&f);
    int begun = dial(&f);
    say(&f, busy, "GET /busy HTTP/1.1\r\n\r\n");
    say(&f, begun, "GET /begun HTT");
    turn_until(&f, &f.request_count, 1);
    front_http_server_drain(f.server, 5000, note_drained, &f);
    struct heard heard = {.len = 0};
    hear(&f, idle, NULL, &heard);
    assert_int_equal(heard.len, 0);
    (void)close(idle);
    turn_for(&f, 20);
    assert_int_equal(f.drained_count, 0);
    say(&f, begun, "P/1.1\r\n\r\n");
    turn_until(&f, &f.request_count, 2);
    answer_held(&f, 0);
    answer_held(&f, 1);
    heard = (struct heard){.len = 0};
    hear(&f, busy, NULL, &heard);
    assert_non_null(strstr(heard.text, "GET /busy"));
    assert_non_null(strstr(heard.text, "\r\nConnection: close\r\n"));
    heard = (struct heard){.len = 0};
    hear(&f, begun, NULL, &heard);
    assert_non_null(strstr(heard.text, "GET /begun"));
    (void)close(busy);
    (void)close(begun);
    turn_until(&f, &f.drained_count, 1);
    assert_false(f.was_cut_off);
    assert_int_equal(f.taken_count, 2);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(f.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_not_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    (void)close(fd);
    stop(&f);
}

static void
drain_cuts_off_at_its_deadline(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    f.is_holding = true;
    int fd = dial(&f);
    say(&f, fd, "GET / HTTP/1.1\r\n\r\n");
    turn_until(&f, &f.request_count, 1);
    front_http_server_drain(f.server, 50, note_drained, &f);
    turn_until(&f, &f.drained_count, 1);
    assert_true(f.was_cut_off);
    assert_int_equal(f.gone_count, 1);
    (void)close(fd);
    stop(&f);
    answer_held(&f, 0); /* a request outlives its server */
    assert_int_equal(f.lost_count, 0);
}

static void
drain_without_connections_ends_at_once(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    front_http_server_drain(f.server, 5000, note_drained, &f);
    assert_int_equal(f.drained_count, 0);
    turn_until(&f, &f.drained_count, 1);
    assert_false(f.was_cut_off);
    stop(&f);
}

static void
freeing_the_server_tells_everybody(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    f.is_holding = true;
    int fd = dial(&f);
    say(&f, fd, "GET / HTTP/1.1\r\n\r\n");
    turn_until(&f, &f.request_count, 1);
    f.is_holding = false;
    f.answer_len = (size_t)16 * 1024 * 1024;
    int other = dial(&f);
    say(&f, other, "GET / HTTP/1.1\r\n\r\n");
    turn_until(&f, &f.request_count, 2);
    stop(&f);
    assert_int_equal(f.gone_count, 1);
    assert_int_equal(f.lost_count, 1);
    answer_held(&f, 0);
    (void)close(fd);
    (void)close(other);
}

static void
a_descriptor_that_does_not_listen_is_refused(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    struct base_error err;
    assert_int_equal(front_http_server_listen(f.server, fd, 0, &err), E_SYSTEM);
    assert_int_equal(close(fd), -1); /* consumed */
    stop(&f);
}

static void
statuses_have_constant_answers(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, NULL);
    f.is_holding = true;
    int fd = dial(&f);
    struct heard heard = {.len = 0};
    say(&f, fd, "GET / HTTP/1.1\r\n\r\n");
    turn_until(&f, &f.request_count, 1);
    front_http_answer_status(f.held[0], 503, 17);
    hear(&f, fd, "503 Service Unavailable\n", &heard);
    assert_non_null(strstr(heard.text, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_non_null(strstr(heard.text, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(heard.text, "\r\nRetry-After: 17\r\n"));
    assert_null(strstr(heard.text, "Connection:"));
    (void)close(fd);
    stop(&f);
}

int
main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_is_answered_with_a_minimal_head),
        cmocka_unit_test(head_is_answered_without_a_body),
        cmocka_unit_test(bodies_arrive_whole),
        cmocka_unit_test(a_body_at_the_limit_is_taken_and_one_above_refused_unread),
        cmocka_unit_test(what_is_ambiguous_or_too_large_is_refused),
        cmocka_unit_test(empty_lines_before_a_request_are_skipped),
        cmocka_unit_test(a_dribbled_head_meets_its_deadline),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(pipelined_requests_are_answered_in_order_one_at_a_time),
        cmocka_unit_test(fifty_pipelined_requests_get_fifty_answers),
        cmocka_unit_test(half_close_still_gets_its_answer),
        cmocka_unit_test(a_reset_is_noticed_while_the_answer_is_pending),
        cmocka_unit_test(a_reset_is_noticed_behind_a_full_buffer_and_behind_a_fin),
        cmocka_unit_test(an_answer_to_a_closed_client_is_lost),
        cmocka_unit_test(a_late_answer_becomes_503),
        cmocka_unit_test(an_answer_that_is_not_taken_ends_at_its_deadline),
        cmocka_unit_test(continue_is_sent_when_asked_for_and_not_before_a_refusal),
        cmocka_unit_test(http_1_0_is_kept_alive_only_when_it_asks),
        cmocka_unit_test(too_many_connections_cost_the_longest_idle_one),
        cmocka_unit_test(one_source_has_its_own_limit_unless_it_is_exempt),
        cmocka_unit_test(ipv6_is_served),
        cmocka_unit_test(drain_finishes_what_has_begun),
        cmocka_unit_test(drain_cuts_off_at_its_deadline),
        cmocka_unit_test(drain_without_connections_ends_at_once),
        cmocka_unit_test(freeing_the_server_tells_everybody),
        cmocka_unit_test(a_descriptor_that_does_not_listen_is_refused),
        cmocka_unit_test(statuses_have_constant_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
