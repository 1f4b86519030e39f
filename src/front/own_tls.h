/*
 * own_tls.h - TLS with certificates of Kurier's own CA.
 *
 * For each listener that wants one the front makes a key, which never leaves this process, and asks
 * the signer for a certificate; the signer has the names from the configuration and takes no others
 * from us. When a third of its life is left a new key and a new certificate take its place, unless
 * the CA itself ends no later than the present one. A reload that changes nothing keeps what is
 * there.
 */
#ifndef FRONT_OWN_TLS_H
#define FRONT_OWN_TLS_H

#include "front/listeners.h"
#include "ipc/to_signer.h"

struct front_own_tls;

struct front_own_tls *front_own_tls_new(struct front *front); /* NULL without memory */
void front_own_tls_free(struct front_own_tls *own);

/* Ask for what the present settings want and is not there, or will end soon. Call it when any of
 * these has changed, and from time to time. */
void front_own_tls_want(struct front_own_tls *own);
/* Everything that the present settings want is there. *out_why: the signer's last refusal; its code
 * is BASE_OK when there was none. */
bool front_own_tls_is_ready(struct front_own_tls *own, struct base_error *out_why);
/* The context for a setting; NULL: not yet. Borrowed until the next frame or want. */
struct front_tls *front_own_tls_find(
    struct front_own_tls *own, const struct front_tls_setting *setting);

/* TLS_SIGNED. */
void front_own_tls_take(struct front_own_tls *own, const struct ipc_frame *frame);
/* The signer was restarted: what was asked has no answer. */
void front_own_tls_ask_again(struct front_own_tls *own);

#endif
