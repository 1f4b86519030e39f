#include "supervisor/roles.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "ipc/channel.h"
#include "supervisor/spawn.h"

#include "base/banned.h"

void
supervisor_roles_init(struct supervisor *supervisor)
{
    static const struct {
        enum ipc_role role;
        const char *program;
    } names[SUPERVISOR_ROLES] = {
        [SUPERVISOR_FRONT] = {IPC_FRONT, "kurier-front"},
        [SUPERVISOR_LEDGER] = {IPC_LEDGER, "kurier-ledger"},
        [SUPERVISOR_NOTIFIER] = {IPC_NOTIFIER, "kurier-notifier"},
        [SUPERVISOR_SIGNER] = {IPC_SIGNER, "kurier-signer"},
    };
    const struct supervisor_options *options = supervisor->options;
    bool is_making_ca = options->create_ca != NULL || options->import_ca != NULL;
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        struct supervisor_role *role = &supervisor->roles[i];
        memset(role, 0, sizeof(*role));
        role->role = names[i].role;
        role->program = names[i].program;
        role->fd = -1;
        role->backoff_ms = SUPERVISOR_BACKOFF_FIRST;
        role->is_wanted = i == SUPERVISOR_SIGNER || (i == SUPERVISOR_LEDGER && !is_making_ca) ||
                          (i == SUPERVISOR_FRONT && !is_making_ca && options->session_fd < 0);
    }
}

/* A role that cannot be told anything is of no use: its death starts it again. */
static void
end_role(struct supervisor *supervisor, struct supervisor_role *role, const struct base_error *why)
{
    if (role->pid == 0 || why->code == E_PEER_CLOSED) {
        return; /* it has ended, and waitpid() will say so */
    }
    struct base_log_record record;
    base_log_begin(&record, &supervisor->log, BASE_LOG_ERROR, "role_hangs", BYTES_NONE);
    base_log_word(&record, "program", role->program);
    base_log_code(&record, why);
    base_log_end(&record);
    (void)kill(role->pid, SIGKILL);
}

void
supervisor_role_send(struct supervisor *supervisor, struct supervisor_role *role,
    const struct ipc_spec *spec, const void *message, int pass_fd)
{
    struct base_error err = {0};
    if (role->fd >= 0 && ipc_send(role->fd, spec, message, pass_fd, &err) != BASE_OK) {
        end_role(supervisor, role, &err);
    }
}

/* Who has anything to say to whom: the notifier, which talks outward, to the ledger alone. */
static bool
are_peers(enum ipc_role a, enum ipc_role b)
{
    return (a != IPC_NOTIFIER && b != IPC_NOTIFIER) || a == IPC_LEDGER || b == IPC_LEDGER;
}

/* A new socket between two roles; both learn who is at its other end from us alone. */
MUST_CHECK static enum base_code
introduce(struct supervisor *supervisor, struct supervisor_role *a, struct supervisor_role *b,
    struct base_error *err)
{
    int fds[2] = {-1, -1};
    TRY(ipc_channel_pair(fds, err));
    struct ipc_peer to_a = {.role = (uint8_t)b->role};
    struct ipc_peer to_b = {.role = (uint8_t)a->role};
    supervisor_role_send(supervisor, a, &ipc_peer_spec, &to_a, fds[0]);
    supervisor_role_send(supervisor, b, &ipc_peer_spec, &to_b, fds[1]);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return BASE_OK;
}

static void
send_listeners(struct supervisor *supervisor, struct supervisor_role *role)
{
    if (role->role == IPC_LEDGER && supervisor->control_fd >= 0) {
        struct ipc_listener control = {
            .purpose = IPC_LISTEN_CONTROL, .address = bytes_from_text(IPC_CONTROL_NAME)};
        supervisor_role_send(
            supervisor, role, &ipc_listener_spec, &control, supervisor->control_fd);
    }
    for (size_t i = 0; role->role == IPC_FRONT && i < supervisor->listeners.count; i++) {
        const struct supervisor_listener *listener = &supervisor->listeners.list[i];
        struct ipc_listener message = {.purpose = listener->purpose,
            .is_tls = listener->tls != IPC_TLS_NONE,
            .address = bytes_from_text(listener->actual)};
        supervisor_role_send(supervisor, role, &ipc_listener_spec, &message, listener->fd);
    }
}

