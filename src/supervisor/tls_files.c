#include "supervisor/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "supervisor/listeners.h"

#include "base/banned.h"

MUST_CHECK static enum base_code
copy_whole(int from_fd, int to_fd, size_t size, const char *path, struct base_error *err)
{
    while (size > 0) {
        ssize_t moved = sendfile(to_fd, from_fd, NULL, size);
        if (moved < 0 && errno == EINTR) {
            continue;
        }
        if (moved <= 0) {
            return base_fail_errno(err, E_TLS_FILE, moved < 0 ? errno : EIO, "%.150s", path);
        }
        size -= (size_t)moved;
    }
    return BASE_OK;
}

/* O_NONBLOCK: a pipe by that name must not hold us up. */
MUST_CHECK static enum base_code
open_copy(
    const struct supervisor *supervisor, const char *name, int *out_fd, struct base_error *err)
{
    char path[2 * IPC_TEXT_MAX + 8] = "";
    struct stat about = {0};
    (void)snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : supervisor->home,
        name[0] == '/' ? "" : "/", name);
    OWN_FD int file_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file_fd < 0 || fstat(file_fd, &about) != 0) {
        return base_fail_errno(err, E_TLS_FILE, errno, "%.150s", path);
    }
    if (!S_ISREG(about.st_mode) || about.st_size <= 0 ||
        (uint64_t)about.st_size > SUPERVISOR_TLS_FILE_MAX) {
        return base_fail(
            err, E_TLS_FILE, "%.150s is no file of 1 to %zu octets", path, SUPERVISOR_TLS_FILE_MAX);
    }
    OWN_FD int copy_fd = memfd_create("kurier-tls", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy_fd < 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "memfd_create");
    }
    TRY(copy_whole(file_fd, copy_fd, (size_t)about.st_size, path, err));
    if (fcntl(copy_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) !=
        0) {
        return base_fail_errno(err, E_SYSTEM, errno, "sealing a memory file");
    }
    *out_fd = copy_fd;
    copy_fd = -1;
    return BASE_OK;
}

enum base_code
supervisor_tls_open(
    const struct supervisor *supervisor, struct supervisor_config *config, struct base_error *err)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].tls == IPC_TLS_FILES) {
            TRY(open_copy(supervisor, config->listeners[i].certificate,
                &config->listeners[i].certificate_fd, err));
            TRY(open_copy(supervisor, config->listeners[i].key, &config->listeners[i].key_fd, err));
        }
    }
    return BASE_OK;
}

static void
close_one(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

void
supervisor_tls_close(struct supervisor_config *config)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        close_one(&config->listeners[i].certificate_fd);
        close_one(&config->listeners[i].key_fd);
    }
}

enum base_code
supervisor_tls_send(const struct supervisor *supervisor, const struct supervisor_config *config,
    const struct supervisor_role *role, struct base_error *err)
{
    const struct supervisor_listeners *open_now =
        config == supervisor->next ? &supervisor->next_listeners : &supervisor->listeners;
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct supervisor_listener *listener =
            supervisor_listeners_find(open_now, config->listeners[i].address);
        if (listener == NULL || listener->tls == IPC_TLS_NONE) {
            continue; /* --listen or socket activation stand in its place */
        }
        struct ipc_config_tls message = {.address = bytes_from_text(listener->actual),
            .tls = listener->tls,
            .names = bytes_from_text(config->listeners[i].names),
            .ca = bytes_from_text(config->listeners[i].ca)};
        if (listener->tls == IPC_TLS_OWN) {
            if (role->role == IPC_FRONT || role->role == IPC_SIGNER) {
                TRY(ipc_send(role->fd, &ipc_config_tls_spec, &message, -1, err));
            }
        } else if (role->role == IPC_FRONT) {
            message.part = IPC_TLS_CERTIFICATE;
            message.path = bytes_from_text(config->listeners[i].certificate);
            TRY(ipc_send(role->fd, &ipc_config_tls_spec, &message,
                config->listeners[i].certificate_fd, err));
            message.part = IPC_TLS_KEY;
            message.path = bytes_from_text(config->listeners[i].key);
            TRY(ipc_send(
                role->fd, &ipc_config_tls_spec, &message, config->listeners[i].key_fd, err));
        }
    }
    return BASE_OK;
}
