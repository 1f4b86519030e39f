/*
 * bytes.h - the two ways in which octets are held.
 *
 * `struct bytes` borrows: it points into memory that somebody else owns and is passed by value.
 * `struct buffer` owns, and knows from its birth how large it may ever become, so that no peer
 * decides how much memory we use.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct bytes {
    const uint8_t *ptr; /* may be NULL only when len is 0 */
    size_t len;
};

#define BYTES_NONE ((struct bytes){NULL, 0})
/* The octets of a string literal, without its NUL. */
#define BYTES_LITERAL(s) ((struct bytes){(const uint8_t *)(s), sizeof(s) - 1})
/* The same as an initialiser of static tables. */
#define BYTES_INIT(s)                                                                              \
    {                                                                                              \
        (const uint8_t *)(s), sizeof(s) - 1                                                        \
    }
/* The whole of an array of octets. */
#define BYTES_ARRAY(a) ((struct bytes){(a), sizeof(a)})

/* The octets of a C string, without its NUL; borrowed from @text. */
struct bytes bytes_from_text(const char *text);
/* Equal by length and content. For public data only; secrets use base_secret_equal(). */
bool bytes_equal(struct bytes a, struct bytes b);
bool bytes_equal_text(struct bytes a, const char *text);
/* Octet-wise order, the shorter first where one begins the other; as memcmp(3). */
int bytes_compare(struct bytes a, struct bytes b);
/* @a without its first @count octets; empty when it has no more. */
struct bytes bytes_skip(struct bytes a, size_t count);

struct buffer {
    uint8_t *ptr; /* owned */
    size_t len;
    size_t capacity;
    size_t max; /* never exceeded; appending beyond is E_TOO_LARGE */
};

void buffer_init(struct buffer *buffer, size_t max);
/* Wipes the content before it is freed; a cleared buffer may be used again with the same maximum.
 */
void buffer_clear(struct buffer *buffer);
/* Forget the content, keep the memory. */
void buffer_reset(struct buffer *buffer);
struct bytes buffer_bytes(const struct buffer *buffer);
/* Errors: E_TOO_LARGE, E_NO_MEMORY. The buffer is unchanged then. */
MUST_CHECK enum base_code buffer_append(
    struct buffer *buffer, struct bytes data, struct base_error *err);
MUST_CHECK enum base_code buffer_append_text(
    struct buffer *buffer, const char *text, struct base_error *err);
MUST_CHECK enum base_code buffer_append_octet(
    struct buffer *buffer, uint8_t octet, struct base_error *err);
/* Room for @len more octets at the end: *out_ptr points at it and is valid until the next call;
 * then add to ->len. */
MUST_CHECK enum base_code buffer_reserve(
    struct buffer *buffer, size_t len, uint8_t **out_ptr, struct base_error *err);

/* A heap copy of @data, NUL-terminated beyond its end for convenience; NULL without memory. Free
 * with free(). */
uint8_t *bytes_copy(struct bytes data);

static inline void
buffer_clear_owned(struct buffer *buffer)
{
    buffer_clear(buffer);
}
/* A buffer of the enclosing block, cleared at its end. */
#define BUFFER_LOCAL(name, max_len)                                                                \
    __attribute__((cleanup(buffer_clear_owned))) struct buffer name = {NULL, 0, 0, (max_len)}

#endif
