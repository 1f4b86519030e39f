/*
 * wal_file.h - a VFS whose write-ahead log is written in large pieces.
 *
 * SQLite writes each frame of a commit with two calls, a header of 24 octets and a page. Here what
 * is contiguous is gathered and written with one call, at the latest before the log is synced, read
 * or cut: nobody can see the difference but the kernel. Everything else is the system's own VFS.
 */
#ifndef STORE_SQLITE_WAL_FILE_H
#define STORE_SQLITE_WAL_FILE_H

#include <sqlite3.h>

#include "base/error.h"

#define STORE_SQLITE_VFS "kurier-wal"

/* Registers the VFS with SQLite, once for the process. Errors: E_NO_MEMORY, E_STORE_UNAVAILABLE. */
MUST_CHECK enum base_code store_sqlite_wal_file_register(struct base_error *err);

#endif
