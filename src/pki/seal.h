/*
 * seal.h - authenticated encryption: AES-256-GCM (NIST SP 800-38D), whole texts, one nonce each.
 */
#ifndef PKI_SEAL_H
#define PKI_SEAL_H

#include "base/bytes.h"

#define PKI_SEAL_KEY_LEN 32
#define PKI_SEAL_NONCE_LEN 12
#define PKI_SEAL_TAG_LEN 16

/* Ciphertext and tag, appended to @out. The nonce must never have been used with this key. */
MUST_CHECK enum base_code pki_seal(struct bytes key, struct bytes nonce, struct bytes associated,
    struct bytes plain, struct buffer *out, struct base_error *err);
/* The plaintext of ciphertext and tag, appended to @out only when the tag is right. Errors:
 * E_DECRYPT. */
MUST_CHECK enum base_code pki_seal_open(struct bytes key, struct bytes nonce,
    struct bytes associated, struct bytes sealed, struct buffer *out, struct base_error *err);

#endif
