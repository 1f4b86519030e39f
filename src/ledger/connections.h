/*
 * connections.h - those who administer: accepted from the home's control socket, asked one question
 * after the other, and in the log with who they are and what they asked.
 */
#ifndef LEDGER_CONNECTIONS_H
#define LEDGER_CONNECTIONS_H

#include "ipc/channel.h"
#include "ledger/ledger.h"

#define LEDGER_CONNECTIONS_MAX 32 /* at once. Beyond: closed */

struct ledger_connection {
    int fd; /* -1: free */
    struct ipc_credentials peer;
    uint16_t told; /* type of the question that the log has last; 0: none */
};

struct ledger_connections {
    struct ledger_connection list[LEDGER_CONNECTIONS_MAX];
};

void ledger_connections_init(struct ledger_connections *connections);
size_t ledger_connections_count(const struct ledger_connections *connections);
void ledger_connections_accept(struct ledger_connections *connections, int listener_fd);
/* One question, received into @frame; the connection ends when it is none. The pages of one list
 * are the same question, and once in the log. */
void ledger_connection_serve(
    struct ledger *ledger, struct ledger_connection *connection, struct ipc_frame *frame);

#endif
