/*
 * state.h - what a running supervisor knows; shared by the files of this room only.
 */
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/log.h"
#include "ipc/to_role.h"
#include "supervisor/limits.h"
#include "supervisor/supervisor.h"

/* The order of draining: who takes new work first. */
enum supervisor_index {
    SUPERVISOR_FRONT,
    SUPERVISOR_LEDGER,
    SUPERVISOR_NOTIFIER,
    SUPERVISOR_SIGNER,
    SUPERVISOR_ROLES
};

/* Whom a role runs as. */
struct supervisor_user {
    bool is_switched; /* we are root and the user exists */
    uid_t uid;
    gid_t gid;
};

struct supervisor_role {
    enum ipc_role role;
    const char *program; /* "kurier-front" */
    bool is_wanted;      /* in a session without listeners the front is not; the notifier is while
                            there are policies */
    struct supervisor_user user;
    pid_t pid;        /* 0: not running */
    int fd;           /* its supervisor socket; -1: none */
    bool is_ready;    /* it took configuration `generation` */
    bool has_refused; /* and why */
    struct base_error refusal;
    uint32_t generation; /* of the configuration that it was sent last */
    int64_t started_ms;  /* all instants on the monotonic clock */
    int64_t deadline_ms; /* ready by then, or ended by then while draining; 0: none */
    int64_t restart_ms;  /* start it again then; 0: no */
    int64_t deaths_ms[SUPERVISOR_DEATHS]; /* the last ones, a ring */
    unsigned death_count;
    unsigned loss_count; /* PEER_LOST since it was started */
    int64_t backoff_ms;
};

struct supervisor_listener {
    int fd;
    uint8_t purpose;
    uint8_t tls; /* enum ipc_tls; sockets of --listen and of socket activation have none */
    char address[IPC_TEXT_MAX + 1]; /* as it was asked for: the key of a reload */
    char actual[IPC_TEXT_MAX + 1];  /* with the port that the system chose */
};

struct supervisor_listeners {
    struct supervisor_listener list[SUPERVISOR_LISTENERS_MAX];
    size_t count;
};

enum supervisor_phase {
    SUPERVISOR_STARTING,
    SUPERVISOR_RUNNING,
    SUPERVISOR_RELOADING, /* `next` was sent, and not every role has answered */
    SUPERVISOR_STOPPING,
};

struct supervisor_config; /* config_step.h */

struct supervisor {
    const struct supervisor_options *options;
    struct base_log log;
    char home[IPC_TEXT_MAX + 1];        /* absolute */
    char program_dir[IPC_TEXT_MAX + 1]; /* absolute */
    int lock_fd;
    int signal_fd;
    int control_fd;
    int passphrase_fd; /* a file that can be read again; -1: none */
    int log_file_fd;   /* -1: the log is options->log_fd */
    bool is_root;
    struct supervisor_role roles[SUPERVISOR_ROLES];
    struct supervisor_listeners listeners;
    struct supervisor_listeners next_listeners;
    struct supervisor_config *config; /* owned; what the roles run on */
    struct supervisor_config *next;   /* owned; NULL unless a reload is under way */
    uint32_t generation;              /* the last that was sent */
    enum supervisor_phase phase;
    bool is_reload_wanted;
    bool is_stop_hurried;
    unsigned draining;         /* index of the role that drains */
    struct base_error failure; /* why it stops; code BASE_OK: it was asked to */
    bool is_ca_made;           /* CA_CREATED has come */
};

int64_t supervisor_now_ms(const struct supervisor *supervisor);

#endif
