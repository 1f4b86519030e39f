#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/need.h"

#include "base/banned.h"

#define CHUNK_LEN ((size_t)4096)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t len;
    alignas(max_align_t) uint8_t octets[];
};

void
arena_init(struct arena *arena, size_t max)
{
    *arena = (struct arena){NULL, 0, max};
}

void
arena_clear(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        explicit_bzero(chunk->octets, chunk->used);
        free(chunk);
    }
    arena->total = 0;
}

enum base_code
arena_alloc(struct arena *arena, size_t len, void **out, struct base_error *err)
{
    size_t step = alignof(max_align_t);
    if (len > arena->max || arena->total > arena->max - len) {
        return base_fail(err, E_TOO_LARGE, "%zu octets and %zu more, at most %zu", arena->total,
            len, arena->max);
    }
    size_t rounded = (len + step - 1) / step * step;
    if (arena->chunks == NULL || arena->chunks->len - arena->chunks->used < rounded) {
        size_t chunk_len = rounded > CHUNK_LEN ? rounded : CHUNK_LEN;
        struct arena_chunk *chunk = base_need(sizeof(*chunk) + chunk_len);
        if (chunk == NULL) {
            return base_fail(err, E_NO_MEMORY, "%zu octets", chunk_len);
        }
        chunk->next = arena->chunks;
        chunk->used = 0;
        chunk->len = chunk_len;
        arena->chunks = chunk;
    }
    *out = arena->chunks->octets + arena->chunks->used;
    memset(*out, 0, rounded);
    arena->chunks->used += rounded;
    arena->total += rounded;
    return BASE_OK;
}

enum base_code
arena_copy(struct arena *arena, struct bytes data, struct bytes *out, struct base_error *err)
{
    void *to = NULL;
    if (data.len == 0) {
        *out = BYTES_NONE;
        return BASE_OK;
    }
    TRY(arena_alloc(arena, data.len, &to, err));
    memcpy(to, data.ptr, data.len);
    *out = (struct bytes){to, data.len};
    return BASE_OK;
}
