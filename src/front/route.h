/*
 * route.h - from a request's path and query to what answers it.
 */
#ifndef FRONT_ROUTE_H
#define FRONT_ROUTE_H

#include "front/front.h"

/* Answer a request, now or later; the http server's callback. @arg: struct front. */
void front_route_request(void *arg, struct front_http_request *request);
/* Who sent it: the peer, or what a trusted proxy says in X-Forwarded-For; NUL-terminated text into
 * @out. */
void front_route_source(const struct front *front, const struct front_http_request *request,
    char out[FRONT_HTTP_SOURCE_LEN], bool *out_is_exempt);

bool front_route_is_loopback(const union front_http_address *source);

#endif
