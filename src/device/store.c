#include "device/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

#include "base/banned.h"

#define NAME_LEN 64

enum base_code
device_store_open(const char *path, int *out_fd, struct base_error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return base_fail_errno(err, E_DEVICE_FOLDER, errno, "%s", path);
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return base_fail_errno(err, E_DEVICE_FOLDER, errno, "%s", path);
    }
    *out_fd = fd;
    return BASE_OK;
}

bool
device_store_has(int folder_fd, const char *name)
{
    return faccessat(folder_fd, name, F_OK, 0) == 0;
}

enum base_code
device_store_read(int folder_fd, const char *name, struct buffer *out, struct base_error *err)
{
    OWN_FD int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return base_fail_errno(err, E_DEVICE_FOLDER, errno, "%s", name);
    }
    for (;;) {
        uint8_t *at = NULL;
        TRY(buffer_reserve(out, 4096, &at, err));
        ssize_t got = read(fd, at, 4096);
        if (got < 0) {
            return base_fail_errno(err, E_DEVICE_FOLDER, errno, "%s", name);
        }
        if (got == 0) {
            return BASE_OK;
        }
        out->len += (size_t)got;
    }
}

enum base_code
device_store_prepare(
    int folder_fd, const char *name, struct bytes content, mode_t mode, struct base_error *err)
{
    char temporary[NAME_LEN] = "";
    (void)snprintf(temporary, sizeof(temporary), "%s.tmp", name);
    OWN_FD int fd = openat(folder_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0 || fchmod(fd, mode) != 0) {
        return base_fail_errno(err, E_DEVICE_FOLDER, errno, "%s", temporary);
    }
    while (content.len > 0) {
        ssize_t written = write(fd, content.ptr, content.len);
        if (written <= 0) {
            return base_fail_errno(err, E_DEVICE_FOLDER, errno, "%s", temporary);
        }
        content = bytes_skip(content, (size_t)written);
    }
    return fsync(fd) == 0 ? BASE_OK : base_fail_errno(err, E_DEVICE_FOLDER, errno, "%s", temporary);
}

enum base_code
device_store_commit(int folder_fd, const char *name, struct base_error *err)
{
    char temporary[NAME_LEN] = "";
    (void)snprintf(temporary, sizeof(temporary), "%s.tmp", name);
    if (renameat(folder_fd, temporary, folder_fd, name) != 0 || fsync(folder_fd) != 0) {
        return base_fail_errno(err, E_DEVICE_FOLDER, errno, "%s", name);
    }
    return BASE_OK;
}

enum base_code
device_store_write(
    int folder_fd, const char *name, struct bytes content, mode_t mode, struct base_error *err)
{
    TRY(device_store_prepare(folder_fd, name, content, mode, err));
    return device_store_commit(folder_fd, name, err);
}

void
device_store_remove(int folder_fd, const char *name)
{
    (void)unlinkat(folder_fd, name, 0);
}
