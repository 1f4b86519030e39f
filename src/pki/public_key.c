#include "pki/public_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pki/fetched.h"
#include "pki/modulus.h"
#include "pki/openssl_error.h"
#include "pki/rsa_public.h"

#include "base/banned.h"

#define RSA_OCTETS_MAX 1024 /* 8192 bits */
#define SPARE 16            /* random octets in the place of zeros */

/* What an RSA key gets when it is first used: who only judges a key needs none. */
struct ready {
    EVP_PKEY *key; /* OpenSSL's form, for PSS and OAEP; of an EC key from the start */
    struct pki_rsa_public *rsa;
};

struct pki_public_key {
    enum pki_key_type type;
    unsigned bits;
    struct ready *ready; /* owned */
    uint8_t *spki;       /* owned copy */
    size_t spki_len;
    struct bytes modulus;  /* RSA: into spki */
    struct bytes exponent; /* RSA: into spki */
};

void
pki_public_key_free(struct pki_public_key *key)
{
    if (key != NULL) {
        if (key->ready != NULL) {
            EVP_PKEY_free(key->ready->key);
            pki_rsa_public_free(key->ready->rsa);
        }
        free(key->ready);
        free(key->spki);
        free(key);
    }
}

/* BIGNUM parameters are in the machine's order. */
static enum base_code
import_key(const char *type, OSSL_PARAM *params, EVP_PKEY **out, struct base_error *err)
{
    OWN(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, out, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        return pki_openssl_fail(err, E_KEY_FORMAT, "public key");
    }
    return BASE_OK;
}

static unsigned
bits_of(struct bytes octets)
{
    unsigned bits = (unsigned)octets.len * 8;
    for (uint8_t mask = 0x80; octets.len > 0 && mask != 0 && (octets.ptr[0] & mask) == 0;
         mask >>= 1) {
        bits--;
    }
    return bits;
}

static enum base_code
read_rsa(struct pki_public_key *key, struct bytes octets, struct base_error *err)
{
    struct der_reader outer = der_reader_over(octets);
    struct der_reader numbers;
    TRY(der_enter(&outer, DER_SEQUENCE, &numbers, err));
    TRY(der_end(&outer, err));
    TRY(der_read_unsigned(&numbers, &key->modulus, err));
    TRY(der_read_unsigned(&numbers, &key->exponent, err));
    TRY(der_end(&numbers, err));
    key->type = PKI_KEY_RSA;
    key->bits = bits_of(key->modulus);
    if (key->modulus.len > RSA_OCTETS_MAX || key->exponent.len > 8 || key->bits < 256) {
        return base_fail(err, E_KEY_WEAK, "RSA with %u bits and an exponent of %zu octets",
            key->bits, key->exponent.len);
    }
    return BASE_OK;
}

static enum base_code
import_rsa(const struct pki_public_key *key, struct base_error *err)
{
    uint8_t n[RSA_OCTETS_MAX];
    uint8_t e[8];
    for (size_t i = 0; i < key->modulus.len; i++) {
        n[i] = key->modulus.ptr[key->modulus.len - 1 - i];
    }
    for (size_t i = 0; i < key->exponent.len; i++) {
        e[i] = key->exponent.ptr[key->exponent.len - 1 - i];
    }
    OSSL_PARAM params[] = {OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, key->modulus.len),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, key->exponent.len),
        OSSL_PARAM_construct_end()};
    return import_key("RSA", params, &key->ready->key, err);
}

static enum base_code
need_imported(const struct pki_public_key *key, struct base_error *err)
{
    return key->ready->key == NULL ? import_rsa(key, err) : BASE_OK;
}

static enum base_code
need_rsa(const struct pki_public_key *key, struct base_error *err)
{
    return key->ready->rsa == NULL
               ? pki_rsa_public_new(key->modulus, key->exponent, &key->ready->rsa, err)
               : BASE_OK;
}

static enum base_code
read_ec(struct pki_public_key *key, struct bytes curve, struct bytes point, struct base_error *err)
{
    static const struct {
        struct bytes oid;
        char name[8];
        enum pki_key_type type;
        unsigned bits;
        size_t point_len;
    } curves[] = {
        {BYTES_INIT("\x2a\x86\x48\xce\x3d\x03\x01\x07"), "P-256", PKI_KEY_EC_P256, 256, 65},
        {BYTES_INIT("\x2b\x81\x04\x00\x22"), "P-384", PKI_KEY_EC_P384, 384, 97},
        {BYTES_INIT("\x2b\x81\x04\x00\x23"), "P-521", PKI_KEY_EC_P521, 521, 133},
    };
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (!bytes_equal(curves[i].oid, curve)) {
            continue;
        }
        if (point.len != curves[i].point_len || point.ptr[0] != 4) {
            return base_fail(err, E_KEY_FORMAT, "an EC point of %zu octets", point.len);
        }
        char name[8];
        uint8_t octets[133];
        memcpy(name, curves[i].name, sizeof(name));
        memcpy(octets, point.ptr, point.len);
        key->type = curves[i].type;
        key->bits = curves[i].bits;
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
            OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, octets, point.len),
            OSSL_PARAM_construct_end()};
        TRY(import_key(
            "EC", params, &key->ready->key, err)); /* checks that the point is on the curve */
        return BASE_OK;
    }
    return base_fail(err, E_KEY_TYPE, "an elliptic curve that is not P-256, P-384 or P-521");
}

