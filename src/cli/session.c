#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "base/text.h"
#include "cli/cli.h"
#include "ipc/channel.h"
#include "ipc/to_role.h"
#include "supervisor/supervisor.h"

#include "base/banned.h"

#define CONNECT_WAIT_MS 5000 /* for a server that is starting */
#define CONNECT_STEP_MS 10

const char *
cli_home(const char *option)
{
    const char *environment = getenv("KURIER_HOME");
    struct stat state;
    if (option != NULL) {
        return option;
    }
    if (environment != NULL && environment[0] != '\0') {
        return environment;
    }
    return stat("/var/lib/kurier", &state) == 0 ? "/var/lib/kurier" : "./kurier-home";
}

/* One attempt to reach the home's control socket: through its folder's descriptor, because a
 * socket's path is short. */
static enum base_code
connect_once(const char *home, int *out_fd, struct base_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    OWN_FD int folder = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return base_fail_errno(err, E_HOME_MISSING, errno, "%s", home);
    }
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "socket");
    }
    (void)snprintf(
        address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/control.sock", folder);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int reason = errno;
        (void)close(fd);
        return base_fail_errno(err, E_NOT_RUNNING, reason, "%s/control.sock", home);
    }
    *out_fd = fd;
    return BASE_OK;
}

/* What the supervisor's own process does. Its log is nobody's: what went wrong comes back as
 * REFUSED. */
static _Noreturn void
run_server(const char *home, int passphrase_fd, int session_fd)
{
    struct base_error why;
    int log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct supervisor_options options = {
        .home = home, .log_fd = log_fd, .passphrase_fd = passphrase_fd, .session_fd = session_fd};
    _exit(supervisor_run(&options, &why) == BASE_OK ? CLI_OK : CLI_BROKEN);
}

/* READY, or what went wrong when the roles were started. */
static enum base_code
wait_until_ready(int session_fd, struct base_error *err)
{
    struct ipc_frame frame = {.fd = -1};
    TRY(ipc_receive(session_fd, &frame, err));
    if (ipc_frame_type(&frame) == IPC_TYPE_READY) {
        return BASE_OK;
    }
    struct ipc_refused refused;
    TRY(ipc_decode(&ipc_refused_spec, &frame, &refused, err));
    return base_fail(err, (enum base_code)refused.code, "%.*s", (int)refused.detail.len,
        (const char *)refused.detail.ptr);
}

/* The supervisor without a listener, in a process of its own, until the lifeline is closed. */
static enum base_code
start_server(
    const char *home, int passphrase_fd, struct cli_session *session, struct base_error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "socketpair");
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[1]);
        run_server(home, passphrase_fd, ends[0]);
    }
    int reason = errno;
    (void)close(ends[0]);
    if (pid < 0) {
        (void)close(ends[1]);
        return base_fail_errno(err, E_SYSTEM, reason, "fork");
    }
    session->server = pid;
    session->lifeline_fd = ends[1];
    return wait_until_ready(ends[1], err);
}

/* A server that holds the lock and has no control socket yet is starting, or another command's
 * session is ending. */
static bool
is_somebody_there(const char *home)
{
    pid_t pid = 0;
    struct base_error ignored;
    return supervisor_find(home, &pid, &ignored) == BASE_OK && pid != 0;
}

enum base_code
cli_passphrase(const char *text, int *out_fd, struct base_error *err)
{
    uint64_t number = 0;
    *out_fd = -1;
    if (text == NULL) {
        return BASE_OK;
    }
    TRY(base_parse_number(bytes_from_text(text), 65535, &number, err));
    return supervisor_keep_passphrase((int)number, out_fd, err);
}

enum base_code
cli_session_open(const struct cli_place *place, struct cli_session *out, struct base_error *err)
{
    OWN_FD int passphrase_fd = -1;
    TRY(cli_passphrase(place->passphrase_fd, &passphrase_fd, err));
    return cli_session_open_with(cli_home(place->home), passphrase_fd, out, err);
}

enum base_code
cli_session_open_with(
    const char *home, int passphrase_fd, struct cli_session *out, struct base_error *err)
{
    struct cli_session session = {-1, 0, -1};
    for (int waited_ms = 0; waited_ms < CONNECT_WAIT_MS; waited_ms += CONNECT_STEP_MS) {
        enum base_code code = connect_once(home, &session.fd, err);
        if (code != E_NOT_RUNNING) {
            *out = session;
            return code;
        }
        if (!is_somebody_there(home)) {
            break;
        }
        (void)nanosleep(&(struct timespec){0, CONNECT_STEP_MS * 1000000L}, NULL);
    }
    enum base_code code = start_server(home, passphrase_fd, &session, err);
    if (code == BASE_OK) {
        code = connect_once(home, &session.fd, err);
    }
    if (code != BASE_OK) {
        cli_session_close(&session);
        return code;
    }
    *out = session;
    return BASE_OK;
}

void
cli_session_close(struct cli_session *session)
{
    if (session->fd >= 0) {
        (void)close(session->fd);
    }
    if (session->lifeline_fd >= 0) {
        (void)close(session->lifeline_fd);
    }
    if (session->server > 0) {
        (void)waitpid(session->server, NULL, 0);
    }
    *session = (struct cli_session){-1, 0, -1};
}

/* The end of an answer: the ledger's error becomes ours. */
static enum base_code
take_end(const struct ipc_frame *frame, struct cli_page *out_page, struct base_error *err)
{
    struct ipc_control_end end;
    TRY(ipc_decode(&ipc_control_end_spec, frame, &end, err));
    if (end.code != 0) {
        return base_fail(err, (enum base_code)end.code, "%.*s", (int)end.detail.len,
            (const char *)end.detail.ptr);
    }
    *out_page = (struct cli_page){.is_more = end.is_more != 0};
    memcpy(out_page->cursor, end.cursor.ptr, end.cursor.len);
    return BASE_OK;
}

enum base_code
cli_ask(const struct cli_session *session, const struct ipc_spec *spec, const void *question,
    cli_on_row on_row, void *arg, struct cli_page *out_page, struct base_error *err)
{
    struct ipc_frame frame = {.fd = -1};
    TRY(ipc_send(session->fd, spec, question, -1, err));
    for (;;) {
        TRY(ipc_receive(session->fd, &frame, err));
        enum base_code code = BASE_OK;
        bool is_end = ipc_frame_type(&frame) == IPC_TYPE_CONTROL_END;
        if (is_end) {
            code = take_end(&frame, out_page, err);
        } else if (on_row != NULL) {
            code = on_row(arg, &frame, err);
        }
        if (frame.fd >= 0) {
            (void)close(frame.fd);
        }
        if (is_end || code != BASE_OK) {
            return code;
        }
    }
}
