/*
 * spawn.h - start a program of Kurier with exactly what it may have.
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include "supervisor/state.h"

struct supervisor_spawn {
    const char *program;         /* "kurier-front", in supervisor->program_dir */
    const char *argument;        /* NULL: none */
    struct supervisor_user user; /* whom it runs as */
    int socket_fd;               /* becomes IPC_SUPERVISOR_FD; all stay the caller's */
    int file_fd;                 /* becomes IPC_CONFIG_FD; -1: none */
    bool wants_many_files;       /* the front: one descriptor a connection */
    bool wants_locked_memory;    /* the signer: needs the limit, not the capability */
};

/* supervisor->program_dir: options, else beside our own program, else ../libexec/kurier from there.
 * Errors: E_ROLE_MISSING. */
MUST_CHECK enum base_code supervisor_spawn_find_programs(
    struct supervisor *supervisor, struct base_error *err);

/*
 * The child has descriptors 0 (nothing), 1 and 2 (our standard error), and those of ipc/types.h; no
 * other. Its environment is empty but for the language and what sanitizers and tests read. It is
 * killed when we end. Errors: E_ROLE_MISSING, E_SYSTEM.
 */
MUST_CHECK enum base_code supervisor_spawn(const struct supervisor *supervisor,
    const struct supervisor_spawn *spawn, pid_t *out_pid, struct base_error *err);

#endif
