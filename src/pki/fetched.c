#include "pki/fetched.h"

#include <pthread.h>

#include "base/banned.h"

static const char *const digest_names[] = {NULL, "SHA1", "SHA2-256", "SHA2-384", "SHA2-512", NULL};
static const char *const cipher_names[] = {
    NULL, "AES-128-CBC", "AES-192-CBC", "AES-256-CBC", "DES-EDE3-CBC", NULL};

/* Written once, under pthread_once; read only afterwards. */
static EVP_MD *digests[sizeof(digest_names) / sizeof(digest_names[0])];
static EVP_CIPHER *ciphers[sizeof(cipher_names) / sizeof(cipher_names[0])];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
fetch_all(void)
{
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        digests[i] = digest_names[i] == NULL ? NULL : EVP_MD_fetch(NULL, digest_names[i], NULL);
    }
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        ciphers[i] = cipher_names[i] == NULL ? NULL : EVP_CIPHER_fetch(NULL, cipher_names[i], NULL);
    }
}

const EVP_MD *
pki_fetched_digest(enum pki_digest digest)
{
    (void)pthread_once(&once, fetch_all);
    return digests[digest];
}

const EVP_CIPHER *
pki_fetched_cipher(enum pki_cipher cipher)
{
    (void)pthread_once(&once, fetch_all);
    return ciphers[cipher];
}