static void
send_passphrase(struct supervisor *supervisor, struct supervisor_role *role)
{
    struct ipc_passphrase message = {0};
    if (role->role != IPC_SIGNER || supervisor->passphrase_fd < 0) {
        return;
    }
    /* The signer before this one has read it to its end, and the offset is shared. */
    (void)lseek(supervisor->passphrase_fd, 0, SEEK_SET);
    supervisor_role_send(
        supervisor, role, &ipc_passphrase_spec, &message, supervisor->passphrase_fd);
}

static void
send_config(struct supervisor *supervisor, const struct supervisor_config *config,
    struct supervisor_role *role)
{
    struct base_error err = {0};
    role->generation = supervisor->generation;
    role->is_ready = false;
    role->has_refused = false;
    role->deadline_ms = supervisor_now_ms(supervisor) + SUPERVISOR_READY_WAIT;
    if (supervisor_config_send(supervisor, config, role, &err) != BASE_OK) {
        end_role(supervisor, role, &err);
    }
}

static void
log_started(const struct supervisor *supervisor, const struct supervisor_role *role)
{
    struct base_log_record record;
    base_log_begin(&record, &supervisor->log, BASE_LOG_INFO, "role_started", BYTES_NONE);
    base_log_word(&record, "program", role->program);
    base_log_number(&record, "pid", role->pid);
    base_log_end(&record);
}

enum base_code
supervisor_role_start(struct supervisor *supervisor, const struct supervisor_config *config,
    struct supervisor_role *role, struct base_error *err)
{
    const struct timeval patience = {SUPERVISOR_SEND_WAIT / 1000, 0};
    int fds[2] = {-1, -1};
    TRY(ipc_channel_pair(fds, err));
    OWN_FD int ours = fds[0];
    OWN_FD int theirs = fds[1];
    if (setsockopt(ours, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "SO_SNDTIMEO");
    }
    struct supervisor_spawn spawn = {.program = role->program,
        .user = role->user,
        .socket_fd = theirs,
        .file_fd = -1,
        .wants_many_files = role->role == IPC_FRONT,
        .wants_locked_memory = role->role == IPC_SIGNER};
    TRY(supervisor_spawn(supervisor, &spawn, &role->pid, err));
    role->fd = ours;
    ours = -1;
    role->restart_ms = 0;
    role->started_ms = supervisor_now_ms(supervisor);
    role->loss_count = 0;
    log_started(supervisor, role);
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        struct supervisor_role *other = &supervisor->roles[i];
        if (other != role && other->pid != 0 && are_peers(role->role, other->role)) {
            TRY(introduce(supervisor, role, other, err));
        }
    }
    send_listeners(supervisor, role);
    send_passphrase(supervisor, role);
    send_config(supervisor, config, role);
    return BASE_OK;
}

bool
supervisor_roles_want_notifier(
    const struct supervisor *supervisor, const struct supervisor_config *config)
{
    return supervisor->roles[SUPERVISOR_FRONT].is_wanted && config->has_policies;
}

void
supervisor_roles_configure(struct supervisor *supervisor, const struct supervisor_config *config)
{
    supervisor->generation++;
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        if (supervisor->roles[i].pid != 0) {
            send_config(supervisor, config, &supervisor->roles[i]);
        }
    }
}

static void
take_ready(
    struct supervisor *supervisor, struct supervisor_role *role, const struct ipc_frame *frame)
{
    struct ipc_ready ready = {0};
    struct base_error err = {0};
    if (ipc_decode(&ipc_ready_spec, frame, &ready, &err) != BASE_OK) {
        end_role(supervisor, role, &err);
    } else if (ready.generation == role->generation) {
        role->is_ready = true;
        role->deadline_ms = 0;
    }
}

