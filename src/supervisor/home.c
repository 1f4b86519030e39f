#include "supervisor/home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "base/text.h"

#include "base/banned.h"

OWNER(DIR, (void)closedir)

enum base_code
supervisor_home_find(struct supervisor *supervisor, struct base_error *err)
{
    const char *home = supervisor->options->home;
    struct stat about = {0};
    OWN_MEMORY char *real = realpath(home, NULL);
    if (real == NULL || stat(real, &about) != 0) {
        return base_fail_errno(err, E_HOME_MISSING, errno, "%.150s", home);
    }
    if (!S_ISDIR(about.st_mode)) {
        return base_fail(err, E_HOME_MISSING, "%.150s is no folder", home);
    }
    if (strlen(real) >= sizeof(supervisor->home) - 32) {
        return base_fail(err, E_HOME_UNFIT, "the path of the home is longer than %zu octets",
            sizeof(supervisor->home) - 32);
    }
    (void)snprintf(supervisor->home, sizeof(supervisor->home), "%s", real);
    return BASE_OK;
}

/* Both the first time and later: flock(2) needs no right to write. */
static int
open_lock(const char *home, int flags)
{
    char path[IPC_TEXT_MAX + 32] = "";
    (void)snprintf(path, sizeof(path), "%s/%s", home, SUPERVISOR_LOCK_NAME);
    return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0644);
}

/* "1234 hostname" of the holder, for people; empty when nothing can be read. */
static void
read_holder(int lock_fd, char *out, size_t size)
{
    ssize_t got = pread(lock_fd, out, size - 1, 0);
    out[got > 0 ? got : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

static void
write_holder(const char *home)
{
    char host[64] = "";
    char text[96] = "";
    OWN_FD int fd = open_lock(home, O_WRONLY | O_TRUNC);
    (void)gethostname(host, sizeof(host) - 1);
    int len = snprintf(text, sizeof(text), "%ld %s\n", (long)getpid(), host);
    /* For messages only: the lock itself decides. */
    ssize_t written = fd < 0 ? 0 : write(fd, text, (size_t)len);
    (void)written;
}

enum base_code
supervisor_home_lock(struct supervisor *supervisor, struct base_error *err)
{
    int64_t until_ms = supervisor_now_ms(supervisor) + SUPERVISOR_LOCK_WAIT;
    OWN_FD int fd = open_lock(supervisor->home, O_RDONLY | O_CREAT);
    if (fd < 0) {
        return base_fail_errno(
            err, E_HOME_UNFIT, errno, "%.150s/%s", supervisor->home, SUPERVISOR_LOCK_NAME);
    }
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const struct timespec pause = {0, 20 * 1000 * 1000};
        char holder[96] = "";
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return base_fail_errno(err, E_HOME_UNFIT, errno, "flock %.150s", supervisor->home);
        }
        if (supervisor_now_ms(supervisor) > until_ms) {
            read_holder(fd, holder, sizeof(holder));
            return base_fail(
                err, E_HOME_LOCKED, "%.120s is used by process %.60s", supervisor->home, holder);
        }
        (void)nanosleep(&pause, NULL);
    }
    write_holder(supervisor->home);
    supervisor->lock_fd = fd;
    fd = -1;
    return BASE_OK;
}

enum base_code
supervisor_find(const char *home, pid_t *out_pid, struct base_error *err)
{
    char holder[96] = "";
    uint64_t pid = 0;
    OWN_FD int fd = open_lock(home, O_RDONLY);
    if (fd < 0 && errno == ENOENT && access(home, F_OK) == 0) {
        *out_pid = 0; /* a home that was never started */
        return BASE_OK;
    }
    if (fd < 0) {
        return base_fail_errno(err, E_HOME_MISSING, errno, "%.150s", home);
    }
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        *out_pid = 0;
        return BASE_OK;
    }
    read_holder(fd, holder, sizeof(holder));
    struct bytes digits = {(const uint8_t *)holder, strcspn(holder, " ")};
    if (base_parse_number(digits, INT32_MAX, &pid, NULL) != BASE_OK || pid == 0) {
        return base_fail(
            err, E_SYSTEM, "the lock of %.150s is held, but does not say by whom", home);
    }
    *out_pid = (pid_t)pid;
    return BASE_OK;
}

/* The files of a folder that changes its owner, one level deep: roles make no folders in theirs.
 * A file with a second name elsewhere is left alone: it may be somebody else's. */
MUST_CHECK static enum base_code
hand_over_files(int folder_fd, const struct supervisor_user *user, struct base_error *err)
{
    int list_fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN(DIR) list = list_fd < 0 ? NULL : fdopendir(list_fd);
    if (list == NULL) {
        return base_fail_errno(err, E_HOME_UNFIT, errno, "reading a folder of the home");
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(list)) != NULL) {
        struct stat about = {0};
        if (fstatat(folder_fd, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(about.st_mode) || about.st_nlink != 1) {
            continue;
        }
        if (fchownat(folder_fd, entry->d_name, user->uid, user->gid, AT_SYMLINK_NOFOLLOW) != 0) {
            return base_fail_errno(err, E_HOME_UNFIT, errno, "owner of %.60s", entry->d_name);
        }
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
prepare_folder(const struct supervisor *supervisor, const char *name,
    const struct supervisor_user *user, struct base_error *err)
{
    char path[IPC_TEXT_MAX + 32] = "";
    struct stat about = {0};
    (void)snprintf(path, sizeof(path), "%s/%s", supervisor->home, name);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return base_fail_errno(err, E_HOME_UNFIT, errno, "mkdir %.150s", path);
    }
    OWN_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about) != 0) {
        return base_fail_errno(err, E_HOME_UNFIT, errno, "%.150s", path);
    }
    if (about.st_uid != user->uid) {
        if (!supervisor->is_root) {
            return base_fail(err, E_HOME_UNFIT, "%.120s belongs to user %u, and we are user %u",
                path, (unsigned)about.st_uid, (unsigned)user->uid);
        }
        TRY(hand_over_files(fd, user, err));
        if (fchown(fd, user->uid, user->gid) != 0) {
            return base_fail_errno(err, E_HOME_UNFIT, errno, "owner of %.150s", path);
        }
    }
    if ((about.st_mode & 07777) != 0700 && fchmod(fd, 0700) != 0) {
        return base_fail_errno(err, E_HOME_UNFIT, errno, "mode of %.150s", path);
    }
    return BASE_OK;
}

enum base_code
supervisor_home_prepare(struct supervisor *supervisor, struct base_error *err)
{
    const struct supervisor_role *ledger = &supervisor->roles[SUPERVISOR_LEDGER];
    const struct supervisor_role *signer = &supervisor->roles[SUPERVISOR_SIGNER];
    const struct supervisor_role *notifier = &supervisor->roles[SUPERVISOR_NOTIFIER];
    struct stat about = {0};
    if (stat(supervisor->home, &about) != 0) {
        return base_fail_errno(err, E_HOME_MISSING, errno, "%.150s", supervisor->home);
    }
    bool is_switched =
        ledger->user.is_switched || signer->user.is_switched || notifier->user.is_switched;
    if (is_switched && (about.st_mode & 01) == 0) {
        return base_fail(err, E_HOME_UNFIT,
            "%.120s has mode %03o, which keeps the system users of the roles out: chmod o+x",
            supervisor->home, (unsigned)about.st_mode & 0777);
    }
    TRY(prepare_folder(supervisor, "ledger", &ledger->user, err));
    TRY(prepare_folder(supervisor, "notifier", &notifier->user, err));
    return prepare_folder(supervisor, "signer", &signer->user, err);
}
