/*
 * listeners.h - the sockets that devices connect to.
 */
#ifndef SUPERVISOR_LISTENERS_H
#define SUPERVISOR_LISTENERS_H

#include "supervisor/config_step.h"
#include "supervisor/state.h"

/*
 * What should be listened on, into @out: sockets handed over by socket activation (LISTEN_FDS),
 * else
 * --listen, else the configuration. Addresses of @present are taken over from there as they are
 * (the same descriptor stands in both). Errors: E_LISTEN; nothing new is open then.
 */
MUST_CHECK enum base_code supervisor_listeners_open(const struct supervisor *supervisor,
    const struct supervisor_config *config, const struct supervisor_listeners *present,
    struct supervisor_listeners *out, struct base_error *err);

/* Close those of @list that do not stand in @kept (NULL: all). Closing also ends the listening of
 * whoever has a copy of the socket. */
void supervisor_listeners_close(
    struct supervisor_listeners *list, const struct supervisor_listeners *kept);

/* The listener of this address in @list; NULL: none. */
const struct supervisor_listener *supervisor_listeners_find(
    const struct supervisor_listeners *list, const char *address);

#endif
