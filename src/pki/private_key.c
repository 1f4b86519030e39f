#include "pki/private_key.h"

#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pki/fetched.h"
#include "pki/openssl_error.h"

#include "base/banned.h"

#define RSA_OCTETS_MAX 1024
#define PBKDF2_ROUNDS 600000

OWNER(X509_SIG, X509_SIG_free)
OWNER(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)

/* Operations that are ready, so that none is set up for a single use; several threads use a key. */
#define READY_SLOTS 4
enum ready_kind { READY_RAW = PKI_MD5 + 1, READY_KINDS };
struct ready {
    _Atomic(EVP_PKEY_CTX *) slots[READY_KINDS][READY_SLOTS]; /* signing by enum pki_digest */
};

struct pki_private_key {
    EVP_PKEY *key;
    struct ready *ready; /* owned */
    enum pki_key_type type;
    unsigned bits;
    uint8_t *spki; /* owned */
    size_t spki_len;
    uint8_t rejection[32]; /* from which a refused envelope's key is derived; RSA */
};

static void
free_ready(struct ready *ready)
{
    for (size_t i = 0; ready != NULL && i < (size_t)READY_KINDS * READY_SLOTS; i++) {
        EVP_PKEY_CTX_free(atomic_load(&ready->slots[i / READY_SLOTS][i % READY_SLOTS]));
    }
    free(ready);
}

/* NULL: none is ready. */
static EVP_PKEY_CTX *
take_ready(const struct pki_private_key *key, unsigned kind)
{
    for (size_t i = 0; i < READY_SLOTS; i++) {
        EVP_PKEY_CTX *context = atomic_exchange(&key->ready->slots[kind][i], NULL);
        if (context != NULL) {
            return context;
        }
    }
    return NULL;
}

static void
give_back(const struct pki_private_key *key, unsigned kind, EVP_PKEY_CTX *take_context)
{
    for (size_t i = 0; i < READY_SLOTS; i++) {
        EVP_PKEY_CTX *none = NULL;
        if (atomic_compare_exchange_strong(&key->ready->slots[kind][i], &none, take_context)) {
            return;
        }
    }
    EVP_PKEY_CTX_free(take_context);
}

void
pki_private_key_free(struct pki_private_key *key)
{
    if (key != NULL) {
        free_ready(key->ready);
        EVP_PKEY_free(key->key);
        free(key->spki);
        explicit_bzero(key->rejection, sizeof(key->rejection));
        free(key);
    }
}

/* A secret of this key that nobody else has: SHA-256 over its private exponent. */
static enum base_code
derive_rejection(struct pki_private_key *key, struct base_error *err)
{
    BIGNUM *d = NULL;
    uint8_t octets[RSA_OCTETS_MAX];
    if (EVP_PKEY_get_bn_param(key->key, OSSL_PKEY_PARAM_RSA_D, &d) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "private exponent");
    }
    int len = BN_bn2bin(d, octets);
    BN_clear_free(d);
    const struct bytes parts[] = {
        BYTES_LITERAL("Kurier implicit rejection"), {octets, (size_t)len}};
    enum base_code code = pki_sha256(parts, 2, key->rejection, err);
    explicit_bzero(octets, sizeof(octets));
    return code;
}

static enum base_code
take_type(struct pki_private_key *key, struct base_error *err)
{
    char group[64] = "";
    if (EVP_PKEY_is_a(key->key, "RSA") == 1) {
        key->type = PKI_KEY_RSA;
        key->bits = (unsigned)EVP_PKEY_get_bits(key->key);
        return key->bits > RSA_OCTETS_MAX * 8
                   ? base_fail(err, E_KEY_TYPE, "RSA with %u bits", key->bits)
                   : derive_rejection(key, err);
    }
    if (EVP_PKEY_is_a(key->key, "EC") != 1 ||
        EVP_PKEY_get_group_name(key->key, group, sizeof(group), NULL) != 1) {
        return base_fail(err, E_KEY_TYPE, "neither RSA nor EC");
    }
    key->bits = (unsigned)EVP_PKEY_get_bits(key->key);
    key->type = key->bits == 256   ? PKI_KEY_EC_P256
                : key->bits == 384 ? PKI_KEY_EC_P384
                                   : PKI_KEY_EC_P521;
    if (strcmp(group, "prime256v1") != 0 && strcmp(group, "P-256") != 0 &&
        strcmp(group, "secp384r1") != 0 && strcmp(group, "P-384") != 0) {
        return base_fail(err, E_KEY_TYPE, "the curve %s", group);
    }
    return BASE_OK;
}

