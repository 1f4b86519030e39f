#include "supervisor/phases.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "supervisor/config_step.h"
#include "supervisor/listeners.h"
#include "supervisor/roles.h"

#include "base/banned.h"

enum base_code
supervisor_open_log(
    struct supervisor *supervisor, const struct supervisor_config *config, struct base_error *err)
{
    char path[2 * IPC_TEXT_MAX + 8] = "";
    supervisor->log.level = config->log_level;
    if (config->log_file[0] == '\0') {
        supervisor->log.fd = supervisor->options->log_fd;
        return BASE_OK;
    }
    bool is_absolute = config->log_file[0] == '/';
    (void)snprintf(path, sizeof(path), "%s%s%s", is_absolute ? "" : supervisor->home,
        is_absolute ? "" : "/", config->log_file);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0640);
    if (fd < 0) {
        return base_fail_errno(err, E_HOME_UNFIT, errno, "log file %.150s", path);
    }
    if (supervisor->log_file_fd >= 0) {
        (void)close(supervisor->log_file_fd);
    }
    supervisor->log_file_fd = fd;
    supervisor->log.fd = fd;
    return BASE_OK;
}

static bool
is_making_ca(const struct supervisor *supervisor)
{
    return supervisor->options->create_ca != NULL || supervisor->options->import_ca != NULL;
}

/* ---- stopping ---- */

static void
drain_role(struct supervisor *supervisor, struct supervisor_role *role)
{
    bool is_front = role->role == IPC_FRONT;
    uint32_t wait_ms = is_front ? SUPERVISOR_DRAIN_FRONT : SUPERVISOR_DRAIN_OTHERS;
    struct ipc_drain drain = {.deadline_ms = wait_ms};
    if (!role->is_ready || supervisor->is_stop_hurried) {
        (void)kill(role->pid, SIGKILL); /* it has begun nothing that must be finished */
        return;
    }
    role->deadline_ms = supervisor_now_ms(supervisor) + wait_ms + SUPERVISOR_DRAIN_EXTRA;
    supervisor_role_send(supervisor, role, &ipc_drain_spec, &drain, -1);
}

/* One role after the other, in the order of their index: the ledger must be there as long as the
 * front has requests to finish, notifier and signer as long as the ledger. */
static void
step_stopping(struct supervisor *supervisor)
{
    while (supervisor->draining < SUPERVISOR_ROLES &&
           supervisor->roles[supervisor->draining].pid == 0) {
        supervisor->draining++;
        if (supervisor->draining < SUPERVISOR_ROLES &&
            supervisor->roles[supervisor->draining].pid != 0) {
            drain_role(supervisor, &supervisor->roles[supervisor->draining]);
        }
    }
}

void
supervisor_stop(struct supervisor *supervisor, const struct base_error *why)
{
    if (why != NULL && supervisor->failure.code == BASE_OK) {
        supervisor->failure = *why;
    }
    supervisor->is_stop_hurried =
        supervisor->is_stop_hurried || supervisor->phase == SUPERVISOR_STOPPING || why != NULL;
    if (supervisor->is_stop_hurried) {
        for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
            if (supervisor->roles[i].pid != 0) {
                (void)kill(supervisor->roles[i].pid, SIGKILL);
            }
        }
    }
    if (supervisor->phase == SUPERVISOR_STOPPING) {
        return;
    }
    supervisor->phase = SUPERVISOR_STOPPING;
    struct base_log_record record;
    base_log_begin(&record, &supervisor->log, BASE_LOG_INFO, "stopping", BYTES_NONE);
    base_log_word(&record, "why", why == NULL ? "asked" : "failure");
    base_log_end(&record);
    supervisor->draining = 0;
    if (supervisor->roles[0].pid != 0) {
        drain_role(supervisor, &supervisor->roles[0]);
    }
}

bool
supervisor_is_over(const struct supervisor *supervisor)
{
    return supervisor->phase == SUPERVISOR_STOPPING && supervisor->draining == SUPERVISOR_ROLES;
}

/* ---- starting ---- */

static const char *
purpose_text(uint8_t purpose)
{
    switch (purpose) {
    case IPC_LISTEN_SCEP:
        return "scep";
    case IPC_LISTEN_DOCUMENTS:
        return "documents";
    case IPC_LISTEN_ADMIN:
        return "admin";
    default:
        return "scep,documents";
    }
}

