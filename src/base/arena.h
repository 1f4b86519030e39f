/*
 * arena.h - memory for octets that live until one common end, and never move.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks; /* newest first; owned */
    size_t total;
    size_t max;
};

void arena_init(struct arena *arena, size_t max);
/* Wipes and frees everything; may be used again. */
void arena_clear(struct arena *arena);
/* A copy of @data that lives as long as the arena's content. Errors: E_TOO_LARGE, E_NO_MEMORY. */
MUST_CHECK enum base_code arena_copy(
    struct arena *arena, struct bytes data, struct bytes *out, struct base_error *err);
/* Zeroed memory, aligned for any object. */
MUST_CHECK enum base_code arena_alloc(
    struct arena *arena, size_t len, void **out, struct base_error *err);

#endif
