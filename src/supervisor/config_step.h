/*
 * config_step.h - the configuration as the supervisor holds it: the messages of kurier-config.
 *
 * The supervisor looks only at what is its own (users, log file, listeners, strictness) and hands
 * the rest on to the roles as it came.
 */
#ifndef SUPERVISOR_CONFIG_STEP_H
#define SUPERVISOR_CONFIG_STEP_H

#include "base/own.h"
#include "supervisor/state.h"

struct supervisor_config {
    char users[SUPERVISOR_ROLES][IPC_NAME_MAX + 1];
    char log_file[IPC_TEXT_MAX + 1]; /* empty: options->log_fd */
    bool is_strict;
    bool has_policies; /* there is something for the notifier to do */
    enum base_log_level log_level;
    struct {
        char address[IPC_TEXT_MAX + 1];
        uint8_t purpose;
        uint8_t tls; /* enum ipc_tls */
        char certificate[IPC_TEXT_MAX + 1];
        char key[IPC_TEXT_MAX + 1];
        char names[IPC_TEXT_MAX + 1];
        char ca[IPC_NAME_MAX + 1];
        int certificate_fd; /* memory files of both, owned; -1: none (tls_files.h) */
        int key_fd;
    } listeners[SUPERVISOR_LISTENERS_MAX];
    size_t listener_count;
    struct {
        uint8_t *octets; /* owned; a profile may hold a static challenge */
        size_t len;
    } frames[SUPERVISOR_FRAMES_MAX];
    size_t frame_count;
};

/* Wipes the messages. */
void supervisor_config_free(struct supervisor_config *config);
OWNER_STRUCT(supervisor_config)

/*
 * Run kurier-config over the home's file. Blocks for as long as it takes, at most
 * SUPERVISOR_CONFIG_WAIT. Errors: E_HOME_MISSING (there is no file), E_CONFIG_*, E_ROLE_MISSING.
 */
MUST_CHECK enum base_code supervisor_config_read(const struct supervisor *supervisor,
    struct supervisor_config **out_config, struct base_error *err);

/* Send a role its part, ended by CONFIG_END. Errors: as ipc_send(). */
MUST_CHECK enum base_code supervisor_config_send(const struct supervisor *supervisor,
    const struct supervisor_config *config, const struct supervisor_role *role,
    struct base_error *err);

/* A warning for each profile that has a static challenge. */
void supervisor_config_warn(
    const struct supervisor *supervisor, const struct supervisor_config *config);

#endif
