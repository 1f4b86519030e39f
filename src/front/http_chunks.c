#include <string.h>

#include "front/http_parse.h"

#include "base/banned.h"

/* Chunk extensions mean nothing to us; this many octets of them in a whole body are read over. */
#define EXTENSIONS_MAX 1024
/* Digits of one chunk's size, leading zeros included: 32 bits. */
#define SIZE_DIGITS_MAX 8

enum chunk_state {
    CHUNK_SIZE,      /* hexadecimal digits */
    CHUNK_EXTENSION, /* behind ';', up to the CR */
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER, /* behind the chunk of size 0: fields and an empty line */
    CHUNK_COMPLETE,
};

void
front_http_chunks_init(struct front_http_chunks *chunks, const struct front_http_limits *limits)
{
    *chunks = (struct front_http_chunks){.limits = limits, .state = CHUNK_SIZE};
    front_http_head_reader_init_trailer(&chunks->trailer, limits);
}

static int
hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* An octet of the chunk's size, or the first one behind it. */
static enum base_code
read_size(struct front_http_chunks *chunks, uint8_t c, struct base_error *err)
{
    int value = hex_value(c);
    if (value >= 0) {
        if (++chunks->digits > SIZE_DIGITS_MAX) {
            return base_fail(
                err, E_HTTP_CHUNK, "a chunk size of more than %d digits", SIZE_DIGITS_MAX);
        }
        chunks->left = chunks->left * 16 + (size_t)value;
        return BASE_OK;
    }
    if (chunks->digits == 0 || (c != ';' && c != '\r')) {
        return base_fail(err, E_HTTP_CHUNK, "octet 0x%02x in a chunk's size", c);
    }
    chunks->state = c == ';' ? CHUNK_EXTENSION : CHUNK_SIZE_LF;
    return BASE_OK;
}

static enum base_code
read_extension(struct front_http_chunks *chunks, uint8_t c, struct base_error *err)
{
    if (c == '\r') {
        chunks->state = CHUNK_SIZE_LF;
        return BASE_OK;
    }
    if ((c < 0x20 && c != '\t') || c == 0x7f) {
        return base_fail(err, E_HTTP_CHUNK, "control octet 0x%02x in a chunk extension", c);
    }
    if (++chunks->extensions_len > EXTENSIONS_MAX) {
        return base_fail(
            err, E_HTTP_CHUNK, "more than %d octets of chunk extensions", EXTENSIONS_MAX);
    }
    return BASE_OK;
}

/* The size is known: is there room for the chunk? Asked before any octet of it is read. */
static enum base_code
begin_data(struct front_http_chunks *chunks, const struct buffer *body, struct base_error *err)
{
    size_t max = chunks->limits->body_max;
    if (chunks->left > max || body->len > max - chunks->left) {
        return base_fail(err, E_HTTP_BODY_TOO_LARGE, "chunks of more than %zu octets", max);
    }
    chunks->state = chunks->left == 0 ? CHUNK_TRAILER : CHUNK_DATA;
    chunks->digits = 0;
    return BASE_OK;
}

/* One octet of what stands around the data. */
static enum base_code
read_frame(
    struct front_http_chunks *chunks, uint8_t c, const struct buffer *body, struct base_error *err)
{
    if (chunks->state == CHUNK_SIZE) {
        return read_size(chunks, c, err);
    }
    if (chunks->state == CHUNK_EXTENSION) {
        return read_extension(chunks, c, err);
    }
    if (c != (chunks->state == CHUNK_DATA_CR ? '\r' : '\n')) {
        return base_fail(err, E_HTTP_CHUNK, "octet 0x%02x where a line end belongs", c);
    }
    if (chunks->state == CHUNK_SIZE_LF) {
        return begin_data(chunks, body, err);
    }
    chunks->state = chunks->state == CHUNK_DATA_CR ? CHUNK_DATA_LF : CHUNK_SIZE;
    return BASE_OK;
}

static enum base_code
read_data(struct front_http_chunks *chunks, struct bytes in, struct buffer *body, size_t *out_used,
    struct base_error *err)
{
    size_t len = in.len < chunks->left ? in.len : chunks->left;
    TRY(buffer_append(body, (struct bytes){in.ptr, len}, err));
    chunks->left -= len;
    if (chunks->left == 0) {
        chunks->state = CHUNK_DATA_CR;
    }
    *out_used = len;
    return BASE_OK;
}

enum base_code
front_http_chunks_read(struct front_http_chunks *chunks, struct bytes in, struct buffer *body,
    size_t *out_used, bool *out_is_complete, struct base_error *err)
{
    size_t at = 0;
    while (at < in.len && chunks->state != CHUNK_COMPLETE) {
        struct bytes rest = bytes_skip(in, at);
        size_t used = 1;
        if (chunks->state == CHUNK_DATA) {
            TRY(read_data(chunks, rest, body, &used, err));
        } else if (chunks->state == CHUNK_TRAILER) {
            bool is_end = false;
            TRY(front_http_head_read(&chunks->trailer, rest, &used, &is_end, err));
            chunks->state = is_end ? CHUNK_COMPLETE : CHUNK_TRAILER;
        } else {
            TRY(read_frame(chunks, rest.ptr[0], body, err));
        }
        at += used;
    }
    *out_used = at;
    *out_is_complete = chunks->state == CHUNK_COMPLETE;
    return BASE_OK;
}
