#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#include "base/banned.h"

#define HEAD_MAX 4096
#define TRIES 3

struct connection {
    int fd;
    struct load_item *item; /* NULL: idle */
    size_t sent;
    char head[HEAD_MAX];
    size_t head_len;
    bool is_body;
    bool is_chunked; /* the reply holds the chunks until they are whole */
    size_t body_left;
    double began_s;
    int tries;
    bool is_dribbling;
};

struct run {
    const struct load_options *options;
    struct load_item *items;
    unsigned count;
    unsigned next;
    unsigned done;
    int epoll_fd;
    double start_s;
    struct connection *connections;
    unsigned *idle; /* stack of connections without an item */
    unsigned idle_count;
};

double
load_now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
end(const char *what)
{
    (void)fprintf(stderr, "kurier-load: %s: %s\n", what, strerror(errno));
    exit(3);
}

static int
connect_to(const struct load_options *options, bool is_blocking)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (is_blocking ? 0 : SOCK_NONBLOCK), 0);
    if (fd < 0 || inet_pton(AF_INET, options->host, &address.sin_addr) != 1) {
        end("socket");
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
        errno != EINPROGRESS) {
        end("connect");
    }
    return fd;
}

static void
watch(struct run *run, struct connection *connection, int how, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(run->epoll_fd, how, connection->fd, &event) != 0) {
        end("epoll_ctl");
    }
}

static void
open_connection(struct run *run, struct connection *connection)
{
    connection->fd = connect_to(run->options, false);
    watch(run, connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT | EPOLLET);
}

static void
reopen(struct run *run, struct connection *connection)
{
    (void)close(connection->fd);
    open_connection(run, connection);
}

static void
send_more(struct run *run, struct connection *connection)
{
    const struct buffer *request = &connection->item->request;
    while (connection->sent < request->len) {
        ssize_t n = send(connection->fd, request->ptr + connection->sent,
            request->len - connection->sent, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN || errno == ENOTCONN) {
                return;
            }
            return; /* the reading side sees it */
        }
        connection->sent += (size_t)n;
    }
    (void)run;
}

static void
begin(struct run *run, struct connection *connection, struct load_item *item)
{
    connection->item = item;
    connection->sent = 0;
    connection->head_len = 0;
    connection->is_body = false;
    connection->tries = 0;
    connection->began_s = run->options->rate > 0 ? item->due_s : load_now_s();
    if (run->options->is_fresh) {
        reopen(run, connection);
    }
    send_more(run, connection);
}

static void
finish(struct run *run, struct connection *connection, int status)
{
    struct load_item *item = connection->item;
    item->status = status;
    item->took_s = load_now_s() - connection->began_s;
    connection->item = NULL;
    run->done++;
    run->idle[run->idle_count++] = (unsigned)(connection - run->connections);
}

/* A kept connection that the server closed before it read: asked again, as every client does. */
static void
lost(struct run *run, struct connection *connection)
{
    if (connection->item == NULL) {
        if (!run->options->is_fresh) {
            reopen(run, connection);
        }
        return;
    }
    if (++connection->tries > TRIES) {
        finish(run, connection, 0);
        reopen(run, connection);
        return;
    }
    connection->sent = 0;
    connection->head_len = 0;
    connection->is_body = false;
    reopen(run, connection);
}

/* The chunks that the reply holds (RFC 9112, section 7.1) become their content; false: the last is
 * not there yet. */
static bool
join_chunks(struct buffer *reply)
{
    size_t from = 0;
    size_t to = 0;
    for (int pass = 0; pass < 2; pass++) { /* whole? then moved together */
        from = 0;
        for (size_t len = 1; len > 0;) {
            const uint8_t *line = reply->ptr + from;
            const uint8_t *line_end = memchr(line, '\n', reply->len - from);
            if (line_end == NULL) {
                return false;
            }
            len = strtoul((const char *)line, NULL, 16);
            from += (size_t)(line_end - line) + 1;
            if (len > reply->len - from || reply->len - from - len < 2) {
                return false;
            }
            if (pass == 1) {
                memmove(reply->ptr + to, reply->ptr + from, len);
                to += len;
            }
            from += len + 2;
        }
    }
    reply->len = to;
    return true;
}

/* Status and length out of the head; false: not whole yet. */
static bool
read_head(struct connection *connection, int *out_status, bool *out_is_closing)
{
    connection->head[connection->head_len] = '\0';
    char *blank = strstr(connection->head, "\r\n\r\n");
    if (blank == NULL) {
        return false;
    }
    const char *length = strcasestr(connection->head, "\r\nContent-Length:");
    *out_status = (int)strtol(connection->head + 9, NULL, 10);
    *out_is_closing = strcasestr(connection->head, "\r\nConnection: close") != NULL;
    connection->is_chunked =
        strcasestr(connection->head, "\r\nTransfer-Encoding: chunked\r\n") != NULL;
    size_t want = connection->is_chunked ? SIZE_MAX
                  : length == NULL       ? 0
                                         : (size_t)strtoul(length + 17, NULL, 10);
    size_t have = connection->head_len - (size_t)(blank + 4 - connection->head);
    struct base_error err;
    have = have < want ? have : want;
    buffer_reset(&connection->item->reply);
    if (buffer_append(&connection->item->reply, (struct bytes){(const uint8_t *)blank + 4, have},
            &err) != BASE_OK) {
        end("reply");
    }
    connection->is_body = true;
    connection->body_left = want - have;
    return true;
}

