/*
 * tls_certificate.h - a certificate with which a listener of ours speaks TLS (RFC 5280, RFC 9110,
 * section 4.3.4). The signer builds all of it: names from the configuration, serverAuth, no other
 * use.
 */
#ifndef SIGNER_TLS_CERTIFICATE_H
#define SIGNER_TLS_CERTIFICATE_H

#include "signer/make_authority.h"

/* GeneralNames of host names and addresses, one a line. Errors: E_NAME_FORMAT. */
MUST_CHECK enum base_code signer_tls_sans(
    struct bytes names, struct buffer *out_der, struct base_error *err);

/*
 * The body, to be written down and signed. Valid for SIGNER_TLS_VALID_S, never beyond the CA.
 * Errors: E_KEY_TYPE (not on P-256), E_SIGNER_BODY (a key of the CA's own), E_CA_UNSUITABLE (the CA
 * has ended), E_NAME_FORMAT.
 */
MUST_CHECK enum base_code signer_tls_body(const struct signer_maker *maker,
    const struct signer_authority *authority, struct bytes names, struct bytes spki,
    struct buffer *out_body, struct base_error *err);

#endif
