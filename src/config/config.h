/*
 * config.h - the configuration file of a home, kurier.yaml(5), for commands.
 *
 * One table (schema.c) drives all that is known of a setting: how it is read, what is said when it
 * is wrong, the default file and the manual page. A server reads the file in a process of its own,
 * kurier-config (main.c); these functions are for the command line.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/bytes.h"

/*
 * Read @path and check all of it. Errors: E_CONFIG_*; the detail is "PATH:LINE: what was found,
 * what is wanted" and the catalogue's why and remedy belong to the code.
 */
MUST_CHECK enum base_code config_check(const char *path, struct base_error *err);

/* Write the commented default file; never over another one. Errors: E_CONFIG_EXISTS, E_SYSTEM. */
MUST_CHECK enum base_code config_write_default(const char *path, struct base_error *err);

/* The text of that file, and of kurier.yaml(5) in man(7) format. Errors: E_NO_MEMORY, E_TOO_LARGE.
 */
#define CONFIG_TEXT_MAX ((size_t)128 * 1024)
MUST_CHECK enum base_code config_default_text(struct buffer *out, struct base_error *err);
MUST_CHECK enum base_code config_man_page(struct buffer *out, struct base_error *err);

#endif