static enum base_code
read_spki(struct pki_public_key *key, struct base_error *err)
{
    struct der_reader outer = der_reader_over((struct bytes){key->spki, key->spki_len});
    struct der_reader info;
    struct der_reader algorithm;
    struct bytes oid;
    struct bytes octets;
    char dotted[128] = "";
    TRY(der_enter(&outer, DER_SEQUENCE, &info, err));
    TRY(der_end(&outer, err));
    TRY(der_enter(&info, DER_SEQUENCE, &algorithm, err));
    TRY(der_read_oid(&algorithm, &oid, err));
    TRY(der_read_bit_octets(&info, &octets, err));
    TRY(der_end(&info, err));
    if (bytes_equal(oid, BYTES_LITERAL("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"))) {
        return read_rsa(key, octets, err);
    }
    if (bytes_equal(oid, BYTES_LITERAL("\x2a\x86\x48\xce\x3d\x02\x01"))) {
        struct bytes curve;
        TRY(der_read_oid(&algorithm, &curve, err));
        return read_ec(key, curve, octets, err);
    }
    return base_fail(
        err, E_KEY_TYPE, "a key of type %s", der_oid_text(oid, dotted, sizeof(dotted)));
}

enum base_code
pki_public_key_read(struct bytes spki, struct pki_public_key **out, struct base_error *err)
{
    OWN_STRUCT(pki_public_key) key = calloc(1, sizeof(*key));
    if (key == NULL || (key->ready = calloc(1, sizeof(*key->ready))) == NULL ||
        (key->spki = bytes_copy(spki)) == NULL) {
        return base_fail(err, E_NO_MEMORY, "public key");
    }
    key->spki_len = spki.len;
    enum base_code code = read_spki(key, err);
    if (code >= E_DER_TRUNCATED && code <= E_DER_VALUE) {
        char reason[BASE_DETAIL_MAX];
        memcpy(reason, err == NULL ? "" : err->detail, err == NULL ? 1 : sizeof(reason));
        return base_fail(err, E_KEY_FORMAT, "%.200s", reason);
    }
    TRY(code);
    *out = MOVE(key);
    return BASE_OK;
}

enum pki_key_type
pki_public_key_type(const struct pki_public_key *key)
{
    return key->type;
}

unsigned
pki_public_key_bits(const struct pki_public_key *key)
{
    return key->bits;
}

struct bytes
pki_public_key_peek_spki(const struct pki_public_key *key)
{
    return (struct bytes){key->spki, key->spki_len};
}

struct bytes
pki_public_key_peek_modulus(const struct pki_public_key *key)
{
    return key->modulus;
}

static enum base_code
check_exponent(struct bytes exponent, struct base_error *err)
{
    uint64_t value = 0;
    for (size_t i = 0; i < exponent.len; i++) {
        value = value << 8 | exponent.ptr[i];
    }
    if (value < 65537 || value % 2 == 0) {
        return base_fail(err, E_KEY_WEAK, "RSA with the exponent %llu", (unsigned long long)value);
    }
    return BASE_OK;
}

enum base_code
pki_public_key_check_size(const struct pki_public_key *key, unsigned min_rsa_bits,
    unsigned max_rsa_bits, struct base_error *err)
{
    if (key->type != PKI_KEY_RSA) {
        return BASE_OK;
    }
    if (key->bits < min_rsa_bits || key->bits > max_rsa_bits || key->bits % 8 != 0) {
        return base_fail(err, E_KEY_WEAK, "RSA with %u bits, want %u to %u", key->bits,
            min_rsa_bits, max_rsa_bits);
    }
    if ((key->modulus.ptr[key->modulus.len - 1] & 1) == 0) {
        return base_fail(err, E_KEY_WEAK, "an even RSA modulus");
    }
    return check_exponent(key->exponent, err);
}

enum base_code
pki_public_key_check(const struct pki_public_key *key, unsigned min_rsa_bits, unsigned max_rsa_bits,
    struct base_error *err)
{
    TRY(pki_public_key_check_size(key, min_rsa_bits, max_rsa_bits, err));
    return key->type == PKI_KEY_RSA ? pki_modulus_check(key->modulus, err) : BASE_OK;
}

/* ---- using
 * ------------------------------------------------------------------------------------------------------
 */

