#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

#include "base/banned.h"

extern char **environ;

#define ENVIRONMENT_MAX 32

static bool
is_program_dir(const char *folder)
{
    char path[IPC_TEXT_MAX + 64] = "";
    (void)snprintf(path, sizeof(path), "%s/kurier-signer", folder);
    return access(path, X_OK) == 0;
}

enum base_code
supervisor_spawn_find_programs(struct supervisor *supervisor, struct base_error *err)
{
    char *folder = supervisor->program_dir;
    size_t size = sizeof(supervisor->program_dir);
    if (supervisor->options->program_dir != NULL) {
        (void)snprintf(folder, size, "%s", supervisor->options->program_dir);
        return BASE_OK;
    }
    char self[IPC_TEXT_MAX - 32] = "";
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0) {
        return base_fail_errno(err, E_ROLE_MISSING, errno, "/proc/self/exe");
    }
    self[len] = '\0';
    *strrchr(self, '/') = '\0'; /* an absolute path has one */
    (void)snprintf(folder, size, "%s", self);
    if (!is_program_dir(folder)) {
        (void)snprintf(folder, size, "%s/../libexec/kurier", self);
    }
    if (!is_program_dir(folder)) {
        return base_fail(err, E_ROLE_MISSING,
            "kurier-signer is neither in %.80s nor in ../libexec/kurier from there", self);
    }
    return BASE_OK;
}

/* A role inherits nothing that could change what it does. */
static bool
is_inherited(const char *entry)
{
    static const char *const wanted[] = {
        "LANG=",
        "LC_ALL=",
        "ASAN_OPTIONS=",
        "UBSAN_OPTIONS=",
        "TSAN_OPTIONS=",
        "LLVM_PROFILE_FILE=",
#ifdef KURIER_TEST_HOOKS
        "KURIER_",
        "LD_PRELOAD=",
#endif
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (strncmp(entry, wanted[i], strlen(wanted[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void
make_environment(char *out[ENVIRONMENT_MAX])
{
    size_t count = 0;
    for (char **entry = environ; *entry != NULL && count < ENVIRONMENT_MAX - 2; entry++) {
        if (is_inherited(*entry)) {
            out[count++] = *entry;
        }
    }
#ifdef KURIER_SANITIZED
    /* A leak check traces the process, which confinement forbids. */
    static char no_leak_check[] = "LSAN_OPTIONS=detect_leaks=0";
    out[count++] = no_leak_check;
#endif
    out[count] = NULL;
}

/* Everything below runs in the child, between fork and exec: no memory is allocated. A failure is
 * the exit status, which the supervisor logs. */
enum child_failure {
    CHILD_DESCRIPTORS = 120,
    CHILD_USER,
    CHILD_CAPABILITIES,
    CHILD_LIMITS,
    CHILD_EXEC
};

/* Above every number that is given below, so that no source is overwritten before it is used. */
#define SAFE_FD 16

static int
move_up(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SAFE_FD);
}

static void
arrange_descriptors(const struct supervisor *supervisor, const struct supervisor_spawn *spawn,
    int program_fd, int *out_program_fd)
{
    int socket_fd = move_up(spawn->socket_fd);
    int log_fd = move_up(supervisor->log.fd);
    int lock_fd = move_up(supervisor->lock_fd);
    int file_fd = move_up(spawn->file_fd);
    int null_fd = move_up(open("/dev/null", O_RDWR | O_CLOEXEC));
    int moved_program_fd = move_up(program_fd);
    bool is_well = dup2(null_fd, 0) == 0 && (fcntl(2, F_GETFD) >= 0 || dup2(null_fd, 2) == 2) &&
                   dup2(2, 1) == 1 && dup2(socket_fd, IPC_SUPERVISOR_FD) == IPC_SUPERVISOR_FD &&
                   dup2(log_fd < 0 ? null_fd : log_fd, IPC_LOG_FD) == IPC_LOG_FD &&
                   dup2(lock_fd, IPC_LOCK_FD) == IPC_LOCK_FD &&
                   (file_fd < 0 || dup2(file_fd, IPC_CONFIG_FD) == IPC_CONFIG_FD);
    unsigned first_other = file_fd < 0 ? IPC_CONFIG_FD : IPC_CONFIG_FD + 1;
    /* The program's own descriptor closes itself at exec. */
    if (!is_well || moved_program_fd < 0 ||
        syscall(SYS_close_range, first_other, (unsigned)moved_program_fd - 1, 0U) != 0 ||
        syscall(SYS_close_range, (unsigned)moved_program_fd + 1, ~0U, 0U) != 0) {
        _exit(CHILD_DESCRIPTORS);
    }
    *out_program_fd = moved_program_fd;
}

/* Root that stays root keeps no capability. exec would give them back to root, but not with
 * no_new_privs, which is set before. */
static void
drop_capabilities(void)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct nothing[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}, {0, 0, 0}};
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &head, nothing) != 0) {
        _exit(CHILD_CAPABILITIES);
    }
}

static void
become(const struct supervisor *supervisor, const struct supervisor_user *user)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        _exit(CHILD_CAPABILITIES);
    }
    if (user->is_switched) {
        if (setgroups(0, NULL) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
            setresuid(user->uid, user->uid, user->uid) != 0) {
            _exit(CHILD_USER);
        }
    } else if (supervisor->is_root) {
        drop_capabilities();
    }
}

