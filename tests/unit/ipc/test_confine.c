#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/confine.h"
#include "ipc/landlock.h"

#include "base/banned.h"

/* Everything here happens in a child that confines itself; its exit status is the verdict. */
static char folder[] = "/tmp/kurier-confine-XXXXXX";
static char inside[64];
static char outside[64];

static void
say(const char *what)
{
    ssize_t written = write(2, what, strlen(what));
    (void)written;
}

#define WANT(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            say("not true in the child: " #condition "\n");                                        \
            _exit(99);                                                                             \
        }                                                                                          \
    } while (0)

static void
confine_as(enum ipc_role role)
{
    struct ipc_confinement confinement = {
        .role = role, .writable = {inside}, .may_connect = role == IPC_NOTIFIER};
    struct base_log log = {-1, BASE_LOG_INFO, "test", base_clock_system()};
    struct base_error err = {0};
    if (role == IPC_FRONT || role == IPC_CONFIG_STEP || role == IPC_NOTIFIER) {
        confinement.writable[0] = NULL;
    }
    if (ipc_confine(&confinement, &log, &err) != BASE_OK) {
        say(err.detail);
        _exit(98);
    }
}

/* The child's wait status. */
static int
in_child(enum ipc_role role, void (*act)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(10);
        if (role != IPC_SUPERVISOR) {
            confine_as(role);
        }
        act();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void
assert_well(int status)
{
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
try_what_nobody_may(void)
{
    struct rlimit core = {1, 1};
#ifndef KURIER_SANITIZED
    WANT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == -1 && errno == EPERM);
#endif
    WANT(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM);
    WANT(socket(AF_INET6, SOCK_DGRAM, 0) == -1 && errno == EPERM);
    WANT(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EPERM);
    WANT(connect(0, NULL, 0) == -1 && errno == EPERM);
    WANT(bind(0, NULL, 0) == -1 && errno == EPERM);
    WANT(listen(0, 1) == -1 && errno == EPERM);
    WANT(kill(1, 0) == -1 && errno == EPERM);
    WANT(kill(getppid(), SIGKILL) == -1 && errno == EPERM);
    WANT(syscall(SYS_tgkill, getppid(), getppid(), 0) == -1 && errno == EPERM);
    WANT(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) == -1 && errno == EPERM);
    WANT(syscall(SYS_fork) == -1 && errno == EPERM);
    WANT(syscall(SYS_vfork) == -1 && errno == EPERM);
    WANT(syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS);
    WANT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    WANT(errno == EPERM);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    WANT(page != MAP_FAILED);
    WANT(mprotect(page, 4096, PROT_READ | PROT_EXEC) == -1 && errno == EPERM);
    WANT(mprotect(page, 4096, PROT_READ) == 0);
    WANT(setrlimit(RLIMIT_CORE, &core) == -1);
    WANT(open("/etc/passwd", O_RDONLY) == -1 && (errno == EPERM || errno == EACCES));
    WANT(open(outside, O_RDONLY) == -1 && (errno == EPERM || errno == EACCES));
    WANT(open("/tmp/kurier-confine-new", O_WRONLY | O_CREAT, 0600) == -1);
    WANT(symlink("/etc/passwd", "/tmp/kurier-confine-link") == -1);
    WANT(chmod("/tmp", 0777) == -1 && errno == EPERM);
}

static void
no_role_reaches_files_network_or_processes(void **state)
{
    (void)state;
    static const enum ipc_role roles[] = {IPC_FRONT, IPC_LEDGER, IPC_SIGNER, IPC_CONFIG_STEP};
    if (ipc_landlock_version() == 0) {
        skip(); /* reading outside is then kept apart by users only */
    }
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        assert_well(in_child(roles[i], try_what_nobody_may));
    }
}

static void
try_exec(void)
{
    char *const argv[] = {NULL};
    (void)execve("/bin/true", argv, argv);
}

static void
try_ptrace(void)
{
    (void)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void
try_process_vm(void)
{
    (void)syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static void
try_unshare(void)
{
    (void)syscall(SYS_unshare, 0);
}

static void
try_setuid(void)
{
    (void)syscall(SYS_setuid, 0);
}

static void
an_attackers_calls_kill_the_process(void **state)
{
    (void)state;
    static void (*const acts[])(void) = {
        try_exec, try_ptrace, try_process_vm, try_unshare, try_setuid};
    static const enum ipc_role roles[] = {
        IPC_FRONT, IPC_LEDGER, IPC_SIGNER, IPC_NOTIFIER, IPC_CONFIG_STEP};
    for (size_t r = 0; r < sizeof(roles) / sizeof(roles[0]); r++) {
        for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
            int status = in_child(roles[r], acts[i]);
            assert_true(WIFSIGNALED(status));
            assert_int_equal(WTERMSIG(status), SIGSYS);
        }
    }
}

/* What the front lives on: made before, used after. */
static int front_listener = -1;
static int front_client = -1;

static void
use_front(void)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    WANT(epoll_fd >= 0);
    struct epoll_event event = {.events = EPOLLIN};
    WANT(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, front_listener, &event) == 0);
    WANT(epoll_wait(epoll_fd, &event, 1, 1000) == 1);
    int fd = accept4(front_listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    WANT(fd >= 0);
    int waiting = -1;
    WANT(send(fd, "hello", 5, MSG_NOSIGNAL) == 5);
    WANT(ioctl(fd, SIOCOUTQ, &waiting) == 0);
    WANT(ioctl(fd, TIOCSTI, "x") == -1 && errno == EPERM);
    int one = 1;
    WANT(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) == 0);
    WANT(shutdown(fd, SHUT_WR) == 0);
    WANT(memfd_create("x", 0) == -1 && errno == EPERM);
}

