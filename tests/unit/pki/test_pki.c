/* OpenSSL's own readers are the oracle: what we build they verify, what is damaged neither takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include "pki/certificate.h"
#include "pki/csr.h"
#include "pki/name.h"

#include "fixture.h"

#include "base/banned.h"

static void
make_certificate(struct buffer *out)
{
    struct base_error err;
    BUFFER_LOCAL(name, 1024);
    BUFFER_LOCAL(sans, 1024);
    BUFFER_LOCAL(body, 8192);
    assert_int_equal(
        pki_name_from_text(BYTES_LITERAL("CN=laptop-7,O=Ex\\, Inc"), &name, &err), BASE_OK);
    assert_int_equal(
        pki_sans_from_text(BYTES_LITERAL("DNS:a.example\nUPN:u@example"), &sans, &err), BASE_OK);
    const struct pki_body_spec spec = {.serial = BYTES_LITERAL("\x01\x02\x03"),
        .signature = PKI_RSA_PKCS1,
        .digest = PKI_SHA256,
        .issuer_der = buffer_bytes(&name),
        .not_before_s = 1764000000,
        .not_after_s = 4102444800,
        .subject_der = buffer_bytes(&name),
        .spki_der = pki_private_key_peek_spki(key),
        .path_len = -1,
        .key_usage = PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT,
        .ekus_text = BYTES_LITERAL("1.3.6.1.5.5.7.3.2"),
        .sans_der = buffer_bytes(&sans),
        .authority_key_id = BYTES_LITERAL("0123456789"),
        .crl_url = BYTES_LITERAL("http://a.example/crl"),
        .ca_issuers_url = BYTES_LITERAL("http://a.example/ca")};
    assert_int_equal(pki_body_build(&spec, &body, &err), BASE_OK);
    assert_int_equal(
        pki_certificate_sign(key, PKI_SHA256, buffer_bytes(&body), out, &err), BASE_OK);
}

static void
openssl_reads_and_verifies_our_certificate(void **state)
{
    (void)state;
    BUFFER_LOCAL(der, 8192);
    make_certificate(&der);
    const unsigned char *at = der.ptr;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
    assert_non_null(certificate);
    EVP_PKEY *public_key = X509_get_pubkey(certificate);
    assert_int_equal(X509_verify(certificate, public_key), 1);
    assert_int_equal(X509_get_ext_count(certificate), 8);
    unsigned char *again = NULL;
    int len = i2d_X509(certificate, &again);
    assert_int_equal(len, der.len);
    assert_memory_equal(again, der.ptr, der.len);
    OPENSSL_free(again);
    EVP_PKEY_free(public_key);
    X509_free(certificate);
}

static void
our_certificate_reads_back(void **state)
{
    (void)state;
    struct pki_certificate certificate;
    struct pki_public_key *public_key = NULL;
    BUFFER_LOCAL(der, 8192);
    BUFFER_LOCAL(text, 1024);
    make_certificate(&der);
    assert_int_equal(pki_certificate_read(buffer_bytes(&der), &certificate, NULL), BASE_OK);
    assert_int_equal(certificate.version, 3);
    assert_int_equal(certificate.key_usage, PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT);
    assert_true(certificate.not_after_s == 4102444800 && !certificate.is_ca);
    assert_int_equal(pki_name_text(certificate.subject, &text, NULL), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&text), "CN=laptop-7,O=Ex\\, Inc"));
    buffer_reset(&text);
    assert_int_equal(pki_sans_text(certificate.sans, &text, NULL), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&text), "DNS:a.example\nUPN:u@example"));
    assert_int_equal(pki_public_key_read(certificate.spki, &public_key, NULL), BASE_OK);
    assert_int_equal(pki_certificate_verify(&certificate, public_key, NULL), BASE_OK);
    pki_public_key_free(public_key);
}

static void
no_truncation_and_no_flipped_bit_passes(void **state)
{
    (void)state;
    struct pki_certificate certificate;
    struct pki_public_key *public_key = NULL;
    BUFFER_LOCAL(der, 8192);
    make_certificate(&der);
    assert_int_equal(
        pki_public_key_read(pki_private_key_peek_spki(key), &public_key, NULL), BASE_OK);
    for (size_t len = 0; len < der.len; len++) {
        assert_int_not_equal(
            pki_certificate_read((struct bytes){der.ptr, len}, &certificate, NULL), BASE_OK);
    }
    for (size_t bit = 0; bit < 8 * der.len; bit += 7) {
        der.ptr[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        bool is_taken = pki_certificate_read(buffer_bytes(&der), &certificate, NULL) == BASE_OK &&
                        pki_certificate_verify(&certificate, public_key, NULL) == BASE_OK;
        /* The NULL parameters of the outer algorithm are not signed: all else is. */
        assert_false(is_taken && bit / 8 < der.len - 256 - 20);
        der.ptr[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    pki_public_key_free(public_key);
}

