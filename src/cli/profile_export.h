/*
 * profile_export.h - a profile of the home as something that a device takes in: which address, key
 * and CA it has, a challenge made for exactly one device, and the RA's signature.
 */
#ifndef CLI_PROFILE_EXPORT_H
#define CLI_PROFILE_EXPORT_H

#include "cli/options.h"
#include "cli/session.h"
#include "profile/profile.h"

struct cli_export_options {
    struct cli_place place;
    const char *profile;
    const char *format;
    const char *device;
    const char *subject; /* NULL: CN=DEVICE */
    struct cli_list sans;
    const char *url; /* NULL: of the configuration */
    const char *ttl; /* NULL: the profile's */
    const char *key; /* NULL: rsa:2048, or the profile's shortest above */
    const char *out; /* NULL: standard output */
    struct cli_list settings;
    bool is_signed;
    bool is_bound; /* a challenge that carries what it is bound to */
};

/* Everything that can be refused is refused before a challenge is made. Writes the file; with
 * --out a line on standard output says for whom, and how long it is good. Returns the exit status.
 */
int cli_profile_export(const struct cli_export_options *options);

/* Where devices reach a profile; NUL-terminated, appended. is_microsoft: at NDES's path, if there
 * is one. Errors: E_PROFILE_URL. */
MUST_CHECK enum base_code cli_profile_url(const struct ipc_profile_row *row, bool is_microsoft,
    struct buffer *out, struct base_error *err);

#endif