static void
log_listening(const struct supervisor *supervisor, const struct supervisor_listener *listener)
{
    struct base_log_record record;
    base_log_begin(&record, &supervisor->log, BASE_LOG_INFO, "listening", BYTES_NONE);
    base_log_word(&record, "address", listener->actual);
    base_log_word(&record, "purpose", purpose_text(listener->purpose));
    if (listener->tls != IPC_TLS_NONE) {
        base_log_word(&record, "tls", listener->tls == IPC_TLS_OWN ? "own" : "files");
    }
    base_log_end(&record);
}

static void
log_ready(const struct supervisor *supervisor)
{
    struct base_log_record record;
    for (size_t i = 0; i < supervisor->listeners.count; i++) {
        log_listening(supervisor, &supervisor->listeners.list[i]);
    }
    base_log_begin(&record, &supervisor->log, BASE_LOG_INFO, "ready", BYTES_NONE);
    base_log_word(&record, "home", supervisor->home);
    base_log_number(&record, "pid", getpid());
    base_log_word(&record, "version", KURIER_VERSION);
    for (size_t i = 0; i < supervisor->listeners.count; i++) {
        base_log_word(&record, "address", supervisor->listeners.list[i].actual);
    }
    base_log_end(&record);
}

static void
ask_for_ca(struct supervisor *supervisor)
{
    struct supervisor_role *signer = &supervisor->roles[SUPERVISOR_SIGNER];
    signer->deadline_ms = supervisor_now_ms(supervisor) + SUPERVISOR_READY_WAIT;
    if (supervisor->options->create_ca != NULL) {
        supervisor_role_send(
            supervisor, signer, &ipc_create_ca_spec, supervisor->options->create_ca, -1);
    } else {
        supervisor_role_send(
            supervisor, signer, &ipc_import_ca_spec, supervisor->options->import_ca, -1);
    }
}

static void
tell_session_ready(struct supervisor *supervisor)
{
    struct ipc_ready ready = {.generation = supervisor->generation};
    struct base_error err = {0};
    if (supervisor->options->session_fd >= 0 &&
        ipc_send(supervisor->options->session_fd, &ipc_ready_spec, &ready, -1, &err) != BASE_OK) {
        supervisor_stop(supervisor, NULL); /* whoever wanted it has gone */
    }
}

static void
step_starting(struct supervisor *supervisor)
{
    const struct supervisor_role *refused = supervisor_roles_find_refused(supervisor);
    if (refused != NULL) {
        supervisor_stop(supervisor, &refused->refusal);
        return;
    }
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        if (supervisor->roles[i].death_count >= SUPERVISOR_DEATHS) {
            struct base_error why = {0};
            (void)base_fail(&why, E_ROLE_DIED, "%s ended %u times before it was ready",
                supervisor->roles[i].program, supervisor->roles[i].death_count);
            supervisor_stop(supervisor, &why);
            return;
        }
    }
    if (!supervisor_roles_are_ready(supervisor)) {
        return;
    }
    supervisor->phase = SUPERVISOR_RUNNING;
    if (is_making_ca(supervisor)) {
        ask_for_ca(supervisor);
        return;
    }
    log_ready(supervisor);
    supervisor_config_warn(supervisor, supervisor->config);
    tell_session_ready(supervisor);
}

/* ---- reloading ---- */

/* The first policy of a home that runs: the role that is new with it must take the new
 * configuration as the others do. */
static void
begin_notifier(struct supervisor *supervisor)
{
    struct supervisor_role *notifier = &supervisor->roles[SUPERVISOR_NOTIFIER];
    struct base_error err = {0};
    if (notifier->is_wanted || !supervisor_roles_want_notifier(supervisor, supervisor->next)) {
        return;
    }
    notifier->is_wanted = true;
    notifier->death_count = 0;
    if (supervisor_role_start(supervisor, supervisor->next, notifier, &err) != BASE_OK) {
        base_log_error(&supervisor->log, BASE_LOG_ERROR, "role_start_failed", &err);
    }
}

/* The last policy is gone, or the reload that brought the first one was refused. */
static void
end_notifier(struct supervisor *supervisor)
{
    struct supervisor_role *notifier = &supervisor->roles[SUPERVISOR_NOTIFIER];
    if (!notifier->is_wanted || supervisor_roles_want_notifier(supervisor, supervisor->config)) {
        return;
    }
    notifier->is_wanted = false;
    notifier->restart_ms = 0;
    if (notifier->pid != 0) {
        drain_role(supervisor, notifier);
    }
}

