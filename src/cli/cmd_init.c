/*
 * kurier init: make a home, print the fingerprints and the next command to type.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cert_authority.h"
#include "cli/cli.h"
#include "cli/home.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"
#include "pki/private_key.h"

#include "base/banned.h"

/* What was made, and what comes next. */
static int
show_home(const char *home, int passphrase_fd)
{
    struct base_error err;
    struct cli_session session;
    (void)printf("Made %s\n\n", home);
    if (cli_session_open_with(home, passphrase_fd, &session, &err) != BASE_OK) {
        return cli_report(&err);
    }
    int status = cli_print_authorities(&session, false, false, false);
    cli_session_close(&session);
    (void)printf("\nThe CA's SHA-256 fingerprint goes into the devices' profiles. Next:\n\n  "
                 "kurier serve --home %s%s\n",
        home, passphrase_fd < 0 ? "" : " --passphrase-fd 3 3<FILE");
    return status;
}

/* A new CA or one's own, not both; and the defaults of a new one. */
static enum base_code
settle_ca(struct cli_home_options *options, struct base_error *err)
{
    struct base_error why;
    bool is_new = options->key_spec != NULL || options->ca_subject != NULL;
    if ((options->ca_cert == NULL) != (options->ca_key_file == NULL)) {
        return base_fail(err, E_USAGE, "--ca-cert and --ca-key-file belong together");
    }
    if (options->ca_cert == NULL && options->ca_chain != NULL) {
        return base_fail(err, E_USAGE, "--ca-chain is for --ca-cert");
    }
    if (options->ca_cert != NULL && is_new) {
        return base_fail(err, E_USAGE,
            "--ca-key and --ca-subject make a new CA, --ca-cert takes one that there is");
    }
    if (options->key_spec != NULL &&
        pki_private_key_check_spec(bytes_from_text(options->key_spec), &why) != BASE_OK) {
        return base_fail(err, E_USAGE, "--ca-key: %s", why.detail);
    }
    options->key_spec = options->key_spec == NULL ? "rsa:3072" : options->key_spec;
    options->ca_subject = options->ca_subject == NULL ? "CN=Kurier CA" : options->ca_subject;
    return BASE_OK;
}

int
cli_init(int argc, char **argv)
{
    const char *home = NULL;
    const char *passphrase_fd = NULL;
    struct cli_home_options options = {.passphrase_fd = -1, .log_fd = -1};
    const struct cli_option table[] = {
        {"ca-key", "SPEC", "rsa:2048, rsa:3072 (default), rsa:4096, ec:p256, ec:p384", NULL,
            &options.key_spec, NULL},
        {"ca-subject", "DN", "the CA's name (default CN=Kurier CA)", NULL, &options.ca_subject,
            NULL},
        {"ca-cert", "FILE", "one's own issuing CA: its certificate,", NULL, &options.ca_cert, NULL},
        {"ca-key-file", "FILE", "its key,", NULL, &options.ca_key_file, NULL},
        {"ca-chain", "FILE", "and the certificates above it, up to the root", NULL,
            &options.ca_chain, NULL},
        {"passphrase-fd", "N", "keys are encrypted with what is read from this descriptor", NULL,
            &passphrase_fd, NULL},
        {"home", "DIR", "the home", NULL, &home, NULL},
    };
    const struct cli_usage usage = {"init [OPTION]...",
        "Makes a home: configuration, CA, RA certificate, ledger.", table,
        sizeof(table) / sizeof(table[0]), 0, 0};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    struct base_error err;
    options.home = cli_home(home);
    if (settle_ca(&options, &err) != BASE_OK ||
        cli_passphrase(passphrase_fd, &options.passphrase_fd, &err) != BASE_OK ||
        cli_home_make(&options, &err) != BASE_OK) {
        return cli_report(&err);
    }
    return show_home(options.home, options.passphrase_fd);
}