static void
take_refused(
    struct supervisor *supervisor, struct supervisor_role *role, const struct ipc_frame *frame)
{
    struct ipc_refused refused = {0};
    struct base_error err = {0};
    if (ipc_decode(&ipc_refused_spec, frame, &refused, &err) != BASE_OK) {
        end_role(supervisor, role, &err);
    } else if (refused.generation == role->generation) {
        role->has_refused = true;
        role->deadline_ms = 0;
        (void)base_fail(&role->refusal, (enum base_code)refused.code, "%.*s",
            base_size_to_int(refused.detail.len), (const char *)refused.detail.ptr);
    }
}

static void
take_ca_created(
    struct supervisor *supervisor, struct supervisor_role *role, const struct ipc_frame *frame)
{
    struct ipc_ca_created created = {0};
    struct base_error err = {0};
    if (ipc_decode(&ipc_ca_created_spec, frame, &created, &err) != BASE_OK) {
        end_role(supervisor, role, &err);
    } else if (created.code == 0) {
        supervisor->is_ca_made = true;
        role->deadline_ms = 0;
    } else {
        role->has_refused = true;
        role->deadline_ms = 0;
        (void)base_fail(&role->refusal, (enum base_code)created.code, "%.*s",
            base_size_to_int(created.detail.len), (const char *)created.detail.ptr);
    }
}

static struct supervisor_role *
find_role(struct supervisor *supervisor, enum ipc_role wanted)
{
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        if (supervisor->roles[i].role == wanted && supervisor->roles[i].pid != 0) {
            return &supervisor->roles[i];
        }
    }
    return NULL;
}

/*
 * Two living roles lost their socket: an error of the system, or what came out of it was not
 * understood. Only the front and the notifier, which read strangers' octets, are ended on another
 * role's word. A role that goes on losing its peers is started anew, which has bounds of its own.
 */
static void
take_peer_lost(
    struct supervisor *supervisor, struct supervisor_role *role, const struct ipc_frame *frame)
{
    struct ipc_peer_lost lost = {0};
    struct base_error err = {0};
    if (ipc_decode(&ipc_peer_lost_spec, frame, &lost, &err) != BASE_OK) {
        end_role(supervisor, role, &err);
        return;
    }
    struct supervisor_role *other = find_role(supervisor, (enum ipc_role)lost.role);
    if (other == NULL || other == role || !are_peers(role->role, other->role)) {
        return; /* it died meanwhile, and its successor is introduced */
    }
    if (lost.is_misbehaving != 0 && (other->role == IPC_FRONT || other->role == IPC_NOTIFIER)) {
        (void)base_fail(&err, E_IPC_UNEXPECTED, "so says %s", role->program);
        end_role(supervisor, other, &err);
    } else if (++role->loss_count > SUPERVISOR_LOSSES) {
        (void)base_fail(&err, E_SYSTEM, "it has lost its peers %u times", role->loss_count);
        end_role(supervisor, role, &err);
    } else if (introduce(supervisor, role, other, &err) != BASE_OK) {
        end_role(supervisor, role, &err);
    }
}

void
supervisor_role_receive(struct supervisor *supervisor, struct supervisor_role *role)
{
    struct ipc_frame frame;
    struct base_error err = {0};
    enum base_code code = ipc_receive(role->fd, &frame, &err);
    if (code == E_PEER_CLOSED) {
        (void)close(role->fd); /* its death follows; until then nobody can be told anything */
        role->fd = -1;
        return;
    }
    if (code != BASE_OK) {
        end_role(supervisor, role, &err);
        return;
    }
    if (frame.fd >= 0) {
        (void)close(frame.fd); /* no role has one to send */
    }
    switch (ipc_frame_type(&frame)) {
    case IPC_TYPE_READY:
        take_ready(supervisor, role, &frame);
        break;
    case IPC_TYPE_REFUSED:
        take_refused(supervisor, role, &frame);
        break;
    case IPC_TYPE_PEER_LOST:
        take_peer_lost(supervisor, role, &frame);
        break;
    case IPC_TYPE_CA_CREATED:
        take_ca_created(supervisor, role, &frame);
        break;
    default:
        (void)base_fail(&err, E_IPC_UNEXPECTED, "message of type %u from %s",
            (unsigned)ipc_frame_type(&frame), role->program);
        end_role(supervisor, role, &err);
        break;
    }
}

