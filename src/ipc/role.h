/*
 * role.h - the frame of every role's main: how a role hears its supervisor.
 *
 * A role's main calls ipc_role_start(), waits until link.fd is readable (or simply blocks) and
 * calls ipc_role_receive(), which handles exactly one message by calling one handler. When the
 * supervisor is gone the process ends. SIGINT, SIGTERM and SIGHUP are ignored in roles, because a
 * terminal or systemd sends them to all; the supervisor says DRAIN instead.
 *
 * Order of what comes after the start: peers, listeners, passphrase, then CONFIG_GENERAL (always
 * the first of a configuration), the other CONFIG messages, CONFIG_END. on_config_end confines the
 * process (ipc/confine.h, first time only), takes what came since CONFIG_GENERAL, and calls
 * ipc_role_ready() - at once, or later when it still waits for a peer.
 */
#ifndef IPC_ROLE_H
#define IPC_ROLE_H

#include <stdbool.h>

#include "base/log.h"
#include "ipc/to_role.h"

/*
 * What a role does with each message; a handler that is NULL means that the role does not take it
 * (E_IPC_UNEXPECTED ends the process, but on_listener_closed and on_drain may be NULL: nothing to
 * do, and the end with status 0). Octet strings of a message live until the handler returns. An
 * error from on_config_* or on_config_end refuses the configuration: it is answered with REFUSED
 * and, at the first start, ends the process.
 */
struct ipc_role_handlers {
    enum base_code (*on_config_general)(
        void *arg, const struct ipc_config_general *message, struct base_error *err);
    enum base_code (*on_config_endpoint)(
        void *arg, const struct ipc_config_endpoint *message, struct base_error *err);
    enum base_code (*on_config_profile)(
        void *arg, const struct ipc_config_profile *message, struct base_error *err);
    enum base_code (*on_config_ca)(
        void *arg, const struct ipc_config_ca *message, struct base_error *err);
    enum base_code (*on_config_policy)(
        void *arg, const struct ipc_config_policy *message, struct base_error *err);
    enum base_code (*on_config_proxy)(
        void *arg, const struct ipc_config_proxy *message, struct base_error *err);
    /* take_fd: the memory file of a certificate or key, -1 when there is none. */
    enum base_code (*on_config_tls)(
        void *arg, const struct ipc_config_tls *message, int take_fd, struct base_error *err);
    enum base_code (*on_config_admin)(
        void *arg, const struct ipc_config_admin *message, struct base_error *err);
    enum base_code (*on_config_account)(
        void *arg, const struct ipc_config_account *message, struct base_error *err);
    /* Take the whole configuration or nothing of it. generation is what READY carries. */
    enum base_code (*on_config_end)(void *arg, uint32_t generation, struct base_error *err);
    /* A new peer, or a new socket to one that was restarted: what was outstanding there is lost.
     * take_fd is blocking and close-on-exec. */
    enum base_code (*on_peer)(void *arg, enum ipc_role peer, int take_fd, struct base_error *err);
    enum base_code (*on_listener)(
        void *arg, const struct ipc_listener *message, int take_fd, struct base_error *err);
    /* A reload took this address away; connections that are there live on. */
    void (*on_listener_closed)(void *arg, struct bytes address);
    enum base_code (*on_passphrase)(void *arg, int take_fd, struct base_error *err);
    /* Finish and end with status 0 within deadline_ms. */
    void (*on_drain)(void *arg, uint32_t deadline_ms);
    /* Any other message of the supervisor (CREATE_CA, IMPORT_CA); frame->fd is still the frame's.
     */
    enum base_code (*on_other)(void *arg, const struct ipc_frame *frame, struct base_error *err);
};

struct ipc_role_link {
    int fd; /* readable when ipc_role_receive() has something to do */
    enum ipc_role role;
    struct base_log log; /* ready after ipc_role_start(); its level follows the configuration */
    const struct ipc_role_handlers *handlers;
    void *arg;
    bool is_configured;        /* a configuration was taken before: a refusal does not end us */
    bool is_config_begun;      /* between CONFIG_GENERAL and CONFIG_END */
    bool is_config_bad;        /* something since CONFIG_GENERAL was refused */
    struct base_error refusal; /* why */
    uint32_t generation;
    enum base_log_level next_level; /* of the configuration that is coming in */
    char home[IPC_TEXT_MAX + 1];    /* of the last CONFIG_GENERAL */
    struct ipc_frame frame;
};

/* "front", "ledger", ... static. */
const char *ipc_role_name(enum ipc_role role);

/*
 * Take over the descriptors of the start (IPC_SUPERVISOR_FD, IPC_LOG_FD), tie this process' life to
 * its parent's, set the signals. @link, @handlers, @arg live as long as the process.
 */
MUST_CHECK enum base_code ipc_role_start(struct ipc_role_link *link, enum ipc_role role,
    const struct ipc_role_handlers *handlers, void *arg, struct base_error *err);

/*
 * Handle one message; blocks when there is none. Does not return when the supervisor is gone. After
 * an error, which is in the log already, the process must end with status 1.
 */
MUST_CHECK enum base_code ipc_role_receive(struct ipc_role_link *link, struct base_error *err);

/* READY for the configuration of the last on_config_end. */
MUST_CHECK enum base_code ipc_role_ready(struct ipc_role_link *link, struct base_error *err);
/* REFUSED, for a role that finds only after on_config_end that it cannot work. */
MUST_CHECK enum base_code ipc_role_refuse(
    struct ipc_role_link *link, const struct base_error *why, struct base_error *err);

/*
 * The socket to @peer failed and is closed: log it (event=peer_lost) and ask for a new one, which
 * comes to on_peer. When its owner ended (E_PEER_CLOSED) the supervisor knows. Any thread.
 */
void ipc_role_lost_peer(
    const struct ipc_role_link *link, enum ipc_role peer, const struct base_error *why);

#endif
