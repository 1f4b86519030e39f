#include "ipc/role.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "ipc/confine.h"

#include "base/banned.h"

const char *
ipc_role_name(enum ipc_role role)
{
    static const char *const names[] = {
        "unknown", "supervisor", "front", "ledger", "signer", "notifier", "config"};
    size_t index = (size_t)role;
    return index < sizeof(names) / sizeof(names[0]) ? names[index] : names[0];
}

/*
 * Front and ledger are woken by every single message while the signer's threads are busy for 200 us
 * each. As batch processes they do not interrupt those, find several messages when their turn
 * comes, and commit them together; with nothing else to run they start as soon as ever.
 */
static void
take_turns(enum ipc_role role)
{
    struct sched_param none = {.sched_priority = 0};
    if (role == IPC_FRONT || role == IPC_LEDGER) {
        (void)sched_setscheduler(0, SCHED_BATCH, &none);
    }
}

enum base_code
ipc_role_start(struct ipc_role_link *link, enum ipc_role role,
    const struct ipc_role_handlers *handlers, void *arg, struct base_error *err)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    int type = 0;
    socklen_t len = sizeof(type);
    if (getsockopt(IPC_SUPERVISOR_FD, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
        type != SOCK_SEQPACKET || fcntl(IPC_LOG_FD, F_GETFD) < 0) {
        return base_fail(err, E_USAGE, "this program is started by kurier serve only");
    }
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        (void)signal(ignored[i], SIG_IGN);
    }
    /* The end of the socket would end us too, but only when somebody looks at it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "PR_SET_PDEATHSIG");
    }
    take_turns(role);
    memset(link, 0, sizeof(*link));
    link->fd = IPC_SUPERVISOR_FD;
    link->role = role;
    link->log =
        (struct base_log){IPC_LOG_FD, BASE_LOG_INFO, ipc_role_name(role), base_clock_system()};
    link->handlers = handlers;
    link->arg = arg;
    link->frame.fd = -1;
    return BASE_OK;
}

static int
take_fd(struct ipc_frame *frame)
{
    int fd = frame->fd;
    frame->fd = -1;
    return fd;
}

MUST_CHECK static enum base_code
need_fd(const struct ipc_frame *frame, struct base_error *err)
{
    return frame->fd >= 0 ? BASE_OK
                          : base_fail(err, E_IPC_FIELD, "message %u without its descriptor",
                                (unsigned)ipc_frame_type(frame));
}

MUST_CHECK static enum base_code
unexpected(const struct ipc_frame *frame, struct base_error *err)
{
    return base_fail(err, E_IPC_UNEXPECTED, "message of type %u from the supervisor",
        (unsigned)ipc_frame_type(frame));
}

/* A part of the configuration was not taken: remember the first reason for CONFIG_END. */
static void
note_refusal(struct ipc_role_link *link, const struct base_error *why)
{
    if (!link->is_config_bad) {
        link->is_config_bad = true;
        link->refusal = *why;
    }
}

MUST_CHECK static enum base_code
take_general(struct ipc_role_link *link, struct base_error *err)
{
    struct ipc_config_general general = {0};
    struct base_error why = {0};
    TRY(ipc_decode(&ipc_config_general_spec, &link->frame, &general, err));
    link->is_config_begun = true;
    link->is_config_bad = false;
    link->next_level = general.log_level <= BASE_LOG_DEBUG ? (enum base_log_level)general.log_level
                                                           : BASE_LOG_INFO;
    memcpy(link->home, general.home.ptr, general.home.len);
    link->home[general.home.len] = '\0';
    if (link->handlers->on_config_general == NULL) {
        return unexpected(&link->frame, err);
    }
    if (link->handlers->on_config_general(link->arg, &general, &why) != BASE_OK) {
        note_refusal(link, &why);
    }
    return BASE_OK;
}

/* The other parts of a configuration differ in their type only. After one that was refused they are
 * not looked at: there may be nothing to add them to. */
