/*
 * listeners.h - the sockets that the supervisor gave us, and how each speaks: plain or TLS.
 *
 * A listener that is to speak TLS is not served before its context is there. A configuration brings
 * contexts with it (struct front_tls_settings), made as its files arrive, so that a bad file
 * refuses the configuration; certificates of our own CA are asked for (own_tls.h).
 */
#ifndef FRONT_LISTENERS_H
#define FRONT_LISTENERS_H

#include "base/own.h"
#include "front/tls.h"
#include "ipc/to_role.h"

#define FRONT_LISTENERS_MAX 32

struct front;
struct front_listeners;
struct front_tls_settings;

/* How one address speaks TLS. */
struct front_tls_setting {
    char address[IPC_TEXT_MAX + 1];
    enum ipc_tls kind;
    char names[IPC_TEXT_MAX + 1]; /* of an own certificate */
    char ca[IPC_NAME_MAX + 1];
    struct buffer certificates; /* PEM, until the key is there too */
    struct front_tls *tls;      /* from files; owned */
};

struct front_tls_settings *front_tls_settings_new(void); /* NULL without memory */
void front_tls_settings_free(struct front_tls_settings *settings);
/* CONFIG_TLS. Errors: E_TLS_CERTIFICATE, E_TLS_KEY, E_TOO_LARGE, E_IPC_FIELD, E_NO_MEMORY. */
MUST_CHECK enum base_code front_tls_settings_take(struct front_tls_settings *settings,
    const struct ipc_config_tls *message, int take_fd, struct base_error *err);
size_t front_tls_settings_count(const struct front_tls_settings *settings);
const struct front_tls_setting *front_tls_settings_peek(
    const struct front_tls_settings *settings, size_t index);

struct front_listeners *front_listeners_new(struct front *front); /* NULL without memory */
void front_listeners_free(struct front_listeners *listeners);
/* Errors: E_TOO_LARGE, the server's. */
MUST_CHECK enum base_code front_listeners_add(struct front_listeners *listeners,
    const struct ipc_listener *message, int take_fd, struct base_error *err);
void front_listeners_close(struct front_listeners *listeners, struct bytes address);
/* Serve what can be served, with the contexts of the settings that hold now. Errors: the server's.
 */
MUST_CHECK enum base_code front_listeners_apply(
    struct front_listeners *listeners, struct base_error *err);
/* A warning for each certificate from a file that ends within 30 days, and for each of our own that
 * should have been renewed ten days ago. */
void front_listeners_warn(const struct front_listeners *listeners);
/* "http://127.0.0.1:8080" of the first listener for devices that names one address; false: none. */
bool front_listeners_base_url(const struct front_listeners *listeners, char *out, size_t size);

#endif
