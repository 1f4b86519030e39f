/*
 * fetched.h - OpenSSL's algorithms, fetched once for the process: constant after their first use,
 * safe among threads.
 */
#ifndef PKI_FETCHED_H
#define PKI_FETCHED_H

#include <openssl/evp.h>

#include "pki/algorithm.h"

/* Borrowed for the life of the process; NULL when the library lacks it. */
const EVP_MD *pki_fetched_digest(enum pki_digest digest);
const EVP_CIPHER *pki_fetched_cipher(enum pki_cipher cipher);

#endif
