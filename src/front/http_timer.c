#include <poll.h>

#include "front/http_connection.h"

#include "base/banned.h"

/* A connection that is not read from is asked this often whether it was reset. */
#define PROBE_MS 1000
/* Acknowledgements are looked for after 2 ms, 4 ms, ... and at least this often. */
#define LOOK_MAX_MS 512

/* Reset, not merely closed: the kernel would go on offering the rest to a peer that does not take
 * it. */
static void
reset(struct front_http_connection *connection)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(
        bufferevent_getfd(connection->stream), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    front_http_set_phase(connection, FRONT_HTTP_ENDED);
}

/* Is there something to deliver while nothing is read, so that the event loop sees no reset? */
static bool
is_deaf(const struct front_http_connection *connection)
{
    bool owes = connection->phase == FRONT_HTTP_IN_HANDLER || connection->unsettled_count > 0;
    return owes && !connection->is_reading;
}

static bool
was_reset(const struct front_http_connection *connection)
{
    struct pollfd asked = {.fd = bufferevent_getfd(connection->stream)};
    if (poll(&asked, 1, 0) != 1) {
        return false;
    }
    /* When both sides have sent their FIN, a hang-up is no news. */
    short bad = connection->has_sent_fin ? POLLERR : POLLERR | POLLHUP;
    return (asked.revents & bad) != 0;
}

/* When the present phase ends by itself; monotonic milliseconds. */
static int64_t
phase_deadline_ms(const struct front_http_connection *connection)
{
    const struct front_http_limits *limits = &connection->server->limits;
    int64_t request_by_ms = connection->begun_ms + limits->request_ms;
    int64_t head_by_ms = connection->begun_ms + limits->head_ms;
    switch (connection->phase) {
    case FRONT_HTTP_HANDSHAKE:
        return connection->phase_since_ms + limits->head_ms;
    case FRONT_HTTP_IDLE:
        return connection->phase_since_ms + limits->idle_ms;
    case FRONT_HTTP_IN_HEAD:
        return head_by_ms < request_by_ms ? head_by_ms : request_by_ms;
    case FRONT_HTTP_IN_BODY:
        return request_by_ms;
    case FRONT_HTTP_IN_HANDLER:
        return connection->phase_since_ms + limits->answer_ms;
    case FRONT_HTTP_LINGER:
        return connection->phase_since_ms + limits->linger_ms;
    case FRONT_HTTP_ENDED:
    default:
        return INT64_MAX;
    }
}

static void
keep_phase_deadline(struct front_http_connection *connection)
{
    struct base_error error;
    switch (connection->phase) {
    case FRONT_HTTP_HANDSHAKE:
        front_http_handshake_failed(connection, true);
        break;
    case FRONT_HTTP_IN_HEAD:
    case FRONT_HTTP_IN_BODY:
        (void)base_fail(&error, E_HTTP_TIMEOUT, "the %s was not complete in time",
            connection->phase == FRONT_HTTP_IN_HEAD ? "head" : "body");
        (void)front_http_refuse(connection, &error);
        break;
    case FRONT_HTTP_IN_HANDLER:
        front_http_answer_late(connection);
        break;
    case FRONT_HTTP_IDLE:
    case FRONT_HTTP_LINGER:
        /* Answers on their way have a deadline of their own. */
        if (connection->unsettled_count == 0) {
            front_http_set_phase(connection, FRONT_HTTP_ENDED);
        }
        break;
    case FRONT_HTTP_ENDED:
    default:
        break;
    }
}

void
front_http_keep_deadlines(struct front_http_connection *connection)
{
    int64_t now = front_http_now_ms(connection);
    front_http_settle(connection, false);
    const struct front_http_sent *first = STAILQ_FIRST(&connection->unsettled);
    if (connection->phase == FRONT_HTTP_ENDED) {
        return;
    }
    if (first != NULL && now >= first->take_by_ms) {
        reset(connection);
    } else if (is_deaf(connection) && was_reset(connection)) {
        front_http_set_phase(connection, FRONT_HTTP_ENDED);
    } else if (now >= phase_deadline_ms(connection)) {
        keep_phase_deadline(connection);
    }
}

static int64_t
earlier(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

void
front_http_set_timer(struct front_http_connection *connection)
{
    int64_t now = front_http_now_ms(connection);
    const struct front_http_sent *first = STAILQ_FIRST(&connection->unsettled);
    int64_t at = phase_deadline_ms(connection);
    bool is_settling_first = first != NULL && (connection->phase == FRONT_HTTP_IDLE ||
                                                  connection->phase == FRONT_HTTP_LINGER);
    if (is_settling_first && at <= now) {
        at = INT64_MAX; /* over, but for the acknowledgement */
    }
    if (first != NULL) {
        at = earlier(at, first->take_by_ms);
        if (front_http_output_len(connection) == 0) {
            if (connection->look_at_ms <= now) {
                connection->look_again_ms = earlier(connection->look_again_ms * 2, LOOK_MAX_MS);
                connection->look_at_ms = now + connection->look_again_ms;
            }
            at = earlier(at, connection->look_at_ms);
        }
    }
    if (is_deaf(connection)) {
        at = earlier(at, now + PROBE_MS);
    }
    if (at >= connection->timer_at_ms) {
        return; /* one that fires too early costs less than moving it */
    }
    int64_t wait_ms = at > now ? at - now : 1;
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    if (event_add(connection->timer, &wait) == 0) {
        connection->timer_at_ms = at;
    }
}
