#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/own.h"

#include "base/banned.h"

/*
 * An address holds 107 octets of path; a folder of tests or of a user is soon longer. Through an
 * open folder's entry in /proc any path fits.
 */
MUST_CHECK static enum base_code
make_address(
    const char *home, int *out_folder_fd, struct sockaddr_un *out_address, struct base_error *err)
{
    OWN_FD int folder_fd = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0) {
        return base_fail_errno(err, E_HOME_MISSING, errno, "%.120s", home);
    }
    *out_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(out_address->sun_path, sizeof(out_address->sun_path), "/proc/self/fd/%d/%s",
        folder_fd, IPC_CONTROL_NAME);
    *out_folder_fd = folder_fd;
    folder_fd = -1;
    return BASE_OK;
}

enum base_code
ipc_control_listen(const char *home, int *out_fd, struct base_error *err)
{
    struct sockaddr_un address;
    struct stat about = {0};
    OWN_FD int folder_fd = -1;
    TRY(make_address(home, &folder_fd, &address, err));
    OWN_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || fstat(folder_fd, &about) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "control socket");
    }
    if (unlinkat(folder_fd, IPC_CONTROL_NAME, 0) != 0 && errno != ENOENT) {
        return base_fail_errno(err, E_SYSTEM, errno, "removing %.100s/%s", home, IPC_CONTROL_NAME);
    }
    mode_t old_mask = umask(0117);
    int status = bind(fd, (const struct sockaddr *)&address, sizeof(address));
    int error = errno;
    (void)umask(old_mask);
    if (status != 0) {
        return base_fail_errno(err, E_SYSTEM, error, "bind %.100s/%s", home, IPC_CONTROL_NAME);
    }
    /* Who may administer is said by the folder's group; without the right to give it, it is ours.
     */
    status = fchownat(folder_fd, IPC_CONTROL_NAME, (uid_t)-1, about.st_gid, AT_SYMLINK_NOFOLLOW);
    if (status != 0 && errno != EPERM) {
        return base_fail_errno(err, E_SYSTEM, errno, "group of %.100s/%s", home, IPC_CONTROL_NAME);
    }
    if (listen(fd, SOMAXCONN) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "listen %.100s/%s", home, IPC_CONTROL_NAME);
    }
    *out_fd = fd;
    fd = -1;
    return BASE_OK;
}

enum base_code
ipc_control_connect(const char *home, int *out_fd, struct base_error *err)
{
    struct sockaddr_un address;
    OWN_FD int folder_fd = -1;
    TRY(make_address(home, &folder_fd, &address, err));
    OWN_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "control socket");
    }
    int status = -1;
    do {
        status = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    } while (status != 0 && errno == EINTR);
    if (status != 0) {
        enum base_code code = errno == ENOENT || errno == ECONNREFUSED ? E_NOT_RUNNING : E_SYSTEM;
        return base_fail_errno(err, code, errno, "%.100s/%s", home, IPC_CONTROL_NAME);
    }
    *out_fd = fd;
    fd = -1;
    return BASE_OK;
}
