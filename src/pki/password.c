#include "pki/password.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/secret.h"
#include "base/text.h"
#include "pki/openssl_error.h"

#include "base/banned.h"

#define LN 15
#define R 8
#define P 3
#define SALT_LEN 16
#define HASH_LEN 32
#define SALT_MAX 64
#define HASH_MAX 64
#define LN_MIN 14
#define LN_MAX 20
#define R_MAX 32
#define P_MAX 16
#define MEMORY_MAX ((uint64_t)64 * 1024 * 1024)

struct scrypt {
    uint64_t ln;
    uint64_t r;
    uint64_t p;
    struct buffer salt;
    struct buffer hash;
};

static void
scrypt_clear(struct scrypt *it)
{
    buffer_clear(&it->salt);
    buffer_clear(&it->hash);
}

/* What stands before @end, which is dropped as well; false without one. */
static bool
take_until(struct bytes *rest, char end, struct bytes *out)
{
    const uint8_t *found = rest->len == 0 ? NULL : memchr(rest->ptr, end, rest->len);
    if (found == NULL) {
        return false;
    }
    *out = (struct bytes){rest->ptr, (size_t)(found - rest->ptr)};
    *rest = bytes_skip(*rest, out->len + 1);
    return true;
}

/* "ln=15" and its like. */
static bool
take_number(struct bytes *rest, const char *name, char end, uint64_t max, uint64_t *out)
{
    struct bytes part = BYTES_NONE;
    size_t len = strlen(name);
    if (!take_until(rest, end, &part) || part.len <= len || memcmp(part.ptr, name, len) != 0) {
        return false;
    }
    return base_parse_number(bytes_skip(part, len), max, out, NULL) == BASE_OK;
}

MUST_CHECK static enum base_code
parse(struct bytes text, struct scrypt *out, struct base_error *err)
{
    static const char start[] = "$scrypt$";
    struct bytes rest = bytes_skip(text, sizeof(start) - 1);
    struct bytes salt = BYTES_NONE;
    buffer_init(&out->salt, SALT_MAX);
    buffer_init(&out->hash, HASH_MAX);
    bool is_good = text.len > sizeof(start) && memcmp(text.ptr, start, sizeof(start) - 1) == 0 &&
                   take_number(&rest, "ln=", ',', LN_MAX, &out->ln) &&
                   take_number(&rest, "r=", ',', R_MAX, &out->r) &&
                   take_number(&rest, "p=", '$', P_MAX, &out->p) && take_until(&rest, '$', &salt) &&
                   base_base64_decode(salt, &out->salt, NULL) == BASE_OK &&
                   base_base64_decode(rest, &out->hash, NULL) == BASE_OK;
    if (!is_good || out->salt.len < SALT_LEN || out->hash.len < HASH_LEN) {
        scrypt_clear(out);
        return base_fail(
            err, E_ACCOUNT_FORMAT, "a password is kept as $scrypt$ln=..,r=..,p=..$SALT$HASH");
    }
    if (out->ln < LN_MIN || out->r < 8 || out->p == 0 ||
        (uint64_t)128 * out->r << out->ln > MEMORY_MAX) {
        scrypt_clear(out);
        return base_fail(err, E_ACCOUNT_FORMAT,
            "scrypt with ln=%llu, r=%llu, p=%llu: too weak, or too much memory",
            (unsigned long long)out->ln, (unsigned long long)out->r, (unsigned long long)out->p);
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
derive(struct bytes password, const struct scrypt *it, uint8_t *out, size_t out_len,
    struct base_error *err)
{
    static const char nothing[1] = "";
    if (EVP_PBE_scrypt(password.len == 0 ? nothing : (const char *)password.ptr, password.len,
            it->salt.ptr, it->salt.len, (uint64_t)1 << it->ln, it->r, it->p, 2 * MEMORY_MAX, out,
            out_len) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "scrypt");
    }
    return BASE_OK;
}

/* base64 without its padding. */
MUST_CHECK static enum base_code
append_base64(struct buffer *out, struct bytes octets, struct base_error *err)
{
    TRY(base_base64(octets, out, err));
    while (out->len > 0 && out->ptr[out->len - 1] == '=') {
        out->len--;
    }
    return BASE_OK;
}

/* HMAC, within scrypt, pads its key with zeros: a password and the same with NULs behind it would
 * be one. */
static bool
has_nul(struct bytes password)
{
    return password.len > 0 && memchr(password.ptr, 0, password.len) != NULL;
}

enum base_code
pki_password_hash(struct bytes password, const struct base_random *random,
    char out[PKI_PASSWORD_TEXT_LEN], struct base_error *err)
{
    uint8_t salt[SALT_LEN];
    uint8_t hash[HASH_LEN];
    char head[64] = "";
    BUFFER_LOCAL(text, PKI_PASSWORD_TEXT_LEN - 1);
    if (password.len == 0 || password.len > PKI_PASSWORD_MAX || has_nul(password)) {
        return base_fail(
            err, E_TEXT_FORMAT, "a password has 1 to %zu octets, none NUL", PKI_PASSWORD_MAX);
    }
    TRY(base_random_fill(random, salt, sizeof(salt), err));
    const struct scrypt it = {
        .ln = LN, .r = R, .p = P, .salt = {salt, SALT_LEN, SALT_LEN, SALT_LEN}};
    TRY(derive(password, &it, hash, sizeof(hash), err));
    (void)snprintf(head, sizeof(head), "$scrypt$ln=%d,r=%d,p=%d$", LN, R, P);
    TRY(buffer_append_text(&text, head, err));
    TRY(append_base64(&text, BYTES_ARRAY(salt), err));
    TRY(buffer_append_octet(&text, '$', err));
    TRY(append_base64(&text, BYTES_ARRAY(hash), err));
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    explicit_bzero(hash, sizeof(hash));
    return BASE_OK;
}

enum base_code
pki_password_check_form(struct bytes text, struct base_error *err)
{
    struct scrypt it;
    TRY(parse(text, &it, err));
    scrypt_clear(&it);
    return BASE_OK;
}

enum base_code
pki_password_check(
    struct bytes text, struct bytes password, bool *out_is_right, struct base_error *err)
{
    struct scrypt it;
    uint8_t hash[HASH_MAX];
    TRY(parse(text, &it, err));
    enum base_code code = derive(password, &it, hash, it.hash.len, err);
    if (code == BASE_OK) {
        bool is_equal =
            base_secret_equal((struct bytes){hash, it.hash.len}, buffer_bytes(&it.hash));
        *out_is_right = is_equal && !has_nul(password);
    }
    explicit_bzero(hash, sizeof(hash));
    scrypt_clear(&it);
    return code;
}