static void
front_serves_connections(void **state)
{
    (void)state;
    struct sockaddr_storage address = {.ss_family = AF_INET};
    socklen_t len = sizeof(address);
    front_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(listen(front_listener, 1), 0);
    assert_int_equal(getsockname(front_listener, (struct sockaddr *)&address, &len), 0);
    front_client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(front_client, (struct sockaddr *)&address, len), 0);
    assert_well(in_child(IPC_FRONT, use_front));
    (void)close(front_listener);
    (void)close(front_client);
}

static void *
thread_main(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

static void
run_threads(void)
{
    for (int i = 0; i < 4; i++) {
        int ran = 0;
        pthread_t thread;
        WANT(pthread_create(&thread, NULL, thread_main, &ran) == 0);
        WANT(pthread_join(thread, NULL) == 0);
        WANT(ran == 1);
    }
}

static struct sockaddr_storage outward;
static socklen_t outward_len = sizeof(outward);

static void
use_network(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fds[2] = {-1, -1};
    WANT(fd >= 0);
    WANT(connect(fd, (struct sockaddr *)&outward, outward_len) == 0);
    WANT(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 || errno == EAFNOSUPPORT);
    WANT(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0);
    WANT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    WANT(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EPERM);
    WANT(socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == EPERM);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    WANT(listen(server, 1) == -1 && errno == EPERM);
    WANT(accept4(fd, NULL, NULL, 0) == -1 && errno == EPERM);
    WANT(kill(getppid(), 0) == -1 && errno == EPERM);
    WANT(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) == -1 && errno == EPERM);
    WANT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    if (ipc_landlock_version() > 0) {
        WANT(open("/etc/passwd", O_RDONLY | O_CLOEXEC) == -1 && errno == EACCES);
        WANT(open(outside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) == -1);
    }
    run_threads();
}

static void
notifier_connects_outward_and_accepts_nobody(void **state)
{
    (void)state;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    outward.ss_family = AF_INET;
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&outward, &outward_len), 0);
    assert_well(in_child(IPC_NOTIFIER, use_network));
    (void)close(listener);
}

static void
use_folder(void)
{
    char path[96] = "";
    char other[96] = "";
    (void)snprintf(path, sizeof(path), "%s/file", inside);
    (void)snprintf(other, sizeof(other), "%s/other", inside);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    WANT(fd >= 0);
    WANT(pwrite(fd, "abc", 3, 0) == 3);
    WANT(fdatasync(fd) == 0);
    WANT(fsync(fd) == 0);
    WANT(ftruncate(fd, 2) == 0);
    struct stat about;
    WANT(fstat(fd, &about) == 0 && about.st_size == 2);
    WANT(stat(path, &about) == 0);
    WANT(rename(path, other) == 0);
    WANT(unlink(other) == 0);
    int blob = memfd_create("x", MFD_CLOEXEC);
    WANT(blob >= 0);
    char *more = malloc((size_t)4 * 1024 * 1024); /* mmap */
    WANT(more != NULL);
    more[1] = 1;
    free(more);
    WANT(open("/proc/self/mem", O_RDWR) == -1);
}

static void
use_locks(void)
{
    char path[96] = "";
    (void)snprintf(path, sizeof(path), "%s/lock", inside);
    use_folder();
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    WANT(fcntl(fd, F_SETLK, &lock) == 0);
    void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    WANT(shared != MAP_FAILED);
    WANT(unlink(path) == 0);
}

static void
use_threads(void)
{
    use_folder();
    run_threads();
}

static void
ledger_and_signer_work_in_their_folder(void **state)
{
    (void)state;
    assert_well(in_child(IPC_LEDGER, use_locks));
    assert_well(in_child(IPC_SIGNER, use_threads));
}

/* A thread, and no process: clone without CLONE_THREAD is refused. */
static void
use_one_thread(void)
{
    int ran = 0;
    pthread_t thread;
    WANT(pthread_create(&thread, NULL, thread_main, &ran) == 0);
    WANT(pthread_join(thread, NULL) == 0);
    WANT(ran == 1);
    WANT(fork() < 0);
}

