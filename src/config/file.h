/*
 * file.h - the configuration file as octets.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "base/bytes.h"

/* The rest of @fd into @out, at most CONFIG_FILE_MAX. Errors: E_CONFIG_LIMIT, E_CONFIG_MISSING. */
MUST_CHECK enum base_code config_file_read(
    int fd, const char *name, struct buffer *out, struct base_error *err);

#endif
