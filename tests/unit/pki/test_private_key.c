/* Keys that OpenSSL makes: those that are ours to use, and the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/random.h"
#include "pki/certificate.h"
#include "pki/name.h"
#include "pki/private_key.h"
#include "pki/public_key.h"

#include "base/banned.h"

static void
as_der(EVP_PKEY *take_key, struct buffer *out)
{
    unsigned char *der = NULL;
    assert_non_null(take_key);
    int len = i2d_PrivateKey(take_key, &der);
    assert_true(len > 0);
    assert_int_equal(buffer_append(out, (struct bytes){der, (size_t)len}, NULL), BASE_OK);
    OPENSSL_clear_free(der, (size_t)len);
    EVP_PKEY_free(take_key);
}

static void
kinds_of_keys_that_are_ours_are_loaded(void **state)
{
    (void)state;
    static const struct {
        const char *group; /* NULL: RSA */
        enum pki_key_type type;
        unsigned bits;
    } kinds[] = {{NULL, PKI_KEY_RSA, 2048}, {"P-256", PKI_KEY_EC_P256, 256},
        {"P-384", PKI_KEY_EC_P384, 384}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        OWN_STRUCT(pki_private_key) key = NULL;
        BUFFER_LOCAL(der, 8192);
        as_der(kinds[i].group == NULL ? EVP_RSA_gen(2048) : EVP_EC_gen(kinds[i].group), &der);
        assert_int_equal(pki_private_key_load(buffer_bytes(&der), BYTES_NONE, &key, NULL), BASE_OK);
        assert_int_equal(pki_private_key_type(key), kinds[i].type);
        assert_int_equal(pki_private_key_bits(key), kinds[i].bits);
    }
}

