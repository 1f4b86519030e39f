/*
 * rsa_public.h - the public operation of RSA, x^e mod n, with the numbers of one key made ready
 * once.
 *
 * Each EVP_PKEY_CTX of OpenSSL 3.0 costs nearly half of what the operation itself does, and a
 * request needs three with a key that is seen once.
 */
#ifndef PKI_RSA_PUBLIC_H
#define PKI_RSA_PUBLIC_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/own.h"
#include "pki/algorithm.h"

struct pki_rsa_public;

/* @modulus: big-endian without leading zeros. Errors: E_KEY_WEAK (even), E_CRYPTO (memory). */
MUST_CHECK enum base_code pki_rsa_public_new(struct bytes modulus, struct bytes exponent,
    struct pki_rsa_public **out, struct base_error *err);
void pki_rsa_public_free(struct pki_rsa_public *rsa);
OWNER_STRUCT(pki_rsa_public)

/* @in: as many octets as the modulus has; as many go to @out. Errors: E_SIGNATURE (not below the
 * modulus), E_CRYPTO (memory). */
MUST_CHECK enum base_code pki_rsa_public_apply(
    struct pki_rsa_public *rsa, struct bytes in, uint8_t *out, struct base_error *err);

/* RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2.2): the whole encoded message is made and compared.
 * Errors: E_SIGNATURE; E_CRYPTO (memory). */
MUST_CHECK enum base_code pki_rsa_public_verify(struct pki_rsa_public *rsa, enum pki_digest digest,
    struct bytes data, struct bytes signature, struct base_error *err);

#endif
