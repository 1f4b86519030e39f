/*
 * phases.h - what the supervisor does when something has happened: starting, running, reloading,
 * stopping.
 */
#ifndef SUPERVISOR_PHASES_H
#define SUPERVISOR_PHASES_H

#include "supervisor/state.h"

/* Stop; @why NULL: because we were asked to. The second time, and for a failure: at once. */
void supervisor_stop(struct supervisor *supervisor, const struct base_error *why);

/* Do what is due: restarts, deadlines, the next step of the phase. */
void supervisor_step(struct supervisor *supervisor);

/* Milliseconds until supervisor_step() has something to do; -1: nothing is due. */
int supervisor_next_step_ms(const struct supervisor *supervisor);

/* Stopped, and no role left. */
bool supervisor_is_over(const struct supervisor *supervisor);

/* Open the log file of a configuration, if it names one, for us and every role. Errors:
 * E_HOME_UNFIT. */
MUST_CHECK enum base_code supervisor_open_log(
    struct supervisor *supervisor, const struct supervisor_config *config, struct base_error *err);

#endif
