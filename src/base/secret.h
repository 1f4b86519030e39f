/*
 * secret.h - octets that must not be seen: keys, challenges, their hashes.
 *
 * There is no function that prints one. The memory is wiped when it is cleared; comparison takes
 * the same time whatever differs, and depends on the lengths only.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/bytes.h"

struct secret {
    struct buffer octets; /* wiped by its own clear */
};

void secret_init(struct secret *secret, size_t max);
void secret_clear(struct secret *secret);
MUST_CHECK enum base_code secret_set(
    struct secret *secret, struct bytes octets, struct base_error *err);
struct bytes secret_peek(const struct secret *secret); /* borrowed until the next set or clear */
/* Constant time for equal lengths. */
bool base_secret_equal(struct bytes a, struct bytes b);

#endif
