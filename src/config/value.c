#include "config/value.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "ipc/types.h"

#include "base/banned.h"

bool
config_type_is_list(enum config_type type)
{
    return type == CONFIG_CHOICES || type == CONFIG_TEXTS;
}

void
config_duration_text(int64_t seconds, char out[CONFIG_DURATION_LEN])
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{31536000, 'y'}, {86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t unit = 0;
    while (units[unit].seconds > 1 &&
           (seconds % units[unit].seconds != 0 || seconds < units[unit].seconds)) {
        unit++;
    }
    (void)snprintf(out, CONFIG_DURATION_LEN, "%lld%c", (long long)(seconds / units[unit].seconds),
        units[unit].letter);
}

/* "a, b, c" */
static void
list_words(const struct config_word *words, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (; words->word != NULL && at < size; words++) {
        int len = snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "", words->word);
        at += len > 0 ? (size_t)len : 0;
    }
}

void
config_value_kind(const struct config_key *key, char out[CONFIG_KIND_LEN])
{
    char words[CONFIG_KIND_LEN - 32] = "";
    char low[CONFIG_DURATION_LEN] = "";
    char high[CONFIG_DURATION_LEN] = "";
    size_t size = CONFIG_KIND_LEN;
    switch (key->type) {
    case CONFIG_FLAG:
        (void)snprintf(out, size, "yes or no");
        break;
    case CONFIG_NUMBER:
        (void)snprintf(
            out, size, "a number from %lld to %lld", (long long)key->min, (long long)key->max);
        break;
    case CONFIG_DURATION:
        config_duration_text(key->min, low);
        config_duration_text(key->max, high);
        (void)snprintf(out, size, "a duration from %s to %s", low, high);
        break;
    case CONFIG_CHOICE:
        list_words(key->words, words, sizeof(words));
        (void)snprintf(out, size, "one of: %s", words);
        break;
    case CONFIG_CHOICES:
        list_words(key->words, words, sizeof(words));
        (void)snprintf(out, size, "a list of: %s", words);
        break;
    case CONFIG_TEXT:
        (void)snprintf(out, size, "a text of at most %lld octets", (long long)key->max);
        break;
    case CONFIG_TEXTS:
        (void)snprintf(
            out, size, "a list of %lld to %lld texts", (long long)key->min, (long long)key->max);
        break;
    case CONFIG_SECTION:
        (void)snprintf(out, size, "a section");
        break;
    case CONFIG_OBJECTS:
        (void)snprintf(out, size, "a section with a name for each %s, at most %lld",
            key->section->title, (long long)key->max);
        break;
    case CONFIG_SEQUENCE:
        (void)snprintf(out, size, "a list of at most %lld sections or texts", (long long)key->max);
        break;
    }
}

/* "KEY: found 'X', want KIND" with @code. */
MUST_CHECK static enum base_code
refuse(const struct config_key *key, struct bytes text, enum base_code code, struct base_error *err)
{
    char kind[CONFIG_KIND_LEN] = "";
    char found[48] = "";
    config_value_kind(key, kind);
    return base_fail(
        err, code, "%s is '%s', want %s", key->name, base_escape(text, found, sizeof(found)), kind);
}

MUST_CHECK static enum base_code
set_number(const struct config_key *key, struct bytes text, uint8_t *to, struct base_error *err)
{
    uint64_t number = 0;
    if (base_parse_number(text, UINT32_MAX, &number, NULL) != BASE_OK) {
        return refuse(key, text, E_CONFIG_TYPE, err);
    }
    if ((int64_t)number < key->min || (int64_t)number > key->max) {
        return refuse(key, text, E_CONFIG_RANGE, err);
    }
    uint32_t value = (uint32_t)number;
    memcpy(to, &value, sizeof(value));
    return BASE_OK;
}

MUST_CHECK static enum base_code
set_duration(const struct config_key *key, struct bytes text, uint8_t *to, struct base_error *err)
{
    int64_t seconds = 0;
    if (base_duration_parse(text, &seconds, NULL) != BASE_OK) {
        return refuse(key, text, E_CONFIG_TYPE, err);
    }
    if (seconds < key->min || seconds > key->max) {
        return refuse(key, text, E_CONFIG_RANGE, err);
    }
    memcpy(to, &seconds, sizeof(seconds));
    return BASE_OK;
}

/* yes and no; the other spellings of YAML 1.1 mean the same. */
MUST_CHECK static enum base_code
set_flag(const struct config_key *key, struct bytes text, uint8_t *to, struct base_error *err)
{
    static const struct {
        const char *text;
        uint8_t value;
    } spellings[] = {{"yes", 1}, {"no", 0}, {"true", 1}, {"false", 0}, {"on", 1}, {"off", 0}};
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        if (bytes_equal_text(text, spellings[i].text)) {
            *to = spellings[i].value;
            return BASE_OK;
        }
    }
    return refuse(key, text, E_CONFIG_TYPE, err);
}

MUST_CHECK static enum base_code
set_choice(const struct config_key *key, struct bytes text, uint8_t *to, struct base_error *err)
{
    for (const struct config_word *word = key->words; word->word != NULL; word++) {
        if (bytes_equal_text(text, word->word)) {
            *to = key->type == CONFIG_CHOICES ? (uint8_t)(*to | word->number) : word->number;
            return BASE_OK;
        }
    }
    return refuse(key, text, E_CONFIG_VALUE, err);
}

