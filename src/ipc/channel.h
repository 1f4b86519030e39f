/*
 * channel.h - one SEQPACKET socket between two roles: who is at its other end is decided by who was
 * given it.
 */
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

#include "ipc/codec.h"

/* Two connected SEQPACKET sockets, close-on-exec, with room for IPC_IN_FLIGHT_MAX messages. Errors:
 * E_SYSTEM. */
MUST_CHECK enum base_code ipc_channel_pair(int out_fds[2], struct base_error *err);

/*
 * How many requests one role may have outstanding with one other. Kept below what the socket's
 * buffer holds, so that no role ever blocks on an answer that nobody reads.
 */
#define IPC_IN_FLIGHT_MAX 64

/* Send one frame (and frame->fd when it is not -1, which stays the caller's). Errors:
 * E_PEER_CLOSED, E_PEER_BUSY (only with a non-blocking socket), E_SYSTEM. */
MUST_CHECK enum base_code ipc_send_frame(
    int socket_fd, const struct ipc_frame *frame, struct base_error *err);
/* Encode and send. @pass_fd -1 or a descriptor that stays the caller's. */
MUST_CHECK enum base_code ipc_send(int socket_fd, const struct ipc_spec *spec, const void *message,
    int pass_fd, struct base_error *err);
/* Receive one frame; frame->fd is the caller's to close when it is not -1.
 * Errors: E_PEER_CLOSED at the end, E_PEER_BUSY when a non-blocking socket has none, E_IPC_FIELD
 * when cut off. */
MUST_CHECK enum base_code ipc_receive(
    int socket_fd, struct ipc_frame *frame, struct base_error *err);
/* The same without waiting, whatever the socket is: E_PEER_BUSY when there is none. */
MUST_CHECK enum base_code ipc_receive_now(
    int socket_fd, struct ipc_frame *frame, struct base_error *err);

/* The sender's process, user and group on a Unix socket. Errors: E_SYSTEM. */
struct ipc_credentials {
    int64_t pid;
    int64_t uid;
    int64_t gid;
};
MUST_CHECK enum base_code ipc_peer_credentials(
    int socket_fd, struct ipc_credentials *out, struct base_error *err);

/*
 * The control socket of a home (SEQPACKET, mode 0660, group of the folder), and a connection to it.
 * A home's path may be longer than a socket's address can be. Listening replaces a stale socket:
 * only who holds the home's lock may. Errors: E_SYSTEM; connecting: E_NOT_RUNNING when nobody
 * listens.
 */
#define IPC_CONTROL_NAME "control.sock"
MUST_CHECK enum base_code ipc_control_listen(const char *home, int *out_fd, struct base_error *err);
MUST_CHECK enum base_code ipc_control_connect(
    const char *home, int *out_fd, struct base_error *err);

/* A sealed memory file with @content, for what is larger than a frame (a CRL); *out_fd is owned. */
MUST_CHECK enum base_code ipc_blob_new(struct bytes content, int *out_fd, struct base_error *err);
/* Read a whole memory file into @out (bounded by its maximum). Errors: E_TOO_LARGE, E_SYSTEM. */
MUST_CHECK enum base_code ipc_blob_read(int fd, struct buffer *out, struct base_error *err);

#endif
