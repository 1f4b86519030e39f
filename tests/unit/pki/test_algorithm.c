/* AlgorithmIdentifiers as OpenSSL writes them, and their damaged relatives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "pki/algorithm.h"
#include "pki/name.h"
#include "pki/private_key.h"
#include "pki/public_key.h"

#include "base/text.h"

#include "base/banned.h"

static EVP_PKEY *openssl_key;

static int
make_key(void **state)
{
    (void)state;
    openssl_key = EVP_RSA_gen(2048);
    return openssl_key == NULL ? 1 : 0;
}

static int
free_key(void **state)
{
    (void)state;
    EVP_PKEY_free(openssl_key);
    return 0;
}

/* A signature of OpenSSL's with PSS, and the AlgorithmIdentifier that it writes for it. */
static void
sign_pss(const EVP_MD *digest, int salt_len, struct buffer *algorithm, struct buffer *body,
    struct buffer *signature)
{
    struct base_error err;
    X509 *certificate = X509_new();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL;
    const X509_ALGOR *identifier = NULL;
    const ASN1_BIT_STRING *value = NULL;
    unsigned char *der = NULL;
    assert_int_equal(X509_set_pubkey(certificate, openssl_key), 1);
    assert_int_equal(EVP_DigestSignInit(context, &parameters, digest, NULL, openssl_key), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt_len), 1);
    assert_true(X509_sign_ctx(certificate, context) > 0);
    X509_get0_signature(&value, &identifier, certificate);
    int len = i2d_X509_ALGOR(identifier, &der);
    assert_int_equal(buffer_append(algorithm, (struct bytes){der, (size_t)len}, &err), BASE_OK);
    OPENSSL_free(der);
    der = NULL;
    len = i2d_re_X509_tbs(certificate, &der);
    assert_int_equal(buffer_append(body, (struct bytes){der, (size_t)len}, &err), BASE_OK);
    OPENSSL_free(der);
    assert_int_equal(
        buffer_append(signature, (struct bytes){value->data, (size_t)value->length}, &err),
        BASE_OK);
    EVP_MD_CTX_free(context);
    X509_free(certificate);
}

static void
signatures_with_pss_are_read_and_verified(void **state)
{
    const EVP_MD *digests[] = {EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512()};
    const enum pki_digest expected[] = {PKI_SHA1, PKI_SHA256, PKI_SHA384, PKI_SHA512};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct base_error err = {0};
        struct pki_signature_algorithm read;
        unsigned char *spki = NULL;
        OWN_STRUCT(pki_public_key) key = NULL;
        BUFFER_LOCAL(algorithm, 1024);
        BUFFER_LOCAL(body, 4096);
        BUFFER_LOCAL(signature, 1024);
        sign_pss(digests[i], 32, &algorithm, &body, &signature);
        struct der_reader reader = der_reader_over(buffer_bytes(&algorithm));
        assert_int_equal(pki_read_signature_algorithm(&reader, &read, &err), BASE_OK);
        assert_int_equal(read.kind, PKI_RSA_PSS);
        assert_int_equal(read.digest, expected[i]);
        assert_int_equal(read.salt_len, 32);
        int len = i2d_PUBKEY(openssl_key, &spki);
        assert_int_equal(
            pki_public_key_read((struct bytes){spki, (size_t)len}, &key, &err), BASE_OK);
        assert_int_equal(
            pki_verify(key, &read, buffer_bytes(&body), buffer_bytes(&signature), &err), BASE_OK);
        body.ptr[5] ^= 1;
        assert_int_equal(
            pki_verify(key, &read, buffer_bytes(&body), buffer_bytes(&signature), &err),
            E_SIGNATURE);
        OPENSSL_free(spki);
        /* cut off anywhere it is refused */
        for (size_t cut = 0; cut < algorithm.len; cut++) {
            struct der_reader damaged = der_reader_over((struct bytes){algorithm.ptr, cut});
            assert_int_not_equal(pki_read_signature_algorithm(&damaged, &read, &err), BASE_OK);
        }
    }
}

