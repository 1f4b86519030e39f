/*
 * modulus.h - RSA moduli that anybody can factor: a small prime, or two primes that lie close
 * together (as broken generators make them).
 */
#ifndef PKI_MODULUS_H
#define PKI_MODULUS_H

#include "base/bytes.h"
#include "base/error.h"

/* @modulus: odd, big-endian without leading zeros, at most 1,024 octets. Errors: E_KEY_WEAK,
 * E_NO_MEMORY, E_CRYPTO. */
MUST_CHECK enum base_code pki_modulus_check(struct bytes modulus, struct base_error *err);

#endif