static void
receive(struct run *run, struct connection *connection)
{
    static char octets[65536];
    int status = 0;
    bool is_closing = false;
    for (;;) {
        ssize_t n = 0;
        if (connection->item == NULL) {
            n = recv(connection->fd, octets, sizeof(octets), 0);
        } else if (!connection->is_body) {
            n = recv(connection->fd, connection->head + connection->head_len,
                HEAD_MAX - 1 - connection->head_len, 0);
        } else {
            size_t most =
                connection->body_left < sizeof(octets) ? connection->body_left : sizeof(octets);
            n = recv(connection->fd, octets, most, 0);
        }
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            lost(run, connection);
            return;
        }
        if (connection->item == NULL) {
            continue;
        }
        struct base_error err;
        if (!connection->is_body) {
            connection->head_len += (size_t)n;
            if (!read_head(connection, &status, &is_closing)) {
                continue;
            }
            connection->item->status = status;
        } else {
            connection->body_left -= (size_t)n;
            if (buffer_append(&connection->item->reply,
                    (struct bytes){(const uint8_t *)octets, (size_t)n}, &err) != BASE_OK) {
                end("reply");
            }
        }
        if (connection->body_left == 0 ||
            (connection->is_chunked && join_chunks(&connection->item->reply))) {
            finish(run, connection, connection->item->status);
            return;
        }
    }
}

static void
start_due(struct run *run)
{
    double now = load_now_s();
    while (run->next < run->count && run->idle_count > 0) {
        struct load_item *item = &run->items[run->next];
        if (run->options->rate > 0 && item->due_s > now) {
            return;
        }
        run->next++;
        begin(run, &run->connections[run->idle[--run->idle_count]], item);
    }
}

static void
dribble(struct run *run, struct connection *slow, unsigned count)
{
    static const char text[] = "POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: a\r\nX-Slow: "
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (unsigned i = 0; i < count; i++) {
        struct connection *connection = &slow[i];
        if (connection->fd < 0) {
            connection->fd = connect_to(run->options, false);
            connection->sent = 0;
        }
        if (!connection->is_dribbling) {
            continue;
        }
        if (send(connection->fd, text + connection->sent % (sizeof(text) - 1), 1, MSG_NOSIGNAL) <
                0 &&
            errno != EAGAIN) {
            (void)close(connection->fd);
            connection->fd = -1;
        }
        connection->sent++;
    }
}

static int
wait_ms(const struct run *run)
{
    if (run->options->rate <= 0 || run->next == run->count) {
        return 100;
    }
    double ms = (run->items[run->next].due_s - load_now_s()) * 1000;
    return ms <= 0 ? (run->idle_count > 0 ? 0 : 1) : ms > 100 ? 100 : (int)ms;
}

static void
prepare(struct run *run)
{
    unsigned connections = run->options->connections;
    run->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    run->connections = calloc(connections, sizeof(*run->connections));
    run->idle = calloc(connections, sizeof(*run->idle));
    if (run->epoll_fd < 0 || run->connections == NULL || run->idle == NULL) {
        end("memory");
    }
    for (unsigned i = 0; i < connections; i++) {
        open_connection(run, &run->connections[i]);
        run->idle[run->idle_count++] = i;
    }
}

double
load_run(const struct load_options *options, struct load_item *items, unsigned count)
{
    struct run run = {.options = options, .items = items, .count = count};
    struct epoll_event events[64];
    unsigned slow_count = options->dribbling + options->idle;
    struct connection *slow = calloc(slow_count + 1, sizeof(*slow));
    for (unsigned i = 0; slow != NULL && i < slow_count; i++) {
        slow[i].fd = -1;
        slow[i].is_dribbling = i < options->dribbling;
    }
    prepare(&run);
    run.start_s = load_now_s() + (options->rate > 0 ? 0.05 : 0);
    double slow_next_s = run.start_s;
    for (unsigned i = 0; i < count; i++) {
        items[i].due_s = run.start_s + (options->rate > 0 ? (double)i / options->rate : 0);
        items[i].status = 0;
    }
    while (run.done < count) {
        if (slow != NULL && slow_count > 0 && load_now_s() >= slow_next_s) {
            dribble(&run, slow, slow_count);
            slow_next_s += 1;
        }
        start_due(&run);
        int ready = epoll_wait(run.epoll_fd, events, 64, wait_ms(&run));
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection->item != NULL && (events[i].events & EPOLLOUT) != 0) {
                send_more(&run, connection);
            }
            if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
                receive(&run, connection);
            }
        }
    }
    double took = load_now_s() - run.start_s;
    for (unsigned i = 0; i < options->connections; i++) {
        (void)close(run.connections[i].fd);
    }
    for (unsigned i = 0; slow != NULL && i < slow_count; i++) {
        if (slow[i].fd >= 0) {
            (void)close(slow[i].fd);
        }
    }
    (void)close(run.epoll_fd);
    free(run.connections);
    free(run.idle);
    free(slow);
    return took;
}

int
load_fetch(const struct load_options *options, const char *target, struct buffer *body)
{
    char request[512];
    char octets[65536];
    size_t len = 0;
    int fd = connect_to(options, true);
    int n = snprintf(
        request, sizeof(request), "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", target, options->host);
    if (n < 0 || send(fd, request, (size_t)n, MSG_NOSIGNAL) != n) {
        end("send");
    }
    for (;;) {
        ssize_t got = recv(fd, octets + len, sizeof(octets) - 1 - len, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    (void)close(fd);
    octets[len] = '\0';
    const char *blank = strstr(octets, "\r\n\r\n");
    struct base_error err;
    if (blank == NULL ||
        buffer_append(body,
            (struct bytes){(const uint8_t *)blank + 4, len - (size_t)(blank + 4 - octets)},
            &err) != BASE_OK) {
        end("answer");
    }
    return (int)strtol(octets + 9, NULL, 10);
}
