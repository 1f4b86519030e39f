/*
 * home.h - making a home: its folder, its configuration, its CA. `kurier init` does it, and `kurier
 * serve` in a new place.
 */
#ifndef CLI_HOME_H
#define CLI_HOME_H

#include "base/bytes.h"
#include "base/error.h"

struct cli_home_options {
    const char *home;
    const char *key_spec;   /* "rsa:3072", ... */
    const char *ca_subject; /* RFC 4514 text */
    const char *ca_cert;    /* with ca_key_file: one's own issuing CA; NULL: a new root */
    const char *ca_key_file;
    const char *ca_chain; /* NULL: none */
    int passphrase_fd;    /* -1: none */
    int log_fd;           /* for the log of the making; -1: nowhere */
};

/* Is there a configuration in this folder? */
bool cli_home_exists(const char *home);
/* Errors: E_CONFIG_EXISTS (there is one already), E_SYSTEM, and the signer's (E_CA_UNSUITABLE,
 * E_KEY_FORMAT, ...). */
MUST_CHECK enum base_code cli_home_make(
    const struct cli_home_options *options, struct base_error *err);

#endif