/* When to start it again: at once, unless it died too often lately. */
static int64_t
restart_time(struct supervisor_role *role, int64_t now_ms)
{
    int64_t oldest_ms = role->deaths_ms[role->death_count % SUPERVISOR_DEATHS];
    role->deaths_ms[role->death_count % SUPERVISOR_DEATHS] = now_ms;
    role->death_count++;
    bool is_often =
        role->death_count > SUPERVISOR_DEATHS && now_ms - oldest_ms < SUPERVISOR_DEATHS_WITHIN;
    /* Once delayed, it stays so until it has lived for a while. */
    bool is_still_bad = role->backoff_ms > SUPERVISOR_BACKOFF_FIRST &&
                        now_ms - role->started_ms < SUPERVISOR_DEATHS_WITHIN;
    if (!is_often && !is_still_bad && !role->has_refused) {
        role->backoff_ms = SUPERVISOR_BACKOFF_FIRST;
        return now_ms;
    }
    int64_t delay_ms = role->backoff_ms;
    role->backoff_ms =
        delay_ms * 2 < SUPERVISOR_BACKOFF_MOST ? delay_ms * 2 : SUPERVISOR_BACKOFF_MOST;
    return now_ms + delay_ms;
}

/* Read what a role has said before it ended: REFUSED tells why. */
static void
hear_last_words(struct supervisor *supervisor, struct supervisor_role *role)
{
    char octet = 0;
    while (role->fd >= 0 && recv(role->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
        supervisor_role_receive(supervisor, role);
    }
    if (role->fd >= 0) {
        (void)close(role->fd);
        role->fd = -1;
    }
}

void
supervisor_role_died(struct supervisor *supervisor, struct supervisor_role *role, int status)
{
    int64_t now_ms = supervisor_now_ms(supervisor);
    bool is_expected = (supervisor->phase == SUPERVISOR_STOPPING || !role->is_wanted) &&
                       WIFEXITED(status) && WEXITSTATUS(status) == 0;
    pid_t pid = role->pid;
    role->pid = 0; /* the number may soon be another process' */
    hear_last_words(supervisor, role);
    struct base_log_record record;
    base_log_begin(&record, &supervisor->log, is_expected ? BASE_LOG_INFO : BASE_LOG_ERROR,
        is_expected ? "role_ended" : "role_died", BYTES_NONE);
    base_log_word(&record, "program", role->program);
    base_log_number(&record, "pid", pid);
    if (WIFSIGNALED(status)) {
        base_log_number(&record, "signal", WTERMSIG(status));
    } else {
        base_log_number(&record, "status", WEXITSTATUS(status));
    }
    base_log_number(&record, "lived_ms", now_ms - role->started_ms);
    base_log_end(&record);
    role->is_ready = false;
    role->deadline_ms = 0;
    role->restart_ms = supervisor->phase == SUPERVISOR_STOPPING || !role->is_wanted
                           ? 0
                           : restart_time(role, now_ms);
}

bool
supervisor_roles_are_ready(const struct supervisor *supervisor)
{
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        const struct supervisor_role *role = &supervisor->roles[i];
        if (role->is_wanted && (!role->is_ready || role->generation != supervisor->generation)) {
            return false;
        }
    }
    return true;
}

const struct supervisor_role *
supervisor_roles_find_refused(const struct supervisor *supervisor)
{
    for (size_t i = 0; i < SUPERVISOR_ROLES; i++) {
        const struct supervisor_role *role = &supervisor->roles[i];
        if (role->has_refused && role->generation == supervisor->generation) {
            return role;
        }
    }
    return NULL;
}
