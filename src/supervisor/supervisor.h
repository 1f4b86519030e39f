/*
 * supervisor.h - starts the roles, gives each its descriptors and its configuration, and starts
 * them again.
 *
 * The supervisor holds the home's lock for as long as it runs; the lock alone decides whether a
 * home is in use, and a killed process releases it. It parses nothing from outside: the
 * configuration file is read by a program of its own (kurier-config), and what arrives here are
 * typed messages. It opens the listeners, makes a socket for each pair of roles, and runs each role
 * as a system user of its own when it is root. SIGHUP reads the configuration again, SIGTERM and
 * SIGINT drain, a second one of these ends at once. It returns only when every role has ended.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "ipc/to_signer.h"

/* Of a home; the file names are in no other place. */
#define SUPERVISOR_CONFIG_NAME "kurier.yaml"
#define SUPERVISOR_LOCK_NAME "lock"

/* All is borrowed for the call. Descriptors stay the caller's; -1: none. */
struct supervisor_options {
    const char *home; /* must exist, with a configuration file in it */
    const char *const
        *listen;       /* "ADDR:PORT", NULL-terminated: in place of the file's; NULL: the file's */
    int log_fd;        /* where records go unless the configuration names a file: standard error */
    int passphrase_fd; /* see supervisor_keep_passphrase() */
    /*
     * An administrative session: ledger and signer only, no listener but the control socket. On
     * this SEQPACKET socket READY is sent when all roles are ready, or REFUSED with what went
     * wrong; the session ends when its other end is closed. -1: a server.
     */
    int session_fd;
    const char *program_dir; /* where the role programs are; NULL: found from /proc/self/exe */
    /* For `kurier init`: start the signer alone, have it make or take over the CA, end. At most
     * one. */
    const struct ipc_create_ca *create_ca;
    const struct ipc_import_ca *import_ca;
};

/*
 * Run a home to its end, or make its CA.
 *
 * Errors: E_HOME_MISSING, E_HOME_LOCKED (after 5 s), E_CONFIG_* (the detail begins with FILE:LINE),
 * E_LISTEN, E_ROLE_MISSING, E_ROLE_DIED, E_START_TIMEOUT, E_CONFINEMENT, and what a role refused to
 * start with.
 */
MUST_CHECK enum base_code supervisor_run(
    const struct supervisor_options *options, struct base_error *err);

/*
 * Is a server, or another command's session, running in @home? *out_pid is its supervisor, 0 when
 * none. Errors: E_HOME_MISSING, E_SYSTEM.
 */
MUST_CHECK enum base_code supervisor_find(const char *home, pid_t *out_pid, struct base_error *err);

/*
 * The passphrase of a pipe is gone after one reading, but a signer that is started again needs it
 * again: read @fd to its end into a memory file that can be. *out_fd is owned; give it to
 * supervisor_run() as often as needed. Errors: E_TOO_LARGE (beyond 4 KiB), E_SYSTEM.
 */
MUST_CHECK enum base_code supervisor_keep_passphrase(int fd, int *out_fd, struct base_error *err);

#endif
