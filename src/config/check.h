/*
 * check.h - rules between settings: what one row of the schema cannot see.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include <stdbool.h>

#include "base/bytes.h"
#include "config/settings.h"

/*
 * *out_line: where the error is; 0: in no line, because it comes from a default.
 * Errors: E_CONFIG_REFERENCE, E_CONFIG_RANGE, E_CONFIG_VALUE.
 */
MUST_CHECK enum base_code config_check_rules(
    const struct config_settings *settings, uint32_t *out_line, struct base_error *err);

/* check_policy.c: what one policy must say for its type, and which policies an endpoint may ask. */
MUST_CHECK enum base_code config_check_policy(
    const struct config_policy *policy, uint32_t *out_line, struct base_error *err);
MUST_CHECK enum base_code config_check_asked(const struct config_settings *settings,
    const struct config_endpoint *endpoint, uint32_t *out_line, struct base_error *err);

/* The next text of a newline-separated list; false at its end. */
bool config_next_text(struct bytes *list, struct bytes *out);
bool config_has_text(const char *list, struct bytes wanted);
/* The line of the key that fills @offset of a section's struct; the section's own line when the
 * file leaves it out. */
uint32_t config_line_of(const struct config_place *place, const char *section, size_t offset);

#endif