static void
start_thread(void)
{
    int ran = 0;
    pthread_t thread;
    WANT(pthread_create(&thread, NULL, thread_main, &ran) != 0);
}

static void
only_signer_and_front_start_threads(void **state)
{
    (void)state;
    assert_well(in_child(IPC_LEDGER, start_thread));
    assert_well(in_child(IPC_FRONT, use_one_thread));
}

static void
abort_now(void)
{
    abort();
}

static void
a_failed_assertion_ends_a_confined_process_by_its_signal(void **state)
{
    (void)state;
    int status = in_child(IPC_FRONT, abort_now);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_false(WCOREDUMP(status));
}

static void
refuse_unknown_role(void)
{
    struct ipc_confinement confinement = {.role = IPC_SUPERVISOR};
    struct base_log log = {-1, BASE_LOG_INFO, "test", base_clock_system()};
    struct base_error err = {0};
    WANT(ipc_confine(&confinement, &log, &err) == E_CONFINEMENT);
}

static void
role_without_a_table_is_refused(void **state)
{
    (void)state;
    assert_well(in_child(IPC_SUPERVISOR, refuse_unknown_role));
}

static void
lock_without_permission(bool is_strict, enum base_code want)
{
    struct ipc_confinement confinement = {
        .role = IPC_SIGNER, .writable = {inside}, .is_memory_locked = true, .is_strict = is_strict};
    struct base_log log = {2, BASE_LOG_ERROR, "test", base_clock_system()};
    struct base_error err = {0};
    struct rlimit none = {0, 0};
    WANT(setrlimit(RLIMIT_MEMLOCK, &none) == 0);
    WANT(setgid(65534) == 0 || getuid() != 0);
    WANT(setuid(65534) == 0 || getuid() != 0);
    WANT(ipc_confine(&confinement, &log, &err) == want);
}

static void
lock_strictly(void)
{
    lock_without_permission(true, E_CONFINEMENT);
}

static void
lock_normally(void)
{
    lock_without_permission(false, BASE_OK);
}

static void
absent_feature_is_an_error_only_when_strict(void **state)
{
    (void)state;
    assert_well(in_child(IPC_SUPERVISOR, lock_strictly));
    assert_well(in_child(IPC_SUPERVISOR, lock_normally));
}

#ifdef KURIER_TEST_HOOKS
static int probe_log_fd = -1;

static void
probe(void)
{
    struct base_log log = {probe_log_fd, BASE_LOG_INFO, "front", base_clock_system()};
    ipc_confine_probe(&log, folder);
}

static void
probe_tells_what_was_denied(void **state)
{
    (void)state;
    /* EPERM by seccomp; a sanitizer needs openat, and then it is EACCES by Landlock. */
    static const char *const want[] = {"action=open_passwd result=E",
        "action=open_signer_folder result=E", "action=write_outside result=E",
        "action=socket_inet result=EPERM", "action=socket_unix result=EPERM",
        "action=connect result=EPERM", "action=fork result=EPERM",
        "action=kill_parent result=EPERM", "action=executable_memory result=EPERM"};
    char text[8192] = "";
    int fds[2] = {-1, -1};
    assert_int_equal(pipe(fds), 0);
    probe_log_fd = fds[1];
    assert_well(in_child(IPC_FRONT, probe));
    (void)close(fds[1]);
    size_t len = 0;
    ssize_t got = 0;
    while ((got = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0) {
        len += (size_t)got;
    }
    (void)close(fds[0]);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_non_null(strstr(text, want[i]));
    }
    assert_null(strstr(text, "allowed"));
}
#endif

static int
make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)chmod(folder, 0777);
    (void)snprintf(inside, sizeof(inside), "%s/inside", folder);
    (void)snprintf(outside, sizeof(outside), "%s/outside", folder);
    int status = mkdir(inside, 0777) + mkdir(outside, 0777);
    (void)chmod(inside, 0777);
    return status;
}

static int
remove_folder(void **state)
{
    (void)state;
    return rmdir(inside) + rmdir(outside) + rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_role_reaches_files_network_or_processes),
        cmocka_unit_test(an_attackers_calls_kill_the_process),
        cmocka_unit_test(front_serves_connections),
        cmocka_unit_test(notifier_connects_outward_and_accepts_nobody),
        cmocka_unit_test(ledger_and_signer_work_in_their_folder),
        cmocka_unit_test(only_signer_and_front_start_threads),
        cmocka_unit_test(a_failed_assertion_ends_a_confined_process_by_its_signal),
        cmocka_unit_test(role_without_a_table_is_refused),
        cmocka_unit_test(absent_feature_is_an_error_only_when_strict),
#ifdef KURIER_TEST_HOOKS
        cmocka_unit_test(probe_tells_what_was_denied),
#endif
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