/* An EVP_PKEY (consumed) as ours. */
static enum base_code
adopt(EVP_PKEY *take_key, struct pki_private_key **out, struct base_error *err)
{
    OWN_STRUCT(pki_private_key) key = calloc(1, sizeof(*key));
    if (key == NULL || (key->ready = calloc(1, sizeof(*key->ready))) == NULL) {
        EVP_PKEY_free(take_key);
        return base_fail(err, E_NO_MEMORY, "private key");
    }
    key->key = take_key;
    TRY(take_type(key, err));
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(key->key, &spki);
    if (len <= 0) {
        return pki_openssl_fail(err, E_CRYPTO, "public half");
    }
    key->spki = bytes_copy((struct bytes){spki, (size_t)len});
    key->spki_len = (size_t)len;
    OPENSSL_free(spki);
    if (key->spki == NULL) {
        return base_fail(err, E_NO_MEMORY, "private key");
    }
    *out = MOVE(key);
    return BASE_OK;
}

struct key_spec {
    const char *text;
    size_t rsa_bits; /* 0: on a curve */
    const char *curve;
};

MUST_CHECK static enum base_code
find_spec(struct bytes spec, struct key_spec *out, struct base_error *err)
{
    static const struct key_spec specs[] = {{"rsa:2048", 2048, NULL}, {"rsa:3072", 3072, NULL},
        {"rsa:4096", 4096, NULL}, {"ec:p256", 0, "P-256"}, {"ec:p384", 0, "P-384"}};
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        if (bytes_equal_text(spec, specs[i].text)) {
            *out = specs[i];
            return BASE_OK;
        }
    }
    return base_fail(err, E_KEY_TYPE,
        "'%.*s' is none of rsa:2048, rsa:3072, rsa:4096, ec:p256, ec:p384",
        base_size_to_int(spec.len < 32 ? spec.len : 32), (const char *)spec.ptr);
}

enum base_code
pki_private_key_check_spec(struct bytes spec, struct base_error *err)
{
    struct key_spec wanted;
    return find_spec(spec, &wanted, err);
}

enum base_code
pki_private_key_generate(struct bytes spec, struct pki_private_key **out, struct base_error *err)
{
    struct key_spec wanted;
    TRY(find_spec(spec, &wanted, err));
    EVP_PKEY *key = wanted.rsa_bits > 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", wanted.rsa_bits)
                                        : EVP_PKEY_Q_keygen(NULL, NULL, "EC", wanted.curve);
    return key == NULL ? pki_openssl_fail(err, E_CRYPTO, "key generation") : adopt(key, out, err);
}

/* Never asks a terminal: gives the passphrase that was handed in, or fails. */
struct passphrase {
    struct bytes text;
    bool is_asked;
};

static int
give_passphrase(char *buf, int size, int is_writing, void *arg)
{
    struct passphrase *passphrase = arg;
    (void)is_writing;
    passphrase->is_asked = true;
    if (size < 0 || passphrase->text.len == 0 || passphrase->text.len > (size_t)size) {
        return -1;
    }
    memcpy(buf, passphrase->text.ptr, passphrase->text.len);
    return base_size_to_int(passphrase->text.len);
}

enum base_code
pki_private_key_load(struct bytes text, struct bytes passphrase, struct pki_private_key **out,
    struct base_error *err)
{
    struct passphrase secret = {passphrase, false};
    OWN(BIO) bio = BIO_new_mem_buf(text.ptr, base_size_to_int(text.len));
    if (bio == NULL || text.len == 0) {
        return base_fail(err, E_KEY_FORMAT, "an empty key");
    }
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &secret);
    if (key == NULL && !secret.is_asked) {
        const unsigned char *at = text.ptr;
        key = d2i_AutoPrivateKey(NULL, &at, base_size_to_long(text.len));
    }
    if (key == NULL && secret.is_asked) {
        ERR_clear_error(); /* its reasons name PKCS#12 and ciphers: of no help to anybody */
        return base_fail(err, E_KEY_PASSPHRASE, "the key is encrypted, and %s",
            passphrase.len == 0 ? "no passphrase was given"
                                : "the passphrase that was given does not open it");
    }
    if (key == NULL) {
        return pki_openssl_fail(err, E_KEY_FORMAT, "private key");
    }
    return adopt(key, out, err);
}

