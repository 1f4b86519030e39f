/*
 * authorities.h - the certificates of CA and RA as the signer describes them, and the GetCACert
 * answers made of them.
 */
#ifndef FRONT_AUTHORITIES_H
#define FRONT_AUTHORITIES_H

#include "ipc/to_signer.h"
#include "pki/certificate.h"

struct front_authorities;

#define FRONT_RAS_MAX 4
#define FRONT_CHAIN_MAX 6

/* One CA. Everything lives until the next front_authorities_end(). */
struct front_ca {
    struct bytes name;
    struct pki_certificate certificate;
    struct pki_certificate ras[FRONT_RAS_MAX]; /* index as OPEN_ENVELOPE takes it */
    size_t ra_count;
    struct bytes chain[FRONT_CHAIN_MAX]; /* above the CA, up to the root */
    size_t chain_count;
};

struct front_authorities *front_authorities_new(void); /* NULL without memory */
void front_authorities_free(struct front_authorities *authorities);

/* AUTHORITY frames are gathered; DESCRIBED takes them, all at once. Errors: E_NO_MEMORY,
 * E_TOO_LARGE, E_CERTIFICATE_FORMAT. */
MUST_CHECK enum base_code front_authorities_add(struct front_authorities *authorities,
    const struct ipc_authority *message, struct base_error *err);
MUST_CHECK enum base_code front_authorities_end(
    struct front_authorities *authorities, struct base_error *err);

/* NULL: not described yet, or no such CA. */
const struct front_ca *front_authorities_find(
    const struct front_authorities *authorities, struct bytes ca);
size_t front_authorities_count(const struct front_authorities *authorities);
const struct front_ca *front_authorities_peek(
    const struct front_authorities *authorities, size_t index);

/*
 * The body of GetCACert: RA certificates, CA certificate, and with @with_chain those above it, as a
 * certificates-only SignedData (application/x-x509-ca-ra-cert). Kept; made once. Errors:
 * E_NO_MEMORY, E_CA_MISSING.
 */
MUST_CHECK enum base_code front_authorities_ca_cert(struct front_authorities *authorities,
    struct bytes ca, bool with_chain, struct bytes *out_body, const char **out_type,
    struct base_error *err);

#endif
