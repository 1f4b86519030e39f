/* A listener's own certificate: what is in it, and for which keys there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "signer/tls_certificate.h"

#include "base/banned.h"

static struct pki_private_key *key;
static struct signer_authority *authority;

static int
make_keys(void **state)
{
    struct base_error err = {0};
    (void)state;
    authority = fixture_authority("ec:p256");
    return pki_private_key_generate(BYTES_LITERAL("ec:p256"), &key, &err) == BASE_OK ? 0 : -1;
}

static int
free_keys(void **state)
{
    (void)state;
    pki_private_key_free(key);
    signer_authority_free(authority);
    return 0;
}

static void
it_is_for_the_configured_names_and_nothing_else(void **state)
{
    (void)state;
    int64_t now_s = FIXTURE_NOW_S;
    const struct signer_maker maker = fixture_maker(&now_s);
    struct pki_certificate read;
    /* dNSName, iPAddress (4 octets), iPAddress (16 octets) */
    static const uint8_t sans[] = {0x30, 0x2a, 0x82, 0x10, 's', 'c', 'e', 'p', '.', 'e', 'x', 'a',
        'm', 'p', 'l', 'e', '.', 'o', 'r', 'g', 0x87, 4, 192, 0, 2, 7, 0x87, 16, 0x20, 1, 0x0d,
        0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
    static const uint8_t server_auth[] = {6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1};
    BUFFER_LOCAL(body, IPC_BODY_MAX);
    assert_int_equal(signer_tls_body(&maker, authority,
                         BYTES_LITERAL("scep.example.org\n192.0.2.7\n2001:db8::7"),
                         pki_private_key_peek_spki(key), &body, NULL),
        BASE_OK);
    assert_int_equal(pki_certificate_read_body(buffer_bytes(&body), &read, NULL), BASE_OK);
    assert_true(bytes_equal(read.sans, BYTES_ARRAY(sans)));
    assert_true(bytes_equal(read.ekus, BYTES_ARRAY(server_auth)));
    assert_int_equal(read.key_usage, PKI_DIGITAL_SIGNATURE);
    assert_true(read.has_basic_constraints && !read.is_ca);
    assert_true(bytes_equal(read.issuer, authority->ca.read.subject));
    assert_true(bytes_equal(read.spki, pki_private_key_peek_spki(key)));
    assert_int_equal(read.not_before_s, now_s - SIGNER_BACK_MAX_S);
    assert_int_equal(read.not_after_s, now_s + SIGNER_TLS_VALID_S);
    BUFFER_LOCAL(subject, 256);
    assert_int_equal(pki_name_text(read.subject, &subject, NULL), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&subject), "CN=scep.example.org"));
}

static void
it_ends_with_its_ca(void **state)
{
    (void)state;
    int64_t now_s = authority->ca.read.not_after_s - 3600;
    const struct signer_maker maker = fixture_maker(&now_s);
    struct pki_certificate read;
    BUFFER_LOCAL(body, IPC_BODY_MAX);
    assert_int_equal(signer_tls_body(&maker, authority, BYTES_LITERAL("a.example"),
                         pki_private_key_peek_spki(key), &body, NULL),
        BASE_OK);
    assert_int_equal(pki_certificate_read_body(buffer_bytes(&body), &read, NULL), BASE_OK);
    assert_int_equal(read.not_after_s, authority->ca.read.not_after_s);
    now_s = authority->ca.read.not_after_s;
    assert_int_equal(signer_tls_body(&maker, authority, BYTES_LITERAL("a.example"),
                         pki_private_key_peek_spki(key), &body, NULL),
        E_CA_UNSUITABLE);
}

static void
other_keys_get_none(void **state)
{
    (void)state;
    int64_t now_s = FIXTURE_NOW_S;
    const struct signer_maker maker = fixture_maker(&now_s);
    struct pki_private_key *rsa = NULL;
    BUFFER_LOCAL(body, IPC_BODY_MAX);
    assert_int_equal(pki_private_key_generate(BYTES_LITERAL("rsa:2048"), &rsa, NULL), BASE_OK);
    assert_int_equal(signer_tls_body(&maker, authority, BYTES_LITERAL("a.example"),
                         pki_private_key_peek_spki(rsa), &body, NULL),
        E_KEY_TYPE);
    pki_private_key_free(rsa);
    assert_int_equal(signer_tls_body(&maker, authority, BYTES_LITERAL("a.example"),
                         pki_private_key_peek_spki(authority->key), &body, NULL),
        E_SIGNER_BODY);
    assert_int_equal(signer_tls_body(&maker, authority, BYTES_LITERAL("a.example"),
                         BYTES_LITERAL("no key"), &body, NULL),
        E_KEY_FORMAT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_for_the_configured_names_and_nothing_else),
        cmocka_unit_test(it_ends_with_its_ca),
        cmocka_unit_test(other_keys_get_none),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