static int
write_encrypted(BIO *bio, const struct pki_private_key *key, struct bytes passphrase)
{
    OWN(PKCS8_PRIV_KEY_INFO) info = EVP_PKEY2PKCS8(key->key);
    X509_ALGOR *pbe =
        PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), PBKDF2_ROUNDS, NULL, 0, NULL, NID_hmacWithSHA256);
    if (info == NULL || pbe == NULL) {
        X509_ALGOR_free(pbe);
        return 0;
    }
    OWN(X509_SIG) sealed = PKCS8_set0_pbe(
        (const char *)passphrase.ptr, base_size_to_int(passphrase.len), info, pbe); /* takes pbe */
    if (sealed == NULL) {
        X509_ALGOR_free(pbe);
        return 0;
    }
    return PEM_write_bio_PKCS8(bio, sealed);
}

enum base_code
pki_private_key_store(const struct pki_private_key *key, struct bytes passphrase,
    struct buffer *out_pem, struct base_error *err)
{
    OWN(BIO) bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    if (bio == NULL) {
        return base_fail(err, E_NO_MEMORY, "private key");
    }
    int is_written = passphrase.len == 0
                         ? PEM_write_bio_PKCS8PrivateKey(bio, key->key, NULL, NULL, 0, NULL, NULL)
                         : write_encrypted(bio, key, passphrase);
    long len = BIO_get_mem_data(bio, &text);
    if (is_written != 1 || len <= 0) {
        return pki_openssl_fail(err, E_CRYPTO, "writing a private key");
    }
    return buffer_append(out_pem, (struct bytes){(const uint8_t *)text, (size_t)len}, err);
}

enum pki_key_type
pki_private_key_type(const struct pki_private_key *key)
{
    return key->type;
}

unsigned
pki_private_key_bits(const struct pki_private_key *key)
{
    return key->bits;
}

struct bytes
pki_private_key_peek_spki(const struct pki_private_key *key)
{
    return (struct bytes){key->spki, key->spki_len};
}

enum pki_signature
pki_private_key_signature(const struct pki_private_key *key)
{
    return key->type == PKI_KEY_RSA ? PKI_RSA_PKCS1 : PKI_ECDSA;
}

static enum base_code
make_signer(const struct pki_private_key *key, enum pki_digest digest, EVP_PKEY_CTX **out,
    struct base_error *err)
{
    OWN(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey(NULL, key->key, NULL);
    if (context == NULL || EVP_PKEY_sign_init(context) != 1 ||
        (key->type == PKI_KEY_RSA &&
            EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1) ||
        EVP_PKEY_CTX_set_signature_md(context, pki_fetched_digest(digest)) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "signing");
    }
    *out = MOVE(context);
    return BASE_OK;
}

enum base_code
pki_sign(const struct pki_private_key *key, enum pki_digest digest, struct bytes data,
    struct buffer *out, struct base_error *err)
{
    uint8_t *room = NULL;
    uint8_t hash[PKI_DIGEST_MAX];
    size_t len = RSA_OCTETS_MAX;
    TRY(buffer_reserve(out, len, &room, err));
    TRY(pki_digest(digest, data, hash, err));
    OWN(EVP_PKEY_CTX) context = take_ready(key, (unsigned)digest);
    if (context == NULL) {
        TRY(make_signer(key, digest, &context, err));
    }
    if (EVP_PKEY_sign(context, room, &len, hash, pki_digest_len(digest)) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "signing");
    }
    give_back(key, (unsigned)digest, MOVE(context));
    out->len += len;
    return BASE_OK;
}

/* ---- content keys
 * -----------------------------------------------------------------------------------------------
 */

/* 0xff.. when a == 0, else 0; without a branch. */
static uint8_t
mask_zero(uint8_t a)
{
    uint32_t x = a;
    return (uint8_t)(((x - 1) >> 8) & 0xff);
}

/*
 * EM = 00 02 PS 00 M, where M must have exactly key_len octets: so the place of each part is known,
 * and all that is checked is whether the octets there are right. Returns 0xff when they are, else
 * 0; same steps either way.
 */
