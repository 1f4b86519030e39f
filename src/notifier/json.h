/*
 * json.h - JSON of services outside: read without trust, written from texts that may be anything.
 *
 * An object with a key twice is refused, because two readers would see two things in it.
 */
#ifndef NOTIFIER_JSON_H
#define NOTIFIER_JSON_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/own.h"

OWNER(json_t, json_decref)

/* An object, or E_SERVICE_ANSWER whose detail has the beginning of @text. A byte order mark is
 * passed over. */
MUST_CHECK enum base_code notifier_json_parse(
    struct bytes text, json_t **out, struct base_error *err);
/* The text of @key, borrowed from @object; false when it is not there or no text. */
bool notifier_json_text(const json_t *object, const char *key, struct bytes *out);

/* A value of @text; octets that are no clean UTF-8 are written as \xHH. NULL without memory. */
json_t *notifier_json_from(struct bytes text);
/* @key: the text, or null when it is empty. False without memory. */
bool notifier_json_set(json_t *object, const char *key, struct bytes text);
/* @key: the octets in base64. */
bool notifier_json_set_base64(json_t *object, const char *key, struct bytes octets);
/* On one line, appended to @out. Errors: E_NO_MEMORY, E_TOO_LARGE. */
MUST_CHECK enum base_code notifier_json_write(
    const json_t *object, struct buffer *out, struct base_error *err);

#endif
