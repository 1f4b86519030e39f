#include <errno.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "front/http_connection.h"
#include "front/tls.h"

#include "base/banned.h"

/* Read over of a plain request, so that its sender gets to reading our answer. */
#define PLAIN_MAX ((size_t)64 * 1024)

struct bufferevent *
front_http_stream_new(struct front_http_server *server, evutil_socket_t fd, struct front_tls *tls,
    struct ssl_st **out_tls)
{
    *out_tls = NULL;
    if (tls == NULL) {
        return bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    }
    SSL *session = front_tls_session(tls);
    if (session == NULL) {
        return NULL;
    }
    struct bufferevent *stream = bufferevent_openssl_socket_new(
        server->base, fd, session, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (stream == NULL) {
        SSL_free(session);
        return NULL;
    }
    *out_tls = session;
    return stream;
}

bool
front_http_end_output(struct front_http_connection *connection, bool *out_is_lost)
{
    if (connection->tls != NULL && SSL_is_init_finished(connection->tls)) {
        ERR_clear_error();
        int status = SSL_shutdown(connection->tls);
        int why = status < 0 ? SSL_get_error(connection->tls, status) : SSL_ERROR_NONE;
        ERR_clear_error();
        if (why == SSL_ERROR_WANT_WRITE) {
            return false; /* the timer of the linger phase looks again */
        }
    }
    *out_is_lost = shutdown(bufferevent_getfd(connection->stream), SHUT_WR) != 0;
    return !*out_is_lost;
}

void
front_http_handshake_done(struct front_http_connection *connection)
{
    connection->handshake_ms = front_http_now_ms(connection) - connection->phase_since_ms;
    front_http_set_phase(connection, FRONT_HTTP_IDLE);
}

static void
tell(struct front_http_connection *connection, unsigned status, const struct base_error *error)
{
    struct front_http_server *server = connection->server;
    if (server->handler.refused != NULL) {
        const struct front_http_refusal refusal = {
            status, error, connection->source_text, connection->purpose, BYTES_NONE};
        server->handler.refused(server->handler.arg, &refusal);
    }
}

/* The client sent a request where a handshake should be: it can read a plain answer only. */
static void
answer_plain(struct front_http_connection *connection)
{
    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
        "Content-Length: 65\r\nConnection: close\r\n\r\n"
        "400 Bad Request\nThis address speaks TLS: write https in the URL.\n";
    int fd = bufferevent_getfd(connection->stream);
    char dropped[4096];
    size_t total = 0;
    ssize_t got = 1;
    ssize_t sent = send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent;
    (void)shutdown(fd, SHUT_WR);
    while (got > 0 && total < PLAIN_MAX) {
        got = recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT);
        total += got > 0 ? (size_t)got : 0;
    }
}

void
front_http_handshake_failed(struct front_http_connection *connection, bool is_late)
{
    struct base_error error;
    unsigned long number = bufferevent_get_openssl_error(connection->stream);
    int reason = number == 0 ? 0 : ERR_GET_REASON(number);
    if (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST) {
        (void)base_fail(&error, E_TLS_PLAIN, "a plain request");
        answer_plain(connection);
        tell(connection, 400, &error);
    } else if (is_late) {
        (void)base_fail(&error, E_TLS_HANDSHAKE, "it was not over in time");
        tell(connection, 0, &error);
    } else if (number != 0) {
        const char *text = ERR_reason_error_string(number);
        (void)base_fail(&error, E_TLS_HANDSHAKE, "%s", text == NULL ? "refused" : text);
        tell(connection, 0, &error);
    } /* else the client went away, as those do that only look whether somebody listens */
    ERR_clear_error();
    front_http_set_phase(connection, FRONT_HTTP_ENDED);
}
