#include "supervisor/config_step.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "ipc/channel.h"
#include "supervisor/spawn.h"
#include "supervisor/tls_files.h"
#include "supervisor/users.h"

#include "base/banned.h"

void
supervisor_config_free(struct supervisor_config *config)
{
    if (config == NULL) {
        return;
    }
    supervisor_tls_close(config);
    for (size_t i = 0; i < config->frame_count; i++) {
        explicit_bzero(config->frames[i].octets, config->frames[i].len);
        free(config->frames[i].octets);
    }
    free(config);
}

/* A field's text, NUL-terminated; the codec has checked that it is within @max. */
static void
copy_text(char *out, size_t size, struct bytes text)
{
    (void)snprintf(out, size, "%.*s", base_size_to_int(text.len), (const char *)text.ptr);
}

MUST_CHECK static enum base_code
take_process(
    struct supervisor_config *config, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_config_process process = {0};
    TRY(ipc_decode(&ipc_config_process_spec, frame, &process, err));
    copy_text(config->users[SUPERVISOR_FRONT], IPC_NAME_MAX + 1, process.user_front);
    copy_text(config->users[SUPERVISOR_LEDGER], IPC_NAME_MAX + 1, process.user_ledger);
    copy_text(config->users[SUPERVISOR_SIGNER], IPC_NAME_MAX + 1, process.user_signer);
    copy_text(config->users[SUPERVISOR_NOTIFIER], IPC_NAME_MAX + 1, process.user_notifier);
    copy_text(config->log_file, sizeof(config->log_file), process.log_file);
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_listener(
    struct supervisor_config *config, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_config_listener listener = {0};
    TRY(ipc_decode(&ipc_config_listener_spec, frame, &listener, err));
    if (config->listener_count == SUPERVISOR_LISTENERS_MAX) {
        return base_fail(err, E_CONFIG_LIMIT, "more than %d listeners", SUPERVISOR_LISTENERS_MAX);
    }
    size_t i = config->listener_count++;
    copy_text(config->listeners[i].address, sizeof(config->listeners[i].address), listener.address);
    config->listeners[i].purpose = listener.purpose;
    config->listeners[i].tls = listener.tls;
    copy_text(config->listeners[i].certificate, IPC_TEXT_MAX + 1, listener.certificate);
    copy_text(config->listeners[i].key, IPC_TEXT_MAX + 1, listener.key);
    copy_text(config->listeners[i].names, IPC_TEXT_MAX + 1, listener.names);
    copy_text(config->listeners[i].ca, IPC_NAME_MAX + 1, listener.ca);
    config->listeners[i].certificate_fd = -1;
    config->listeners[i].key_fd = -1;
    return BASE_OK;
}

MUST_CHECK static enum base_code
keep_frame(struct supervisor_config *config, const struct ipc_frame *frame, struct base_error *err)
{
    if (config->frame_count == SUPERVISOR_FRAMES_MAX) {
        return base_fail(err, E_CONFIG_LIMIT, "more than %d messages", SUPERVISOR_FRAMES_MAX);
    }
    uint8_t *copy = bytes_copy((struct bytes){frame->octets, frame->len});
    if (copy == NULL) {
        return base_fail(err, E_NO_MEMORY, "configuration");
    }
    config->frames[config->frame_count].octets = copy;
    config->frames[config->frame_count].len = frame->len;
    config->frame_count++;
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_frame(struct supervisor_config *config, const struct ipc_frame *frame, bool *out_is_end,
    struct base_error *err)
{
    struct ipc_config_error refused = {0};
    struct ipc_config_general general = {0};
    switch (ipc_frame_type(frame)) {
    case IPC_TYPE_CONFIG_ERROR:
        TRY(ipc_decode(&ipc_config_error_spec, frame, &refused, err));
        return base_fail(err, (enum base_code)refused.code, "%.*s",
            base_size_to_int(refused.text.len), (const char *)refused.text.ptr);
    case IPC_TYPE_CONFIG_PROCESS:
        return take_process(config, frame, err);
    case IPC_TYPE_CONFIG_LISTENER:
        return take_listener(config, frame, err);
    case IPC_TYPE_CONFIG_GENERAL:
        TRY(ipc_decode(&ipc_config_general_spec, frame, &general, err));
        config->is_strict = general.is_strict != 0;
        config->log_level = general.log_level <= BASE_LOG_DEBUG
                                ? (enum base_log_level)general.log_level
                                : BASE_LOG_INFO;
        return keep_frame(config, frame, err);
    case IPC_TYPE_CONFIG_END:
        *out_is_end = true;
        return BASE_OK;
    case IPC_TYPE_CONFIG_POLICY:
        config->has_policies = true;
        return keep_frame(config, frame, err);
    default:
        return keep_frame(config, frame, err);
    }
}

/* All messages of the config step, at most SUPERVISOR_CONFIG_WAIT altogether. */
MUST_CHECK static enum base_code
collect(const struct supervisor *supervisor, int fd, struct supervisor_config *config,
    struct base_error *err)
{
    struct ipc_frame frame;
    int64_t until_ms = supervisor_now_ms(supervisor) + SUPERVISOR_CONFIG_WAIT;
    bool is_end = false;
    while (!is_end) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        int64_t left_ms = until_ms - supervisor_now_ms(supervisor);
        int ready = left_ms <= 0 ? 0 : poll(&waiting, 1, (int)left_ms);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            return base_fail(
                err, E_CONFIG_STEP, "no answer within %d s", SUPERVISOR_CONFIG_WAIT / 1000);
        }
        enum base_code code = ipc_receive(fd, &frame, err);
        if (code == E_PEER_CLOSED) {
            return base_fail(err, E_CONFIG_STEP, "kurier-config ended before it had answered");
        }
        if (code != BASE_OK) {
            return code;
        }
        if (frame.fd >= 0) {
            (void)close(frame.fd); /* it has none to send */
        }
        TRY(take_frame(config, &frame, &is_end, err));
    }
    return BASE_OK;
}

