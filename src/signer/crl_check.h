/*
 * crl_check.h - may this revocation list be signed? Pure.
 *
 * The entries are the ledger's knowledge; the signer answers for the frame: this CA's name and way
 * of signing, version 2, a number, dates that are now, and a nextUpdate that is not further away
 * than the configuration allows, so that nobody can have a list signed that hides later
 * revocations for years. Source: RFC 5280, section 5.1.
 */
#ifndef SIGNER_CRL_CHECK_H
#define SIGNER_CRL_CHECK_H

#include "signer/authority.h"

/* @valid_s: the longest time from now to nextUpdate. *out borrows from @body_der; out->number is
 * without leading zeros. Errors: E_SIGNER_BODY, E_SIGNER_CLOCK, E_CERTIFICATE_FORMAT, E_DER_*. */
MUST_CHECK enum base_code signer_crl_check(struct bytes body_der,
    const struct signer_authority *authority, int64_t now_s, int64_t valid_s, struct pki_crl *out,
    struct base_error *err);

#endif
