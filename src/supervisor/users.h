/*
 * users.h - the system users of the roles.
 */
#ifndef SUPERVISOR_USERS_H
#define SUPERVISOR_USERS_H

#include "supervisor/config_step.h"
#include "supervisor/state.h"

/*
 * Find whom each role runs as: a user of its own when we are root and it exists, otherwise ours,
 * which is logged as a warning. Errors: E_CONFINEMENT when that is not enough for `confinement:
 * strict`.
 */
MUST_CHECK enum base_code supervisor_users_find(
    struct supervisor *supervisor, const struct supervisor_config *config, struct base_error *err);

/* Nobody, for the config step; ours when we are not root. */
struct supervisor_user supervisor_users_nobody(const struct supervisor *supervisor);

#endif
