/*
 * send.h - settings as the messages of ipc/to_role.h.
 */
#ifndef CONFIG_SEND_H
#define CONFIG_SEND_H

#include "base/error.h"
#include "config/settings.h"

/*
 * CONFIG_PROCESS, CONFIG_GENERAL, listeners, proxies, CAs, profiles, endpoints, policies,
 * CONFIG_END, in this order. The supervisor adds the home and the generation. Errors: as
 * ipc_send().
 */
MUST_CHECK enum base_code config_send(
    int socket_fd, const struct config_settings *settings, struct base_error *err);
/* CONFIG_ERROR. */
MUST_CHECK enum base_code config_send_error(
    int socket_fd, const struct base_error *why, struct base_error *err);

#endif