static void
begin_reload(struct supervisor *supervisor)
{
    struct base_error err = {0};
    supervisor->is_reload_wanted = false;
    enum base_code code = supervisor_config_read(supervisor, &supervisor->next, &err);
    if (code == BASE_OK && supervisor->roles[SUPERVISOR_FRONT].is_wanted) {
        code = supervisor_listeners_open(supervisor, supervisor->next, &supervisor->listeners,
            &supervisor->next_listeners, &err);
    }
    if (code != BASE_OK) {
        supervisor_config_free(MOVE(supervisor->next));
        base_log_error(&supervisor->log, BASE_LOG_ERROR, "reload_refused", &err);
        return;
    }
    supervisor->phase = SUPERVISOR_RELOADING;
    supervisor_roles_configure(supervisor, supervisor->next);
    begin_notifier(supervisor);
}

static bool
is_tls(const struct supervisor_listener *listener)
{
    return listener->tls != IPC_TLS_NONE;
}

/* Tell the front what is new and what is gone; a changed purpose is both, and so is TLS where there
 * was none. */
static void
change_listeners(struct supervisor *supervisor)
{
    struct supervisor_role *front = &supervisor->roles[SUPERVISOR_FRONT];
    for (size_t i = 0; i < supervisor->listeners.count; i++) {
        const struct supervisor_listener *old = &supervisor->listeners.list[i];
        const struct supervisor_listener *kept =
            supervisor_listeners_find(&supervisor->next_listeners, old->address);
        if (kept == NULL || kept->purpose != old->purpose || is_tls(kept) != is_tls(old)) {
            struct ipc_listener_closed closed = {.address = bytes_from_text(old->actual)};
            supervisor_role_send(supervisor, front, &ipc_listener_closed_spec, &closed, -1);
        }
    }
    for (size_t i = 0; i < supervisor->next_listeners.count; i++) {
        const struct supervisor_listener *new = &supervisor->next_listeners.list[i];
        const struct supervisor_listener *old =
            supervisor_listeners_find(&supervisor->listeners, new->address);
        if (old == NULL || old->purpose != new->purpose || is_tls(old) != is_tls(new)) {
            struct ipc_listener message = {.purpose = new->purpose,
                .is_tls = is_tls(new),
                .address = bytes_from_text(new->actual)};
            supervisor_role_send(supervisor, front, &ipc_listener_spec, &message, new->fd);
            log_listening(supervisor, new);
        }
    }
    supervisor_listeners_close(&supervisor->listeners, &supervisor->next_listeners);
    supervisor->listeners = supervisor->next_listeners;
    supervisor->next_listeners.count = 0;
}

/* Every reload opens the log file again, so that it may have been renamed. */
static void
change_log(struct supervisor *supervisor)
{
    struct base_error err = {0};
    struct ipc_log_file message = {0};
    if (supervisor_open_log(supervisor, supervisor->config, &err) != BASE_OK) {
        base_log_error(&supervisor->log, BASE_LOG_ERROR, "log_file_refused", &err);
        return;
    }
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        supervisor_role_send(
            supervisor, &supervisor->roles[i], &ipc_log_file_spec, &message, supervisor->log.fd);
    }
}

static void
finish_reload(struct supervisor *supervisor)
{
    struct supervisor_config *old = supervisor->config;
    supervisor->phase = SUPERVISOR_RUNNING;
    supervisor->config = MOVE(supervisor->next);
    if (memcmp(old->users, supervisor->config->users, sizeof(old->users)) != 0 ||
        old->is_strict != supervisor->config->is_strict) {
        struct base_log_record record;
        base_log_begin(&record, &supervisor->log, BASE_LOG_WARN, "restart_needed", BYTES_NONE);
        base_log_word(&record, "keys", "users,confinement");
        base_log_end(&record);
    }
    supervisor_config_free(old);
    end_notifier(supervisor);
    change_log(supervisor);
    change_listeners(supervisor);
    struct base_log_record record;
    base_log_begin(&record, &supervisor->log, BASE_LOG_INFO, "reloaded", BYTES_NONE);
    base_log_number(&record, "generation", supervisor->generation);
    base_log_end(&record);
    supervisor_config_warn(supervisor, supervisor->config);
}

/* All roles or none: those that have taken the new configuration get the old one again. */
static void
undo_reload(struct supervisor *supervisor, const struct base_error *why)
{
    base_log_error(&supervisor->log, BASE_LOG_ERROR, "reload_refused", why);
    supervisor_listeners_close(&supervisor->next_listeners, &supervisor->listeners);
    supervisor_config_free(MOVE(supervisor->next));
    supervisor->phase = SUPERVISOR_RUNNING;
    end_notifier(supervisor);
    supervisor_roles_configure(supervisor, supervisor->config);
}

