#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "base/need.h"

#include "base/banned.h"

struct bytes
bytes_from_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

bool
bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool
bytes_equal_text(struct bytes a, const char *text)
{
    return bytes_equal(a, bytes_from_text(text));
}

int
bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0 || a.len == b.len) {
        return order;
    }
    return a.len < b.len ? -1 : 1;
}

struct bytes
bytes_skip(struct bytes a, size_t count)
{
    size_t skipped = count < a.len ? count : a.len;
    return skipped == 0 ? a : (struct bytes){a.ptr + skipped, a.len - skipped};
}

void
buffer_init(struct buffer *buffer, size_t max)
{
    *buffer = (struct buffer){NULL, 0, 0, max};
}

void
buffer_clear(struct buffer *buffer)
{
    if (buffer->ptr != NULL) {
        explicit_bzero(buffer->ptr, buffer->capacity);
        free(buffer->ptr);
    }
    buffer_init(buffer, buffer->max);
}

void
buffer_reset(struct buffer *buffer)
{
    buffer->len = 0;
}

struct bytes
buffer_bytes(const struct buffer *buffer)
{
    return (struct bytes){buffer->ptr, buffer->len};
}

/* Not realloc(): it may leave an unwiped copy of a secret behind. */
static enum base_code
grow(struct buffer *buffer, size_t needed, struct base_error *err)
{
    size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity;
    while (capacity < needed) {
        capacity = capacity > buffer->max / 2 ? buffer->max : capacity * 2;
    }
    uint8_t *ptr = base_need(capacity);
    if (ptr == NULL) {
        return base_fail(err, E_NO_MEMORY, "%zu octets", capacity);
    }
    if (buffer->len > 0) {
        memcpy(ptr, buffer->ptr, buffer->len);
    }
    if (buffer->ptr != NULL) {
        explicit_bzero(buffer->ptr, buffer->capacity);
        free(buffer->ptr);
    }
    buffer->ptr = ptr;
    buffer->capacity = capacity;
    return BASE_OK;
}

enum base_code
buffer_reserve(struct buffer *buffer, size_t len, uint8_t **out_ptr, struct base_error *err)
{
    if (len > buffer->max || buffer->len > buffer->max - len) {
        return base_fail(err, E_TOO_LARGE, "%zu octets and %zu more, at most %zu", buffer->len, len,
            buffer->max);
    }
    if (buffer->ptr == NULL || buffer->len + len > buffer->capacity) {
        TRY(grow(buffer, buffer->len + len, err));
    }
    *out_ptr = buffer->ptr + buffer->len;
    return BASE_OK;
}

enum base_code
buffer_append(struct buffer *buffer, struct bytes data, struct base_error *err)
{
    uint8_t *to = NULL;
    TRY(buffer_reserve(buffer, data.len, &to, err));
    if (data.len > 0) {
        memcpy(to, data.ptr, data.len);
    }
    buffer->len += data.len;
    return BASE_OK;
}

enum base_code
buffer_append_text(struct buffer *buffer, const char *text, struct base_error *err)
{
    return buffer_append(buffer, bytes_from_text(text), err);
}

enum base_code
buffer_append_octet(struct buffer *buffer, uint8_t octet, struct base_error *err)
{
    return buffer_append(buffer, (struct bytes){&octet, 1}, err);
}

uint8_t *
bytes_copy(struct bytes data)
{
    uint8_t *copy = base_need(data.len + 1);
    if (copy != NULL) {
        if (data.len > 0) {
            memcpy(copy, data.ptr, data.len);
        }
        copy[data.len] = 0;
    }
    return copy;
}
