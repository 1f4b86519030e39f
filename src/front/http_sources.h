/*
 * http_sources.h - how many connections each source has.
 *
 * A source is one IPv4 address, or the /64 of an IPv6 address: a single IPv6 host has all of it.
 * The table knows only sources that have a connection, so the limit on connections bounds it.
 */
#ifndef FRONT_HTTP_SOURCES_H
#define FRONT_HTTP_SOURCES_H

#include "front/http.h"

struct front_http_source;  /* one source with at least one connection */
struct front_http_sources; /* the table */

/* @key  random, so that nobody can choose addresses that fall together. NULL without memory. */
struct front_http_sources *front_http_sources_new(uint64_t key);
/* All sources must have been left. */
void front_http_sources_free(struct front_http_sources *sources);
/*
 * One connection more. *out_source is given back with front_http_source_leave().
 * Errors: E_HTTP_CONNECTIONS (already @max of them), E_NO_MEMORY.
 */
MUST_CHECK enum base_code front_http_source_enter(struct front_http_sources *sources,
    const union front_http_address *address, unsigned max, struct front_http_source **out_source,
    struct base_error *err);
void front_http_source_leave(
    struct front_http_sources *sources, struct front_http_source *take_source);

/* IPv4 in IPv6 (::ffff:192.0.2.7) becomes IPv4; others stay as they are. */
union front_http_address front_http_address_plain(const union front_http_address *address);
/* The address without its port, and the port. */
void front_http_address_text(const union front_http_address *address,
    char out_text[FRONT_HTTP_SOURCE_LEN], uint16_t *out_port);

#endif
