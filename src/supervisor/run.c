#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "supervisor/config_step.h"
#include "supervisor/home.h"
#include "supervisor/listeners.h"
#include "supervisor/phases.h"
#include "supervisor/roles.h"
#include "supervisor/spawn.h"
#include "supervisor/users.h"

#include "base/banned.h"

int64_t
supervisor_now_ms(const struct supervisor *supervisor)
{
    return base_clock_mono_ms(&supervisor->log.clock);
}

static void
init(struct supervisor *supervisor, const struct supervisor_options *options)
{
    memset(supervisor, 0, sizeof(*supervisor));
    supervisor->options = options;
    supervisor->log =
        (struct base_log){options->log_fd, BASE_LOG_INFO, "supervisor", base_clock_system()};
    supervisor->lock_fd = -1;
    supervisor->signal_fd = -1;
    supervisor->control_fd = -1;
    supervisor->passphrase_fd = -1;
    supervisor->log_file_fd = -1;
    supervisor->is_root = geteuid() == 0;
    supervisor->generation = 1;
    supervisor_roles_init(supervisor);
}

/* The signals that a supervisor is told by; they are read from a descriptor, in turn with the rest.
 */
MUST_CHECK static enum base_code
take_signals(struct supervisor *supervisor, sigset_t *out_old, struct base_error *err)
{
    static const int wanted[] = {
        SIGCHLD,
        SIGTERM,
        SIGINT,
        SIGHUP,
#ifdef KURIER_TEST_HOOKS
        SIGUSR1,
#endif
    };
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        (void)sigaddset(&set, wanted[i]);
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a log that nobody reads must not end us */
    (void)sigprocmask(SIG_BLOCK, &set, out_old);
    supervisor->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (supervisor->signal_fd < 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "signalfd");
    }
    return BASE_OK;
}

/* A pipe can be read once; what can be read again is taken as it is. */
MUST_CHECK static enum base_code
take_passphrase(struct supervisor *supervisor, struct base_error *err)
{
    int given = supervisor->options->passphrase_fd;
    if (given < 0) {
        return BASE_OK;
    }
    if (lseek(given, 0, SEEK_SET) == 0) {
        supervisor->passphrase_fd = dup(given);
        return supervisor->passphrase_fd >= 0 ? BASE_OK
                                              : base_fail_errno(err, E_SYSTEM, errno, "dup");
    }
    return supervisor_keep_passphrase(given, &supervisor->passphrase_fd, err);
}

/* Everything that may fail before a role is started. */
MUST_CHECK static enum base_code
prepare(struct supervisor *supervisor, struct base_error *err)
{
    const struct supervisor_options *options = supervisor->options;
    bool is_making_ca = options->create_ca != NULL || options->import_ca != NULL;
    TRY(supervisor_home_find(supervisor, err));
    TRY(supervisor_spawn_find_programs(supervisor, err));
    TRY(supervisor_home_lock(supervisor, err));
    TRY(take_passphrase(supervisor, err));
    TRY(supervisor_config_read(supervisor, &supervisor->config, err));
    TRY(supervisor_open_log(supervisor, supervisor->config, err));
    TRY(supervisor_users_find(supervisor, supervisor->config, err));
    TRY(supervisor_home_prepare(supervisor, err));
    if (supervisor->roles[SUPERVISOR_FRONT].is_wanted) {
        TRY(supervisor_listeners_open(supervisor, supervisor->config, &supervisor->next_listeners,
            &supervisor->listeners, err));
    }
    if (!is_making_ca) {
        TRY(ipc_control_listen(supervisor->home, &supervisor->control_fd, err));
    }
    supervisor->roles[SUPERVISOR_NOTIFIER].is_wanted =
        supervisor_roles_want_notifier(supervisor, supervisor->config);
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        if (supervisor->roles[i].is_wanted) {
            TRY(supervisor_role_start(supervisor, supervisor->config, &supervisor->roles[i], err));
        }
    }
    return BASE_OK;
}

/* Ours only: the process that we run in may have other children. */
static void
reap(struct supervisor *supervisor)
{
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        struct supervisor_role *role = &supervisor->roles[i];
        int status = 0;
        if (role->pid != 0 && waitpid(role->pid, &status, WNOHANG) == role->pid) {
            supervisor_role_died(supervisor, role, status);
        }
    }
}

