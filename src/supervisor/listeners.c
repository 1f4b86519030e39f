#include "supervisor/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "ipc/address.h"

#include "base/banned.h"

#define ACTIVATION_FIRST_FD 3 /* sd_listen_fds(3) */

const struct supervisor_listener *
supervisor_listeners_find(const struct supervisor_listeners *list, const char *address)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->list[i].address, address) == 0) {
            return &list->list[i];
        }
    }
    return NULL;
}

void
supervisor_listeners_close(
    struct supervisor_listeners *list, const struct supervisor_listeners *kept)
{
    for (size_t i = 0; i < list->count; i++) {
        struct supervisor_listener *listener = &list->list[i];
        if (kept == NULL || supervisor_listeners_find(kept, listener->address) == NULL) {
            /* The front has this socket too; without this it would listen until it closes its own.
             * What socket activation gave belongs to the system, and listens on. */
            if (strncmp(listener->address, "fd:", 3) != 0) {
                (void)shutdown(listener->fd, SHUT_RDWR);
            }
            (void)close(listener->fd);
        }
    }
    list->count = 0;
}

MUST_CHECK static enum base_code
open_one(const char *address, int *out_fd, struct base_error *err)
{
    struct sockaddr_storage at;
    socklen_t len = 0;
    const int yes = 1;
    if (ipc_address_parse(bytes_from_text(address), &at, &len, err) != BASE_OK) {
        err->code = E_LISTEN;
        return E_LISTEN;
    }
    OWN_FD int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return base_fail_errno(err, E_LISTEN, errno, "%.80s", address);
    }
    /* V6ONLY: [::] and 0.0.0.0 are two listeners that say what they are. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        (at.ss_family == AF_INET6 &&
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) != 0) ||
        bind(fd, (const struct sockaddr *)&at, len) != 0 || listen(fd, SOMAXCONN) != 0) {
        return base_fail_errno(err, E_LISTEN, errno, "%.80s", address);
    }
    *out_fd = fd;
    fd = -1;
    return BASE_OK;
}

static void
note_actual(struct supervisor_listener *listener)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof(at);
    char text[IPC_ADDRESS_TEXT_LEN] = "?";
    if (getsockname(listener->fd, (struct sockaddr *)&at, &len) == 0) {
        ipc_address_text(&at, text);
    }
    (void)snprintf(listener->actual, sizeof(listener->actual), "%s", text);
}

MUST_CHECK static enum base_code
add_one(const char *address, uint8_t purpose, uint8_t tls,
    const struct supervisor_listeners *present, struct supervisor_listeners *out,
    struct base_error *err)
{
    if (out->count == SUPERVISOR_LISTENERS_MAX) {
        return base_fail(err, E_LISTEN, "more than %d addresses", SUPERVISOR_LISTENERS_MAX);
    }
    struct supervisor_listener *listener = &out->list[out->count];
    const struct supervisor_listener *there = supervisor_listeners_find(present, address);
    if (there != NULL) {
        *listener = *there;
    } else {
        memset(listener, 0, sizeof(*listener));
        TRY(open_one(address, &listener->fd, err));
        (void)snprintf(listener->address, sizeof(listener->address), "%s", address);
        note_actual(listener);
    }
    listener->purpose = purpose;
    listener->tls = tls;
    out->count++;
    return BASE_OK;
}

/* How many sockets were handed over to this very process. */
static int
activation_count(void)
{
    const char *pid_text = getenv("LISTEN_PID");
    const char *count_text = getenv("LISTEN_FDS");
    uint64_t pid = 0;
    uint64_t count = 0;
    if (pid_text == NULL || count_text == NULL ||
        base_parse_number(bytes_from_text(pid_text), INT32_MAX, &pid, NULL) != BASE_OK ||
        base_parse_number(bytes_from_text(count_text), SUPERVISOR_LISTENERS_MAX, &count, NULL) !=
            BASE_OK ||
        (pid_t)pid != getpid()) {
        return 0;
    }
    return (int)count;
}

MUST_CHECK static enum base_code
add_activated(int fd, const struct supervisor_listeners *present, struct supervisor_listeners *out,
    struct base_error *err)
{
    int is_listening = 0;
    socklen_t len = sizeof(is_listening);
    struct supervisor_listener *listener = &out->list[out->count];
    char address[32] = "";
    (void)snprintf(address, sizeof(address), "fd:%d", fd);
    const struct supervisor_listener *there = supervisor_listeners_find(present, address);
    if (there != NULL) {
        *listener = *there;
        out->count++;
        return BASE_OK;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) != 0 || is_listening == 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        return base_fail(err, E_LISTEN, "descriptor %d of socket activation does not listen", fd);
    }
    memset(listener, 0, sizeof(*listener));
    listener->fd = fd;
    listener->purpose = IPC_LISTEN_SCEP | IPC_LISTEN_DOCUMENTS;
    (void)snprintf(listener->address, sizeof(listener->address), "%s", address);
    note_actual(listener);
    out->count++;
    return BASE_OK;
}

MUST_CHECK static enum base_code
collect(const struct supervisor *supervisor, const struct supervisor_config *config,
    const struct supervisor_listeners *present, struct supervisor_listeners *out,
    struct base_error *err)
{
    const char *const *given = supervisor->options->listen;
    int activated = activation_count();
    for (int i = 0; i < activated; i++) {
        TRY(add_activated(ACTIVATION_FIRST_FD + i, present, out, err));
    }
    if (activated > 0) {
        return BASE_OK;
    }
    for (; given != NULL && *given != NULL; given++) {
        TRY(add_one(
            *given, IPC_LISTEN_SCEP | IPC_LISTEN_DOCUMENTS, IPC_TLS_NONE, present, out, err));
    }
    for (size_t i = 0; supervisor->options->listen == NULL && i < config->listener_count; i++) {
        TRY(add_one(config->listeners[i].address, config->listeners[i].purpose,
            config->listeners[i].tls, present, out, err));
    }
    return BASE_OK;
}

enum base_code
supervisor_listeners_open(const struct supervisor *supervisor,
    const struct supervisor_config *config, const struct supervisor_listeners *present,
    struct supervisor_listeners *out, struct base_error *err)
{
    out->count = 0;
    enum base_code code = collect(supervisor, config, present, out, err);
    if (code != BASE_OK) {
        supervisor_listeners_close(out, present);
    }
    return code;
}
