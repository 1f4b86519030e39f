/*
 * The first octet chooses the method; then come path, query and body as in a request: "/path?query"
 * up to a line end, the rest is the body.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "front/query.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes
cut_at(struct bytes *rest, char octet)
{
    const uint8_t *found = rest->len == 0 ? NULL : memchr(rest->ptr, octet, rest->len);
    struct bytes part = *rest;
    part.len = found == NULL ? rest->len : (size_t)(found - rest->ptr);
    *rest = bytes_skip(*rest, found == NULL ? rest->len : part.len + 1);
    return part;
}

static void
try_path(struct bytes raw)
{
    struct front_path path;
    if (front_path_parse(raw, &path, NULL) != BASE_OK) {
        return;
    }
    assert(path.len <= FRONT_PATH_MAX && path.stem_len <= path.len && path.stem_len > 0);
    assert(strlen(path.text) == path.len && strstr(path.text, "/../") == NULL);
    struct bytes segment = BYTES_NONE;
    if (front_path_is_below(&path, "/scep", &segment)) {
        assert(segment.len > 0 && memchr(segment.ptr, '/', segment.len) == NULL);
    }
    /* Made comparable once, it stays as it is. */
    struct front_path again;
    enum base_code code = front_path_parse(front_path_whole(&path), &again, NULL);
    assert(code == BASE_OK && again.len == path.len && strcmp(path.text, again.text) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum front_http_method methods[] = {
        FRONT_HTTP_GET, FRONT_HTTP_POST, FRONT_HTTP_HEAD};
    if (size == 0) {
        return 0;
    }
    struct bytes rest = {data + 1, size - 1};
    struct bytes target = cut_at(&rest, '\n');
    struct bytes path = cut_at(&target, '?');
    enum front_http_method method = methods[data[0] % 3];
    struct front_query query;
    front_query_init(&query);
    try_path(path);
    if (front_query_parse(method, target, rest, &query, NULL) == BASE_OK) {
        assert(query.message.len <= size);
        assert(query.operation != FRONT_QUERY_PKI_OPERATION || query.message.len > 0);
        assert(query.operation != FRONT_QUERY_PKI_OPERATION || method != FRONT_HTTP_HEAD);
    }
    front_query_clear(&query);
    return 0;
}
