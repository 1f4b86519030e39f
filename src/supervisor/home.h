/*
 * home.h - the home on disk: its lock, its folders, and who may use them.
 */
#ifndef SUPERVISOR_HOME_H
#define SUPERVISOR_HOME_H

#include "supervisor/state.h"

/* supervisor->home from options. Errors: E_HOME_MISSING. */
MUST_CHECK enum base_code supervisor_home_find(
    struct supervisor *supervisor, struct base_error *err);

/*
 * Take the lock into supervisor->lock_fd. It belongs to the open file and not to us: every role
 * inherits it, so that a home is free only when all of its processes are gone.
 * Errors: E_HOME_LOCKED after SUPERVISOR_LOCK_WAIT, E_HOME_UNFIT.
 */
MUST_CHECK enum base_code supervisor_home_lock(
    struct supervisor *supervisor, struct base_error *err);

/*
 * Make the folders of ledger, notifier and signer, each for its own user only. A folder of another
 * owner (the users were made later) is handed over with its files. Errors: E_HOME_UNFIT.
 */
MUST_CHECK enum base_code supervisor_home_prepare(
    struct supervisor *supervisor, struct base_error *err);

#endif
