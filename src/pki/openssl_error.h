/*
 * openssl_error.h - OpenSSL's error queue is emptied where OpenSSL is called; its newest text goes
 * into the detail.
 */
#ifndef PKI_OPENSSL_ERROR_H
#define PKI_OPENSSL_ERROR_H

#include "base/error.h"
#include "base/own.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

/* Like base_fail(), with OpenSSL's reason behind the text. */
enum base_code pki_openssl_fail(struct base_error *err, enum base_code code, const char *what);

OWNER(EVP_PKEY, EVP_PKEY_free)
OWNER(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OWNER(EVP_MD_CTX, EVP_MD_CTX_free)
OWNER(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
OWNER(BIGNUM, BN_free)
OWNER(BN_CTX, BN_CTX_free)
OWNER(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
OWNER(OSSL_PARAM, OSSL_PARAM_free)
OWNER(BIO, BIO_free_all)

#endif
