/*
 * ra_name.h - the name of an RA: the CA's, with " RA" at the end of its common name.
 *
 * "CN=Example CA,O=Example" becomes "CN=Example CA RA,O=Example". All else of the CA's name is kept
 * octet by octet. A CA without a common name gets CN=RA as the last RDN.
 */
#ifndef SIGNER_RA_NAME_H
#define SIGNER_RA_NAME_H

#include "base/bytes.h"

/* @ca_name_der has passed pki_name_check(). Appended to @out. */
MUST_CHECK enum base_code signer_ra_name(
    struct bytes ca_name_der, struct buffer *out, struct base_error *err);

#endif
