/*
 * authority.h - one CA as the signer holds it: its certificate and key, the certificates above it
 * up to the root, and the RA under it.
 *
 * SCEP's messages are signed and opened by the RA, never by the CA's key: clients choose recipient
 * and signer by key usage (RFC 8894, section 2.1.2), so the RA's certificate has digitalSignature
 * and keyEncipherment, and its key is RSA even when the CA's is not. An object of this type that
 * came from load, create or import has passed signer_authority_check(); it never changes again and
 * lives as long as the process, so threads share it without a lock.
 *
 * Files in HOME/signer: the CA's key where the configuration says, ca-NAME.crt, chain-NAME.crt
 * (when there is one), ra-NAME.key, ra-NAME.crt. ca-NAME.crt is written last: a CA exists when it
 * does.
 */
#ifndef SIGNER_AUTHORITY_H
#define SIGNER_AUTHORITY_H

#include "ipc/types.h"
#include "journal/record.h"
#include "pki/certificate.h"
#include "signer/folder.h"

struct signer_certificate {
    uint8_t *der;                /* owned */
    struct pki_certificate read; /* borrowed from der */
    struct pki_public_key *key;  /* owned */
};

struct signer_authority {
    char name[IPC_NAME_MAX + 1];
    uint8_t id[JOURNAL_CA_LEN]; /* in the journal */
    enum pki_signature signature;
    enum pki_digest digest;    /* SHA-384 for P-384, else SHA-256 */
    uint8_t algorithm_der[64]; /* AlgorithmIdentifier of what it signs */
    size_t algorithm_len;
    struct pki_private_key *key;
    struct pki_private_key *ra_key;
    struct signer_certificate ca;
    struct signer_certificate ra;
    struct signer_certificate chain[SIGNER_CHAIN_MAX]; /* from the CA's issuer up to the root */
    size_t chain_count;
};

/* Empty but for its name, which is [a-z0-9-]. Errors: E_NO_MEMORY, E_SIGNER_PROFILE. */
MUST_CHECK enum base_code signer_authority_new(
    struct bytes name, struct signer_authority **out, struct base_error *err);
void signer_authority_free(struct signer_authority *authority);
OWNER_STRUCT(signer_authority)

/* Read and keep a certificate. *out is cleared on failure. */
MUST_CHECK enum base_code signer_certificate_set(
    struct signer_certificate *out, struct bytes der, struct base_error *err);
/* Do private key and certificate belong together? @whose for the message. Errors: E_CA_UNSUITABLE.
 */
MUST_CHECK enum base_code signer_certificate_check_key(const struct signer_certificate *certificate,
    const struct pki_private_key *key, const char *whose, struct base_error *err);
/* The CA's private key (consumed, even on failure) decides how it signs. Errors: E_CA_UNSUITABLE.
 */
MUST_CHECK enum base_code signer_authority_set_key(
    struct signer_authority *authority, struct pki_private_key *take_key, struct base_error *err);

/*
 * May this CA work? Keys belong to their certificates and are strong enough; the CA has keyCertSign
 * and cRLSign; the chain holds link by link to a self-signed root; the RA is issued by the CA, has
 * both usages and an EKU that Windows accepts. Times are not looked at. Errors: E_CA_UNSUITABLE.
 */
MUST_CHECK enum base_code signer_authority_check(
    const struct signer_authority *authority, struct base_error *err);

/* Errors: E_CA_MISSING, E_SIGNER_KEY_FILE, E_KEY_PASSPHRASE, E_CA_UNSUITABLE. */
MUST_CHECK enum base_code signer_authority_load(int folder_fd, struct bytes name,
    const char *key_file, struct bytes passphrase, struct signer_authority **out,
    struct base_error *err);
/* Errors: E_SIGNER_KEY_FILE. What an interrupted attempt left is replaced. */
MUST_CHECK enum base_code signer_authority_save(int folder_fd,
    const struct signer_authority *authority, const char *key_file, struct bytes passphrase,
    struct base_error *err);

/* Is @key one of this CA, its RA or its chain? By the key, whatever its encoding. */
bool signer_authority_owns_key(
    const struct signer_authority *authority, const struct pki_public_key *key);
/* Is @name_der the name of this CA, its RA or one of its chain? */
bool signer_authority_owns_name(const struct signer_authority *authority, struct bytes name_der);

#endif
