/*
 * tls.h - how a listener speaks TLS: its certificate, its key, and what it agrees to.
 *
 * TLS 1.2 and 1.3 (RFC 5246, RFC 8446), nothing older; with 1.2 only key exchanges with forward
 * secrecy. No client is ever asked for a certificate: devices that have one for something else
 * break where a SCEP server does. A context never changes; a reload makes another one, and
 * connections that are there keep theirs. The key is a listener's own and none of a CA or RA.
 */
#ifndef FRONT_TLS_H
#define FRONT_TLS_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/own.h"

struct front_tls;
struct ssl_st;

/*
 * @certificates_pem    the server's certificate, then those above it
 * @key_pem             its private key, not encrypted
 * Errors: E_TLS_CERTIFICATE, E_TLS_KEY, E_NO_MEMORY.
 */
MUST_CHECK enum base_code front_tls_new(struct bytes certificates_pem, struct bytes key_pem,
    struct front_tls **out, struct base_error *err);

/* One more, or one less, who uses it; the last one frees it. */
struct front_tls *front_tls_keep(struct front_tls *tls);
void front_tls_free(struct front_tls *tls);
OWNER_STRUCT(front_tls)

/* When its certificate is no longer valid, seconds since 1970. */
int64_t front_tls_not_after_s(const struct front_tls *tls);
/* The SHA-256 of its certificate. */
struct bytes front_tls_peek_sha256(const struct front_tls *tls);

/* The server's side of one connection; NULL without memory. */
struct ssl_st *front_tls_session(struct front_tls *tls);

/*
 * A new key on P-256 for a certificate of our own CA: both parts in PEM and DER. It lives in this
 * process' memory only. Errors: E_CRYPTO.
 */
MUST_CHECK enum base_code front_tls_make_key(
    struct buffer *out_key_pem, struct buffer *out_spki, struct base_error *err);

#endif