#define TAKE_PART(part)                                                                            \
    MUST_CHECK static enum base_code take_##part(                                                  \
        struct ipc_role_link *link, struct base_error *err)                                        \
    {                                                                                              \
        struct ipc_##part message;                                                                 \
        struct base_error why = {0};                                                               \
        TRY(ipc_decode(&ipc_##part##_spec, &link->frame, &message, err));                          \
        if (link->handlers->on_##part == NULL || !link->is_config_begun) {                         \
            return unexpected(&link->frame, err);                                                  \
        }                                                                                          \
        if (!link->is_config_bad &&                                                                \
            link->handlers->on_##part(link->arg, &message, &why) != BASE_OK) {                     \
            note_refusal(link, &why);                                                              \
        }                                                                                          \
        return BASE_OK;                                                                            \
    }
TAKE_PART(config_endpoint)
TAKE_PART(config_profile)
TAKE_PART(config_ca)
TAKE_PART(config_policy)
TAKE_PART(config_proxy)
TAKE_PART(config_admin)
TAKE_PART(config_account)

MUST_CHECK static enum base_code
take_config_tls(struct ipc_role_link *link, struct base_error *err)
{
    struct ipc_config_tls message;
    struct base_error why = {0};
    TRY(ipc_decode(&ipc_config_tls_spec, &link->frame, &message, err));
    if (link->handlers->on_config_tls == NULL || !link->is_config_begun) {
        return unexpected(&link->frame, err);
    }
    if (!link->is_config_bad && link->handlers->on_config_tls(
                                    link->arg, &message, take_fd(&link->frame), &why) != BASE_OK) {
        note_refusal(link, &why);
    }
    return BASE_OK;
}

enum base_code
ipc_role_ready(struct ipc_role_link *link, struct base_error *err)
{
    struct ipc_ready ready = {.generation = link->generation};
    link->is_configured = true;
    base_log_set_level(&link->log, link->next_level);
    return ipc_send(link->fd, &ipc_ready_spec, &ready, -1, err);
}

enum base_code
ipc_role_refuse(struct ipc_role_link *link, const struct base_error *why, struct base_error *err)
{
    struct ipc_refused refused = {.generation = link->generation,
        .code = (uint32_t)why->code,
        .detail = bytes_from_text(why->detail)};
    base_log_error(&link->log, BASE_LOG_ERROR, "config_refused", why);
    return ipc_send(link->fd, &ipc_refused_spec, &refused, -1, err);
}

void
ipc_role_lost_peer(
    const struct ipc_role_link *link, enum ipc_role peer, const struct base_error *why)
{
    bool is_ended = why->code == E_PEER_CLOSED;
    struct base_log_record record;
    base_log_begin(
        &record, &link->log, is_ended ? BASE_LOG_INFO : BASE_LOG_ERROR, "peer_lost", BYTES_NONE);
    base_log_word(&record, "peer", ipc_role_name(peer));
    base_log_code(&record, why);
    base_log_end(&record);
    if (is_ended) {
        return;
    }
    struct ipc_peer_lost lost = {.role = (uint8_t)peer,
        .is_misbehaving = why->code == E_IPC_FIELD || why->code == E_IPC_UNEXPECTED};
    struct base_error err;
    if (ipc_send(link->fd, &ipc_peer_lost_spec, &lost, -1, &err) != BASE_OK) {
        base_log_error(&link->log, BASE_LOG_ERROR, "role_failed", &err);
        _exit(1); /* nobody else can help: a new start has new sockets */
    }
}

MUST_CHECK static enum base_code
take_config_end(struct ipc_role_link *link, struct base_error *err)
{
    struct ipc_config_end end = {0};
    TRY(ipc_decode(&ipc_config_end_spec, &link->frame, &end, err));
    if (link->handlers->on_config_end == NULL || !link->is_config_begun) {
        return unexpected(&link->frame, err);
    }
    link->is_config_begun = false;
    link->generation = end.generation;
    struct base_error why = {0};
    if (link->is_config_bad) {
        why = link->refusal;
    } else if (link->handlers->on_config_end(link->arg, end.generation, &why) == BASE_OK) {
        return BASE_OK;
    }
    TRY(ipc_role_refuse(link, &why, err));
    if (!link->is_configured) {
        *err = why;
        return why.code;
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_peer(struct ipc_role_link *link, struct base_error *err)
{
    struct ipc_peer peer = {0};
    TRY(ipc_decode(&ipc_peer_spec, &link->frame, &peer, err));
    TRY(need_fd(&link->frame, err));
    if (link->handlers->on_peer == NULL || peer.role < IPC_FRONT || peer.role > IPC_NOTIFIER) {
        return unexpected(&link->frame, err);
    }
    return link->handlers->on_peer(link->arg, (enum ipc_role)peer.role, take_fd(&link->frame), err);
}

MUST_CHECK static enum base_code
take_listener(struct ipc_role_link *link, struct base_error *err)
{
    struct ipc_listener listener = {0};
    TRY(ipc_decode(&ipc_listener_spec, &link->frame, &listener, err));
    TRY(need_fd(&link->frame, err));
    if (link->handlers->on_listener == NULL) {
        return unexpected(&link->frame, err);
    }
    return link->handlers->on_listener(link->arg, &listener, take_fd(&link->frame), err);
}

MUST_CHECK static enum base_code
take_listener_closed(struct ipc_role_link *link, struct base_error *err)
{
    struct ipc_listener_closed closed = {0};
    TRY(ipc_decode(&ipc_listener_closed_spec, &link->frame, &closed, err));
    if (link->handlers->on_listener_closed != NULL) {
        link->handlers->on_listener_closed(link->arg, closed.address);
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_log_file(struct ipc_role_link *link, struct base_error *err)
{
    TRY(need_fd(&link->frame, err));
    if (dup3(link->frame.fd, IPC_LOG_FD, O_CLOEXEC) < 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "dup3");
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_passphrase(struct ipc_role_link *link, struct base_error *err)
{
    TRY(need_fd(&link->frame, err));
    if (link->handlers->on_passphrase == NULL) {
        return unexpected(&link->frame, err);
    }
    return link->handlers->on_passphrase(link->arg, take_fd(&link->frame), err);
}

MUST_CHECK static enum base_code
take_drain(struct ipc_role_link *link, struct base_error *err)
{
    struct ipc_drain drain = {0};
    TRY(ipc_decode(&ipc_drain_spec, &link->frame, &drain, err));
    if (link->handlers->on_drain == NULL) {
        _exit(0);
    }
    link->handlers->on_drain(link->arg, drain.deadline_ms);
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_probe(struct ipc_role_link *link, struct base_error *err)
{
#ifdef KURIER_TEST_HOOKS
    (void)err;
    ipc_confine_probe(&link->log, link->home);
    return BASE_OK;
#else
    return unexpected(&link->frame, err);
#endif
}

MUST_CHECK static enum base_code
dispatch(struct ipc_role_link *link, struct base_error *err)
{
    switch (ipc_frame_type(&link->frame)) {
    case IPC_TYPE_PEER:
        return take_peer(link, err);
    case IPC_TYPE_LISTENER:
        return take_listener(link, err);
    case IPC_TYPE_LISTENER_CLOSED:
        return take_listener_closed(link, err);
    case IPC_TYPE_LOG_FILE:
        return take_log_file(link, err);
    case IPC_TYPE_PASSPHRASE:
        return take_passphrase(link, err);
    case IPC_TYPE_CONFIG_GENERAL:
        return take_general(link, err);
    case IPC_TYPE_CONFIG_ENDPOINT:
        return take_config_endpoint(link, err);
    case IPC_TYPE_CONFIG_PROFILE:
        return take_config_profile(link, err);
    case IPC_TYPE_CONFIG_CA:
        return take_config_ca(link, err);
    case IPC_TYPE_CONFIG_POLICY:
        return take_config_policy(link, err);
    case IPC_TYPE_CONFIG_PROXY:
        return take_config_proxy(link, err);
    case IPC_TYPE_CONFIG_TLS:
        return take_config_tls(link, err);
    case IPC_TYPE_CONFIG_ADMIN:
        return take_config_admin(link, err);
    case IPC_TYPE_CONFIG_ACCOUNT:
        return take_config_account(link, err);
    case IPC_TYPE_CONFIG_END:
        return take_config_end(link, err);
    case IPC_TYPE_DRAIN:
        return take_drain(link, err);
    case IPC_TYPE_PROBE:
        return take_probe(link, err);
    default:
        return link->handlers->on_other == NULL
                   ? unexpected(&link->frame, err)
                   : link->handlers->on_other(link->arg, &link->frame, err);
    }
}

enum base_code
ipc_role_receive(struct ipc_role_link *link, struct base_error *err)
{
    link->frame.fd = -1;
    enum base_code code = ipc_receive(link->fd, &link->frame, err);
    if (code == E_PEER_BUSY) {
        return BASE_OK; /* woken for nothing, on a socket that its owner made non-blocking */
    }
    if (code == E_PEER_CLOSED) {
        _exit(0); /* nothing waits for us: whatever must last is on disk before it is answered */
    }
    if (code == BASE_OK) {
        code = dispatch(link, err);
    }
    if (link->frame.fd >= 0) {
        (void)close(take_fd(&link->frame)); /* sent with a message that wants none */
    }
    if (code == E_PEER_CLOSED) {
        _exit(0);
    }
    if (code != BASE_OK) {
        base_log_error(&link->log, BASE_LOG_ERROR, "role_failed", err);
    }
    return code;
}
