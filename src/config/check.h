/*
 * check.h - rules between settings: what one row of the schema cannot see.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "base/error.h"
#include "config/settings.h"

/*
 * *out_line: where the error is; 0: in no line, because it comes from a default.
 * Errors: E_CONFIG_REFERENCE, E_CONFIG_RANGE, E_CONFIG_VALUE.
 */
MUST_CHECK enum base_code config_check_rules(
    const struct config_settings *settings, uint32_t *out_line, struct base_error *err);

#endif
