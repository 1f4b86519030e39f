#include "store/sqlite/sqlite_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

#include "base/banned.h"

OWNER(sqlite3, (void)sqlite3_close)

/* Room for the longest ending that is put behind a path. */
#define NAME_MAX_LEN (PATH_MAX + 16)

static enum base_code
name_beside(const char *path, const char *ending, char out[NAME_MAX_LEN], struct base_error *err)
{
    int len = snprintf(out, NAME_MAX_LEN, "%s%s", path, ending);
    if (len < 0 || len >= NAME_MAX_LEN) {
        return base_fail(err, E_STORE_UNAVAILABLE, "the database's path is too long");
    }
    return BASE_OK;
}

/* A log without its database means that the database was lost, not that there was none. */
static enum base_code
refuse_orphan(const char *path, const char *ending, struct base_error *err)
{
    char name[NAME_MAX_LEN];
    TRY(name_beside(path, ending, name, err));
    if (access(name, F_OK) == 0) {
        return base_fail(err, E_STORE_CORRUPT, "%.200s is there without its database", name);
    }
    return BASE_OK;
}

static enum base_code
remove_file(const char *path, const char *ending, struct base_error *err)
{
    char name[NAME_MAX_LEN];
    TRY(name_beside(path, ending, name, err));
    if (unlink(name) != 0 && errno != ENOENT) {
        return base_fail_errno(err, E_STORE_UNAVAILABLE, errno, "removing %.150s", name);
    }
    return BASE_OK;
}

static enum base_code
make_file(const char *name, struct base_error *err)
{
    OWN_FD int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return base_fail_errno(err, E_STORE_UNAVAILABLE, errno, "making %.150s", name);
    }
    return BASE_OK;
}

static enum base_code
sync_folder_of(const char *path, struct base_error *err)
{
    char folder[NAME_MAX_LEN];
    TRY(name_beside(path, "", folder, err));
    char *end = strrchr(folder, '/');
    if (end == NULL) {
        (void)snprintf(folder, sizeof(folder), ".");
    } else {
        end[end == folder ? 1 : 0] = '\0';
    }
    OWN_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return base_fail_errno(err, E_STORE_UNAVAILABLE, errno, "syncing %.150s", folder);
    }
    return BASE_OK;
}

static enum base_code
fill(const char *name, struct base_error *err)
{
    OWN(sqlite3) db = NULL;
    if (sqlite3_open_v2(name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
            SQLITE_OK ||
        sqlite3_exec(db,
            "PRAGMA page_size=4096; PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL;"
            "PRAGMA temp_store=MEMORY;",
            NULL, NULL, NULL) != SQLITE_OK) {
        return store_sqlite_fail(err, db, name);
    }
    return store_sqlite_migrate(db, true, err);
}

/*
 * Made under another name and renamed when it is whole: a process that is killed meanwhile leaves
 * nothing that could be taken for an empty ledger.
 */
enum base_code
store_sqlite_create(const char *path, struct base_error *err)
{
    char name[NAME_MAX_LEN];
    if (access(path, F_OK) == 0) {
        return BASE_OK;
    }
    TRY(refuse_orphan(path, "-wal", err));
    TRY(refuse_orphan(path, "-journal", err));
    TRY(name_beside(path, ".new", name, err));
    TRY(remove_file(path, ".new", err));
    TRY(remove_file(path, ".new-journal", err));
    TRY(make_file(name, err));
    TRY(fill(name, err));
    if (rename(name, path) != 0) {
        return base_fail_errno(err, E_STORE_UNAVAILABLE, errno, "naming %.150s", path);
    }
    return sync_folder_of(path, err);
}
