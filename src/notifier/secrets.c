#include "notifier/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/text.h"
#include "notifier/limits.h"

#include "base/banned.h"

#define PATH_SIZE 2048

enum base_code
notifier_secret_path(
    const char *home, struct bytes name, char *out, size_t size, struct base_error *err)
{
    (void)snprintf(
        out, size, "%s/notifier/%.*s", home, base_size_to_int(name.len), (const char *)name.ptr);
    if (access(out, R_OK) != 0) {
        return base_fail_errno(err, E_POLICY_SECRET, errno, "%.150s", out);
    }
    return BASE_OK;
}

/* Nobody else may have read it, or have put it there. */
MUST_CHECK static enum base_code
check_file(int fd, const char *path, struct base_error *err)
{
    struct stat about = {0};
    if (fstat(fd, &about) != 0) {
        return base_fail_errno(err, E_POLICY_SECRET, errno, "%.150s", path);
    }
    if (!S_ISREG(about.st_mode)) {
        return base_fail(err, E_POLICY_SECRET, "%.150s is no file", path);
    }
    if ((about.st_mode & 077) != 0 || (about.st_uid != geteuid() && about.st_uid != 0)) {
        return base_fail(err, E_POLICY_SECRET,
            "%.150s has mode %03o and owner %u, want 600 and owner %u", path,
            (unsigned)about.st_mode & 0777, (unsigned)about.st_uid, (unsigned)geteuid());
    }
    if ((size_t)about.st_size > NOTIFIER_SECRET_MAX) {
        return base_fail(
            err, E_POLICY_SECRET, "%.150s has more than %zu octets", path, NOTIFIER_SECRET_MAX);
    }
    return BASE_OK;
}

enum base_code
notifier_secret_read(
    const char *home, struct bytes name, struct secret *out, struct base_error *err)
{
    char path[PATH_SIZE] = "";
    BUFFER_LOCAL(text, NOTIFIER_SECRET_MAX + 1);
    TRY(notifier_secret_path(home, name, path, sizeof(path), err));
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return base_fail_errno(err, E_POLICY_SECRET, errno, "%.150s", path);
    }
    TRY(check_file(fd, path, err));
    ssize_t got = 1;
    while (got > 0) {
        uint8_t *to = NULL;
        TRY(buffer_reserve(&text, 1, &to, err));
        got = read(fd, to, text.capacity - text.len);
        text.len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        return base_fail_errno(err, E_POLICY_SECRET, errno, "%.150s", path);
    }
    text.len -= text.len > 0 && text.ptr[text.len - 1] == '\n' ? 1 : 0;
    text.len -= text.len > 0 && text.ptr[text.len - 1] == '\r' ? 1 : 0;
    if (text.len == 0) {
        return base_fail(err, E_POLICY_SECRET, "%.150s is empty", path);
    }
    return secret_set(out, buffer_bytes(&text), err);
}
