#include "front/listeners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "front/front.h"
#include "front/own_tls.h"
#include "ipc/channel.h"

#include "base/banned.h"

#define FILE_MAX ((size_t)64 * 1024)
#define WARN_BEFORE_S ((int64_t)30 * 86400)
/* An own one is renewed 30 days before its end: a third of that later, somebody must look. */
#define WARN_OWN_BEFORE_S ((int64_t)20 * 86400)

struct front_tls_settings {
    struct front_tls_setting list[FRONT_LISTENERS_MAX];
    size_t count;
};

struct front_tls_settings *
front_tls_settings_new(void)
{
    return calloc(1, sizeof(struct front_tls_settings));
}

void
front_tls_settings_free(struct front_tls_settings *settings)
{
    if (settings != NULL) {
        for (size_t i = 0; i < settings->count; i++) {
            buffer_clear(&settings->list[i].certificates);
            front_tls_free(settings->list[i].tls);
        }
        free(settings);
    }
}

static struct front_tls_setting *
find_setting(struct front_tls_settings *settings, struct bytes address)
{
    for (size_t i = 0; i < settings->count; i++) {
        if (bytes_equal_text(address, settings->list[i].address)) {
            return &settings->list[i];
        }
    }
    return NULL;
}

static struct front_tls_setting *
add_setting(struct front_tls_settings *settings, const struct ipc_config_tls *message)
{
    struct front_tls_setting *setting = &settings->list[settings->count++];
    memcpy(setting->address, message->address.ptr, message->address.len);
    memcpy(setting->ca, message->ca.ptr, message->ca.len);
    if (message->names.len > 0) {
        memcpy(setting->names, message->names.ptr, message->names.len);
    }
    setting->kind = message->tls == IPC_TLS_OWN ? IPC_TLS_OWN : IPC_TLS_FILES;
    buffer_init(&setting->certificates, FILE_MAX);
    return setting;
}

MUST_CHECK static enum base_code
take_file(struct front_tls_setting *setting, const struct ipc_config_tls *message, int fd,
    struct base_error *err)
{
    if (message->part == IPC_TLS_CERTIFICATE) {
        return ipc_blob_read(fd, &setting->certificates, err);
    }
    BUFFER_LOCAL(key, FILE_MAX);
    TRY(ipc_blob_read(fd, &key, err));
    enum base_code code =
        front_tls_new(buffer_bytes(&setting->certificates), buffer_bytes(&key), &setting->tls, err);
    buffer_clear(&setting->certificates);
    return code;
}

enum base_code
front_tls_settings_take(struct front_tls_settings *settings, const struct ipc_config_tls *message,
    int take_fd, struct base_error *err)
{
    OWN_FD int fd = take_fd;
    struct front_tls_setting *setting = find_setting(settings, message->address);
    if (setting == NULL && settings->count == FRONT_LISTENERS_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d listeners", FRONT_LISTENERS_MAX);
    }
    if (setting == NULL) {
        setting = add_setting(settings, message);
    }
    if (setting->kind == IPC_TLS_OWN) {
        return BASE_OK;
    }
    if (fd < 0) {
        return base_fail(err, E_IPC_FIELD, "a listener's file without its descriptor");
    }
    if (take_file(setting, message, fd, err) != BASE_OK) {
        return base_error_add(err, "listener %.60s, %s %.*s", setting->address,
            message->part == IPC_TLS_CERTIFICATE ? "certificate" : "key",
            base_size_to_int(message->path.len < 80 ? message->path.len : 80),
            (const char *)message->path.ptr);
    }
    return BASE_OK;
}

size_t
front_tls_settings_count(const struct front_tls_settings *settings)
{
    return settings->count;
}

const struct front_tls_setting *
front_tls_settings_peek(const struct front_tls_settings *settings, size_t index)
{
    return &settings->list[index];
}

/* ---- the sockets
 * ------------------------------------------------------------------------------------------------
 */

struct listener {
    int fd; /* the server's once it is served */
    unsigned purpose;
    bool is_tls;
    bool is_served;
    char address[IPC_TEXT_MAX + 1];
};

struct front_listeners {
    struct front *front;
    struct listener list[FRONT_LISTENERS_MAX];
    size_t count;
};

struct front_listeners *
front_listeners_new(struct front *front)
{
    struct front_listeners *listeners = calloc(1, sizeof(*listeners));
    if (listeners != NULL) {
        listeners->front = front;
    }
    return listeners;
}

