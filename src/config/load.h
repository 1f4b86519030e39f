/*
 * load.h - from the text of a configuration file to checked settings.
 */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "base/bytes.h"
#include "base/own.h"
#include "config/settings.h"

/* NULL without memory. Holds static challenges: free wipes it. */
struct config_settings *config_settings_new(void);
void config_settings_free(struct config_settings *settings);
OWNER_STRUCT(config_settings)

/*
 * Read @text (YAML 1.1 of one document) by the schema.
 *
 * @name  of the file, for messages: every detail begins with "NAME:LINE: "
 * Errors: E_CONFIG_*, E_NO_MEMORY. @settings is unfinished then.
 */
MUST_CHECK enum base_code config_load(
    struct bytes text, const char *name, struct config_settings *settings, struct base_error *err);

#endif
