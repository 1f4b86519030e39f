/*
 * auth.h - who asks: HTTP Basic (RFC 7617) or a bearer token (RFC 6750), against the accounts of
 * the configuration.
 *
 * A wrong password costs whoever tries it a second and a place among the wrong ones of a minute, of
 * its address and of the account; an unknown account costs exactly the same. Passwords are checked
 * by a thread of their own (password_worker.h). One that was right is known again for five minutes
 * by a keyed hash, so that a device manager which fetches a thousand challenges pays once.
 */
#ifndef FRONT_AUTH_H
#define FRONT_AUTH_H

#include "front/front.h"

struct front_auth;

struct front_auth *front_auth_new(struct front *front); /* NULL without memory */
/* Nothing is told any more. */
void front_auth_free(struct front_auth *auth);
/* The accounts have changed: what was right may not be any more. */
void front_auth_forget(struct front_auth *auth);

/* @account  its name, valid for the call; empty unless @code is BASE_OK. @retry_after_s with
 * E_AUTH_RATE. */
typedef void (*front_auth_done)(
    void *arg, enum base_code code, struct bytes account, unsigned retry_after_s);

/*
 * Who sent @request? @done is told once, from inside or later.
 * Errors in @done: E_AUTH_NEEDED, E_AUTH_PLAIN, E_AUTH_RATE, E_PEER_BUSY, E_NO_MEMORY.
 *
 * @source  as front_route_source() found it; copied
 */
void front_auth_check(struct front_auth *auth, const struct front_http_request *request,
    const char *source, front_auth_done done, void *arg);

#endif
