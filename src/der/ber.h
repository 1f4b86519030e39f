/*
 * ber.h - brings a BER message as devices write it into DER lengths and primitive strings.
 *
 * Apple's profiled writes indefinite lengths at every level, jscep and Bouncy Castle cut OCTET
 * STRINGs into pieces of 1,000 octets. This makes lengths definite and minimal and joins
 * constructed OCTET STRINGs (universal, and context tags [0] where the caller's format says that
 * the value is an implicit OCTET STRING is handled by der_join_octets()). The order of SETs stays
 * as it was: a signature may depend on it. Octets that are DER already are not copied.
 */
#ifndef DER_BER_H
#define DER_BER_H

#include "base/bytes.h"

/*
 * The first element of @ber as DER. *out_der points into @ber when nothing had to change, else into
 * @storage, and lives as long. Octets after the first element are an error, but for the zero octets
 * with which some peers pad. Errors: E_DER_TRUNCATED, E_DER_LENGTH, E_DER_DEPTH, E_TOO_LARGE.
 * Linear time.
 */
MUST_CHECK enum base_code der_from_ber(
    struct bytes ber, struct buffer *storage, struct bytes *out_der, struct base_error *err);

/*
 * The value of an element that is an implicit OCTET STRING, [0] primitive (0x80) or constructed
 * (0xa0) from pieces (as der_from_ber() leaves it): *out_octets points into the element or into
 * @storage.
 */
struct der_element;
MUST_CHECK enum base_code der_join_octets(const struct der_element *element, struct buffer *storage,
    struct bytes *out_octets, struct base_error *err);

#endif
