#include "front/http_sources.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define BUCKET_COUNT                                                                               \
    4096 /* a power of two; short chains at 12,000 connections of as many sources */

struct front_http_source {
    struct front_http_source *next;
    uint64_t prefix; /* the upper half of an IPv6 address, or an IPv4 address */
    bool is_v6;
    unsigned count;
};

struct front_http_sources {
    uint64_t key;
    struct front_http_source *buckets[BUCKET_COUNT];
};

struct front_http_sources *
front_http_sources_new(uint64_t key)
{
    struct front_http_sources *sources = calloc(1, sizeof(*sources));
    if (sources != NULL) {
        sources->key = key | 1;
    }
    return sources;
}

void
front_http_sources_free(struct front_http_sources *sources)
{
    free(sources);
}

static struct front_http_source **
find_bucket(struct front_http_sources *sources, uint64_t prefix)
{
    /* Two rounds of multiply and fold with a secret factor. */
    uint64_t mixed = (prefix ^ sources->key) * (sources->key | 1);
    mixed = (mixed ^ (mixed >> 32)) * 0x9e3779b97f4a7c15U;
    return &sources->buckets[(mixed >> 40) & (BUCKET_COUNT - 1)];
}

static uint64_t
prefix_of(const union front_http_address *address, bool *out_is_v6)
{
    union front_http_address plain = front_http_address_plain(address);
    *out_is_v6 = plain.any.sa_family == AF_INET6;
    if (!*out_is_v6) {
        return plain.v4.sin_addr.s_addr;
    }
    uint64_t prefix = 0;
    memcpy(&prefix, plain.v6.sin6_addr.s6_addr, sizeof(prefix));
    return prefix;
}

enum base_code
front_http_source_enter(struct front_http_sources *sources, const union front_http_address *address,
    unsigned max, struct front_http_source **out_source, struct base_error *err)
{
    bool is_v6 = false;
    uint64_t prefix = prefix_of(address, &is_v6);
    struct front_http_source **bucket = find_bucket(sources, prefix);
    struct front_http_source *source = *bucket;
    while (source != NULL && (source->prefix != prefix || source->is_v6 != is_v6)) {
        source = source->next;
    }
    if (source != NULL && source->count >= max) {
        return base_fail(err, E_HTTP_CONNECTIONS, "%u connections from one source", source->count);
    }
    if (source == NULL) {
        source = calloc(1, sizeof(*source));
        if (source == NULL) {
            return base_fail(err, E_NO_MEMORY, "source of a connection");
        }
        *source = (struct front_http_source){.next = *bucket, .prefix = prefix, .is_v6 = is_v6};
        *bucket = source;
    }
    source->count++;
    *out_source = source;
    return BASE_OK;
}

void
front_http_source_leave(struct front_http_sources *sources, struct front_http_source *take_source)
{
    assert(take_source->count > 0);
    if (--take_source->count > 0) {
        return;
    }
    struct front_http_source **at = find_bucket(sources, take_source->prefix);
    while (*at != take_source) {
        at = &(*at)->next;
    }
    *at = take_source->next;
    free(take_source);
}

union front_http_address
front_http_address_plain(const union front_http_address *address)
{
    union front_http_address plain = *address;
    if (address->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr)) {
        memset(&plain, 0, sizeof(plain));
        plain.v4.sin_family = AF_INET;
        plain.v4.sin_port = address->v6.sin6_port;
        memcpy(&plain.v4.sin_addr, &address->v6.sin6_addr.s6_addr[12], 4);
    }
    return plain;
}

void
front_http_address_text(const union front_http_address *address,
    char out_text[FRONT_HTTP_SOURCE_LEN], uint16_t *out_port)
{
    union front_http_address plain = front_http_address_plain(address);
    const char *text = NULL;
    *out_port = 0;
    if (plain.any.sa_family == AF_INET) {
        text = inet_ntop(AF_INET, &plain.v4.sin_addr, out_text, FRONT_HTTP_SOURCE_LEN);
        *out_port = ntohs(plain.v4.sin_port);
    } else if (plain.any.sa_family == AF_INET6) {
        text = inet_ntop(AF_INET6, &plain.v6.sin6_addr, out_text, FRONT_HTTP_SOURCE_LEN);
        *out_port = ntohs(plain.v6.sin6_port);
    }
    if (text == NULL) {
        (void)snprintf(out_text, FRONT_HTTP_SOURCE_LEN, "unknown");
    }
}
