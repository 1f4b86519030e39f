/*
 * peers.h - the sockets to front and ledger, and the threads that read them.
 *
 * Private-key operations are what the machine's cores are for, so each peer has as many threads as
 * there are cores, all blocking in a receive on the one socket: the kernel hands each message to
 * one of them, which handles it whole and answers. A message that is not understood ends that
 * socket for all of its threads. A new socket to a peer replaces the old one, whose other end died;
 * its threads end by themselves.
 */
#ifndef SIGNER_PEERS_H
#define SIGNER_PEERS_H

#include "base/own.h"
#include "ipc/channel.h"
#include "ipc/role.h"

struct signer_peers;

/*
 * Handle one message and answer on @socket_fd. Runs in many threads at once. Octets and descriptor
 * of @frame are borrowed. An error ends the connection, and the supervisor is asked for another.
 */
typedef enum base_code (*signer_on_message)(void *arg, enum ipc_role asker, int socket_fd,
    const struct ipc_frame *frame, struct base_error *err);

/* @role lives as long as the process. @worker_count: threads for each peer, 1 to
 * SIGNER_WORKER_MAX. NULL without memory. It is never freed: threads use it until the process ends.
 */
struct signer_peers *signer_peers_new(
    signer_on_message on_message, void *arg, size_t worker_count, const struct ipc_role_link *role);

/* A socket to @peer (IPC_FRONT or IPC_LEDGER), consumed. Read from only after
 * signer_peers_start(). Errors: E_IPC_UNEXPECTED (another role), E_SYSTEM, E_NO_MEMORY. */
MUST_CHECK enum base_code signer_peers_connect(
    struct signer_peers *peers, enum ipc_role peer, int take_fd, struct base_error *err);
/* From now on messages are read. Errors: E_SYSTEM. */
MUST_CHECK enum base_code signer_peers_start(struct signer_peers *peers, struct base_error *err);
/* Tell the present socket of @peer. Errors: E_PEER_CLOSED when there is none. */
MUST_CHECK enum base_code signer_peers_send(struct signer_peers *peers, enum ipc_role peer,
    const struct ipc_spec *spec, const void *message, struct base_error *err);
/* Take no more messages; returns when all that was received is answered, or after @deadline_ms. */
void signer_peers_drain(struct signer_peers *peers, uint32_t deadline_ms);

#endif
