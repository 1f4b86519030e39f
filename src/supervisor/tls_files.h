/*
 * tls_files.h - certificates and keys of listeners: opened here, where the rights are, and read by
 * the front alone.
 *
 * What is opened is copied into memory files by the kernel: a front that is started again gets what
 * the last reload found, whatever became of the files since. Nothing of it is looked at.
 */
#ifndef SUPERVISOR_TLS_FILES_H
#define SUPERVISOR_TLS_FILES_H

#include "supervisor/config_step.h"

/* Open the files of every listener with IPC_TLS_FILES. Errors: E_TLS_FILE. */
MUST_CHECK enum base_code supervisor_tls_open(
    const struct supervisor *supervisor, struct supervisor_config *config, struct base_error *err);
void supervisor_tls_close(struct supervisor_config *config);
/* CONFIG_TLS of every listener, as far as @role gets it. Errors: as ipc_send(). */
MUST_CHECK enum base_code supervisor_tls_send(const struct supervisor *supervisor,
    const struct supervisor_config *config, const struct supervisor_role *role,
    struct base_error *err);

#endif
