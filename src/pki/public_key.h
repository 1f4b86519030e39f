/*
 * public_key.h - a SubjectPublicKeyInfo, read once and used for verification and key transport.
 *
 * OpenSSL's decoder costs half an RSA signature each time it reads a key, so the numbers are cut
 * out here. PKCS#1 v1.5 is computed with them (rsa_public.h); for everything else they are given to
 * EVP_PKEY_fromdata.
 */
#ifndef PKI_PUBLIC_KEY_H
#define PKI_PUBLIC_KEY_H

#include "base/own.h"
#include "base/random.h"
#include "pki/algorithm.h"

enum pki_key_type { PKI_KEY_RSA = 1, PKI_KEY_EC_P256, PKI_KEY_EC_P384, PKI_KEY_EC_P521 };

struct pki_public_key; /* owns an EVP_PKEY and a copy of the SubjectPublicKeyInfo */

/* Read a SubjectPublicKeyInfo. Errors: E_KEY_FORMAT, E_KEY_TYPE (neither RSA nor a NIST curve). */
MUST_CHECK enum base_code pki_public_key_read(
    struct bytes spki, struct pki_public_key **out, struct base_error *err);
void pki_public_key_free(struct pki_public_key *key);
OWNER_STRUCT(pki_public_key)

enum pki_key_type pki_public_key_type(const struct pki_public_key *key);
unsigned pki_public_key_bits(
    const struct pki_public_key *key); /* RSA: of the modulus; EC: of the field */
struct bytes pki_public_key_peek_spki(const struct pki_public_key *key);
struct bytes pki_public_key_peek_modulus(
    const struct pki_public_key *key); /* RSA; without leading zeros */

/*
 * What is seen without arithmetic. RSA: between min and max bits (of a size divisible by 8), odd
 * modulus, odd exponent of at least 65537 and below 2^64. EC: nothing (that the point is on the
 * curve was checked when it was read). Errors: E_KEY_WEAK with the reason (failInfo badAlg).
 */
MUST_CHECK enum base_code pki_public_key_check_size(const struct pki_public_key *key,
    unsigned min_rsa_bits, unsigned max_rsa_bits, struct base_error *err);
/* Is this a key that may be certified? The same, and pki/modulus.h: no prime factor below 752, no
 * primes that lie close together. */
MUST_CHECK enum base_code pki_public_key_check(const struct pki_public_key *key,
    unsigned min_rsa_bits, unsigned max_rsa_bits, struct base_error *err);

/* Errors: E_SIGNATURE (does not verify), E_ALGORITHM_UNKNOWN (not for this key), E_KEY_WEAK (an
 * even modulus). algorithm->digest must be set. */
MUST_CHECK enum base_code pki_verify(const struct pki_public_key *key,
    const struct pki_signature_algorithm *algorithm, struct bytes data, struct bytes signature,
    struct base_error *err);
/* Encrypt a content key to an RSA key; for PKCS#1 v1.5 the padding comes from @random. Appended to
 * @out. */
MUST_CHECK enum base_code pki_wrap_key(const struct pki_public_key *key,
    enum pki_transport transport, struct bytes content_key, const struct base_random *random,
    struct buffer *out, struct base_error *err);

#endif
