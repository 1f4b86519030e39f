/*
 * landlock.h - the folders that a process may still reach, by the kernel's Landlock.
 *
 * By raw system calls and our own copy of the constants: the headers of the build machine may be
 * older than the kernel that we run on. The kernel is asked which version it has; the files in /sys
 * are not looked at, because a container may hide them.
 */
#ifndef IPC_LANDLOCK_H
#define IPC_LANDLOCK_H

#include <stdbool.h>

#include "base/error.h"

/* The kernel's version of Landlock, 0: it has none, or it is switched off. */
int ipc_landlock_version(void);

/*
 * Allow everything below the folders of @writable, reading of @readable (files or folders), and no
 * other file; no TCP bind, and unless may_connect no connect, where the kernel can refuse them.
 * Both lists end with NULL; a path that does not exist is left out. Needs no_new_privs. Errors:
 * E_CONFINEMENT.
 */
MUST_CHECK enum base_code ipc_landlock_apply(int version, const char *const *writable,
    const char *const *readable, bool may_connect, struct base_error *err);

#endif
