#include "ledger/connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include "ledger/control.h"

#include "base/banned.h"

void
ledger_connections_init(struct ledger_connections *connections)
{
    for (size_t i = 0; i < LEDGER_CONNECTIONS_MAX; i++) {
        connections->list[i] = (struct ledger_connection){.fd = -1};
    }
}

size_t
ledger_connections_count(const struct ledger_connections *connections)
{
    size_t count = 0;
    for (size_t i = 0; i < LEDGER_CONNECTIONS_MAX; i++) {
        count += connections->list[i].fd >= 0 ? 1 : 0;
    }
    return count;
}

void
ledger_connections_accept(struct ledger_connections *connections, int listener_fd)
{
    struct ledger_connection made = {.fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC)};
    struct base_error err;
    if (made.fd < 0) {
        return;
    }
    for (size_t i = 0; i < LEDGER_CONNECTIONS_MAX; i++) {
        if (connections->list[i].fd < 0 &&
            ipc_peer_credentials(made.fd, &made.peer, &err) == BASE_OK) {
            connections->list[i] = made;
            return;
        }
    }
    (void)close(made.fd);
}

static void
log_question(const struct ledger *ledger, struct ledger_connection *connection, uint16_t type)
{
    struct base_log_record record;
    if (connection->told == type) {
        return;
    }
    connection->told = type;
    base_log_begin(&record, ledger->log, BASE_LOG_INFO, "administration", BYTES_NONE);
    base_log_word(&record, "question", ledger_control_question_name(type));
    base_log_number(&record, "pid", connection->peer.pid);
    base_log_number(&record, "uid", connection->peer.uid);
    base_log_number(&record, "gid", connection->peer.gid);
    base_log_end(&record);
}

void
ledger_connection_serve(
    struct ledger *ledger, struct ledger_connection *connection, struct ipc_frame *frame)
{
    struct base_error err;
    enum base_code code = ipc_receive(connection->fd, frame, &err);
    if (code == BASE_OK) {
        log_question(ledger, connection, ipc_frame_type(frame));
        code = ledger_control_take(ledger, connection->fd, frame, &err);
        if (frame->fd >= 0) {
            (void)close(frame->fd);
        }
    }
    if (code == BASE_OK) {
        return;
    }
    if (code != E_PEER_CLOSED) {
        base_log_error(ledger->log, BASE_LOG_WARN, "administration_refused", &err);
    }
    (void)close(connection->fd);
    *connection = (struct ledger_connection){.fd = -1};
}
