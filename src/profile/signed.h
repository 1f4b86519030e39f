/*
 * signed.h - a configuration profile within a CMS SignedData (RFC 5652).
 *
 * Written in two steps around a key that is elsewhere: first the attributes that are signed, then
 * the whole with the signature. Read with OpenSSL's CMS, which also takes what others write (BER,
 * no attributes, other algorithms); the signature must fit, and whether the signer is to be
 * believed is for whoever is told its name.
 */
#ifndef PROFILE_SIGNED_H
#define PROFILE_SIGNED_H

#include "base/bytes.h"

/* The DER SET OF of contentType data, messageDigest (SHA-256 of @content) and signingTime. */
MUST_CHECK enum base_code profile_signed_attributes(
    struct bytes content, int64_t at_s, struct buffer *out_set, struct base_error *err);
/* The whole, with an RSA signature over @set. certificates: DER, the signer's first. */
MUST_CHECK enum base_code profile_signed_write(struct bytes content, struct bytes set,
    struct bytes signature, const struct bytes *certificates, size_t count, struct buffer *out,
    struct base_error *err);

/* Is this a CMS message (DER, BER or PEM), rather than a property list? */
bool profile_is_signed(struct bytes file);
/* *out_signer: RFC 4514 text of the signer's subject and issuer: "CN=a, issued by CN=b".
 * Errors: E_PROFILE_FORMAT, E_PROFILE_SIGNATURE, E_TOO_LARGE. */
MUST_CHECK enum base_code profile_signed_read(struct bytes file, struct buffer *out_content,
    struct buffer *out_signer, struct base_error *err);

#endif