static void
openssl_verifies_our_request_and_we_ours(void **state)
{
    (void)state;
    struct pki_csr csr;
    struct pki_public_key *public_key = NULL;
    BUFFER_LOCAL(name, 1024);
    BUFFER_LOCAL(sans, 1024);
    BUFFER_LOCAL(der, 8192);
    assert_int_equal(pki_name_from_text(BYTES_LITERAL("/O=Example/CN=a"), &name, NULL), BASE_OK);
    assert_int_equal(pki_sans_from_text(BYTES_LITERAL("email:a@example"), &sans, NULL), BASE_OK);
    assert_int_equal(pki_csr_build(key, buffer_bytes(&name), buffer_bytes(&sans),
                         BYTES_LITERAL("s3cret"), PKI_SHA256, &der, NULL),
        BASE_OK);
    const unsigned char *at = der.ptr;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.len);
    assert_non_null(request);
    EVP_PKEY *its_key = X509_REQ_get_pubkey(request);
    assert_int_equal(X509_REQ_verify(request, its_key), 1);
    EVP_PKEY_free(its_key);
    X509_REQ_free(request);
    assert_int_equal(pki_csr_read(buffer_bytes(&der), &csr, NULL), BASE_OK);
    assert_true(csr.has_challenge && bytes_equal_text(csr.challenge, "s3cret"));
    assert_int_equal(pki_public_key_read(csr.spki, &public_key, NULL), BASE_OK);
    assert_int_equal(pki_csr_verify(&csr, public_key, NULL), BASE_OK);
    pki_csr_clear(&csr);
    pki_public_key_free(public_key);
}

static void
T16_a_wrong_ciphertext_yields_a_key_of_the_right_length(void **state)
{
    (void)state;
    uint8_t sent[16] = {1, 2, 3};
    uint8_t got[16];
    uint8_t again[16];
    struct base_random random = base_random_system();
    struct pki_public_key *public_key = NULL;
    BUFFER_LOCAL(wrapped, 512);
    assert_int_equal(
        pki_public_key_read(pki_private_key_peek_spki(key), &public_key, NULL), BASE_OK);
    for (int transport = PKI_TRANSPORT_PKCS1; transport <= PKI_TRANSPORT_OAEP_SHA256; transport++) {
        buffer_reset(&wrapped);
        assert_int_equal(pki_wrap_key(public_key, (enum pki_transport)transport, BYTES_ARRAY(sent),
                             &random, &wrapped, NULL),
            BASE_OK);
        assert_int_equal(pki_unwrap_key(key, (enum pki_transport)transport, buffer_bytes(&wrapped),
                             16, got, NULL),
            BASE_OK);
        assert_memory_equal(got, sent, 16);
        wrapped.ptr[100] ^= 1;
        assert_int_equal(pki_unwrap_key(key, (enum pki_transport)transport, buffer_bytes(&wrapped),
                             16, got, NULL),
            BASE_OK);
        assert_memory_not_equal(got, sent, 16);
        assert_int_equal(pki_unwrap_key(key, (enum pki_transport)transport, buffer_bytes(&wrapped),
                             16, again, NULL),
            BASE_OK);
        assert_memory_equal(got, again, 16);
    }
    uint8_t all_ones[256];
    memset(all_ones, 0xff, sizeof(all_ones));
    assert_int_equal(
        pki_unwrap_key(key, PKI_TRANSPORT_PKCS1, BYTES_ARRAY(all_ones), 16, got, NULL), BASE_OK);
    assert_int_equal(
        pki_unwrap_key(key, PKI_TRANSPORT_PKCS1, BYTES_LITERAL("short"), 16, got, NULL), BASE_OK);
    pki_public_key_free(public_key);
}

