#include "pki/seal.h"

#include <string.h>

#include "base/text.h"
#include "pki/openssl_error.h"

#include "base/banned.h"

/* @room has as many octets as @in. */
static enum base_code
run(EVP_CIPHER_CTX *context, bool is_sealing, const struct bytes *given, struct bytes in,
    uint8_t tag[PKI_SEAL_TAG_LEN], uint8_t *room, struct base_error *err)
{
    const struct bytes key = given[0];
    const struct bytes nonce = given[1];
    const struct bytes associated = given[2];
    int len = 0;
    if (EVP_CipherInit_ex(
            context, EVP_aes_256_gcm(), NULL, key.ptr, nonce.ptr, is_sealing ? 1 : 0) != 1 ||
        EVP_CipherUpdate(context, NULL, &len, associated.ptr, base_size_to_int(associated.len)) !=
            1 ||
        (in.len > 0 &&
            EVP_CipherUpdate(context, room, &len, in.ptr, base_size_to_int(in.len)) != 1)) {
        return pki_openssl_fail(err, E_CRYPTO, "AES-256-GCM");
    }
    if (!is_sealing &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, PKI_SEAL_TAG_LEN, tag) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "AES-256-GCM");
    }
    if (EVP_CipherFinal_ex(context, room + in.len, &len) != 1) {
        return pki_openssl_fail(err, is_sealing ? E_CRYPTO : E_DECRYPT, "the tag");
    }
    if (is_sealing &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, PKI_SEAL_TAG_LEN, tag) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "AES-256-GCM");
    }
    return BASE_OK;
}

static enum base_code
check_lengths(struct bytes key, struct bytes nonce, struct base_error *err)
{
    if (key.len != PKI_SEAL_KEY_LEN || nonce.len != PKI_SEAL_NONCE_LEN) {
        return base_fail(
            err, E_DECRYPT, "a key of %zu and a nonce of %zu octets", key.len, nonce.len);
    }
    return BASE_OK;
}

enum base_code
pki_seal(struct bytes key, struct bytes nonce, struct bytes associated, struct bytes plain,
    struct buffer *out, struct base_error *err)
{
    const struct bytes given[] = {key, nonce, associated};
    uint8_t tag[PKI_SEAL_TAG_LEN];
    uint8_t *room = NULL;
    TRY(check_lengths(key, nonce, err));
    TRY(buffer_reserve(out, plain.len + PKI_SEAL_TAG_LEN, &room, err));
    OWN(EVP_CIPHER_CTX) context = EVP_CIPHER_CTX_new();
    if (context == NULL) {
        return pki_openssl_fail(err, E_CRYPTO, "AES-256-GCM");
    }
    TRY(run(context, true, given, plain, tag, room, err));
    memcpy(room + plain.len, tag, sizeof(tag));
    out->len += plain.len + PKI_SEAL_TAG_LEN;
    return BASE_OK;
}

enum base_code
pki_seal_open(struct bytes key, struct bytes nonce, struct bytes associated, struct bytes sealed,
    struct buffer *out, struct base_error *err)
{
    const struct bytes given[] = {key, nonce, associated};
    uint8_t tag[PKI_SEAL_TAG_LEN];
    uint8_t *room = NULL;
    TRY(check_lengths(key, nonce, err));
    if (sealed.len < PKI_SEAL_TAG_LEN) {
        return base_fail(err, E_DECRYPT, "%zu octets have no tag", sealed.len);
    }
    const struct bytes in = {sealed.ptr, sealed.len - PKI_SEAL_TAG_LEN};
    memcpy(tag, sealed.ptr + in.len, sizeof(tag));
    TRY(buffer_reserve(out, in.len + 1, &room, err));
    OWN(EVP_CIPHER_CTX) context = EVP_CIPHER_CTX_new();
    if (context == NULL) {
        return pki_openssl_fail(err, E_CRYPTO, "AES-256-GCM");
    }
    enum base_code code = run(context, false, given, in, tag, room, err);
    if (code != BASE_OK) {
        explicit_bzero(room, in.len); /* what was not authenticated is nobody's */
        return code;
    }
    out->len += in.len;
    return BASE_OK;
}
