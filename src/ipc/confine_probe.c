#ifdef KURIER_TEST_HOOKS

#include "ipc/confine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"

/* errno of a call: 0 when it succeeded. A descriptor that it gave is closed again. */
static int
outcome_of_fd(int fd)
{
    if (fd < 0) {
        return errno;
    }
    (void)close(fd);
    return 0;
}

static void
report(const struct base_log *log, const char *action, int error)
{
    const char *name = error == 0 ? "allowed" : strerrorname_np(error);
    struct base_log_record record;
    base_log_begin(&record, log, BASE_LOG_INFO, "confinement_probe", BYTES_NONE);
    base_log_word(&record, "action", action);
    base_log_word(&record, "result", name == NULL ? "unknown" : name);
    base_log_end(&record);
}

static int
try_fork(void)
{
    long child = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        _exit(0);
    }
    return child < 0 ? errno : 0;
}

static int
try_connect(int fd)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* An allowed connect(2) would say ENOTSOCK or EBADF here. */
    return connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;
}

static int
try_executable_memory(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        return errno;
    }
    (void)munmap(at, 4096);
    return 0;
}

void
ipc_confine_probe(const struct base_log *log, const char *home)
{
    char path[1200] = "";
    bool is_signer = strcmp(log->role, "signer") == 0;
    report(log, "open_passwd", outcome_of_fd(open("/etc/passwd", O_RDONLY | O_CLOEXEC)));
    (void)snprintf(path, sizeof(path), "%s/%s", home, is_signer ? "ledger" : "signer");
    report(log, is_signer ? "open_ledger_folder" : "open_signer_folder",
        outcome_of_fd(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    (void)snprintf(path, sizeof(path), "%s/probe", home);
    report(log, "write_outside",
        outcome_of_fd(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)));
    report(log, "socket_inet", outcome_of_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    report(log, "socket_unix", outcome_of_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    report(log, "connect", try_connect(log->fd));
    report(log, "fork", try_fork());
    report(log, "kill_parent", kill(getppid(), 0) == 0 ? 0 : errno);
    report(log, "executable_memory", try_executable_memory());
}

#else
/* A release build has no probe. */
typedef int ipc_confine_probe_is_absent;
#endif

#include "base/banned.h"