static void
step_reloading(struct supervisor *supervisor)
{
    const struct supervisor_role *refused = supervisor_roles_find_refused(supervisor);
    if (refused != NULL) {
        struct base_error why = refused->refusal;
        undo_reload(supervisor, &why);
        return;
    }
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        const struct supervisor_role *role = &supervisor->roles[i];
        if (role->is_wanted && role->pid == 0) {
            struct base_error why = {0};
            (void)base_fail(
                &why, E_ROLE_DIED, "%s, while it took a new configuration", role->program);
            undo_reload(supervisor, &why);
            return;
        }
    }
    if (supervisor_roles_are_ready(supervisor)) {
        finish_reload(supervisor);
    }
}

/* ---- running ---- */

/* It drains: a configuration that wants it again must wait for its end. */
static bool
is_notifier_ending(const struct supervisor *supervisor)
{
    const struct supervisor_role *notifier = &supervisor->roles[SUPERVISOR_NOTIFIER];
    return !notifier->is_wanted && notifier->pid != 0;
}

static void
step_running(struct supervisor *supervisor)
{
    if (is_making_ca(supervisor)) {
        const struct supervisor_role *refused = supervisor_roles_find_refused(supervisor);
        if (refused != NULL) {
            supervisor_stop(supervisor, &refused->refusal);
        } else if (supervisor->is_ca_made) {
            supervisor_stop(supervisor, NULL);
        } else if (supervisor->roles[SUPERVISOR_SIGNER].pid == 0) {
            struct base_error why = {0};
            (void)base_fail(&why, E_ROLE_DIED, "kurier-signer, while it made the CA");
            supervisor_stop(supervisor, &why);
        }
    } else if (supervisor->is_reload_wanted && supervisor_roles_are_ready(supervisor) &&
               !is_notifier_ending(supervisor)) {
        begin_reload(supervisor);
    }
}

static void
start_again(struct supervisor *supervisor, struct supervisor_role *role)
{
    struct base_error err = {0};
    if (supervisor_role_start(supervisor, supervisor->config, role, &err) != BASE_OK) {
        /* No memory or no program: neither is cured by haste. */
        base_log_error(&supervisor->log, BASE_LOG_ERROR, "role_start_failed", &err);
        role->restart_ms = supervisor_now_ms(supervisor) + SUPERVISOR_BACKOFF_MOST;
    }
}

static void
miss_deadline(struct supervisor *supervisor, struct supervisor_role *role)
{
    struct base_error why = {0};
    role->deadline_ms = 0;
    (void)base_fail(&why, E_START_TIMEOUT, "%s", role->program);
    base_log_error(&supervisor->log, BASE_LOG_ERROR,
        supervisor->phase == SUPERVISOR_STOPPING ? "drain_cut" : "role_late", &why);
    if (role->pid != 0) {
        (void)kill(role->pid, SIGKILL);
    }
    if (supervisor->phase == SUPERVISOR_STARTING || is_making_ca(supervisor)) {
        supervisor_stop(supervisor, &why);
    }
}

void
supervisor_step(struct supervisor *supervisor)
{
    int64_t now_ms = supervisor_now_ms(supervisor);
    switch (supervisor->phase) {
    case SUPERVISOR_STARTING:
        step_starting(supervisor);
        break;
    case SUPERVISOR_RUNNING:
        step_running(supervisor);
        break;
    case SUPERVISOR_RELOADING:
        step_reloading(supervisor);
        break;
    case SUPERVISOR_STOPPING:
        break;
    }
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        struct supervisor_role *role = &supervisor->roles[i];
        if (role->deadline_ms != 0 && now_ms >= role->deadline_ms) {
            miss_deadline(supervisor, role);
        }
        if (supervisor->phase != SUPERVISOR_STOPPING && role->restart_ms != 0 &&
            now_ms >= role->restart_ms) {
            start_again(supervisor, role);
        }
    }
    if (supervisor->phase == SUPERVISOR_STOPPING) {
        step_stopping(supervisor);
    }
}

int
supervisor_next_step_ms(const struct supervisor *supervisor)
{
    int64_t least_ms = INT64_MAX;
    bool is_stopping = supervisor->phase == SUPERVISOR_STOPPING;
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        const struct supervisor_role *role = &supervisor->roles[i];
        if (role->deadline_ms != 0 && role->deadline_ms < least_ms) {
            least_ms = role->deadline_ms;
        }
        if (!is_stopping && role->restart_ms != 0 && role->restart_ms < least_ms) {
            least_ms = role->restart_ms;
        }
    }
    if (least_ms == INT64_MAX) {
        return -1;
    }
    int64_t left_ms = least_ms - supervisor_now_ms(supervisor);
    return left_ms <= 0 ? 0 : (int)left_ms;
}
