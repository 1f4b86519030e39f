/*
 * A connection's octets: a head, and the body that it announces. Reading in two kinds of pieces
 * must come to the same, and no limit may be passed.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "front/http_parse.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
    enum base_code code;
    bool is_complete;
    size_t used;
};

/* Lengths that a fuzzer reaches with small inputs. */
static struct front_http_limits
small_limits(void)
{
    struct front_http_limits limits = front_http_limits_default();
    limits.request_line_max = 200;
    limits.fields_max = 300;
    limits.field_count_max = 8;
    limits.body_max = 64;
    return limits;
}

static struct bytes
next_piece(struct bytes in, size_t at, size_t piece_len)
{
    struct bytes piece = bytes_skip(in, at);
    piece.len = piece.len < piece_len ? piece.len : piece_len;
    return piece;
}

static struct result
read_head(struct bytes in, const struct front_http_limits *limits, size_t piece_len)
{
    struct front_http_head_reader reader;
    front_http_head_reader_init(&reader, limits);
    struct result result = {BASE_OK, false, 0};
    while (result.used < in.len && !result.is_complete && result.code == BASE_OK) {
        size_t used = 0;
        struct bytes piece = next_piece(in, result.used, piece_len);
        result.code = front_http_head_read(&reader, piece, &used, &result.is_complete, NULL);
        assert(used <= piece.len);
        result.used += used;
    }
    assert(result.used <= limits->request_line_max + limits->fields_max + 4 + piece_len);
    return result;
}

static struct result
read_chunks(struct bytes in, const struct front_http_limits *limits, size_t piece_len)
{
    BUFFER_LOCAL(body, limits->body_max);
    struct front_http_chunks chunks;
    front_http_chunks_init(&chunks, limits);
    struct result result = {BASE_OK, false, 0};
    while (result.used < in.len && !result.is_complete && result.code == BASE_OK) {
        size_t used = 0;
        struct bytes piece = next_piece(in, result.used, piece_len);
        result.code =
            front_http_chunks_read(&chunks, piece, &body, &used, &result.is_complete, NULL);
        assert(used <= piece.len);
        result.used += used;
    }
    assert(body.len <= limits->body_max);
    return result;
}

static bool
is_same(struct result a, struct result b)
{
    return a.code == b.code && a.is_complete == b.is_complete &&
           (a.code != BASE_OK || a.used == b.used);
}

static bool
is_within(struct bytes part, struct bytes whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.len <= whole.len &&
                                (size_t)(part.ptr - whole.ptr) <= whole.len - part.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, size};
    struct front_http_limits limits = small_limits();
    struct result whole = read_head(in, &limits, SIZE_MAX / 2);
    struct result octets = read_head(in, &limits, 1);
    assert(is_same(whole, octets));
    struct front_http_head head;
    /* The parser must stand octets that the reader would have refused, too. */
    struct bytes text = {data, whole.is_complete ? whole.used : size};
    enum base_code code = front_http_head_parse(text, &limits, &head, NULL);
    if (code != BASE_OK || !whole.is_complete) {
        return 0;
    }
    assert(head.path.len > 0 && head.path.ptr[0] == '/');
    assert(is_within(head.query, text) && is_within(head.fields, text));
    assert(head.content_length <= limits.body_max);
    struct bytes value = BYTES_NONE;
    struct bytes rest = head.fields;
    while (front_http_field_find(rest, "X-Forwarded-For", &value, &rest)) {
        assert(is_within(value, text) && is_within(rest, text));
    }
    if (head.body == FRONT_HTTP_BODY_CHUNKED) {
        struct bytes body = bytes_skip(in, whole.used);
        struct result body_whole = read_chunks(body, &limits, SIZE_MAX / 2);
        struct result body_octets = read_chunks(body, &limits, 1);
        assert(is_same(body_whole, body_octets));
    }
    return 0;
}