void
front_listeners_free(struct front_listeners *listeners)
{
    if (listeners != NULL) {
        for (size_t i = 0; i < listeners->count; i++) {
            if (!listeners->list[i].is_served) {
                (void)close(listeners->list[i].fd);
            }
        }
        free(listeners);
    }
}

enum base_code
front_listeners_add(struct front_listeners *listeners, const struct ipc_listener *message,
    int take_fd, struct base_error *err)
{
    if (listeners->count == FRONT_LISTENERS_MAX) {
        (void)close(take_fd);
        return base_fail(err, E_TOO_LARGE, "more than %d listeners", FRONT_LISTENERS_MAX);
    }
    struct listener *listener = &listeners->list[listeners->count++];
    *listener = (struct listener){
        .fd = take_fd, .purpose = message->purpose, .is_tls = message->is_tls != 0};
    memcpy(listener->address, message->address.ptr, message->address.len);
    return front_listeners_apply(listeners, err);
}

void
front_listeners_close(struct front_listeners *listeners, struct bytes address)
{
    for (size_t i = 0; i < listeners->count; i++) {
        struct listener *listener = &listeners->list[i];
        if (bytes_equal_text(address, listener->address)) {
            if (listener->is_served) {
                front_http_server_unlisten(listeners->front->server, listener->fd);
            } else {
                (void)close(listener->fd);
            }
            *listener = listeners->list[--listeners->count];
            return;
        }
    }
}

/* The context that an address has now; NULL: none, or not yet. */
static struct front_tls *
find_tls(const struct front_listeners *listeners, const char *address)
{
    struct front *front = listeners->front;
    const struct front_tls_setting *setting =
        find_setting(front_settings_tls(front->settings), bytes_from_text(address));
    if (setting == NULL) {
        return NULL;
    }
    return setting->kind == IPC_TLS_FILES ? setting->tls
                                          : front_own_tls_find(front->own_tls, setting);
}

enum base_code
front_listeners_apply(struct front_listeners *listeners, struct base_error *err)
{
    struct front *front = listeners->front;
    if (front->server == NULL || front->settings == NULL) {
        return BASE_OK; /* before the first configuration */
    }
    for (size_t i = 0; i < listeners->count; i++) {
        struct listener *listener = &listeners->list[i];
        struct front_tls *tls = listener->is_tls ? find_tls(listeners, listener->address) : NULL;
        if (listener->is_tls && tls == NULL) {
            continue; /* what it had, if anything, it keeps */
        }
        if (!listener->is_served) {
            int fd = listener->fd;
            listener->is_served = true; /* consumed, also on failure */
            TRY(front_http_server_listen(front->server, fd, listener->purpose, err));
        }
        front_http_server_set_tls(front->server, listener->fd, tls);
    }
    return BASE_OK;
}

void
front_listeners_warn(const struct front_listeners *listeners)
{
    const struct front *front = listeners->front;
    const struct front_tls_settings *settings = front_settings_tls(front->settings);
    for (size_t i = 0; i < settings->count; i++) {
        const struct front_tls *tls = find_tls(listeners, settings->list[i].address);
        bool is_own = settings->list[i].kind == IPC_TLS_OWN;
        int64_t left_s =
            tls == NULL ? INT64_MAX : front_tls_not_after_s(tls) - base_clock_now_s(&front->clock);
        if (left_s > (is_own ? WARN_OWN_BEFORE_S : WARN_BEFORE_S)) {
            continue;
        }
        char end[BASE_TIME_TEXT_LEN] = "";
        base_time_text(front_tls_not_after_s(tls), end);
        struct base_log_record record;
        base_log_begin(&record, front->log, left_s > 0 ? BASE_LOG_WARN : BASE_LOG_ERROR,
            left_s > 0 ? "certificate_ending" : "certificate_expired", BYTES_NONE);
        base_log_word(&record, "kind", "tls");
        base_log_word(&record, "address", settings->list[i].address);
        base_log_word(&record, "not_after", end);
        base_log_number(&record, "days", left_s / 86400);
        base_log_end(&record);
    }
}

bool
front_listeners_base_url(const struct front_listeners *listeners, char *out, size_t size)
{
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listener *listener = &listeners->list[i];
        bool is_any = strncmp(listener->address, "0.0.0.0:", 8) == 0 ||
                      strncmp(listener->address, "[::]:", 5) == 0;
        if ((listener->purpose & IPC_LISTEN_SCEP) != 0 && !is_any) {
            (void)snprintf(
                out, size, "%s://%s", listener->is_tls ? "https" : "http", listener->address);
            return true;
        }
    }
    return false;
}