enum base_code
supervisor_config_read(const struct supervisor *supervisor, struct supervisor_config **out_config,
    struct base_error *err)
{
    char path[IPC_TEXT_MAX + 32] = "";
    int fds[2] = {-1, -1};
    pid_t pid = 0;
    (void)snprintf(path, sizeof(path), "%s/%s", supervisor->home, SUPERVISOR_CONFIG_NAME);
    OWN_FD int file_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file_fd < 0) {
        enum base_code code = errno == ENOENT ? E_HOME_MISSING : E_CONFIG_MISSING;
        return base_fail_errno(err, code, errno, "%.150s", path);
    }
    OWN_STRUCT(supervisor_config) config = calloc(1, sizeof(*config));
    if (config == NULL) {
        return base_fail(err, E_NO_MEMORY, "configuration");
    }
    TRY(ipc_channel_pair(fds, err));
    OWN_FD int ours = fds[0];
    OWN_FD int theirs = fds[1];
    struct supervisor_spawn spawn = {.program = "kurier-config",
        .argument = path,
        .user = supervisor_users_nobody(supervisor),
        .socket_fd = theirs,
        .file_fd = file_fd};
    TRY(supervisor_spawn(supervisor, &spawn, &pid, err));
    (void)close(theirs);
    theirs = -1;
    enum base_code code = collect(supervisor, ours, config, err);
    if (code != BASE_OK) {
        (void)kill(pid, SIGKILL);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (code == BASE_OK && supervisor->roles[SUPERVISOR_FRONT].is_wanted) {
        code = supervisor_tls_open(supervisor, config, err);
    }
    if (code == BASE_OK) {
        *out_config = MOVE(config);
    }
    return code;
}

/* Who gets a message of the configuration. */
static bool
is_for(uint16_t type, enum ipc_role role)
{
    switch (type) {
    case IPC_TYPE_CONFIG_GENERAL:
        return true;
    case IPC_TYPE_CONFIG_ENDPOINT:
        return role == IPC_FRONT || role == IPC_LEDGER;
    case IPC_TYPE_CONFIG_PROFILE:
    case IPC_TYPE_CONFIG_CA:
        return role == IPC_LEDGER || role == IPC_SIGNER;
    case IPC_TYPE_CONFIG_ADMIN:
        return role == IPC_FRONT || role == IPC_LEDGER;
    case IPC_TYPE_CONFIG_PROXY:
    case IPC_TYPE_CONFIG_ACCOUNT:
        return role == IPC_FRONT;
    case IPC_TYPE_CONFIG_POLICY:
        return role == IPC_LEDGER || role == IPC_NOTIFIER;
    default:
        return false;
    }
}

/* Where devices reach this server on its own machine: what is listened on, or, in a session without
 * a listener, what the file says. */