static enum base_code
verify_openssl(const struct pki_public_key *key, const struct pki_signature_algorithm *algorithm,
    struct bytes data, struct bytes signature, struct base_error *err)
{
    const EVP_MD *digest = pki_fetched_digest(algorithm->digest);
    TRY(need_imported(key, err));
    OWN(EVP_MD_CTX) context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL; /* the digest context's */
    if (context == NULL ||
        EVP_DigestVerifyInit(context, &parameters, digest, NULL, key->ready->key) != 1 ||
        (algorithm->kind == PKI_RSA_PSS &&
            (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) != 1 ||
                EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, algorithm->salt_len) != 1 ||
                EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, digest) != 1))) {
        return pki_openssl_fail(err, E_CRYPTO, "verification");
    }
    if (EVP_DigestVerify(context, signature.ptr, signature.len, data.ptr, data.len) != 1) {
        return pki_openssl_fail(err, E_SIGNATURE, "signature");
    }
    return BASE_OK;
}

enum base_code
pki_verify(const struct pki_public_key *key, const struct pki_signature_algorithm *algorithm,
    struct bytes data, struct bytes signature, struct base_error *err)
{
    bool is_rsa = key->type == PKI_KEY_RSA;
    if (pki_fetched_digest(algorithm->digest) == NULL || is_rsa == (algorithm->kind == PKI_ECDSA) ||
        algorithm->kind == PKI_SIGNATURE_NONE) {
        return base_fail(err, E_ALGORITHM_UNKNOWN, "a signature with %s for this kind of key",
            pki_digest_name(algorithm->digest));
    }
    if (algorithm->kind != PKI_RSA_PKCS1) {
        return verify_openssl(key, algorithm, data, signature, err);
    }
    TRY(need_rsa(key, err));
    return pki_rsa_public_verify(key->ready->rsa, algorithm->digest, data, signature, err);
}

/* EM = 00 02 PS 00 M (RFC 8017, section 7.2.1), with the octets of PS from @random. */
static enum base_code
pad_pkcs1(struct bytes content_key, const struct base_random *random, uint8_t *em, size_t em_len,
    struct base_error *err)
{
    if (content_key.len + 11 > em_len) {
        return base_fail(err, E_KEY_WEAK, "a key too short to encrypt to");
    }
    size_t ps_len = em_len - content_key.len - 3;
    uint8_t spare[SPARE];
    size_t used = SPARE;
    em[0] = 0;
    em[1] = 2;
    TRY(base_random_fill(random, em + 2, ps_len, err));
    for (size_t i = 0; i < ps_len; i++) {
        while (em[2 + i] == 0) {
            if (used == SPARE) {
                TRY(base_random_fill(random, spare, SPARE, err));
                used = 0;
            }
            em[2 + i] = spare[used++];
        }
    }
    em[2 + ps_len] = 0;
    memcpy(em + 3 + ps_len, content_key.ptr, content_key.len);
    return BASE_OK;
}

static enum base_code
wrap_pkcs1(const struct pki_public_key *key, struct bytes content_key,
    const struct base_random *random, uint8_t *room, struct base_error *err)
{
    uint8_t em[RSA_OCTETS_MAX];
    TRY(pad_pkcs1(content_key, random, em, key->modulus.len, err));
    enum base_code code = need_rsa(key, err);
    if (code == BASE_OK) {
        code =
            pki_rsa_public_apply(key->ready->rsa, (struct bytes){em, key->modulus.len}, room, err);
    }
    explicit_bzero(em, sizeof(em));
    return code;
}

static enum base_code
wrap_oaep(const struct pki_public_key *key, enum pki_transport transport, struct bytes content_key,
    uint8_t *room, struct base_error *err)
{
    size_t len = key->modulus.len;
    const EVP_MD *digest =
        pki_fetched_digest(transport == PKI_TRANSPORT_OAEP_SHA1 ? PKI_SHA1 : PKI_SHA256);
    TRY(need_imported(key, err));
    OWN(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey(NULL, key->ready->key, NULL);
    if (context == NULL || EVP_PKEY_encrypt_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(context, digest) != 1 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) != 1 ||
        EVP_PKEY_encrypt(context, room, &len, content_key.ptr, content_key.len) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "key transport");
    }
    return BASE_OK;
}

enum base_code
pki_wrap_key(const struct pki_public_key *key, enum pki_transport transport,
    struct bytes content_key, const struct base_random *random, struct buffer *out,
    struct base_error *err)
{
    uint8_t *room = NULL;
    if (key->type != PKI_KEY_RSA) {
        return base_fail(
            err, E_KEY_TYPE, "an EC key cannot receive a content key by key transport");
    }
    TRY(buffer_reserve(out, key->modulus.len, &room, err));
    if (transport == PKI_TRANSPORT_PKCS1) {
        TRY(wrap_pkcs1(key, content_key, random, room, err));
    } else {
        TRY(wrap_oaep(key, transport, content_key, room, err));
    }
    out->len += key->modulus.len;
    return BASE_OK;
}
