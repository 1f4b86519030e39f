/*
 * private_key.h - a private key in memory: only the signer and the device side have one.
 */
#ifndef PKI_PRIVATE_KEY_H
#define PKI_PRIVATE_KEY_H

#include "base/own.h"
#include "base/random.h"
#include "pki/algorithm.h"
#include "pki/public_key.h"

struct pki_private_key; /* owns an EVP_PKEY; immutable: threads may share it, each with a context of
                           its own inside */

/* @spec: "rsa:2048", "rsa:3072", "rsa:4096", "ec:p256", "ec:p384". Errors: E_KEY_TYPE, E_CRYPTO. */
MUST_CHECK enum base_code pki_private_key_check_spec(struct bytes spec, struct base_error *err);
MUST_CHECK enum base_code pki_private_key_generate(
    struct bytes spec, struct pki_private_key **out, struct base_error *err);
/* PEM (PKCS#8, plain or encrypted; also PKCS#1, SEC 1) or DER. @passphrase may be empty. Errors:
 * E_KEY_FORMAT, E_KEY_PASSPHRASE (encrypted and no or a wrong passphrase). */
MUST_CHECK enum base_code pki_private_key_load(struct bytes text, struct bytes passphrase,
    struct pki_private_key **out, struct base_error *err);
/* PKCS#8 in PEM, encrypted (PBES2, AES-256-CBC, PBKDF2-SHA256 with at least 600,000 rounds) when
 * @passphrase is not empty. */
MUST_CHECK enum base_code pki_private_key_store(const struct pki_private_key *key,
    struct bytes passphrase, struct buffer *out_pem, struct base_error *err);
void pki_private_key_free(struct pki_private_key *key);
OWNER_STRUCT(pki_private_key)

enum pki_key_type pki_private_key_type(const struct pki_private_key *key);
unsigned pki_private_key_bits(const struct pki_private_key *key);
/* The SubjectPublicKeyInfo in DER; borrowed from the key. */
struct bytes pki_private_key_peek_spki(const struct pki_private_key *key);
/* The signature kind that this key makes: PKI_RSA_PKCS1 or PKI_ECDSA. */
enum pki_signature pki_private_key_signature(const struct pki_private_key *key);

/* RSA PKCS#1 v1.5 (deterministic) or ECDSA (DER-encoded), over @data digested with @digest.
 * Appended to @out. */
MUST_CHECK enum base_code pki_sign(const struct pki_private_key *key, enum pki_digest digest,
    struct bytes data, struct buffer *out, struct base_error *err);

/*
 * Open a content key. out_key gets exactly key_len octets. For PKCS#1 v1.5: raw RSA, then
 * constant-time unpadding; on any fault of padding or length the octets are pseudo-random, a
 * function of key and ciphertext (as in implicit rejection), in the same time: nobody can tell (RFC
 * 3218, section 2.3.2). For OAEP: the same on failure. Errors: E_CRYPTO only for a fault of our
 * own; a ciphertext of the wrong length or value >= n also yields random octets.
 */
MUST_CHECK enum base_code pki_unwrap_key(const struct pki_private_key *key,
    enum pki_transport transport, struct bytes encrypted, size_t key_len, uint8_t *out_key,
    struct base_error *err);

#endif