static uint8_t
check_padding(const uint8_t *em, size_t em_len, size_t key_len)
{
    size_t zero_at = em_len - key_len - 1;
    uint8_t good = mask_zero(em[0]) & mask_zero((uint8_t)(em[1] ^ 2)) & mask_zero(em[zero_at]);
    for (size_t i = 2; i < zero_at; i++) {
        good = (uint8_t)(good & ~mask_zero(em[i]));
    }
    return good;
}

/* The key that a refused envelope gets: a function of the private key and the ciphertext (RFC 3218,
 * section 2.3.2). */
static enum base_code
derive_refused_key(const struct pki_private_key *key, struct bytes encrypted, uint8_t out[32],
    struct base_error *err)
{
    return pki_hmac_sha256(BYTES_ARRAY(key->rejection), &encrypted, 1, out, err);
}

/* Raw RSA; a ciphertext that is no number below n yields zeros, which no padding check takes. */
static enum base_code
open_raw(const struct pki_private_key *key, struct bytes encrypted, uint8_t *em, size_t em_len,
    struct base_error *err)
{
    uint8_t in[RSA_OCTETS_MAX] = {0};
    size_t len = em_len;
    size_t taken = encrypted.len < em_len ? encrypted.len : em_len;
    memcpy(in + (em_len - taken), encrypted.ptr, taken);
    OWN(EVP_PKEY_CTX) context = take_ready(key, READY_RAW);
    if (context == NULL) {
        context = EVP_PKEY_CTX_new_from_pkey(NULL, key->key, NULL);
        if (context == NULL || EVP_PKEY_decrypt_init(context) != 1 ||
            EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) != 1) {
            return pki_openssl_fail(err, E_CRYPTO, "content key");
        }
    }
    if (EVP_PKEY_decrypt(context, em, &len, in, em_len) != 1 || len != em_len) {
        (void)pki_openssl_fail(NULL, E_CRYPTO, ""); /* empties the queue */
        memset(em, 0, em_len);
    }
    give_back(key, READY_RAW, MOVE(context));
    return BASE_OK;
}

static enum base_code
open_oaep(const struct pki_private_key *key, enum pki_transport transport, struct bytes encrypted,
    size_t key_len, uint8_t *out_key, uint8_t *out_good, struct base_error *err)
{
    uint8_t plain[RSA_OCTETS_MAX];
    size_t len = sizeof(plain);
    const EVP_MD *digest =
        pki_fetched_digest(transport == PKI_TRANSPORT_OAEP_SHA1 ? PKI_SHA1 : PKI_SHA256);
    OWN(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey(NULL, key->key, NULL);
    if (context == NULL || EVP_PKEY_decrypt_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(context, digest) != 1 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "content key");
    }
    bool is_open =
        EVP_PKEY_decrypt(context, plain, &len, encrypted.ptr, encrypted.len) == 1 && len == key_len;
    if (!is_open) {
        (void)pki_openssl_fail(NULL, E_CRYPTO, "");
    }
    memcpy(out_key, plain, key_len);
    *out_good = is_open ? 0xff : 0;
    explicit_bzero(plain, sizeof(plain));
    return BASE_OK;
}

enum base_code
pki_unwrap_key(const struct pki_private_key *key, enum pki_transport transport,
    struct bytes encrypted, size_t key_len, uint8_t *out_key, struct base_error *err)
{
    uint8_t refused[32];
    uint8_t em[RSA_OCTETS_MAX];
    uint8_t found[32];
    uint8_t good = 0;
    size_t em_len = (key->bits + 7) / 8;
    if (key->type != PKI_KEY_RSA || key_len == 0 || key_len > sizeof(found) ||
        key_len + 11 > em_len) {
        return base_fail(err, E_CRYPTO, "a content key of %zu octets", key_len);
    }
    TRY(derive_refused_key(key, encrypted, refused, err));
    if (transport == PKI_TRANSPORT_PKCS1) {
        TRY(open_raw(key, encrypted, em, em_len, err));
        good = check_padding(em, em_len, key_len);
        memcpy(found, em + em_len - key_len, key_len);
    } else {
        TRY(open_oaep(key, transport, encrypted, key_len, found, &good, err));
    }
    for (size_t i = 0; i < key_len; i++) {
        out_key[i] = (uint8_t)((found[i] & good) | (refused[i] & ~good));
    }
    explicit_bzero(em, sizeof(em));
    explicit_bzero(found, sizeof(found));
    explicit_bzero(refused, sizeof(refused));
    return BASE_OK;
}
