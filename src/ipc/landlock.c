#include "ipc/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

#include "base/banned.h"

/* linux/landlock.h of Linux 6.12, include/uapi. */
#define CREATE_RULESET_VERSION (1U << 0)
#define RULE_PATH_BENEATH 1
#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_DIR (UINT64_C(1) << 7)
#define FS_MAKE_REG (UINT64_C(1) << 8)
#define FS_VERSION_1 ((UINT64_C(1) << 13) - 1) /* all rights up to making symbolic links */
#define FS_REFER (UINT64_C(1) << 13)           /* version 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)        /* version 3 */
#define NET_BIND_TCP (UINT64_C(1) << 0)        /* version 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)     /* version 4 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15)       /* version 5 */
#define SCOPES                                                                                     \
    ((UINT64_C(1) << 0) | (UINT64_C(1) << 1)) /* version 6: abstract sockets, signals              \
                                               */

struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

struct path_beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

int
ipc_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_RULESET_VERSION);
    return version > 0 && version < 1000 ? (int)version : 0;
}

MUST_CHECK static enum base_code
allow(int ruleset_fd, const char *path, uint64_t access, uint64_t handled, struct base_error *err)
{
    OWN_FD int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        /* What is not there, or not reachable by this user, needs no permission. */
        return errno == ENOENT || errno == EACCES
                   ? BASE_OK
                   : base_fail_errno(err, E_CONFINEMENT, errno, "%.120s", path);
    }
    struct stat about = {0};
    if (fstat(fd, &about) != 0) {
        return base_fail_errno(err, E_CONFINEMENT, errno, "%.120s", path);
    }
    if (!S_ISDIR(about.st_mode)) {
        access &= FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE; /* what a file can have */
    }
    struct path_beneath rule = {access & handled, fd};
    if (syscall(SYS_landlock_add_rule, ruleset_fd, RULE_PATH_BENEATH, &rule, 0U) != 0) {
        return base_fail_errno(err, E_CONFINEMENT, errno, "landlock rule for %.120s", path);
    }
    return BASE_OK;
}

enum base_code
ipc_landlock_apply(int version, const char *const *writable, const char *const *readable,
    bool may_connect, struct base_error *err)
{
    static const uint64_t can_read = FS_READ_FILE | FS_READ_DIR;
    static const uint64_t can_write = FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_REMOVE_FILE |
                                      FS_MAKE_DIR | FS_MAKE_REG | FS_TRUNCATE;
    struct ruleset rules = {.handled_access_fs = FS_VERSION_1};
    size_t size = sizeof(uint64_t);
    rules.handled_access_fs |= version >= 2 ? FS_REFER : 0;
    rules.handled_access_fs |= version >= 3 ? FS_TRUNCATE : 0;
    rules.handled_access_fs |= version >= 5 ? FS_IOCTL_DEV : 0;
    if (version >= 4) {
        rules.handled_access_net = NET_BIND_TCP | (may_connect ? 0 : NET_CONNECT_TCP);
        size = 2 * sizeof(uint64_t);
    }
    if (version >= 6) {
        rules.scoped = SCOPES;
        size = sizeof(rules);
    }
    OWN_FD int ruleset_fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0U);
    if (ruleset_fd < 0) {
        return base_fail_errno(err, E_CONFINEMENT, errno, "landlock_create_ruleset");
    }
    for (size_t i = 0; writable[i] != NULL; i++) {
        TRY(allow(ruleset_fd, writable[i], can_write, rules.handled_access_fs, err));
    }
    for (size_t i = 0; readable[i] != NULL; i++) {
        TRY(allow(ruleset_fd, readable[i], can_read, rules.handled_access_fs, err));
    }
    if (syscall(SYS_landlock_restrict_self, ruleset_fd, 0U) != 0) {
        return base_fail_errno(err, E_CONFINEMENT, errno, "landlock_restrict_self");
    }
    return BASE_OK;
}