static void
keys_are_stored_encrypted_and_read_with_their_passphrase_alone(void **state)
{
    (void)state;
    struct pki_private_key *again = NULL;
    BUFFER_LOCAL(pem, 8192);
    assert_int_equal(pki_private_key_store(key, BYTES_LITERAL("correct"), &pem, NULL), BASE_OK);
    assert_non_null(memmem(pem.ptr, pem.len, "ENCRYPTED", 9));
    assert_int_equal(pki_private_key_load(buffer_bytes(&pem), BYTES_LITERAL("wrong"), &again, NULL),
        E_KEY_PASSPHRASE);
    assert_int_equal(
        pki_private_key_load(buffer_bytes(&pem), BYTES_NONE, &again, NULL), E_KEY_PASSPHRASE);
    assert_int_equal(
        pki_private_key_load(buffer_bytes(&pem), BYTES_LITERAL("correct"), &again, NULL), BASE_OK);
    assert_true(bytes_equal(pki_private_key_peek_spki(again), pki_private_key_peek_spki(key)));
    pki_private_key_free(again);
}

static void
names_are_equal_whatever_their_string_type_and_order(void **state)
{
    (void)state;
    BUFFER_LOCAL(a, 1024);
    BUFFER_LOCAL(b, 1024);
    BUFFER_LOCAL(c, 1024);
    assert_int_equal(pki_name_from_text(BYTES_LITERAL("CN=a,O=B,C=DE"), &a, NULL), BASE_OK);
    assert_int_equal(pki_name_from_text(BYTES_LITERAL("/CN=a/O=B/C=de"), &b, NULL), BASE_OK);
    assert_int_equal(pki_name_from_text(BYTES_LITERAL("CN=A,O=B,C=DE"), &c, NULL), BASE_OK);
    assert_true(pki_name_equal(buffer_bytes(&a), buffer_bytes(&b)));
    assert_false(pki_name_equal(buffer_bytes(&a), buffer_bytes(&c)));
}

static void
T13_odd_names_are_refused(void **state)
{
    (void)state;
    static const struct bytes names[] = {
        BYTES_INIT("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x00"), /* NUL */
        BYTES_INIT("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x0a"), /* line end */
        BYTES_INIT("\x30\x0b\x31\x09\x30\x07\x06\x03\x55\x04\x03\x0c\x00"),     /* empty value */
        BYTES_INIT("\x30\x02\x31\x00"),                                         /* empty RDN */
        BYTES_INIT(
            "\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x06\x13\x01X"), /* country of one letter */
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(pki_name_check(names[i], NULL), E_NAME_FORMAT);
    }
    assert_int_equal(pki_name_check(BYTES_LITERAL("\x30\x00"), NULL), BASE_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_reads_and_verifies_our_certificate),
        cmocka_unit_test(our_certificate_reads_back),
        cmocka_unit_test(no_truncation_and_no_flipped_bit_passes),
        cmocka_unit_test(openssl_verifies_our_request_and_we_ours),
        cmocka_unit_test(T16_a_wrong_ciphertext_yields_a_key_of_the_right_length),
        cmocka_unit_test(keys_are_stored_encrypted_and_read_with_their_passphrase_alone),
        cmocka_unit_test(names_are_equal_whatever_their_string_type_and_order),
        cmocka_unit_test(T13_odd_names_are_refused),
    };
    return cmocka_run_group_tests(tests, make_key, free_key);
}
