#include "notifier/json.h"

#include <string.h>

#include "base/text.h"
#include "notifier/limits.h"

#include "base/banned.h"

#define TEXT_START 100

enum base_code
notifier_json_parse(struct bytes text, json_t **out, struct base_error *err)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    json_error_t why;
    char start[TEXT_START] = "";
    (void)base_escape(text, start, sizeof(start));
    if (text.len >= sizeof(mark) && memcmp(text.ptr, mark, sizeof(mark)) == 0) {
        text = bytes_skip(text, sizeof(mark));
    }
    OWN(json_t) value =
        text.len == 0 ? NULL
                      : json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(value)) {
        return base_fail(err, E_SERVICE_ANSWER, "want a JSON object, found '%s'", start);
    }
    *out = MOVE(value);
    return BASE_OK;
}

bool
notifier_json_text(const json_t *object, const char *key, struct bytes *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value)) {
        return false;
    }
    *out = (struct bytes){(const uint8_t *)json_string_value(value), json_string_length(value)};
    return true;
}

json_t *
notifier_json_from(struct bytes text)
{
    if (base_is_clean_utf8(text)) {
        return json_stringn(text.len == 0 ? "" : (const char *)text.ptr, text.len);
    }
    size_t size = 4 * text.len + 4;
    OWN_MEMORY char *escaped = malloc(size);
    return escaped == NULL ? NULL : json_string(base_escape(text, escaped, size));
}

bool
notifier_json_set(json_t *object, const char *key, struct bytes text)
{
    return json_object_set_new(
               object, key, text.len == 0 ? json_null() : notifier_json_from(text)) == 0;
}

bool
notifier_json_set_base64(json_t *object, const char *key, struct bytes octets)
{
    BUFFER_LOCAL(text, NOTIFIER_BODY_MAX);
    return base_base64(octets, &text, NULL) == BASE_OK &&
           notifier_json_set(object, key, buffer_bytes(&text));
}

enum base_code
notifier_json_write(const json_t *object, struct buffer *out, struct base_error *err)
{
    size_t len = json_dumpb(object, NULL, 0, JSON_COMPACT);
    uint8_t *to = NULL;
    if (len == 0) {
        return base_fail(err, E_NO_MEMORY, "JSON");
    }
    TRY(buffer_reserve(out, len, &to, err));
    if (json_dumpb(object, (char *)to, len, JSON_COMPACT) != len) {
        return base_fail(err, E_NO_MEMORY, "JSON");
    }
    out->len += len;
    return BASE_OK;
}
