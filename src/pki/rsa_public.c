#include "pki/rsa_public.h"

#include <stdlib.h>
#include <string.h>

#include "pki/openssl_error.h"

#include "base/banned.h"

#define OCTETS_MAX 1024 /* 8192 bits */
#define DIGEST_INFO_MAX 128

struct pki_rsa_public {
    BIGNUM *n;
    BIGNUM *e;
    BIGNUM *x; /* in and out */
    BN_MONT_CTX *montgomery;
    BN_CTX *context;
    size_t len; /* octets of the modulus */
};

void
pki_rsa_public_free(struct pki_rsa_public *rsa)
{
    if (rsa != NULL) {
        BN_free(rsa->n);
        BN_free(rsa->e);
        BN_clear_free(rsa->x);
        BN_MONT_CTX_free(rsa->montgomery);
        BN_CTX_free(rsa->context);
        free(rsa);
    }
}

enum base_code
pki_rsa_public_new(struct bytes modulus, struct bytes exponent, struct pki_rsa_public **out,
    struct base_error *err)
{
    if (modulus.len == 0 || modulus.len > OCTETS_MAX || exponent.len > OCTETS_MAX ||
        modulus.ptr[modulus.len - 1] % 2 == 0) {
        return base_fail(err, E_KEY_WEAK, "an even RSA modulus");
    }
    OWN_STRUCT(pki_rsa_public) rsa = calloc(1, sizeof(*rsa));
    if (rsa == NULL) {
        return base_fail(err, E_NO_MEMORY, "public key");
    }
    rsa->len = modulus.len;
    rsa->n = BN_bin2bn(modulus.ptr, (int)modulus.len, NULL);
    rsa->e = BN_bin2bn(exponent.ptr, (int)exponent.len, NULL);
    rsa->x = BN_new();
    rsa->montgomery = BN_MONT_CTX_new();
    rsa->context = BN_CTX_new();
    if (rsa->n == NULL || rsa->e == NULL || rsa->x == NULL || rsa->montgomery == NULL ||
        rsa->context == NULL || BN_MONT_CTX_set(rsa->montgomery, rsa->n, rsa->context) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "public key");
    }
    *out = MOVE(rsa);
    return BASE_OK;
}

enum base_code
pki_rsa_public_apply(
    struct pki_rsa_public *rsa, struct bytes in, uint8_t *out, struct base_error *err)
{
    if (in.len != rsa->len) {
        return base_fail(err, E_SIGNATURE, "%zu octets for a modulus of %zu", in.len, rsa->len);
    }
    if (BN_bin2bn(in.ptr, (int)in.len, rsa->x) == NULL) {
        return pki_openssl_fail(err, E_CRYPTO, "public key");
    }
    if (BN_ucmp(rsa->x, rsa->n) >= 0) {
        return base_fail(err, E_SIGNATURE, "a number that is not below the modulus");
    }
    if (BN_mod_exp_mont(rsa->x, rsa->x, rsa->e, rsa->n, rsa->context, rsa->montgomery) != 1 ||
        BN_bn2binpad(rsa->x, out, (int)rsa->len) != (int)rsa->len) {
        return pki_openssl_fail(err, E_CRYPTO, "public key");
    }
    return BASE_OK;
}

/* EM = 00 01 FF.. 00 DigestInfo (section 9.2). */
static enum base_code
encode(
    enum pki_digest digest, struct bytes data, uint8_t *em, size_t em_len, struct base_error *err)
{
    BUFFER_LOCAL(info, DIGEST_INFO_MAX);
    uint8_t hash[PKI_DIGEST_MAX];
    TRY(pki_digest(digest, data, hash, err));
    struct der_writer writer;
    der_writer_init(&writer, &info);
    der_write_begin(&writer, DER_SEQUENCE);
    pki_write_digest(&writer, digest);
    der_write(&writer, DER_OCTET_STRING, (struct bytes){hash, pki_digest_len(digest)});
    der_write_end(&writer);
    TRY(der_writer_finish(&writer, err));
    if (info.len + 11 > em_len) {
        return base_fail(err, E_SIGNATURE, "a key too short for this digest");
    }
    memset(em, 0xff, em_len);
    em[0] = 0;
    em[1] = 1;
    em[em_len - info.len - 1] = 0;
    memcpy(em + em_len - info.len, info.ptr, info.len);
    return BASE_OK;
}

enum base_code
pki_rsa_public_verify(struct pki_rsa_public *rsa, enum pki_digest digest, struct bytes data,
    struct bytes signature, struct base_error *err)
{
    uint8_t wanted[OCTETS_MAX];
    uint8_t found[OCTETS_MAX];
    TRY(encode(digest, data, wanted, rsa->len, err));
    TRY(pki_rsa_public_apply(rsa, signature, found, err));
    if (memcmp(wanted, found, rsa->len) != 0) {
        return base_fail(err, E_SIGNATURE, "signature: another content or another key");
    }
    return BASE_OK;
}
