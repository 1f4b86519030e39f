#include "pki/algorithm.h"

#include <string.h>

#include "base/text.h"
#include "pki/fetched.h"
#include "pki/openssl_error.h"

#include "base/banned.h"

#define HMAC_BLOCK 64
#define HMAC_PARTS_MAX 4

/* One table: object identifier, what it is, and the number of its kind. */
enum kind { KIND_DIGEST, KIND_CIPHER, KIND_TRANSPORT, KIND_SIGNATURE };

struct algorithm {
    enum kind kind;
    int number;             /* enum pki_digest, pki_cipher, pki_transport or pki_signature */
    enum pki_digest digest; /* of a signature; NONE: the digestAlgorithm beside it counts */
    const char *dotted;
    struct bytes oid;
};

#define OID(octets) BYTES_INIT(octets)
static const struct algorithm table[] = {
    {KIND_DIGEST, PKI_SHA1, 0, "1.3.14.3.2.26", OID("\x2b\x0e\x03\x02\x1a")},
    {KIND_DIGEST, PKI_SHA256, 0, "2.16.840.1.101.3.4.2.1",
        OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01")},
    {KIND_DIGEST, PKI_SHA384, 0, "2.16.840.1.101.3.4.2.2",
        OID("\x60\x86\x48\x01\x65\x03\x04\x02\x02")},
    {KIND_DIGEST, PKI_SHA512, 0, "2.16.840.1.101.3.4.2.3",
        OID("\x60\x86\x48\x01\x65\x03\x04\x02\x03")},
    {KIND_DIGEST, PKI_MD5, 0, "1.2.840.113549.2.5", OID("\x2a\x86\x48\x86\xf7\x0d\x02\x05")},
    {KIND_CIPHER, PKI_AES_128_CBC, 0, "2.16.840.1.101.3.4.1.2",
        OID("\x60\x86\x48\x01\x65\x03\x04\x01\x02")},
    {KIND_CIPHER, PKI_AES_192_CBC, 0, "2.16.840.1.101.3.4.1.22",
        OID("\x60\x86\x48\x01\x65\x03\x04\x01\x16")},
    {KIND_CIPHER, PKI_AES_256_CBC, 0, "2.16.840.1.101.3.4.1.42",
        OID("\x60\x86\x48\x01\x65\x03\x04\x01\x2a")},
    {KIND_CIPHER, PKI_DES_EDE3_CBC, 0, "1.2.840.113549.3.7",
        OID("\x2a\x86\x48\x86\xf7\x0d\x03\x07")},
    {KIND_CIPHER, PKI_DES_CBC, 0, "1.3.14.3.2.7", OID("\x2b\x0e\x03\x02\x07")},
    {KIND_TRANSPORT, PKI_TRANSPORT_PKCS1, 0, "1.2.840.113549.1.1.1",
        OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")},
    {KIND_TRANSPORT, PKI_TRANSPORT_OAEP_SHA1, 0, "1.2.840.113549.1.1.7",
        OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07")},
    {KIND_SIGNATURE, PKI_RSA_PKCS1, PKI_DIGEST_NONE, "1.2.840.113549.1.1.1",
        OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")},
    {KIND_SIGNATURE, PKI_RSA_PKCS1, PKI_MD5, "1.2.840.113549.1.1.4",
        OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04")},
    {KIND_SIGNATURE, PKI_RSA_PKCS1, PKI_SHA1, "1.2.840.113549.1.1.5",
        OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05")},
    {KIND_SIGNATURE, PKI_RSA_PSS, PKI_DIGEST_NONE, "1.2.840.113549.1.1.10",
        OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")},
    {KIND_SIGNATURE, PKI_RSA_PKCS1, PKI_SHA256, "1.2.840.113549.1.1.11",
        OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b")},
    {KIND_SIGNATURE, PKI_RSA_PKCS1, PKI_SHA384, "1.2.840.113549.1.1.12",
        OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c")},
    {KIND_SIGNATURE, PKI_RSA_PKCS1, PKI_SHA512, "1.2.840.113549.1.1.13",
        OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d")},
    {KIND_SIGNATURE, PKI_ECDSA, PKI_DIGEST_NONE, "1.2.840.10045.2.1",
        OID("\x2a\x86\x48\xce\x3d\x02\x01")},
    {KIND_SIGNATURE, PKI_ECDSA, PKI_SHA1, "1.2.840.10045.4.1", OID("\x2a\x86\x48\xce\x3d\x04\x01")},
    {KIND_SIGNATURE, PKI_ECDSA, PKI_SHA256, "1.2.840.10045.4.3.2",
        OID("\x2a\x86\x48\xce\x3d\x04\x03\x02")},
    {KIND_SIGNATURE, PKI_ECDSA, PKI_SHA384, "1.2.840.10045.4.3.3",
        OID("\x2a\x86\x48\xce\x3d\x04\x03\x03")},
    {KIND_SIGNATURE, PKI_ECDSA, PKI_SHA512, "1.2.840.10045.4.3.4",
        OID("\x2a\x86\x48\xce\x3d\x04\x03\x04")},
};

const char *
pki_digest_name(enum pki_digest digest)
{
    static const char *const names[] = {"none", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "MD5"};
    return names[digest];
}

size_t
pki_digest_len(enum pki_digest digest)
{
    static const size_t lens[] = {0, 20, 32, 48, 64, 16};
    return lens[digest];
}

const char *
pki_cipher_name(enum pki_cipher cipher)
{
    static const char *const names[] = {
        "none", "AES-128-CBC", "AES-192-CBC", "AES-256-CBC", "DES-EDE3-CBC", "DES-CBC"};
    return names[cipher];
}

size_t
pki_cipher_key_len(enum pki_cipher cipher)
{
    static const size_t lens[] = {0, 16, 24, 32, 24, 8};
    return lens[cipher];
}

size_t
pki_cipher_block_len(enum pki_cipher cipher)
{
    return cipher == PKI_DES_EDE3_CBC || cipher == PKI_DES_CBC ? 8 : 16;
}

/* ---- reading
 * ----------------------------------------------------------------------------------------------------
 */

/* An AlgorithmIdentifier's OID as a row of its kind; *out_parameters is what follows it. */
static enum base_code
read_identifier(struct der_reader *reader, enum kind kind, const struct algorithm **out,
    struct der_reader *out_parameters, struct base_error *err)
{
    struct bytes oid;
    char dotted[128] = "";
    TRY(der_enter(reader, DER_SEQUENCE, out_parameters, err));
    TRY(der_read_oid(out_parameters, &oid, err));
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].kind == kind && bytes_equal(table[i].oid, oid)) {
            *out = &table[i];
            return BASE_OK;
        }
    }
    return base_fail(
        err, E_ALGORITHM_UNKNOWN, "algorithm %s", der_oid_text(oid, dotted, sizeof(dotted)));
}

/* NULL or nothing. */
static enum base_code
read_no_parameters(struct der_reader *parameters, struct base_error *err)
{
    struct der_element element;
    bool is_found = false;
    TRY(der_optional(parameters, DER_NULL, &element, &is_found, err));
    if (!der_at_end(parameters) || (is_found && element.content.len != 0)) {
        return base_fail(err, E_ALGORITHM_PARAMETERS, "parameters where none belong");
    }
    return BASE_OK;
}

enum base_code
pki_read_digest(struct der_reader *reader, enum pki_digest *out, struct base_error *err)
{
    const struct algorithm *found = NULL;
    struct der_reader parameters;
    TRY(read_identifier(reader, KIND_DIGEST, &found, &parameters, err));
    TRY(read_no_parameters(&parameters, err));
    *out = (enum pki_digest)found->number;
    return BASE_OK;
}

enum base_code
pki_read_cipher(
    struct der_reader *reader, enum pki_cipher *out, struct bytes *out_iv, struct base_error *err)
{
    const struct algorithm *found = NULL;
    struct der_reader parameters;
    struct der_element iv;
    TRY(read_identifier(reader, KIND_CIPHER, &found, &parameters, err));
    enum pki_cipher cipher = (enum pki_cipher)found->number;
    TRY(der_expect(&parameters, DER_OCTET_STRING, &iv, err));
    if (!der_at_end(&parameters) || iv.content.len != pki_cipher_block_len(cipher)) {
        return base_fail(
            err, E_ALGORITHM_PARAMETERS, "an initialisation vector of %zu octets", iv.content.len);
    }
    *out = cipher;
    *out_iv = iv.content;
    return BASE_OK;
}

/* The digest inside a context-tagged parameter of OAEP or PSS; absent: SHA-1. */
static enum base_code
read_tagged_digest(
    struct der_reader *parameters, uint8_t tag, enum pki_digest *out, struct base_error *err)
{
    struct der_reader inside;
    *out = PKI_SHA1;
    if (der_peek_tag(parameters) != tag) {
        return BASE_OK;
    }
    TRY(der_enter(parameters, tag, &inside, err));
    TRY(pki_read_digest(&inside, out, err));
    return der_end(&inside, err);
}

/* MGF1 with the same digest, context tag 1; absent: with SHA-1. */
static enum base_code
read_mask_generation(struct der_reader *parameters, enum pki_digest wanted, struct base_error *err)
{
    struct der_reader inside;
    struct der_reader identifier;
    struct bytes oid;
    enum pki_digest digest = PKI_SHA1;
    if (der_peek_tag(parameters) == DER_CONTEXT_CONSTRUCTED(1)) {
        TRY(der_enter(parameters, DER_CONTEXT_CONSTRUCTED(1), &inside, err));
        TRY(der_enter(&inside, DER_SEQUENCE, &identifier, err));
        TRY(der_read_oid(&identifier, &oid, err));
        TRY(pki_read_digest(&identifier, &digest, err));
        if (!bytes_equal(oid, BYTES_LITERAL("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"))) {
            return base_fail(
                err, E_ALGORITHM_PARAMETERS, "a mask generation function that is not MGF1");
        }
    }
    if (digest != wanted) {
        return base_fail(err, E_ALGORITHM_PARAMETERS, "MGF1 with another digest than the padding");
    }
    return BASE_OK;
}

static enum base_code
read_oaep(struct der_reader *parameters, enum pki_transport *out, struct base_error *err)
{
    struct der_reader inside;
    enum pki_digest digest = PKI_SHA1;
    if (!der_at_end(parameters)) {
        TRY(der_enter(parameters, DER_SEQUENCE, &inside, err));
        TRY(read_tagged_digest(&inside, DER_CONTEXT_CONSTRUCTED(0), &digest, err));
        TRY(read_mask_generation(&inside, digest, err));
        if (der_peek_tag(&inside) == DER_CONTEXT_CONSTRUCTED(2)) {
            /* pSourceAlgorithm: only the default, an empty label; DER would leave it out, some
             * write it. */
            struct der_element source;
            TRY(der_next(&inside, &source, err));
            if (source.content.len < 2 || source.content.ptr[source.content.len - 1] != 0) {
                return base_fail(err, E_ALGORITHM_PARAMETERS, "an OAEP label");
            }
        }
        TRY(der_end(&inside, err));
    }
    if (digest != PKI_SHA1 && digest != PKI_SHA256) {
        return base_fail(err, E_ALGORITHM_UNKNOWN, "RSAES-OAEP with %s", pki_digest_name(digest));
    }
    *out = digest == PKI_SHA1 ? PKI_TRANSPORT_OAEP_SHA1 : PKI_TRANSPORT_OAEP_SHA256;
    return BASE_OK;
}

enum base_code
pki_read_transport(struct der_reader *reader, enum pki_transport *out, struct base_error *err)
{
    const struct algorithm *found = NULL;
    struct der_reader parameters;
    TRY(read_identifier(reader, KIND_TRANSPORT, &found, &parameters, err));
    if (found->number == PKI_TRANSPORT_OAEP_SHA1) {
        return read_oaep(&parameters, out, err);
    }
    TRY(read_no_parameters(&parameters, err));
    *out = PKI_TRANSPORT_PKCS1;
    return BASE_OK;
}

static enum base_code
read_pss(struct der_reader *parameters, struct pki_signature_algorithm *out, struct base_error *err)
{
    struct der_reader inside;
    struct der_reader salt;
    uint32_t salt_len = 20;
    uint32_t trailer = 1;
    *out = (struct pki_signature_algorithm){PKI_RSA_PSS, PKI_SHA1, 20};
    if (der_at_end(parameters)) {
        return base_fail(err, E_ALGORITHM_PARAMETERS, "RSASSA-PSS without parameters");
    }
    TRY(der_enter(parameters, DER_SEQUENCE, &inside, err));
    TRY(read_tagged_digest(&inside, DER_CONTEXT_CONSTRUCTED(0), &out->digest, err));
    TRY(read_mask_generation(&inside, out->digest, err));
    if (der_peek_tag(&inside) == DER_CONTEXT_CONSTRUCTED(2)) {
        TRY(der_enter(&inside, DER_CONTEXT_CONSTRUCTED(2), &salt, err));
        TRY(der_read_uint(&salt, &salt_len, err));
    }
    if (der_peek_tag(&inside) == DER_CONTEXT_CONSTRUCTED(3)) {
        TRY(der_enter(&inside, DER_CONTEXT_CONSTRUCTED(3), &salt, err));
        TRY(der_read_uint(&salt, &trailer, err));
    }
    TRY(der_end(&inside, err));
    if (salt_len > 512 || trailer != 1) {
        return base_fail(
            err, E_ALGORITHM_PARAMETERS, "RSASSA-PSS with a salt of %u octets", salt_len);
    }
    out->salt_len = (int)salt_len;
    return BASE_OK;
}

enum base_code
pki_read_signature_algorithm(
    struct der_reader *reader, struct pki_signature_algorithm *out, struct base_error *err)
{
    const struct algorithm *found = NULL;
    struct der_reader parameters;
    TRY(read_identifier(reader, KIND_SIGNATURE, &found, &parameters, err));
    if (found->number == PKI_RSA_PSS) {
        return read_pss(&parameters, out, err);
    }
    if (found->number == PKI_RSA_PKCS1) {
        TRY(read_no_parameters(&parameters, err));
    }
    *out = (struct pki_signature_algorithm){(enum pki_signature)found->number, found->digest, 0};
    return BASE_OK;
}

/* ---- writing
 * ----------------------------------------------------------------------------------------------------
 */

static void
write_identifier(
    struct der_writer *writer, enum kind kind, int number, enum pki_digest digest, bool has_null)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].kind == kind && table[i].number == number && table[i].digest == digest) {
            der_write(writer, DER_OID, table[i].oid);
            break;
        }
    }
    if (has_null) {
        der_write_null(writer);
    }
}

void
pki_write_digest(struct der_writer *writer, enum pki_digest digest)
{
    der_write_begin(writer, DER_SEQUENCE);
    write_identifier(writer, KIND_DIGEST, (int)digest, PKI_DIGEST_NONE, true);
    der_write_end(writer);
}

void
pki_write_cipher(struct der_writer *writer, enum pki_cipher cipher, struct bytes iv)
{
    der_write_begin(writer, DER_SEQUENCE);
    write_identifier(writer, KIND_CIPHER, (int)cipher, PKI_DIGEST_NONE, false);
    der_write(writer, DER_OCTET_STRING, iv);
    der_write_end(writer);
}

void
pki_write_transport(struct der_writer *writer, enum pki_transport transport)
{
    der_write_begin(writer, DER_SEQUENCE);
    if (transport == PKI_TRANSPORT_PKCS1) {
        write_identifier(writer, KIND_TRANSPORT, PKI_TRANSPORT_PKCS1, PKI_DIGEST_NONE, true);
        der_write_end(writer);
        return;
    }
    write_identifier(writer, KIND_TRANSPORT, PKI_TRANSPORT_OAEP_SHA1, PKI_DIGEST_NONE, false);
    der_write_begin(writer, DER_SEQUENCE); /* empty: SHA-1 throughout */
    if (transport == PKI_TRANSPORT_OAEP_SHA256) {
        der_write_begin(writer, DER_CONTEXT_CONSTRUCTED(0));
        pki_write_digest(writer, PKI_SHA256);
        der_write_end(writer);
        der_write_begin(writer, DER_CONTEXT_CONSTRUCTED(1));
        der_write_begin(writer, DER_SEQUENCE);
        der_write_oid_text(writer, "1.2.840.113549.1.1.8");
        pki_write_digest(writer, PKI_SHA256);
        der_write_end(writer);
        der_write_end(writer);
    }
    der_write_end(writer);
    der_write_end(writer);
}

void
pki_write_rsa_encryption(struct der_writer *writer)
{
    der_write_begin(writer, DER_SEQUENCE);
    write_identifier(writer, KIND_SIGNATURE, PKI_RSA_PKCS1, PKI_DIGEST_NONE, true);
    der_write_end(writer);
}

void
pki_write_signature_algorithm(
    struct der_writer *writer, enum pki_signature kind, enum pki_digest digest)
{
    der_write_begin(writer, DER_SEQUENCE);
    write_identifier(writer, KIND_SIGNATURE, (int)kind, digest, kind == PKI_RSA_PKCS1);
    der_write_end(writer);
}

/* ---- computing
 * --------------------------------------------------------------------------------------------------
 */

enum base_code
pki_digest(
    enum pki_digest digest, struct bytes data, uint8_t out[PKI_DIGEST_MAX], struct base_error *err)
{
    const EVP_MD *md = pki_fetched_digest(digest);
    if (md == NULL) {
        return base_fail(
            err, E_ALGORITHM_UNKNOWN, "%s is not computed here", pki_digest_name(digest));
    }
    if (EVP_Digest(data.ptr, data.len, out, NULL, md, NULL) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "digest");
    }
    return BASE_OK;
}

enum base_code
pki_md5_thumbprint(struct bytes data, uint8_t out[16], struct base_error *err)
{
    size_t len = 0;
    if (EVP_Q_digest(NULL, "MD5", NULL, data.ptr, data.len, out, &len) != 1 || len != 16) {
        return pki_openssl_fail(err, E_CRYPTO, "MD5");
    }
    return BASE_OK;
}

enum base_code
pki_sha256(const struct bytes *parts, size_t count, uint8_t out[32], struct base_error *err)
{
    OWN(EVP_MD_CTX) context = EVP_MD_CTX_new();
    bool is_good =
        context != NULL && EVP_DigestInit_ex(context, pki_fetched_digest(PKI_SHA256), NULL) == 1;
    for (size_t i = 0; is_good && i < count; i++) {
        is_good = EVP_DigestUpdate(context, parts[i].ptr, parts[i].len) == 1;
    }
    if (!is_good || EVP_DigestFinal_ex(context, out, NULL) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "SHA-256");
    }
    return BASE_OK;
}

/* RFC 2104. OpenSSL's HMAC() looks its parts up by name each time, which costs ten times as much.
 */
enum base_code
pki_hmac_sha256(struct bytes key, const struct bytes *parts, size_t count, uint8_t out[32],
    struct base_error *err)
{
    uint8_t pad[HMAC_BLOCK] = {0};
    uint8_t inner[32];
    struct bytes all[HMAC_PARTS_MAX + 1] = {BYTES_ARRAY(pad)};
    if (key.len > sizeof(pad) || count > HMAC_PARTS_MAX) {
        return base_fail(
            err, E_TOO_LARGE, "HMAC of %zu parts with %zu octets of key", count, key.len);
    }
    if (key.len > 0) {
        memcpy(pad, key.ptr, key.len);
    }
    for (size_t i = 0; i < sizeof(pad); i++) {
        pad[i] ^= 0x36;
    }
    for (size_t i = 0; i < count; i++) {
        all[i + 1] = parts[i];
    }
    enum base_code code = pki_sha256(all, count + 1, inner, err);
    for (size_t i = 0; i < sizeof(pad); i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    if (code == BASE_OK) {
        all[1] = BYTES_ARRAY(inner);
        code = pki_sha256(all, 2, out, err);
    }
    explicit_bzero(pad, sizeof(pad));
    explicit_bzero(inner, sizeof(inner));
    return code;
}

/* Encrypt or decrypt @in, all of it, appended to @out. */
static enum base_code
run_cipher(enum pki_cipher cipher, struct bytes key, struct bytes iv, struct bytes in,
    bool is_encrypting, struct buffer *out, struct base_error *err)
{
    const EVP_CIPHER *algorithm = pki_fetched_cipher(cipher);
    uint8_t *room = NULL;
    int first = 0;
    int last = 0;
    if (algorithm == NULL) {
        return base_fail(
            err, E_ALGORITHM_UNKNOWN, "%s is not computed here", pki_cipher_name(cipher));
    }
    if (key.len != pki_cipher_key_len(cipher) || iv.len != pki_cipher_block_len(cipher) ||
        in.len > INT32_MAX / 2) {
        return base_fail(
            err, E_DECRYPT, "a key of %zu and a vector of %zu octets", key.len, iv.len);
    }
    TRY(buffer_reserve(out, in.len + pki_cipher_block_len(cipher), &room, err));
    OWN(EVP_CIPHER_CTX) context = EVP_CIPHER_CTX_new();
    if (context == NULL ||
        EVP_CipherInit_ex(context, algorithm, NULL, key.ptr, iv.ptr, is_encrypting ? 1 : 0) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "cipher");
    }
    if (EVP_CipherUpdate(context, room, &first, in.ptr, base_size_to_int(in.len)) != 1 ||
        EVP_CipherFinal_ex(context, room + first, &last) != 1) {
        return pki_openssl_fail(err, is_encrypting ? E_CRYPTO : E_DECRYPT, "content");
    }
    out->len += (size_t)first + (size_t)last;
    return BASE_OK;
}

enum base_code
pki_encrypt(enum pki_cipher cipher, struct bytes key, struct bytes iv, struct bytes plain,
    struct buffer *out, struct base_error *err)
{
    return run_cipher(cipher, key, iv, plain, true, out, err);
}

enum base_code
pki_decrypt(enum pki_cipher cipher, struct bytes key, struct bytes iv, struct bytes encrypted,
    struct buffer *out, struct base_error *err)
{
    return run_cipher(cipher, key, iv, encrypted, false, out, err);
}
