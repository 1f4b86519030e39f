/*
 * authorities.h - certificates without a signature over them: the degenerate SignedData of
 * GetCACert and of a SUCCESS (RFC 8894, sections 3.4 and 4.2.1.2).
 */
#ifndef SCEP_AUTHORITIES_H
#define SCEP_AUTHORITIES_H

#include "base/bytes.h"
#include "scep/limits.h"

/* Certificates in DER, in this order. Appended to @out. */
MUST_CHECK enum base_code scep_authorities_build(
    const struct bytes *certificates, size_t count, struct buffer *out, struct base_error *err);

/*
 * Certificates of a degenerate SignedData, DER or BER; or of a bare certificate, which is then the
 * only one. Slices point into @message or @storage. Errors: E_MESSAGE_FORMAT, E_DER_*, E_TOO_LARGE.
 */
MUST_CHECK enum base_code scep_authorities_read(struct bytes message, struct buffer *storage,
    struct bytes out_certificates[SCEP_CERTIFICATES_MAX], size_t *out_count,
    struct base_error *err);

#endif
