/*
 * confine.h - what a role may still do after it has started.
 *
 * A role opens what it must, then calls ipc_confine() once, before the first octet from a peer is
 * read. From then on: no new privileges, no core dump, not traceable, a seccomp filter with one
 * program per role (confine_tables.c says what is in it), and, where the kernel has Landlock, only
 * the named folders. A filter denies with EPERM; what only an attacker would try (execve, ptrace,
 * ...) kills the process. seccomp must be there. The absence of the rest is logged as a warning, or
 * is E_CONFINEMENT when the configuration says `confinement: strict`.
 */
#ifndef IPC_CONFINE_H
#define IPC_CONFINE_H

#include <stdbool.h>

#include "base/log.h"
#include "ipc/types.h"

/* Paths are absolute, borrowed for the call, and need not all exist. */
#define IPC_CONFINE_PATHS_MAX 8

struct ipc_confinement {
    enum ipc_role role;                          /* chooses the seccomp table */
    const char *writable[IPC_CONFINE_PATHS_MAX]; /* folders, everything below; NULL: no more */
    const char *readable[IPC_CONFINE_PATHS_MAX]; /* files or folders; NULL: no more */
    bool may_connect;                            /* TCP outward: the notifier */
    bool is_memory_locked;                       /* mlockall(2): the signer */
    bool is_strict;                              /* an absent feature is an error */
};

/*
 * Confine this process, all of its threads to come, for good. Logs event=confined. Call it while
 * there is one thread only.
 * Errors: E_CONFINEMENT.
 */
MUST_CHECK enum base_code ipc_confine(
    const struct ipc_confinement *confinement, const struct base_log *log, struct base_error *err);

#ifdef KURIER_TEST_HOOKS
/*
 * Try from inside what must not work, each logged as event=confinement_probe action=... result=...
 * (the errno's name, or "allowed"). role.c calls it when the supervisor says PROBE.
 */
void ipc_confine_probe(const struct base_log *log, const char *home);
#endif

#endif
