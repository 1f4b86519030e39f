/*
 * admin.h - the administration over HTTP: NDES's challenge page and the API. Never on a listener
 * for devices.
 *
 *   identify   who asks (auth.h)
 *   judge      may this account do that; is the body what is wanted
 *   ask        the ledger makes the challenge, or notes the arrival (calls.h)
 *   answer
 */
#ifndef FRONT_ADMIN_H
#define FRONT_ADMIN_H

#include "front/front.h"
#include "front/query.h"

struct front_admin;

struct front_admin *front_admin_new(struct front *front); /* NULL without memory */
/* Requests that wait are answered with 503. auth and calls must have been freed before. */
void front_admin_free(struct front_admin *admin);

/* Answered now or later, always. */
void front_admin_request(struct front_admin *admin, struct front_http_request *take_request,
    const struct front_path *path);

#endif
