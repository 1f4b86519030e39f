#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "signer/crl_check.h"

#include "base/banned.h"

#define VALID_S (7 * FIXTURE_DAY_S)

static struct signer_authority *ca;
static struct signer_authority *other_ca;

static int
make_cas(void **state)
{
    (void)state;
    ca = fixture_authority("ec:p256");
    other_ca = fixture_authority("ec:p384");
    return 0;
}

static int
free_cas(void **state)
{
    (void)state;
    signer_authority_free(ca);
    signer_authority_free(other_ca);
    return 0;
}

static struct pki_crl_spec
make_spec(void)
{
    return (struct pki_crl_spec){.signature = ca->signature,
        .digest = ca->digest,
        .issuer_der = ca->ca.read.subject,
        .this_update_s = FIXTURE_NOW_S,
        .next_update_s = FIXTURE_NOW_S + VALID_S,
        .number = 258,
        .authority_key_id = ca->ca.read.subject_key_id};
}

static enum base_code
check(const struct pki_crl_spec *spec)
{
    BUFFER_LOCAL(der, 65536);
    struct pki_crl crl;
    struct base_error err = {0};
    assert_int_equal(pki_crl_body_build(spec, &der, &err), BASE_OK);
    enum base_code code =
        signer_crl_check(buffer_bytes(&der), ca, FIXTURE_NOW_S, VALID_S, &crl, &err);
    if (code == BASE_OK) {
        static const uint8_t number[] = {1, 2};
        assert_true(bytes_equal(crl.number, BYTES_ARRAY(number)));
    }
    return code;
}

static void
list_of_this_ca_passes(void **state)
{
    (void)state;
    struct pki_crl_spec spec = make_spec();
    assert_int_equal(check(&spec), BASE_OK);
    static const uint8_t serial[] = {1, 2, 3};
    const struct pki_revoked revoked = {BYTES_ARRAY(serial), FIXTURE_NOW_S, 1};
    spec.revoked = &revoked;
    spec.revoked_count = 1;
    assert_int_equal(check(&spec), BASE_OK);
}

#define REFUSED(test, change, answer)                                                              \
    static void test(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        struct pki_crl_spec spec = make_spec();                                                    \
        change;                                                                                    \
        assert_int_equal(check(&spec), answer);                                                    \
    }

REFUSED(foreign_issuer_is_refused, spec.issuer_der = ca->ra.read.subject, E_SIGNER_BODY)
REFUSED(other_digest_is_refused, spec.digest = PKI_SHA384, E_SIGNER_BODY)
REFUSED(other_signature_is_refused, spec.signature = PKI_RSA_PKCS1, E_SIGNER_BODY)
REFUSED(foreign_key_identifier_is_refused, spec.authority_key_id = other_ca->ca.read.subject_key_id,
    E_SIGNER_BODY)
REFUSED(this_update_of_the_future_is_refused,
    spec.this_update_s = FIXTURE_NOW_S + SIGNER_AHEAD_MAX_S + 1, E_SIGNER_CLOCK)
REFUSED(old_this_update_is_refused, spec.this_update_s = FIXTURE_NOW_S - SIGNER_WAIT_MAX_S - 1,
    E_SIGNER_CLOCK)
REFUSED(next_update_before_this_update_is_refused, spec.next_update_s = spec.this_update_s,
    E_SIGNER_BODY)
REFUSED(far_next_update_is_refused,
    spec.next_update_s = FIXTURE_NOW_S + VALID_S + SIGNER_AHEAD_MAX_S + 1, E_SIGNER_BODY)

static void
version_1_and_certificate_bodies_are_refused(void **state)
{
    (void)state;
    struct pki_crl crl;
    struct base_error err = {0};
    struct fixture_body body;
    struct pki_crl_spec spec = make_spec();
    BUFFER_LOCAL(der, 65536);
    fixture_body_init(&body, ca, ca->ra_key);
    assert_true(
        signer_crl_check(fixture_build(&body), ca, FIXTURE_NOW_S, VALID_S, &crl, &err) != BASE_OK);
    fixture_body_clear(&body);
    assert_int_equal(pki_crl_body_build(&spec, &der, &err), BASE_OK);
    for (size_t i = 0; i + 3 < der.len; i++) {
        if (memcmp(der.ptr + i, "\x02\x01\x01", 3) == 0) {
            der.ptr[i + 2] = 0;
            break;
        }
    }
    assert_int_equal(signer_crl_check(buffer_bytes(&der), ca, FIXTURE_NOW_S, VALID_S, &crl, &err),
        E_SIGNER_BODY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_of_this_ca_passes),
        cmocka_unit_test(foreign_issuer_is_refused),
        cmocka_unit_test(other_digest_is_refused),
        cmocka_unit_test(other_signature_is_refused),
        cmocka_unit_test(foreign_key_identifier_is_refused),
        cmocka_unit_test(this_update_of_the_future_is_refused),
        cmocka_unit_test(old_this_update_is_refused),
        cmocka_unit_test(next_update_before_this_update_is_refused),
        cmocka_unit_test(far_next_update_is_refused),
        cmocka_unit_test(version_1_and_certificate_bodies_are_refused),
    };
    return cmocka_run_group_tests(tests, make_cas, free_cas);
}