static void
set_limits(const struct supervisor_spawn *spawn)
{
    struct rlimit files = {0, 0};
    const struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};
    if (spawn->wants_many_files && getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
            _exit(CHILD_LIMITS);
        }
    }
    if (spawn->wants_locked_memory) {
        (void)setrlimit(RLIMIT_MEMLOCK, &any); /* root may; others get what they have */
    }
}

/* A terminal sends these to all of us, and the supervisor decides what they mean. */
static void
set_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    sigset_t none;
    (void)sigemptyset(&none);
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        (void)signal(ignored[i], SIG_IGN);
    }
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
run_child(const struct supervisor *supervisor, const struct supervisor_spawn *spawn, int program_fd,
    pid_t parent, char **environment)
{
    /* execve(2) wants them writable and does not write. */
    char *arguments[] = {
        (char *)(uintptr_t)spawn->program, (char *)(uintptr_t)spawn->argument, NULL};
    static char empty[] = "";
    int fd = -1;
    set_signals();
    arrange_descriptors(supervisor, spawn, program_fd, &fd);
    set_limits(spawn);
    become(supervisor, &spawn->user);
    (void)umask(077);
    /* After the user is set, which would clear it. Who is orphaned by now was too late for it. */
    if (chdir("/") != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(CHILD_USER);
    }
    /* By its descriptor: the role's user may have no way into the folder of the programs. */
    (void)syscall(SYS_execveat, fd, empty, arguments, environment, AT_EMPTY_PATH);
    _exit(CHILD_EXEC);
}

enum base_code
supervisor_spawn(const struct supervisor *supervisor, const struct supervisor_spawn *spawn,
    pid_t *out_pid, struct base_error *err)
{
    char path[IPC_TEXT_MAX + 64] = "";
    char *environment[ENVIRONMENT_MAX] = {NULL};
    (void)snprintf(path, sizeof(path), "%s/%s", supervisor->program_dir, spawn->program);
    OWN_FD int program_fd = open(path, O_PATH | O_CLOEXEC);
    if (program_fd < 0 || access(path, X_OK) != 0) {
        return base_fail_errno(err, E_ROLE_MISSING, errno, "%.150s", path);
    }
    make_environment(environment);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "fork");
    }
    if (pid == 0) {
        run_child(supervisor, spawn, program_fd, parent, environment);
    }
    *out_pid = pid;
    return BASE_OK;
}
