/*
 * confine_tables.h - which system calls a role may use, as text that can be read and reviewed.
 * Read when Kurier is built (tools/filters.c), and in no role.
 */
#ifndef IPC_CONFINE_TABLES_H
#define IPC_CONFINE_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "ipc/types.h"

struct ipc_syscall_table {
    enum ipc_role role;
    const char *allowed;    /* names, separated by blanks, beside those of ipc_syscalls_common */
    bool may_start_threads; /* clone(2), with CLONE_THREAD only */
};

#define IPC_SYSCALL_TABLES 5
extern const struct ipc_syscall_table ipc_syscall_tables[IPC_SYSCALL_TABLES];

extern const char ipc_syscalls_common[];
extern const char ipc_syscalls_sanitizer[]; /* sanitizer builds only */
extern const char ipc_syscalls_deadly[];    /* kill the process */

/* The families of which the notifier may make a socket. */
extern const unsigned long ipc_notifier_families[3];

/* The ioctl(2) requests of front and notifier: octets that the peer has not acknowledged
 * (SIOCOUTQ), octets that can be read (FIONREAD), blocking or not (FIONBIO). */
extern const unsigned long ipc_front_ioctls[3];

#endif