static void
pss_without_parameters_or_with_odd_ones_is_refused(void **state)
{
    static const struct bytes odd[] = {
        BYTES_INIT("\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"),
        BYTES_INIT(
            "\x30\x13\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x06\xa2\x04\x02\x02\x7f"
            "\xff"),
        BYTES_INIT(
            "\x30\x12\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x05\xa3\x03\x02\x01\x02"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct base_error err = {0};
        struct pki_signature_algorithm read;
        struct der_reader reader = der_reader_over(odd[i]);
        assert_int_equal(
            pki_read_signature_algorithm(&reader, &read, &err), E_ALGORITHM_PARAMETERS);
    }
}

static void
every_algorithm_that_is_written_is_read_again(void **state)
{
    (void)state;
    for (int digest = PKI_SHA1; digest <= PKI_SHA512; digest++) {
        struct base_error err = {0};
        enum pki_digest found = PKI_DIGEST_NONE;
        BUFFER_LOCAL(out, 256);
        struct der_writer writer;
        der_writer_init(&writer, &out);
        pki_write_digest(&writer, (enum pki_digest)digest);
        assert_int_equal(der_writer_finish(&writer, &err), BASE_OK);
        struct der_reader reader = der_reader_over(buffer_bytes(&out));
        assert_int_equal(pki_read_digest(&reader, &found, &err), BASE_OK);
        assert_int_equal(found, digest);
    }
    for (int transport = PKI_TRANSPORT_PKCS1; transport <= PKI_TRANSPORT_OAEP_SHA256; transport++) {
        struct base_error err = {0};
        enum pki_transport found = PKI_TRANSPORT_NONE;
        BUFFER_LOCAL(out, 256);
        struct der_writer writer;
        der_writer_init(&writer, &out);
        pki_write_transport(&writer, (enum pki_transport)transport);
        assert_int_equal(der_writer_finish(&writer, &err), BASE_OK);
        struct der_reader reader = der_reader_over(buffer_bytes(&out));
        assert_int_equal(pki_read_transport(&reader, &found, &err), BASE_OK);
        assert_int_equal(found, transport);
        for (size_t cut = 0; cut < out.len; cut++) {
            struct der_reader damaged = der_reader_over((struct bytes){out.ptr, cut});
            assert_int_not_equal(pki_read_transport(&damaged, &found, &err), BASE_OK);
        }
    }
}

static void
ciphers_want_a_vector_of_their_block(void **state)
{
    static const uint8_t octets[32];
    (void)state;
    for (int cipher = PKI_AES_128_CBC; cipher <= PKI_DES_CBC; cipher++) {
        for (size_t len = 0; len <= 17; len++) {
            struct base_error err = {0};
            enum pki_cipher found = PKI_CIPHER_NONE;
            struct bytes iv = BYTES_NONE;
            BUFFER_LOCAL(out, 256);
            struct der_writer writer;
            der_writer_init(&writer, &out);
            pki_write_cipher(&writer, (enum pki_cipher)cipher, (struct bytes){octets, len});
            assert_int_equal(der_writer_finish(&writer, &err), BASE_OK);
            struct der_reader reader = der_reader_over(buffer_bytes(&out));
            bool is_right = len == pki_cipher_block_len((enum pki_cipher)cipher);
            assert_int_equal(pki_read_cipher(&reader, &found, &iv, &err),
                is_right ? BASE_OK : E_ALGORITHM_PARAMETERS);
        }
    }
}

static void
content_is_encrypted_and_decrypted_and_damage_is_seen(void **state)
{
    static const uint8_t key[32] = {1};
    static const uint8_t iv[16] = {2};
    static const enum pki_cipher ciphers[] = {
        PKI_AES_128_CBC, PKI_AES_192_CBC, PKI_AES_256_CBC, PKI_DES_EDE3_CBC};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct base_error err = {0};
        struct bytes k = {key, pki_cipher_key_len(ciphers[i])};
        struct bytes v = {iv, pki_cipher_block_len(ciphers[i])};
        BUFFER_LOCAL(sealed, 256);
        BUFFER_LOCAL(plain, 256);
        assert_int_equal(
            pki_encrypt(ciphers[i], k, v, BYTES_LITERAL("certificate"), &sealed, &err), BASE_OK);
        assert_int_equal(
            pki_decrypt(ciphers[i], k, v, buffer_bytes(&sealed), &plain, &err), BASE_OK);
        assert_int_equal(plain.len, 11);
        buffer_reset(&plain);
        assert_int_equal(
            pki_decrypt(ciphers[i], k, v, (struct bytes){sealed.ptr, sealed.len - 1}, &plain, &err),
            E_DECRYPT);
        assert_int_equal(
            pki_decrypt(ciphers[i], (struct bytes){key, 5}, v, buffer_bytes(&sealed), &plain, &err),
            E_DECRYPT);
    }
    struct base_error err = {0};
    BUFFER_LOCAL(out, 256);
    assert_int_equal(pki_encrypt(PKI_DES_CBC, (struct bytes){key, 8}, (struct bytes){iv, 8},
                         BYTES_LITERAL("x"), &out, &err),
        E_ALGORITHM_UNKNOWN);
}

