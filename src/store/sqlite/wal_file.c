#include "store/sqlite/wal_file.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Some 30 frames. A larger commit is written in several pieces. (SQLite's VFS for Unix cuts what it
 * writes at once to 17 bits, so 128 KiB would become nothing.) */
#define GATHERED_MAX 126976
_Static_assert(GATHERED_MAX < 1 << 17, "what the VFS writes at once");

/* The system's file stands behind it in the same memory. */
struct wal_file {
    sqlite3_file base;
    sqlite3_file *real;
    uint8_t *gathered; /* owned */
    sqlite3_int64 from;
    int len;
};

static struct wal_file *
of(sqlite3_file *file)
{
    return (struct wal_file *)file;
}

/* A write that fails is told to whoever waits for it, and what was gathered is dropped: it was of a
 * transaction that is rolled back now. */
static int
flush(struct wal_file *file)
{
    int len = file->len;
    file->len = 0;
    return len == 0 ? SQLITE_OK
                    : file->real->pMethods->xWrite(file->real, file->gathered, len, file->from);
}

static int
close_file(sqlite3_file *base)
{
    struct wal_file *file = of(base);
    int flushed = flush(file);
    int closed = file->real->pMethods->xClose(file->real);
    free(file->gathered);
    file->gathered = NULL;
    return flushed == SQLITE_OK ? closed : flushed;
}

static int
read_file(sqlite3_file *base, void *out, int len, sqlite3_int64 from)
{
    struct wal_file *file = of(base);
    bool is_apart = from + len <= file->from || from >= file->from + file->len;
    int status = is_apart ? SQLITE_OK : flush(file);
    return status == SQLITE_OK ? file->real->pMethods->xRead(file->real, out, len, from) : status;
}

static int
write_file(sqlite3_file *base, const void *octets, int len, sqlite3_int64 from)
{
    struct wal_file *file = of(base);
    if (file->len > 0 && (from != file->from + file->len || len > GATHERED_MAX - file->len)) {
        int status = flush(file);
        if (status != SQLITE_OK) {
            return status;
        }
    }
    if (len > GATHERED_MAX) {
        return file->real->pMethods->xWrite(file->real, octets, len, from);
    }
    if (file->len == 0) {
        file->from = from;
    }
    memcpy(file->gathered + file->len, octets, (size_t)len);
    file->len += len;
    return SQLITE_OK;
}

static int
truncate_file(sqlite3_file *base, sqlite3_int64 size)
{
    int status = flush(of(base));
    return status == SQLITE_OK ? of(base)->real->pMethods->xTruncate(of(base)->real, size) : status;
}

static int
sync_file(sqlite3_file *base, int flags)
{
    int status = flush(of(base));
    return status == SQLITE_OK ? of(base)->real->pMethods->xSync(of(base)->real, flags) : status;
}

static int
size_of_file(sqlite3_file *base, sqlite3_int64 *out_size)
{
    int status = flush(of(base));
    return status == SQLITE_OK ? of(base)->real->pMethods->xFileSize(of(base)->real, out_size)
                               : status;
}

static int
lock_file(sqlite3_file *base, int kind)
{
    return of(base)->real->pMethods->xLock(of(base)->real, kind);
}

static int
unlock_file(sqlite3_file *base, int kind)
{
    return of(base)->real->pMethods->xUnlock(of(base)->real, kind);
}

static int
check_lock(sqlite3_file *base, int *out_is_reserved)
{
    return of(base)->real->pMethods->xCheckReservedLock(of(base)->real, out_is_reserved);
}

static int
control_file(sqlite3_file *base, int operation, void *arg)
{
    return of(base)->real->pMethods->xFileControl(of(base)->real, operation, arg);
}

static int
sector_size(sqlite3_file *base)
{
    return of(base)->real->pMethods->xSectorSize(of(base)->real);
}

static int
characteristics(sqlite3_file *base)
{
    return of(base)->real->pMethods->xDeviceCharacteristics(of(base)->real);
}

static const sqlite3_io_methods methods = {.iVersion = 1,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = size_of_file,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = check_lock,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics};

static int
open_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *base, int flags, int *out_flags)
{
    sqlite3_vfs *real = vfs->pAppData;
    if ((flags & SQLITE_OPEN_WAL) == 0) {
        return real->xOpen(real, name, base, flags, out_flags);
    }
    struct wal_file *file = of(base);
    memset(file, 0, sizeof(*file));
    file->real = (sqlite3_file *)(void *)(file + 1);
    int status = real->xOpen(real, name, file->real, flags, out_flags);
    if (status != SQLITE_OK) {
        return status; /* base.pMethods is NULL: SQLite will not close it */
    }
    file->gathered = malloc(GATHERED_MAX);
    if (file->gathered == NULL) {
        (void)file->real->pMethods->xClose(file->real);
        return SQLITE_NOMEM;
    }
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

enum base_code
store_sqlite_wal_file_register(struct base_error *err)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (real == NULL) {
        return base_fail(err, E_STORE_UNAVAILABLE, "SQLite has no VFS");
    }
    if (sqlite3_vfs_find(STORE_SQLITE_VFS) != NULL) {
        return BASE_OK;
    }
    sqlite3_vfs *vfs = malloc(sizeof(*vfs)); /* lives as long as the process: SQLite keeps it */
    if (vfs == NULL) {
        return base_fail(err, E_NO_MEMORY, "VFS");
    }
    *vfs = *real;
    vfs->pNext = NULL;
    vfs->zName = STORE_SQLITE_VFS;
    vfs->pAppData = real;
    vfs->xOpen = open_file;
    vfs->szOsFile = real->szOsFile + (int)sizeof(struct wal_file);
    if (sqlite3_vfs_register(vfs, 0) != SQLITE_OK) {
        free(vfs);
        return base_fail(err, E_STORE_UNAVAILABLE, "SQLite takes no VFS");
    }
    return BASE_OK;
}