/* Check a text by its key's rule; *out is what is kept. The rule's words become ours. */
MUST_CHECK static enum base_code
accept_text(
    const struct config_key *key, struct bytes text, struct bytes *out, struct base_error *err)
{
    struct base_error why = {0};
    *out = text;
    if (!base_is_clean_utf8(text)) {
        return base_fail(err, E_CONFIG_VALUE, "%s has control characters", key->name);
    }
    if (key->accept == NULL || key->accept(text, out, &why) == BASE_OK) {
        return BASE_OK;
    }
    char found[48] = "";
    return base_fail(err, E_CONFIG_VALUE, "%s is '%s': %.150s", key->name,
        base_escape(text, found, sizeof(found)), why.detail);
}

MUST_CHECK static enum base_code
set_text(const struct config_key *key, struct bytes text, uint8_t *to, struct base_error *err)
{
    struct bytes kept = BYTES_NONE;
    if (text.len < (size_t)key->min || text.len > (size_t)key->max) {
        return base_fail(err, E_CONFIG_RANGE, "%s has %zu octets, want %lld to %lld", key->name,
            text.len, (long long)key->min, (long long)key->max);
    }
    TRY(accept_text(key, text, &kept, err));
    if (kept.len > 0) {
        memcpy(to, kept.ptr, kept.len);
    }
    to[kept.len] = '\0';
    return BASE_OK;
}

MUST_CHECK static enum base_code
add_text(const struct config_key *key, struct bytes text, uint8_t *to, struct base_error *err)
{
    struct bytes kept = BYTES_NONE;
    if (text.len == 0) {
        return base_fail(err, E_CONFIG_VALUE, "%s has an empty element", key->name);
    }
    TRY(accept_text(key, text, &kept, err));
    size_t have = strlen((const char *)to);
    if (kept.len + 2 > key->room - have) {
        return base_fail(
            err, E_CONFIG_LIMIT, "%s is longer than %zu octets in all", key->name, key->room);
    }
    if (have > 0) {
        to[have++] = '\n';
    }
    memcpy(to + have, kept.ptr, kept.len);
    to[have + kept.len] = '\0';
    return BASE_OK;
}

enum base_code
config_value_set(
    const struct config_key *key, struct bytes text, void *section_struct, struct base_error *err)
{
    uint8_t *to = (uint8_t *)section_struct + key->offset;
    switch (key->type) {
    case CONFIG_FLAG:
        return set_flag(key, text, to, err);
    case CONFIG_NUMBER:
        return set_number(key, text, to, err);
    case CONFIG_DURATION:
        return set_duration(key, text, to, err);
    case CONFIG_CHOICE:
    case CONFIG_CHOICES:
        return set_choice(key, text, to, err);
    case CONFIG_TEXT:
        return set_text(key, text, to, err);
    case CONFIG_TEXTS:
        return add_text(key, text, to, err);
    case CONFIG_SECTION:
    case CONFIG_OBJECTS:
    case CONFIG_SEQUENCE:
        break;
    }
    return refuse(key, text, E_CONFIG_TYPE, err);
}

void
config_value_clear(const struct config_key *key, void *section_struct)
{
    *((uint8_t *)section_struct + key->offset) = 0; /* no bits, or the empty text */
}

enum base_code
config_value_set_initial(const struct config_key *key, void *section_struct, struct base_error *err)
{
    struct bytes rest = bytes_from_text(key->initial);
    if (!config_type_is_list(key->type)) {
        return config_value_set(key, rest, section_struct, err);
    }
    config_value_clear(key, section_struct);
    while (rest.len > 0) {
        size_t len = 0;
        while (len < rest.len && rest.ptr[len] != ',') {
            len++;
        }
        struct bytes one = {rest.ptr, len};
        TRY(config_value_set(key, one, section_struct, err));
        rest = bytes_skip(rest, len + 2);
    }
    return BASE_OK;
}

#define WORD_LEN_MAX 40

/* How many letters must be changed, added or dropped (Levenshtein). */
static size_t
edit_distance(struct bytes a, const char *b)
{
    size_t row[WORD_LEN_MAX + 1] = {0};
    size_t len = strlen(b);
    for (size_t k = 0; k <= len; k++) {
        row[k] = k;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= len; k++) {
            size_t replaced = diagonal + (a.ptr[i - 1] == (uint8_t)b[k - 1] ? 0 : 1);
            size_t least = row[k] < row[k - 1] ? row[k] + 1 : row[k - 1] + 1;
            diagonal = row[k];
            row[k] = replaced < least ? replaced : least;
        }
    }
    return row[len];
}

const char *
config_nearest(struct bytes text, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t least = text.len / 3 + 2; /* beyond this a suggestion is a guess */
    if (text.len > WORD_LEN_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) > WORD_LEN_MAX) {
            continue;
        }
        size_t distance = edit_distance(text, words[i]);
        if (distance < least) {
            least = distance;
            best = words[i];
        }
    }
    return best;
}