static void
other_kinds_of_keys_and_no_keys_are_refused(void **state)
{
    (void)state;
    OWN_STRUCT(pki_private_key) key = NULL;
    BUFFER_LOCAL(ed25519, 8192);
    BUFFER_LOCAL(curve, 8192);
    as_der(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), &ed25519);
    as_der(EVP_EC_gen("secp256k1"), &curve);
    assert_int_equal(
        pki_private_key_load(buffer_bytes(&ed25519), BYTES_NONE, &key, NULL), E_KEY_TYPE);
    assert_int_equal(
        pki_private_key_load(buffer_bytes(&curve), BYTES_NONE, &key, NULL), E_KEY_TYPE);
    assert_int_equal(pki_private_key_load(BYTES_NONE, BYTES_NONE, &key, NULL), E_KEY_FORMAT);
    assert_int_equal(
        pki_private_key_load(BYTES_LITERAL("no key"), BYTES_NONE, &key, NULL), E_KEY_FORMAT);
    assert_int_equal(
        pki_private_key_load(
            BYTES_LITERAL("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            BYTES_NONE, &key, NULL),
        E_KEY_FORMAT);
    assert_int_equal(pki_private_key_generate(BYTES_LITERAL("dsa:1024"), &key, NULL), E_KEY_TYPE);
    assert_null(key);
}

static void
an_ec_key_opens_no_envelope(void **state)
{
    (void)state;
    uint8_t out[16];
    const struct base_random random = base_random_system();
    OWN_STRUCT(pki_private_key) key = NULL;
    OWN_STRUCT(pki_public_key) public_key = NULL;
    BUFFER_LOCAL(wrapped, 1024);
    assert_int_equal(pki_private_key_generate(BYTES_LITERAL("ec:p256"), &key, NULL), BASE_OK);
    assert_int_equal(
        pki_unwrap_key(key, PKI_TRANSPORT_PKCS1, BYTES_LITERAL("abc"), 16, out, NULL), E_CRYPTO);
    assert_int_equal(
        pki_public_key_read(pki_private_key_peek_spki(key), &public_key, NULL), BASE_OK);
    assert_int_equal(pki_wrap_key(public_key, PKI_TRANSPORT_PKCS1,
                         BYTES_LITERAL("0123456789abcdef"), &random, &wrapped, NULL),
        E_KEY_TYPE);
}

static void
a_content_key_of_an_impossible_length_is_refused(void **state)
{
    (void)state;
    uint8_t out[64];
    OWN_STRUCT(pki_private_key) key = NULL;
    assert_int_equal(pki_private_key_generate(BYTES_LITERAL("rsa:2048"), &key, NULL), BASE_OK);
    assert_int_equal(
        pki_unwrap_key(key, PKI_TRANSPORT_PKCS1, BYTES_LITERAL("abc"), 0, out, NULL), E_CRYPTO);
    assert_int_equal(
        pki_unwrap_key(key, PKI_TRANSPORT_PKCS1, BYTES_LITERAL("abc"), 33, out, NULL), E_CRYPTO);
}

static void
certificates_in_pem_have_ends_and_a_number(void **state)
{
    (void)state;
    OWN_STRUCT(pki_private_key) key = NULL;
    BUFFER_LOCAL(name, 256);
    BUFFER_LOCAL(body, 4096);
    BUFFER_LOCAL(der, 4096);
    BUFFER_LOCAL(one, 4096);
    BUFFER_LOCAL(pem, 65536);
    BUFFER_LOCAL(ders, 65536);
    assert_int_equal(pki_private_key_generate(BYTES_LITERAL("ec:p256"), &key, NULL), BASE_OK);
    assert_int_equal(pki_name_from_text(BYTES_LITERAL("CN=a"), &name, NULL), BASE_OK);
    const struct pki_body_spec spec = {.serial = BYTES_LITERAL("\x01"),
        .signature = PKI_ECDSA,
        .digest = PKI_SHA256,
        .issuer_der = buffer_bytes(&name),
        .not_before_s = 1764000000,
        .not_after_s = 4102444800,
        .subject_der = buffer_bytes(&name),
        .spki_der = pki_private_key_peek_spki(key),
        .path_len = -1,
        .key_usage = PKI_DIGITAL_SIGNATURE};
    assert_int_equal(pki_body_build(&spec, &body, NULL), BASE_OK);
    assert_int_equal(
        pki_certificate_sign(key, PKI_SHA256, buffer_bytes(&body), &der, NULL), BASE_OK);
    assert_int_equal(pki_der_to_pem(buffer_bytes(&der), "CERTIFICATE", &one, NULL), BASE_OK);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(buffer_append(&pem, buffer_bytes(&one), NULL), BASE_OK);
    }
    assert_int_equal(pki_pem_to_ders(buffer_bytes(&pem), &ders, NULL), BASE_OK);
    assert_int_equal(ders.len, 8 * der.len);
    assert_int_equal(buffer_append(&pem, buffer_bytes(&one), NULL), BASE_OK);
    assert_int_equal(pki_pem_to_ders(buffer_bytes(&pem), &ders, NULL), E_TOO_LARGE);
    assert_int_equal(
        pki_pem_to_ders((struct bytes){one.ptr, one.len - 5}, &ders, NULL), E_CERTIFICATE_FORMAT);
    assert_int_equal(pki_pem_to_ders(BYTES_LITERAL("nothing"), &ders, NULL), E_CERTIFICATE_FORMAT);
    buffer_reset(&ders);
    assert_int_equal(pki_pem_to_ders(buffer_bytes(&der), &ders, NULL), BASE_OK);
    assert_true(bytes_equal(buffer_bytes(&ders), buffer_bytes(&der)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_keys_that_are_ours_are_loaded),
        cmocka_unit_test(other_kinds_of_keys_and_no_keys_are_refused),
        cmocka_unit_test(an_ec_key_opens_no_envelope),
        cmocka_unit_test(a_content_key_of_an_impossible_length_is_refused),
        cmocka_unit_test(certificates_in_pem_have_ends_and_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
