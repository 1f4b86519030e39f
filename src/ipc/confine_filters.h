/*
 * confine_filters.h - the seccomp program of each role, made when Kurier is built.
 *
 * tools/filters.c makes confine_filters.c in the build directory from confine_tables.c, with
 * libseccomp. A role loads its program as it is: nothing is computed, and no memory asked for,
 * at the moment on which its confinement depends.
 */
#ifndef IPC_CONFINE_FILTERS_H
#define IPC_CONFINE_FILTERS_H

#include <linux/filter.h>
#include <stddef.h>

#include "ipc/types.h"

#define IPC_FILTER_MAX 1024 /* instructions */

/* Stands where the process's own number belongs; above any that Linux gives. */
#define IPC_FILTER_PID_MARK 0x4B555249U

struct ipc_filter {
    enum ipc_role role;
    const struct sock_filter *program; /* static */
    size_t len;                        /* instructions, at most IPC_FILTER_MAX */
    size_t pid_at;                     /* the one instruction whose k is IPC_FILTER_PID_MARK */
};

extern const struct ipc_filter ipc_filters[];
extern const size_t ipc_filter_count;

#endif
