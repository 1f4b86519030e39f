#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "config/config.h"
#include "config/load.h"

#include "base/banned.h"

enum base_code
config_file_read(int fd, const char *name, struct buffer *out, struct base_error *err)
{
    for (;;) {
        uint8_t *to = NULL;
        if (buffer_reserve(out, 4096, &to, err) != BASE_OK) {
            return base_fail(
                err, E_CONFIG_LIMIT, "%.120s has more than %zu octets", name, CONFIG_FILE_MAX);
        }
        ssize_t got = read(fd, to, 4096);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return base_fail_errno(err, E_CONFIG_MISSING, errno, "%.120s", name);
        }
        if (got == 0) {
            return BASE_OK;
        }
        out->len += (size_t)got;
    }
}

enum base_code
config_check(const char *path, struct base_error *err)
{
    OWN_STRUCT(config_settings) settings = config_settings_new();
    BUFFER_LOCAL(text, CONFIG_FILE_MAX + 4096);
    if (settings == NULL) {
        return base_fail(err, E_NO_MEMORY, "configuration");
    }
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return base_fail_errno(err, E_CONFIG_MISSING, errno, "%.120s", path);
    }
    TRY(config_file_read(fd, path, &text, err));
    return config_load(buffer_bytes(&text), path, settings, err);
}

MUST_CHECK static enum base_code
write_all(int fd, struct bytes content, const char *path, struct base_error *err)
{
    while (content.len > 0) {
        ssize_t written = write(fd, content.ptr, content.len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return base_fail_errno(err, E_SYSTEM, errno, "writing %.120s", path);
        }
        content = bytes_skip(content, (size_t)written);
    }
    if (fsync(fd) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "writing %.120s", path);
    }
    return BASE_OK;
}

enum base_code
config_write_default(const char *path, struct base_error *err)
{
    BUFFER_LOCAL(text, CONFIG_TEXT_MAX);
    TRY(config_default_text(&text, err));
    /* Not for everybody to read: a static challenge may be written into it. */
    OWN_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        return base_fail_errno(
            err, errno == EEXIST ? E_CONFIG_EXISTS : E_SYSTEM, errno, "%.120s", path);
    }
    enum base_code code = write_all(fd, buffer_bytes(&text), path, err);
    if (code != BASE_OK) {
        (void)unlink(path); /* half a file would be taken for a whole one */
    }
    return code;
}
