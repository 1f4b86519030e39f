#include "profile/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

#define VALUE_MAX 1024

static const struct profile_rule *
find_rule(const struct profile_rule *rules, size_t count, struct bytes key)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal_text(key, rules[i].key)) {
            return &rules[i];
        }
    }
    return NULL;
}

/* Is @word one of the words of @list, which are separated by one blank? */
static bool
has_word(const char *list, struct bytes word)
{
    size_t len = strlen(list);
    for (size_t at = 0; at < len;) {
        const char *end = strchr(list + at, ' ');
        size_t end_at = end == NULL ? len : (size_t)(end - list);
        if (bytes_equal(word, (struct bytes){(const uint8_t *)list + at, end_at - at})) {
            return true;
        }
        at = end_at + 1;
    }
    return false;
}

static bool
has_words(const char *list, struct bytes words)
{
    bool is_good = words.len > 0;
    while (words.len > 0 && is_good) {
        const uint8_t *plus = memchr(words.ptr, '+', words.len);
        size_t len = plus == NULL ? words.len : (size_t)(plus - words.ptr);
        is_good = has_word(list, (struct bytes){words.ptr, len}) && len + 1 != words.len;
        words = bytes_skip(words, len + 1);
    }
    return is_good;
}

static bool
is_allowed(const struct profile_rule *rule, struct bytes value)
{
    uint64_t number = 0;
    switch (rule->kind) {
    case PROFILE_NUMBER:
        return base_parse_number(value, (uint64_t)rule->max, &number, NULL) == BASE_OK &&
               number >= (uint64_t)rule->min;
    case PROFILE_FLAG:
        return has_word("yes no", value);
    case PROFILE_WORD:
        return has_word(rule->words, value);
    case PROFILE_WORDS:
        return has_words(rule->words, value);
    case PROFILE_TEXT:
    default:
        return value.len <= VALUE_MAX && base_is_clean_utf8(value);
    }
}

enum base_code
profile_settings_check(const struct profile_rule *rules, size_t count,
    const struct profile_spec *spec, struct base_error *err)
{
    for (size_t i = 0; i < spec->setting_count; i++) {
        const struct profile_setting *setting = &spec->settings[i];
        char key[64] = "";
        char text[160] = "";
        (void)base_escape(setting->key, key, sizeof(key));
        const struct profile_rule *rule = find_rule(rules, count, setting->key);
        if (rule == NULL) {
            return base_fail(err, E_USAGE, "this format has no setting '%s'", key);
        }
        if (!is_allowed(rule, setting->value)) {
            profile_settings_describe(rule, text, sizeof(text));
            return base_fail(err, E_USAGE, "%s takes %s", key, text);
        }
    }
    return BASE_OK;
}

bool
profile_settings_find(const struct profile_rule *rules, size_t count,
    const struct profile_spec *spec, const char *key, struct bytes *out)
{
    const struct profile_rule *rule = find_rule(rules, count, bytes_from_text(key));
    for (size_t i = spec->setting_count; i > 0; i--) {
        if (bytes_equal_text(spec->settings[i - 1].key, key)) {
            *out = spec->settings[i - 1].value;
            return true;
        }
    }
    *out = rule == NULL || rule->initial == NULL ? BYTES_NONE : bytes_from_text(rule->initial);
    return out->ptr != NULL;
}

uint64_t
profile_settings_number(const struct profile_rule *rules, size_t count,
    const struct profile_spec *spec, const char *key)
{
    struct bytes text = BYTES_NONE;
    uint64_t number = 0;
    bool is_there = profile_settings_find(rules, count, spec, key, &text) &&
                    base_parse_number(text, UINT64_MAX, &number, NULL) == BASE_OK;
    return is_there ? number : 0;
}

bool
profile_settings_flag(const struct profile_rule *rules, size_t count,
    const struct profile_spec *spec, const char *key)
{
    struct bytes text = BYTES_NONE;
    return profile_settings_find(rules, count, spec, key, &text) && bytes_equal_text(text, "yes");
}

void
profile_settings_describe(const struct profile_rule *rule, char *out, size_t out_size)
{
    char kind[96] = "text";
    switch (rule->kind) {
    case PROFILE_NUMBER:
        (void)snprintf(
            kind, sizeof(kind), "number %lld to %lld", (long long)rule->min, (long long)rule->max);
        break;
    case PROFILE_FLAG:
        (void)snprintf(kind, sizeof(kind), "yes or no");
        break;
    case PROFILE_WORD:
        (void)snprintf(kind, sizeof(kind), "one of: %s", rule->words);
        break;
    case PROFILE_WORDS:
        (void)snprintf(kind, sizeof(kind), "some of: %s, joined by +", rule->words);
        break;
    case PROFILE_TEXT:
    default:
        break;
    }
    const char *initial = rule->initial == NULL      ? "absent"
                          : rule->initial[0] == '\0' ? "empty"
                                                     : rule->initial;
    (void)snprintf(out, out_size, "%s; default %s", kind, initial);
}