static void
find_listener_url(const struct supervisor *supervisor, const struct supervisor_config *config,
    char *out, size_t out_size)
{
    const char *address = NULL;
    for (size_t i = supervisor->listeners.count; i > 0; i--) {
        const struct supervisor_listener *listener = &supervisor->listeners.list[i - 1];
        address = (listener->purpose & IPC_LISTEN_SCEP) != 0 ? listener->actual : address;
    }
    for (size_t i = config->listener_count; supervisor->listeners.count == 0 && i > 0; i--) {
        bool is_scep = (config->listeners[i - 1].purpose & IPC_LISTEN_SCEP) != 0;
        address = is_scep ? config->listeners[i - 1].address : address;
    }
    (void)snprintf(
        out, out_size, "%s%s", address == NULL ? "" : "http://", address == NULL ? "" : address);
}

MUST_CHECK static enum base_code
send_general(const struct supervisor *supervisor, const struct supervisor_config *config, int fd,
    const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_config_general general = {0};
    char listener_url[IPC_TEXT_MAX + 1] = "";
    TRY(ipc_decode(&ipc_config_general_spec, frame, &general, err));
    find_listener_url(supervisor, config, listener_url, sizeof(listener_url));
    general.home = bytes_from_text(supervisor->home);
    general.listener_url = bytes_from_text(listener_url);
    general.is_new_home =
        supervisor->options->create_ca != NULL || supervisor->options->import_ca != NULL;
    return ipc_send(fd, &ipc_config_general_spec, &general, -1, err);
}

/* The signer has no use for a challenge, so it gets none. */
MUST_CHECK static enum base_code
send_profile_without_challenge(int fd, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_config_profile profile = {0};
    TRY(ipc_decode(&ipc_config_profile_spec, frame, &profile, err));
    profile.static_challenge = BYTES_NONE;
    return ipc_send(fd, &ipc_config_profile_spec, &profile, -1, err);
}

/* The ledger talks to no network, and gets no proxy: a password may be in it. */
MUST_CHECK static enum base_code
send_policy_without_proxy(int fd, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_config_policy policy = {0};
    TRY(ipc_decode(&ipc_config_policy_spec, frame, &policy, err));
    policy.proxy = BYTES_NONE;
    return ipc_send(fd, &ipc_config_policy_spec, &policy, -1, err);
}

enum base_code
supervisor_config_send(const struct supervisor *supervisor, const struct supervisor_config *config,
    const struct supervisor_role *role, struct base_error *err)
{
    struct ipc_frame frame = {.fd = -1};
    for (size_t i = 0; i < config->frame_count; i++) {
        memcpy(frame.octets, config->frames[i].octets, config->frames[i].len);
        frame.len = config->frames[i].len;
        uint16_t type = ipc_frame_type(&frame);
        if (!is_for(type, role->role)) {
            continue;
        }
        if (type == IPC_TYPE_CONFIG_GENERAL) {
            TRY(send_general(supervisor, config, role->fd, &frame, err));
        } else if (type == IPC_TYPE_CONFIG_PROFILE && role->role == IPC_SIGNER) {
            TRY(send_profile_without_challenge(role->fd, &frame, err));
        } else if (type == IPC_TYPE_CONFIG_POLICY && role->role == IPC_LEDGER) {
            TRY(send_policy_without_proxy(role->fd, &frame, err));
        } else {
            TRY(ipc_send_frame(role->fd, &frame, err));
        }
    }
    TRY(supervisor_tls_send(supervisor, config, role, err));
    struct ipc_config_end end = {.generation = role->generation};
    return ipc_send(role->fd, &ipc_config_end_spec, &end, -1, err);
}

void
supervisor_config_warn(const struct supervisor *supervisor, const struct supervisor_config *config)
{
    struct ipc_frame frame = {.fd = -1};
    for (size_t i = 0; i < config->frame_count; i++) {
        struct ipc_config_profile profile = {0};
        memcpy(frame.octets, config->frames[i].octets, config->frames[i].len);
        frame.len = config->frames[i].len;
        if (ipc_frame_type(&frame) != IPC_TYPE_CONFIG_PROFILE ||
            ipc_decode(&ipc_config_profile_spec, &frame, &profile, NULL) != BASE_OK ||
            profile.static_challenge.len == 0) {
            continue;
        }
        struct base_log_record record;
        base_log_begin(&record, &supervisor->log, BASE_LOG_WARN, "static_challenge", BYTES_NONE);
        base_log_text(&record, "profile", profile.name);
        base_log_end(&record);
    }
}
