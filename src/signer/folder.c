#include "signer/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"

#include "base/banned.h"

MUST_CHECK static enum base_code
check_folder(int fd, const char *path, struct base_error *err)
{
    struct stat about = {0};
    if (fstat(fd, &about) != 0) {
        return base_fail_errno(err, E_SIGNER_KEY_FILE, errno, "%.180s", path);
    }
    if ((about.st_mode & 022) != 0) {
        return base_fail(err, E_SIGNER_KEY_FILE, "%.180s may be written to by others (mode %03o)",
            path, (unsigned)about.st_mode & 0777U);
    }
    if (about.st_uid != geteuid()) {
        return base_fail(err, E_SIGNER_KEY_FILE, "%.180s belongs to user %u, not to us (%u)", path,
            (unsigned)about.st_uid, (unsigned)geteuid());
    }
    return BASE_OK;
}

enum base_code
signer_folder_open(const char *home, int *out_fd, struct base_error *err)
{
    char path[1100] = "";
    if (snprintf(path, sizeof(path), "%s/signer", home) >= (int)sizeof(path)) {
        return base_fail(err, E_SIGNER_KEY_FILE, "the home's path is too long");
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return base_fail_errno(err, E_SIGNER_KEY_FILE, errno, "make %.180s", path);
    }
    OWN_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return base_fail_errno(err, E_SIGNER_KEY_FILE, errno, "open %.180s", path);
    }
    TRY(check_folder(fd, path, err));
    *out_fd = fd;
    fd = -1;
    return BASE_OK;
}

static bool
is_letter_or_digit(uint8_t octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
           (octet >= '0' && octet <= '9');
}

enum base_code
signer_key_uri_read(struct bytes uri, char out_name[SIGNER_FILE_NAME_MAX], struct base_error *err)
{
    static const char scheme[] = "file:";
    const size_t scheme_len = sizeof(scheme) - 1;
    if (uri.len <= scheme_len || memcmp(uri.ptr, scheme, scheme_len) != 0) {
        return base_fail(err, E_SIGNER_KEY_FILE, "a key is named by file:NAME");
    }
    struct bytes name = bytes_skip(uri, scheme_len);
    if (name.len >= SIGNER_FILE_NAME_MAX - 8 || name.ptr[0] == '.') {
        return base_fail(err, E_SIGNER_KEY_FILE, "the key file's name is too long or hidden");
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t octet = name.ptr[i];
        if (!is_letter_or_digit(octet) && octet != '-' && octet != '_' && octet != '.') {
            return base_fail(err, E_SIGNER_KEY_FILE,
                "a key file's name has letters, digits, '-', '_' and '.' only");
        }
    }
    memcpy(out_name, name.ptr, name.len);
    out_name[name.len] = '\0';
    return BASE_OK;
}

bool
signer_name_is_valid(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t octet = name.ptr[i];
        if (!is_letter_or_digit(octet) && octet != '-') {
            return false;
        }
        if (octet >= 'A' && octet <= 'Z') {
            return false;
        }
    }
    return name.len > 0;
}

bool
signer_file_exists(int folder_fd, const char *name)
{
    struct stat about = {0};
    return fstatat(folder_fd, name, &about, AT_SYMLINK_NOFOLLOW) == 0;
}

MUST_CHECK static enum base_code
check_file(int fd, const char *name, bool is_secret, size_t *out_size, struct base_error *err)
{
    struct stat about = {0};
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        return base_fail(err, E_SIGNER_KEY_FILE, "%s is not a regular file", name);
    }
    if (is_secret && (about.st_mode & 077) != 0) {
        return base_fail(err, E_SIGNER_KEY_FILE,
            "%s is open to others (mode %03o, want 600): if they may have read it, make a new key",
            name, (unsigned)about.st_mode & 0777U);
    }
    if (about.st_uid != geteuid()) {
        return base_fail(err, E_SIGNER_KEY_FILE, "%s belongs to user %u, not to us (%u)", name,
            (unsigned)about.st_uid, (unsigned)geteuid());
    }
    if (about.st_size < 0 || (uint64_t)about.st_size > SIGNER_FILE_MAX) {
        return base_fail(err, E_TOO_LARGE, "%s has more than %zu octets", name, SIGNER_FILE_MAX);
    }
    *out_size = (size_t)about.st_size;
    return BASE_OK;
}

enum base_code
signer_file_read(
    int folder_fd, const char *name, bool is_secret, struct buffer *out, struct base_error *err)
{
    size_t size = 0;
    uint8_t *to = NULL;
    OWN_FD int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return base_fail_errno(err, E_SIGNER_KEY_FILE, errno, "open %s", name);
    }
    TRY(check_file(fd, name, is_secret, &size, err));
    TRY(buffer_reserve(out, size, &to, err));
    size_t have = 0;
    while (have < size) {
        ssize_t got = read(fd, to + have, size - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return base_fail_errno(err, E_SIGNER_KEY_FILE, got < 0 ? errno : EIO, "read %s", name);
        }
        have += (size_t)got;
    }
    out->len += size;
    return BASE_OK;
}

MUST_CHECK static enum base_code
write_whole(int fd, const char *name, struct bytes content, struct base_error *err)
{
    while (content.len > 0) {
        ssize_t written = write(fd, content.ptr, content.len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return base_fail_errno(
                err, E_SIGNER_KEY_FILE, written < 0 ? errno : EIO, "write %s", name);
        }
        content = bytes_skip(content, (size_t)written);
    }
    if (fchmod(fd, 0600) != 0 || fsync(fd) != 0) {
        return base_fail_errno(err, E_SIGNER_KEY_FILE, errno, "sync %s", name);
    }
    return BASE_OK;
}

enum base_code
signer_file_write(int folder_fd, const char *name, struct bytes content, struct base_error *err)
{
    char fresh[SIGNER_FILE_NAME_MAX + 8] = "";
    (void)snprintf(fresh, sizeof(fresh), ".%s.new", name);
    TRY(signer_file_remove(folder_fd, fresh, err)); /* of an attempt that was cut short */
    OWN_FD int fd =
        openat(folder_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return base_fail_errno(err, E_SIGNER_KEY_FILE, errno, "make %s", fresh);
    }
    TRY(write_whole(fd, name, content, err));
    if (renameat(folder_fd, fresh, folder_fd, name) != 0 || fsync(folder_fd) != 0) {
        return base_fail_errno(err, E_SIGNER_KEY_FILE, errno, "rename to %s", name);
    }
    return BASE_OK;
}

enum base_code
signer_file_remove(int folder_fd, const char *name, struct base_error *err)
{
    if (unlinkat(folder_fd, name, 0) != 0 && errno != ENOENT) {
        return base_fail_errno(err, E_SIGNER_KEY_FILE, errno, "remove %s", name);
    }
    return BASE_OK;
}
