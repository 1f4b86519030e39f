/*
 * value.h - one value of the configuration: from its text into its place.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/schema.h"

/*
 * Put @text into @section_struct by @key (of a type that is one value, or one element of a list,
 * which is added to what is there). Errors: E_CONFIG_TYPE, E_CONFIG_RANGE, E_CONFIG_VALUE,
 * E_CONFIG_LIMIT; the detail names the key, what was found, and what is wanted.
 */
MUST_CHECK enum base_code config_value_set(
    const struct config_key *key, struct bytes text, void *section_struct, struct base_error *err);

/* Put the default there; an error is a fault of the schema. Lists are emptied first. */
MUST_CHECK enum base_code config_value_set_initial(
    const struct config_key *key, void *section_struct, struct base_error *err);

/* Empty a list before its elements are added. */
void config_value_clear(const struct config_key *key, void *section_struct);

/* "a duration of 10m to 30y", "yes or no", "one of: error, warn, info, debug": for messages and
 * manuals. */
#define CONFIG_KIND_LEN 200
void config_value_kind(const struct config_key *key, char out[CONFIG_KIND_LEN]);

bool config_type_is_list(enum config_type type);

/* Seconds as the longest unit that divides them: "365d", "5m". */
#define CONFIG_DURATION_LEN 24
void config_duration_text(int64_t seconds, char out[CONFIG_DURATION_LEN]);

/* Of @words, the one that is nearest to @text by edits; NULL when none is near. */
const char *config_nearest(struct bytes text, const char *const *words, size_t count);

#endif
