/*
 * roles.h - the life of the roles: started, told, watched, started again.
 */
#ifndef SUPERVISOR_ROLES_H
#define SUPERVISOR_ROLES_H

#include "supervisor/config_step.h"
#include "supervisor/state.h"

/* Names and numbers, nothing started. */
void supervisor_roles_init(struct supervisor *supervisor);

/*
 * Start a role: process, sockets to its peers that run, listeners, passphrase, @config. What
 * a role that dies meanwhile makes fail is no error here: its death is noticed soon. Errors:
 * E_ROLE_MISSING, E_SYSTEM.
 */
MUST_CHECK enum base_code supervisor_role_start(struct supervisor *supervisor,
    const struct supervisor_config *config, struct supervisor_role *role, struct base_error *err);

/* Is the notifier wanted on @config: a server whose configuration has policies? */
bool supervisor_roles_want_notifier(
    const struct supervisor *supervisor, const struct supervisor_config *config);

/* Send @config to every role that runs, as a new generation; each answers READY or REFUSED. */
void supervisor_roles_configure(
    struct supervisor *supervisor, const struct supervisor_config *config);

/* A message, or the end, of a role's socket. */
void supervisor_role_receive(struct supervisor *supervisor, struct supervisor_role *role);

/* waitpid() said so: log it, and set restart_ms unless the supervisor is stopping. */
void supervisor_role_died(struct supervisor *supervisor, struct supervisor_role *role, int status);

/* A message without content to one role (DRAIN) or with a descriptor; failures end the role. */
void supervisor_role_send(struct supervisor *supervisor, struct supervisor_role *role,
    const struct ipc_spec *spec, const void *message, int pass_fd);

/* Does every role that is wanted run, and has it taken the newest configuration? */
bool supervisor_roles_are_ready(const struct supervisor *supervisor);
/* One that refused the newest configuration; NULL: none. */
const struct supervisor_role *supervisor_roles_find_refused(const struct supervisor *supervisor);

#endif
