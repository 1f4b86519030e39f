/*
 * check_store.h - what a device has installed, looked at: root, certificate, issuer, key, dates.
 */
#ifndef CLI_CHECK_STORE_H
#define CLI_CHECK_STORE_H

#include "diagnose/probe.h"

/* @path: a folder that kurier enroll made. Errors: E_DEVICE_FOLDER. */
MUST_CHECK enum base_code cli_check_store(
    const char *path, int64_t now_s, probe_on_line on_line, void *arg, struct base_error *err);

#endif