static void
take_signal(struct supervisor *supervisor, uint32_t number)
{
    switch (number) {
    case SIGCHLD:
        reap(supervisor);
        break;
    case SIGTERM:
    case SIGINT:
        supervisor_stop(supervisor, NULL);
        break;
    case SIGHUP:
        supervisor->is_reload_wanted = true;
        break;
#ifdef KURIER_TEST_HOOKS
    case SIGUSR1:
        for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
            struct ipc_probe probe = {0};
            supervisor_role_send(supervisor, &supervisor->roles[i], &ipc_probe_spec, &probe, -1);
        }
        break;
#endif
    default:
        break;
    }
}

static void
take_all_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;
    while (read(supervisor->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        take_signal(supervisor, info.ssi_signo);
    }
}

enum { POLL_SIGNALS, POLL_SESSION, POLL_ROLES, POLL_COUNT = POLL_ROLES + SUPERVISOR_ROLES };

static void
loop(struct supervisor *supervisor)
{
    while (!supervisor_is_over(supervisor)) {
        struct pollfd fds[POLL_COUNT] = {
            [POLL_SIGNALS] = {supervisor->signal_fd, POLLIN, 0},
            [POLL_SESSION] = {supervisor->options->session_fd, POLLIN, 0},
        };
        for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
            fds[POLL_ROLES + i] = (struct pollfd){supervisor->roles[i].fd, POLLIN, 0};
        }
        if (supervisor->phase == SUPERVISOR_STOPPING) {
            fds[POLL_SESSION].fd = -1; /* its end has been heard */
        }
        if (poll(fds, POLL_COUNT, supervisor_next_step_ms(supervisor)) < 0 && errno != EINTR) {
            struct base_error why = {0};
            (void)base_fail_errno(&why, E_SYSTEM, errno, "poll");
            supervisor_stop(supervisor, &why);
        }
        for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
            if (fds[POLL_ROLES + i].revents != 0 && supervisor->roles[i].fd >= 0) {
                supervisor_role_receive(supervisor, &supervisor->roles[i]);
            }
        }
        if (fds[POLL_SESSION].revents != 0) {
            supervisor_stop(supervisor, NULL); /* nothing is ever said there: it is the end */
        }
        take_all_signals(supervisor);
        supervisor_step(supervisor);
    }
}

static void
tell_session_refused(const struct supervisor *supervisor, const struct base_error *why)
{
    struct ipc_refused refused = {
        .code = (uint32_t)why->code, .detail = bytes_from_text(why->detail)};
    if (supervisor->options->session_fd >= 0 &&
        ipc_send(supervisor->options->session_fd, &ipc_refused_spec, &refused, -1, NULL) !=
            BASE_OK) {
        return; /* nobody waits for it any more */
    }
}

static void
close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static void
clear(struct supervisor *supervisor, const sigset_t *old_signals)
{
    if (supervisor->control_fd >= 0) {
        char path[IPC_TEXT_MAX + 32] = "";
        (void)snprintf(path, sizeof(path), "%s/%s", supervisor->home, IPC_CONTROL_NAME);
        (void)unlink(path); /* while the lock is ours: a new one may be made as soon as it is not */
    }
    supervisor_listeners_close(&supervisor->listeners, NULL);
    close_fd(&supervisor->control_fd);
    close_fd(&supervisor->passphrase_fd);
    close_fd(&supervisor->signal_fd);
    close_fd(&supervisor->lock_fd);
    close_fd(&supervisor->log_file_fd);
    supervisor_config_free(MOVE(supervisor->config));
    supervisor_config_free(MOVE(supervisor->next));
    (void)sigprocmask(SIG_SETMASK, old_signals, NULL);
}

enum base_code
supervisor_run(const struct supervisor_options *options, struct base_error *err)
{
    struct supervisor supervisor;
    struct base_error why = {0};
    sigset_t old_signals;
    init(&supervisor, options);
    (void)sigprocmask(SIG_BLOCK, NULL, &old_signals);
    enum base_code code = take_signals(&supervisor, &old_signals, &why);
    if (code == BASE_OK) {
        code = prepare(&supervisor, &why);
    }
    if (code != BASE_OK) {
        supervisor_stop(&supervisor, &why);
    }
    if (supervisor.signal_fd >= 0) {
        supervisor_step(&supervisor);
        loop(&supervisor);
    }
    code = supervisor.failure.code;
    if (code != BASE_OK) {
        base_log_error(&supervisor.log, BASE_LOG_ERROR, "failed", &supervisor.failure);
        tell_session_refused(&supervisor, &supervisor.failure);
        *err = supervisor.failure;
    } else {
        struct base_log_record record;
        base_log_begin(&record, &supervisor.log, BASE_LOG_INFO, "stopped", BYTES_NONE);
        base_log_end(&record);
    }
    clear(&supervisor, &old_signals);
    return code;
}
