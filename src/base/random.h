/*
 * random.h - randomness that is handed in.
 *
 * A room that needs random octets gets a source as a parameter; the system's source is
 * getrandom(2). A test hands in fixed octets, and every message becomes reproducible.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/bytes.h"

struct base_random {
    /* Fills @out; returns BASE_OK or E_SYSTEM. */
    enum base_code (*fill)(void *arg, uint8_t *out, size_t len, struct base_error *err);
    void *arg;
};

struct base_random base_random_system(void);
MUST_CHECK enum base_code base_random_fill(
    const struct base_random *random, uint8_t *out, size_t len, struct base_error *err);

#endif
