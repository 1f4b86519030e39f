/*
 * body_check.h - may this certificate body be signed?
 *
 * The rules are the signer's own and hold whoever asks, so that a ledger in wrong hands gets end
 * entity certificates within its profiles and nothing else. Pure: no clock, no file, no journal.
 * Every refusal names its limit. Source: RFC 5280, section 4, and the profile's settings.
 */
#ifndef SIGNER_BODY_CHECK_H
#define SIGNER_BODY_CHECK_H

#include "signer/authority.h"
#include "signer/profile.h"

/*
 * What must hold of any body of this CA, also of one that is signed again: version 3, a serial as
 * ours are, this CA's name and way of signing. *out borrows from @body_der. Errors: E_SIGNER_BODY,
 * E_CERTIFICATE_FORMAT, E_DER_*.
 */
MUST_CHECK enum base_code signer_body_read(struct bytes body_der,
    const struct signer_authority *authority, struct pki_certificate *out, struct base_error *err);

/*
 * What the profile and we allow: key, names, usages, extensions. @body_der as it was read into
 * @body. Errors: E_SIGNER_BODY, E_KEY_WEAK, E_KEY_TYPE, E_SAN_TYPE, E_SAN_FORMAT, E_NAME_FORMAT.
 */
MUST_CHECK enum base_code signer_body_check(const struct pki_certificate *body,
    struct bytes body_der, const struct signer_authority *authority,
    const struct signer_profile *profile, struct base_error *err);
/* Neither its key nor its name may be one of @authority's. Errors: E_SIGNER_BODY. */
MUST_CHECK enum base_code signer_body_check_foreign(const struct pki_certificate *body,
    const struct signer_authority *authority, struct base_error *err);

/* Its validity and the time in its serial, for a body that was never signed. Errors:
 * E_SIGNER_BODY, E_SIGNER_CLOCK. */
MUST_CHECK enum base_code signer_body_check_time(const struct pki_certificate *body,
    const struct signer_authority *authority, const struct signer_profile *profile, int64_t now_s,
    struct base_error *err);

#endif
