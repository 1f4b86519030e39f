/*
 * cert_authority.h - the certificates that stand above a delivery, shown by `kurier cert authority`
 * and by init.
 */
#ifndef CLI_CERT_AUTHORITY_H
#define CLI_CERT_AUTHORITY_H

#include "cli/session.h"

/* Print them on standard output; returns the exit status. */
int cli_print_authorities(
    const struct cli_session *session, bool is_fingerprint, bool is_pem, bool is_json);
int cli_cert_authority(int argc, char **argv);

#endif
