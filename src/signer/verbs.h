/*
 * verbs.h - who may ask what: the only way from a socket to a key.
 *
 * The socket is the asker. A message that is unknown, malformed, or not this asker's is an error
 * and ends that socket; so does a front's that names a CA or RA which does not exist. A refusal
 * within a verb's own rules is its answer.
 */
#ifndef SIGNER_VERBS_H
#define SIGNER_VERBS_H

#include "signer/signer.h"

/* Handle one message of @asker, answering on @socket_fd. @signer as void, to fit
 * signer_on_message. Errors: E_IPC_UNEXPECTED, E_IPC_FIELD, E_SIGNER_PROFILE, E_PEER_CLOSED, and
 * faults of our own. */
MUST_CHECK enum base_code signer_handle(void *signer, enum ipc_role asker, int socket_fd,
    const struct ipc_frame *frame, struct base_error *err);

#endif
