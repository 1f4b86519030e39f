/*
 * address.h - listen addresses and networks as an administrator writes them.
 *
 * Numbers only: a name would have to be resolved at start, and would listen somewhere else
 * tomorrow.
 */
#ifndef IPC_ADDRESS_H
#define IPC_ADDRESS_H

#include <sys/socket.h>

#include "base/bytes.h"

/* "127.0.0.1:8080" or "[::1]:8080"; port 0 to 65535 (0: the system chooses). Errors: E_TEXT_FORMAT.
 */
MUST_CHECK enum base_code ipc_address_parse(struct bytes text, struct sockaddr_storage *out_address,
    socklen_t *out_len, struct base_error *err);

/* The same text of a socket address, for logs; "?" for what is no internet address. */
#define IPC_ADDRESS_TEXT_LEN 64
void ipc_address_text(const struct sockaddr_storage *address, char out[IPC_ADDRESS_TEXT_LEN]);

/* "10.0.0.0/8", "fd00::/8", or one address. Errors: E_TEXT_FORMAT. */
MUST_CHECK enum base_code ipc_network_check(struct bytes text, struct base_error *err);

#endif
