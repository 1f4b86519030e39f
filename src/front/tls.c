#include "front/tls.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/text.h"
#include "pki/certificate.h"
#include "pki/openssl_error.h"

#include "base/banned.h"

OWNER(X509, X509_free)

/* With TLS 1.2: forward secrecy always, CBC for clients that have nothing better. */
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!SSLv3"
#define SESSION_CONTEXT "kurier"
#define CHAIN_MAX 8

struct front_tls {
    SSL_CTX *context;
    unsigned users;
    int64_t not_after_s;
    uint8_t sha256[32];
};

/* An encrypted key cannot be used: nobody is here to type. The type is the library's. */
static int
/* NOLINTNEXTLINE(readability-non-const-parameter) */
no_passphrase(char *out, int size, int is_writing, void *arg)
{
    (void)out;
    (void)size;
    (void)is_writing;
    (void)arg;
    return -1;
}

MUST_CHECK static enum base_code
note_certificate(struct front_tls *tls, X509 *certificate, struct base_error *err)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    if (len <= 0) {
        return pki_openssl_fail(err, E_TLS_CERTIFICATE, "encoding it again");
    }
    struct pki_certificate read;
    uint8_t digest[PKI_DIGEST_MAX];
    struct bytes octets = {der, (size_t)len};
    enum base_code code = pki_certificate_read(octets, &read, err);
    if (code == BASE_OK) {
        tls->not_after_s = read.not_after_s;
        code = pki_digest(PKI_SHA256, octets, digest, err);
    }
    if (code == BASE_OK) {
        memcpy(tls->sha256, digest, sizeof(tls->sha256));
    }
    OPENSSL_free(der);
    return code == BASE_OK ? code : base_fail(err, E_TLS_CERTIFICATE, "it is not well-formed");
}

MUST_CHECK static enum base_code
use_certificates(struct front_tls *tls, struct bytes pem, struct base_error *err)
{
    OWN(BIO) in = BIO_new_mem_buf(pem.ptr, base_size_to_int(pem.len));
    if (in == NULL) {
        return base_fail(err, E_NO_MEMORY, "certificate of a listener");
    }
    OWN(X509) certificate = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
    if (certificate == NULL) {
        return pki_openssl_fail(err, E_TLS_CERTIFICATE, "no certificate in PEM");
    }
    if (SSL_CTX_use_certificate(tls->context, certificate) != 1) {
        return pki_openssl_fail(err, E_TLS_CERTIFICATE, "the certificate");
    }
    TRY(note_certificate(tls, certificate, err));
    for (unsigned i = 0; i < CHAIN_MAX; i++) {
        OWN(X509) above = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
        if (above == NULL) {
            bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
            ERR_clear_error();
            return is_end ? BASE_OK
                          : base_fail(err, E_TLS_CERTIFICATE, "certificate %u is damaged", i + 2);
        }
        if (SSL_CTX_add0_chain_cert(tls->context, above) != 1) {
            return pki_openssl_fail(err, E_TLS_CERTIFICATE, "a certificate above it");
        }
        above = NULL; /* the context's now */
    }
    return base_fail(err, E_TLS_CERTIFICATE, "more than %d certificates above it", CHAIN_MAX);
}

MUST_CHECK static enum base_code
use_key(struct front_tls *tls, struct bytes pem, struct base_error *err)
{
    OWN(BIO) in = BIO_new_mem_buf(pem.ptr, base_size_to_int(pem.len));
    if (in == NULL) {
        return base_fail(err, E_NO_MEMORY, "key of a listener");
    }
    OWN(EVP_PKEY) key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
    if (key == NULL) {
        return pki_openssl_fail(err, E_TLS_KEY, "no unencrypted private key in PEM");
    }
    if (SSL_CTX_use_PrivateKey(tls->context, key) != 1 ||
        SSL_CTX_check_private_key(tls->context) != 1) {
        return pki_openssl_fail(err, E_TLS_KEY, "it does not belong to the certificate");
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
set_rules(SSL_CTX *context, struct base_error *err)
{
    /* The end of the connection without close_notify is an end like any other here: HTTP says
     * itself how long a request is. */
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE |
                                           SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets do */
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, CIPHERS_1_2) != 1 ||
        SSL_CTX_set_session_id_context(
            context, (const unsigned char *)SESSION_CONTEXT, sizeof(SESSION_CONTEXT) - 1) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "TLS");
    }
    return BASE_OK;
}

enum base_code
front_tls_new(struct bytes certificates_pem, struct bytes key_pem, struct front_tls **out,
    struct base_error *err)
{
    OWN_STRUCT(front_tls) tls = calloc(1, sizeof(*tls));
    if (tls == NULL) {
        return base_fail(err, E_NO_MEMORY, "TLS");
    }
    tls->users = 1;
    tls->context = SSL_CTX_new(TLS_server_method());
    if (tls->context == NULL) {
        return pki_openssl_fail(err, E_NO_MEMORY, "TLS");
    }
    TRY(set_rules(tls->context, err));
    TRY(use_certificates(tls, certificates_pem, err));
    TRY(use_key(tls, key_pem, err));
    *out = MOVE(tls);
    return BASE_OK;
}

struct front_tls *
front_tls_keep(struct front_tls *tls)
{
    tls->users++;
    return tls;
}

void
front_tls_free(struct front_tls *tls)
{
    if (tls != NULL && --tls->users == 0) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

int64_t
front_tls_not_after_s(const struct front_tls *tls)
{
    return tls->not_after_s;
}

struct bytes
front_tls_peek_sha256(const struct front_tls *tls)
{
    return BYTES_ARRAY(tls->sha256);
}

struct ssl_st *
front_tls_session(struct front_tls *tls)
{
    SSL *session = SSL_new(tls->context);
    if (session == NULL) {
        ERR_clear_error();
    }
    return session;
}

enum base_code
front_tls_make_key(struct buffer *out_key_pem, struct buffer *out_spki, struct base_error *err)
{
    OWN(EVP_PKEY) key = EVP_EC_gen("P-256");
    OWN(BIO) pem = BIO_new(BIO_s_secmem());
    if (key == NULL || pem == NULL ||
        PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) != 1) {
        return pki_openssl_fail(err, E_CRYPTO, "a key for TLS");
    }
    char *text = NULL;
    long text_len = BIO_get_mem_data(pem, &text);
    unsigned char *der = NULL;
    int der_len = i2d_PUBKEY(key, &der);
    if (text_len <= 0 || der_len <= 0) {
        return pki_openssl_fail(err, E_CRYPTO, "a key for TLS");
    }
    enum base_code code =
        buffer_append(out_key_pem, (struct bytes){(const uint8_t *)text, (size_t)text_len}, err);
    if (code == BASE_OK) {
        code = buffer_append(out_spki, (struct bytes){der, (size_t)der_len}, err);
    }
    OPENSSL_free(der);
    return code;
}
