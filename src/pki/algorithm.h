/*
 * algorithm.h - the algorithms that Kurier knows, by their object identifiers: one table for
 * reading and writing.
 */
#ifndef PKI_ALGORITHM_H
#define PKI_ALGORITHM_H

#include "base/bytes.h"
#include "der/reader.h"
#include "der/writer.h"

enum pki_digest { PKI_DIGEST_NONE = 0, PKI_SHA1 = 1, PKI_SHA256, PKI_SHA384, PKI_SHA512, PKI_MD5 };
enum pki_cipher {
    PKI_CIPHER_NONE = 0,
    PKI_AES_128_CBC = 1,
    PKI_AES_192_CBC,
    PKI_AES_256_CBC,
    PKI_DES_EDE3_CBC,
    PKI_DES_CBC
};
enum pki_transport {
    PKI_TRANSPORT_NONE = 0,
    PKI_TRANSPORT_PKCS1 = 1,
    PKI_TRANSPORT_OAEP_SHA1,
    PKI_TRANSPORT_OAEP_SHA256
};
/* How a signature is made: the padding or kind of key; the digest is beside it. */
enum pki_signature { PKI_SIGNATURE_NONE = 0, PKI_RSA_PKCS1 = 1, PKI_RSA_PSS, PKI_ECDSA };

#define PKI_DIGEST_MAX 64

const char *pki_digest_name(enum pki_digest digest); /* "SHA-256" */
size_t pki_digest_len(enum pki_digest digest);
const char *pki_cipher_name(enum pki_cipher cipher); /* "AES-128-CBC" */
size_t pki_cipher_key_len(enum pki_cipher cipher);
size_t pki_cipher_block_len(enum pki_cipher cipher); /* and the length of its IV */

/* AlgorithmIdentifier readers. An unknown algorithm is E_ALGORITHM_UNKNOWN with its OID in the
 * detail. MD5 and single DES are read (so that the refusal can name them); whether they are allowed
 * is the caller's. NULL and absent parameters are both accepted for digests and RSA. */
MUST_CHECK enum base_code pki_read_digest(
    struct der_reader *reader, enum pki_digest *out, struct base_error *err);
/* Content encryption with its IV (borrowed). Errors: also E_ALGORITHM_PARAMETERS. */
MUST_CHECK enum base_code pki_read_cipher(
    struct der_reader *reader, enum pki_cipher *out, struct bytes *out_iv, struct base_error *err);
MUST_CHECK enum base_code pki_read_transport(
    struct der_reader *reader, enum pki_transport *out, struct base_error *err);
/*
 * A signature's AlgorithmIdentifier. rsaEncryption and id-ecPublicKey (as SignerInfo may have)
 * leave *out_digest PKI_DIGEST_NONE: then the digestAlgorithm beside it counts. PSS: digest from
 * its parameters, salt length in *out_salt_len.
 */
struct pki_signature_algorithm {
    enum pki_signature kind;
    enum pki_digest digest;
    int salt_len; /* PSS only */
};
MUST_CHECK enum base_code pki_read_signature_algorithm(
    struct der_reader *reader, struct pki_signature_algorithm *out, struct base_error *err);

/* AlgorithmIdentifier writers, in the classical form (NULL parameters for digests and RSA). */
void pki_write_digest(struct der_writer *writer, enum pki_digest digest);
void pki_write_cipher(struct der_writer *writer, enum pki_cipher cipher, struct bytes iv);
void pki_write_transport(struct der_writer *writer, enum pki_transport transport);
void pki_write_rsa_encryption(struct der_writer *writer); /* rsaEncryption, NULL */
void pki_write_signature_algorithm(
    struct der_writer *writer, enum pki_signature kind, enum pki_digest digest);

/* Digest @data into @out, pki_digest_len() octets. Contexts are kept by the library; errors only
 * from memory: E_CRYPTO. */
MUST_CHECK enum base_code pki_digest(
    enum pki_digest digest, struct bytes data, uint8_t out[PKI_DIGEST_MAX], struct base_error *err);
/* MD5, for a thumbprint that people compare and nothing relies on. Errors: E_CRYPTO. */
MUST_CHECK enum base_code pki_md5_thumbprint(
    struct bytes data, uint8_t out[16], struct base_error *err);
/* SHA-256 of several parts in turn. */
MUST_CHECK enum base_code pki_sha256(
    const struct bytes *parts, size_t count, uint8_t out[32], struct base_error *err);
/* A key of at most 64 octets, at most four parts; else E_TOO_LARGE. */
MUST_CHECK enum base_code pki_hmac_sha256(struct bytes key, const struct bytes *parts, size_t count,
    uint8_t out[32], struct base_error *err);
/* CBC with PKCS#7 padding; appended to @out. pki_decrypt() gives E_DECRYPT for any fault of padding
 * or length. */
MUST_CHECK enum base_code pki_encrypt(enum pki_cipher cipher, struct bytes key, struct bytes iv,
    struct bytes plain, struct buffer *out, struct base_error *err);
MUST_CHECK enum base_code pki_decrypt(enum pki_cipher cipher, struct bytes key, struct bytes iv,
    struct bytes encrypted, struct buffer *out, struct base_error *err);

#endif
