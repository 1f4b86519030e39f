/*
 * inspect_keys.h - for kurier inspect: certificates to compare recipients with, and keys that open
 * envelopes: a file, a server, a home.
 */
#ifndef CLI_INSPECT_KEYS_H
#define CLI_INSPECT_KEYS_H

#include "cli/session.h"
#include "diagnose/inspect.h"

/* The rest of @fd, appended. Errors: E_DIAGNOSE_INPUT, E_TOO_LARGE. */
MUST_CHECK enum base_code cli_read_all(
    int fd, const char *name, struct buffer *out, struct base_error *err);

/* Errors: E_DIAGNOSE_INPUT (no file, no certificate in it). */
MUST_CHECK enum base_code cli_inspect_compare_file(
    struct inspection *it, const char *path, struct base_error *err);
/* Errors: E_DIAGNOSE_INPUT (no answer with certificates to GetCACert). */
MUST_CHECK enum base_code cli_inspect_compare_server(
    struct inspection *it, const char *url, struct base_error *err);
/* Errors: E_DIAGNOSE_INPUT, and those of pki_private_key_load(). */
MUST_CHECK enum base_code cli_inspect_open_file(
    struct inspection *it, const char *path, struct base_error *err);
/* @place with nothing in it: the usual home, and no error when there is none. Nothing is asked when
 * there is no envelope. */
MUST_CHECK enum base_code cli_inspect_open_home(
    struct inspection *it, const struct cli_place *place, struct base_error *err);

#endif