static void
md5_is_known_and_not_computed(void **state)
{
    uint8_t out[PKI_DIGEST_MAX];
    struct base_error err = {0};
    (void)state;
    assert_int_equal(pki_digest(PKI_MD5, BYTES_LITERAL("x"), out, &err), E_ALGORITHM_UNKNOWN);
}

/* ---- alternative names */

static enum base_code
from_text(const char *text, struct buffer *out)
{
    struct base_error err = {0};
    buffer_reset(out);
    return pki_sans_from_text(bytes_from_text(text), out, &err);
}

static void
alternative_names_are_written_and_shown(void **state)
{
    struct base_error err = {0};
    (void)state;
    BUFFER_LOCAL(der, 4096);
    BUFFER_LOCAL(text, 4096);
    assert_int_equal(from_text("DNS:a.example\nIP:192.0.2.1\nIP:2001:db8::1\nemail:a@b.example\n"
                               "URI:https://a.example/\nUPN:u@example",
                         &der),
        BASE_OK);
    assert_int_equal(pki_sans_text(buffer_bytes(&der), &text, &err), BASE_OK);
    struct bytes shown = buffer_bytes(&text);
    assert_non_null(memmem(shown.ptr, shown.len, "IP:192.0.2.1", 12));
    assert_non_null(memmem(shown.ptr, shown.len, "IP:2001:db8::1", 14));
    buffer_reset(&text);
    /* a registeredID is none of ours */
    assert_int_equal(
        pki_sans_text(BYTES_LITERAL("\x30\x05\x88\x03\x2a\x03\x04"), &text, &err), BASE_OK);
    assert_non_null(memmem(text.ptr, text.len, "tag 8", 5));
    assert_int_equal(
        pki_sans_check(BYTES_LITERAL("\x30\x05\x88\x03\x2a\x03\x04"), 1U << PKI_SAN_IP, &err),
        E_SAN_TYPE);
    assert_int_equal(pki_sans_check(BYTES_LITERAL("\x30\x00"), UINT32_MAX, &err), E_SAN_FORMAT);
}

static void
texts_that_are_no_alternative_names_are_refused(void **state)
{
    static const char *const texts[] = {
        "a.example", "DNS", "IP:1.2.3", "IP:nothing", "X400:a", "UPN", ":", "DNS;a"};
    (void)state;
    BUFFER_LOCAL(der, 4096);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(from_text(texts[i], &der), E_SAN_FORMAT);
    }
}

/* RFC 4231, test cases 1, 2 and 3, and the limits. */
static void
hmac_gives_the_known_answers(void **state)
{
    static const struct {
        struct bytes key;
        struct bytes parts[2];
        const char *expected;
    } cases[] = {
        {BYTES_INIT(
             "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"),
            {BYTES_INIT("Hi "), BYTES_INIT("There")},
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {BYTES_INIT("Jefe"), {BYTES_INIT("what do ya want "), BYTES_INIT("for nothing?")},
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {BYTES_INIT(
             "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"),
            {BYTES_INIT("\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
                        "\xdd\xdd\xdd\xdd\xdd\xdd\xdd"),
                BYTES_INIT("\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
                           "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd")},
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    };
    struct base_error err;
    uint8_t found[32];
    char hex[65];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(pki_hmac_sha256(cases[i].key, cases[i].parts, 2, found, &err), BASE_OK);
        base_hex(BYTES_ARRAY(found), hex);
        assert_string_equal(hex, cases[i].expected);
    }
    static const uint8_t large[65] = {0};
    assert_int_equal(
        pki_hmac_sha256(BYTES_ARRAY(large), cases[0].parts, 2, found, &err), E_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_with_pss_are_read_and_verified),
        cmocka_unit_test(hmac_gives_the_known_answers),
        cmocka_unit_test(pss_without_parameters_or_with_odd_ones_is_refused),
        cmocka_unit_test(every_algorithm_that_is_written_is_read_again),
        cmocka_unit_test(ciphers_want_a_vector_of_their_block),
        cmocka_unit_test(content_is_encrypted_and_decrypted_and_damage_is_seen),
        cmocka_unit_test(md5_is_known_and_not_computed),
        cmocka_unit_test(alternative_names_are_written_and_shown),
        cmocka_unit_test(texts_that_are_no_alternative_names_are_refused),
    };
    return cmocka_run_group_tests(tests, make_key, free_key);
}
