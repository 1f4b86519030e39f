/*
 * settings.h - keys of a format that have a default and may be set: one table a format drives
 * checking, the value that is written, and the help.
 */
#ifndef PROFILE_SETTINGS_H
#define PROFILE_SETTINGS_H

#include "profile/profile.h"

enum profile_setting_kind {
    PROFILE_TEXT,
    PROFILE_NUMBER,
    PROFILE_FLAG, /* yes or no */
    PROFILE_WORD, /* one of words */
    PROFILE_WORDS /* some of words, joined by '+' */
};

struct profile_rule {
    const char *key;
    enum profile_setting_kind kind;
    int64_t min; /* of a number */
    int64_t max;
    const char *initial; /* NULL: not written unless set */
    const char *words;   /* separated by one blank */
};

/* Every setting of @spec is in the table and has a value that its row allows. Errors: E_USAGE. */
MUST_CHECK enum base_code profile_settings_check(const struct profile_rule *rules, size_t count,
    const struct profile_spec *spec, struct base_error *err);
/* The value of @key: what was set last, else the default; no octets and false when there is
 * neither. */
bool profile_settings_find(const struct profile_rule *rules, size_t count,
    const struct profile_spec *spec, const char *key, struct bytes *out);
/* The same of a number that was checked. */
uint64_t profile_settings_number(const struct profile_rule *rules, size_t count,
    const struct profile_spec *spec, const char *key);
bool profile_settings_flag(const struct profile_rule *rules, size_t count,
    const struct profile_spec *spec, const char *key);
/* A row in words: "number 0 to 30, default 3". */
void profile_settings_describe(const struct profile_rule *rule, char *out, size_t out_size);

#endif
