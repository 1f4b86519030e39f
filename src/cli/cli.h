/*
 * cli.h - what every command has in common: its entry, the home it works on, and what its exit
 * status means.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/bytes.h"
#include "base/error.h"

/* Exit status, the same for every command. */
enum cli_exit {
    CLI_OK = 0,     /* yes, done */
    CLI_NO = 1,     /* the answer is no: refused, stopped, a failing check */
    CLI_USAGE = 2,  /* wrong usage */
    CLI_BROKEN = 3, /* something broke */
};

/* Each runs with its own arguments (argv[0] is the command's name) and returns the exit status. */
int cli_init(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_account(int argc, char **argv);
int cli_challenge(int argc, char **argv);
int cli_delivery(int argc, char **argv);
int cli_trace(int argc, char **argv);
int cli_cert(int argc, char **argv);
int cli_request(int argc, char **argv);
int cli_outbox(int argc, char **argv);
int cli_crl(int argc, char **argv);
int cli_secret(int argc, char **argv);
int cli_audit(int argc, char **argv);
int cli_diagnose(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_inspect(int argc, char **argv);
int cli_profile(int argc, char **argv);
int cli_enroll(int argc, char **argv);

#endif
