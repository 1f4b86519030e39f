#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

#include "base/banned.h"

/* Made once: keys cost time. */
static struct signer_authority *rsa_ca;
static struct signer_authority *p256_ca;
static struct signer_authority *p384_ca;
static struct pki_private_key *device_key;

static int
make_keys(void **state)
{
    (void)state;
    rsa_ca = fixture_authority("rsa:2048");
    p256_ca = fixture_authority("ec:p256");
    p384_ca = fixture_authority("ec:p384");
    device_key = fixture_key("rsa:2048");
    return 0;
}

static int
free_keys(void **state)
{
    (void)state;
    signer_authority_free(rsa_ca);
    signer_authority_free(p256_ca);
    signer_authority_free(p384_ca);
    pki_private_key_free(device_key);
    return 0;
}

static const uint8_t long_serial[SIGNER_SERIAL_LEN + 1] = {1, 2, 3};

/* All checks in the order of the verb. */
static enum base_code
check_der(struct bytes der, const struct signer_authority *authority,
    const struct signer_profile *profile, struct base_error *err)
{
    struct pki_certificate body;
    TRY(signer_body_read(der, authority, &body, err));
    TRY(signer_body_check(&body, der, authority, profile, err));
    return signer_body_check_time(&body, authority, profile, FIXTURE_NOW_S, err);
}

static enum base_code
check(struct fixture_body *body, const struct signer_profile *profile)
{
    struct base_error err = {0};
    enum base_code code = check_der(fixture_build(body), rsa_ca, profile, &err);
    if (code != BASE_OK) {
        assert_int_equal(code, err.code);
        assert_true(err.detail[0] != '\0');
    }
    return code;
}

static void
body_within_the_profile_passes_for_each_kind_of_ca(void **state)
{
    (void)state;
    const struct signer_profile profile = fixture_profile();
    const struct signer_authority *cas[] = {rsa_ca, p256_ca, p384_ca};
    for (size_t i = 0; i < 3; i++) {
        struct fixture_body body;
        struct base_error err = {0};
        fixture_body_init(&body, cas[i], device_key);
        assert_int_equal(check_der(fixture_build(&body), cas[i], &profile, &err), BASE_OK);
        fixture_body_clear(&body);
    }
}

/* One body, one profile, one change, one answer. */
#define CASE(test, change, answer)                                                                 \
    static void test(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        struct signer_profile profile = fixture_profile();                                         \
        struct fixture_body body;                                                                  \
        fixture_body_init(&body, rsa_ca, device_key);                                              \
        change;                                                                                    \
        assert_int_equal(check(&body, &profile), answer);                                          \
        fixture_body_clear(&body);                                                                 \
    }
#define REFUSED(test, change) CASE(test, change, E_SIGNER_BODY)

/* What every body must have. */
REFUSED(foreign_issuer_is_refused, body.spec.issuer_der = p384_ca->ra.read.subject)
REFUSED(issuer_written_otherwise_is_refused, body.spec.issuer_der = body.spec.subject_der)
REFUSED(weaker_digest_is_refused, body.spec.digest = PKI_SHA1)
REFUSED(other_digest_is_refused, body.spec.digest = PKI_SHA512)
REFUSED(other_signature_is_refused, body.spec.signature = PKI_ECDSA)
REFUSED(short_serial_is_refused, body.spec.serial.len = 17)
REFUSED(long_serial_is_refused, body.spec.serial = BYTES_ARRAY(long_serial))
REFUSED(serial_from_80_on_is_refused, body.serial[0] = 0x80)
REFUSED(serial_from_zero_is_refused, body.serial[0] = 0)

/* What an end entity is. */
REFUSED(ca_is_refused, body.spec.is_ca = true)
REFUSED(cert_sign_is_refused, body.spec.key_usage |= PKI_KEY_CERT_SIGN)
REFUSED(crl_sign_is_refused, body.spec.key_usage |= PKI_CRL_SIGN)
REFUSED(usage_beyond_the_profile_is_refused, body.spec.key_usage |= PKI_DATA_ENCIPHERMENT)
REFUSED(missing_usage_is_refused, body.spec.key_usage = 0)
REFUSED(usage_where_the_profile_has_none_is_refused, profile.key_usage = 0)
CASE(part_of_the_usages_passes, body.spec.key_usage = PKI_DIGITAL_SIGNATURE, BASE_OK)
CASE(T25_one_of_the_extended_usages_passes,
    body.spec.ekus_text = BYTES_LITERAL("1.3.6.1.5.5.7.3.4"), BASE_OK)
CASE(T25_a_shorter_validity_passes, body.spec.not_after_s = FIXTURE_NOW_S + 600, BASE_OK)

/* A SID: only where the profile says so, and in its one form. */
static const uint8_t sid[] = "\x30\x1c\xa0\x1a\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x19\x02\x01"
                             "\xa0\x0c\x04\x0aS-1-5-21-7";
#define SID ((struct bytes){sid, sizeof(sid) - 1})
REFUSED(T12_sid_where_the_profile_has_none_is_refused, body.spec.sid = SID)
CASE(T12_sid_where_the_profile_takes_it_passes, body.spec.sid = SID;
     profile.allow_sid = true, BASE_OK)
CASE(T12_no_sid_where_the_profile_takes_one_passes, profile.allow_sid = true, BASE_OK)
REFUSED(T12_sid_in_another_form_is_refused, body.spec.sid = BYTES_LITERAL("\x30\x00");
        profile.allow_sid = true)

REFUSED(foreign_extended_usage_is_refused, body.spec.ekus_text = BYTES_LITERAL("1.3.6.1.5.5.7.3.1"))
REFUSED(ocsp_signing_is_refused, body.spec.ekus_text = BYTES_LITERAL("1.3.6.1.5.5.7.3.9"))
REFUSED(any_usage_is_refused, body.spec.ekus_text = BYTES_LITERAL("1.3.6.1.5.5.7.3.2\n2.5.29.37.0"))
REFUSED(missing_extended_usage_is_refused, body.spec.ekus_text = BYTES_NONE)
REFUSED(extended_usage_where_the_profile_has_none_is_refused, profile.ekus[0] = '\0')

/* Names. */
CASE(foreign_type_of_name_is_refused, fixture_set_sans(&body, "URI:https://x.example/"), E_SAN_TYPE)
CASE(address_is_refused, fixture_set_sans(&body, "DNS:a.example\nIP:192.0.2.1"), E_SAN_TYPE)
CASE(no_alternative_name_passes, body.spec.sans_der = BYTES_NONE, BASE_OK)
REFUSED(empty_subject_is_refused, fixture_set_subject(&body, ""))
CASE(empty_subject_passes_where_allowed,
    (profile.allow_empty_subject = true, fixture_set_subject(&body, "")), BASE_OK)
REFUSED(
    no_name_at_all_is_refused, (profile.allow_empty_subject = true, fixture_set_subject(&body, ""),
                                   body.spec.sans_der = BYTES_NONE))
REFUSED(name_of_the_ca_is_refused, body.spec.subject_der = rsa_ca->ca.read.subject)
REFUSED(
    name_of_the_ca_in_another_order_is_refused, fixture_set_subject(&body, "O=Example,CN=Test CA"))
REFUSED(name_of_the_ra_is_refused, body.spec.subject_der = rsa_ca->ra.read.subject)

/* Keys. */
REFUSED(key_of_the_ca_is_refused, body.spec.spki_der = rsa_ca->ca.read.spki)
REFUSED(key_of_the_ra_is_refused, body.spec.spki_der = rsa_ca->ra.read.spki)
REFUSED(rsa_where_the_profile_has_none_is_refused, profile.allow_rsa = false)
CASE(short_key_is_refused, profile.min_rsa_bits = 3072, E_KEY_WEAK)
CASE(long_key_is_refused, profile.max_rsa_bits = 1024, E_KEY_WEAK)
REFUSED(
    foreign_key_identifier_is_refused, body.spec.authority_key_id = p384_ca->ca.read.subject_key_id)
REFUSED(missing_key_identifier_is_refused, body.spec.authority_key_id = BYTES_NONE)

/* Time. */
CASE(not_before_ahead_is_refused, body.spec.not_before_s = FIXTURE_NOW_S + SIGNER_AHEAD_MAX_S + 1,
    E_SIGNER_CLOCK)
CASE(not_before_a_little_ahead_passes, body.spec.not_before_s = FIXTURE_NOW_S + SIGNER_AHEAD_MAX_S,
    BASE_OK)
CASE(old_not_before_is_refused,
    body.spec.not_before_s = FIXTURE_NOW_S - 300 - SIGNER_WAIT_MAX_S - 1, E_SIGNER_CLOCK)
REFUSED(long_validity_is_refused,
    body.spec.not_after_s = FIXTURE_NOW_S + 365 * FIXTURE_DAY_S + SIGNER_AHEAD_MAX_S + 1)
CASE(longest_validity_passes,
    body.spec.not_after_s = FIXTURE_NOW_S + 365 * FIXTURE_DAY_S + SIGNER_AHEAD_MAX_S, BASE_OK)
REFUSED(validity_that_is_over_is_refused, body.spec.not_after_s = FIXTURE_NOW_S - 1)
REFUSED(
    validity_beyond_the_ca_is_refused, (profile.valid_s = 4000 * FIXTURE_DAY_S,
                                           body.spec.not_after_s = rsa_ca->ca.read.not_after_s + 1))
CASE(validity_up_to_the_cas_end_passes,
    (profile.valid_s = 4000 * FIXTURE_DAY_S, body.spec.not_after_s = rsa_ca->ca.read.not_after_s),
    BASE_OK)
REFUSED(
    validity_before_the_ca_is_refused, body.spec.not_before_s = rsa_ca->ca.read.not_before_s - 1)

static void
serial_of_the_future_is_refused(void **state)
{
    (void)state;
    struct signer_profile profile = fixture_profile();
    struct fixture_body body;
    uint64_t at_ms = (uint64_t)(FIXTURE_NOW_S + SIGNER_AHEAD_MAX_S + 1) * 1000;
    fixture_body_init(&body, rsa_ca, device_key);
    for (size_t i = 0; i < 6; i++) {
        body.serial[i] = (uint8_t)(at_ms >> (8 * (5 - i)));
    }
    assert_int_equal(check(&body, &profile), E_SIGNER_CLOCK);
    fixture_body_clear(&body);
}

static void
ec_keys_follow_the_profile(void **state)
{
    (void)state;
    struct signer_profile profile = fixture_profile();
    OWN_STRUCT(pki_private_key) key = fixture_key("ec:p256");
    struct fixture_body body;
    fixture_body_init(&body, rsa_ca, key);
    assert_int_equal(check(&body, &profile), BASE_OK);
    profile.allow_ec = false;
    assert_int_equal(check(&body, &profile), E_SIGNER_BODY);
    fixture_body_clear(&body);
}

static void
ec_key_of_the_ca_is_refused(void **state)
{
    (void)state;
    const struct signer_profile profile = fixture_profile();
    struct fixture_body body;
    struct base_error err = {0};
    fixture_body_init(&body, p256_ca, device_key);
    body.spec.spki_der = p256_ca->ca.read.spki;
    assert_int_equal(check_der(fixture_build(&body), p256_ca, &profile, &err), E_SIGNER_BODY);
    fixture_body_clear(&body);
}

/* The offset of @wanted in @der; it must be there. */
static size_t
find(struct bytes der, struct bytes wanted)
{
    for (size_t i = 0; i + wanted.len <= der.len; i++) {
        if (memcmp(der.ptr + i, wanted.ptr, wanted.len) == 0) {
            return i;
        }
    }
    fail_msg("not found");
    return 0;
}

/* The body with some octets replaced. */
static enum base_code
check_patched(struct bytes from, struct bytes to)
{
    const struct signer_profile profile = fixture_profile();
    struct fixture_body body;
    struct base_error err = {0};
    fixture_body_init(&body, rsa_ca, device_key);
    (void)fixture_build(&body);
    memcpy(body.der.ptr + find(buffer_bytes(&body.der), from), to.ptr, to.len);
    enum base_code code = check_der(buffer_bytes(&body.der), rsa_ca, &profile, &err);
    fixture_body_clear(&body);
    return code;
}

static void
extension_that_no_profile_makes_is_refused(void **state)
{
    (void)state;
    /* cRLDistributionPoints becomes nameConstraints, policyMappings, freshestCRL. */
    static const uint8_t ours[] = {0x06, 0x03, 0x55, 0x1d, 0x1f};
    static const uint8_t others[][5] = {{0x06, 0x03, 0x55, 0x1d, 0x1e},
        {0x06, 0x03, 0x55, 0x1d, 0x21}, {0x06, 0x03, 0x55, 0x1d, 0x2e}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(check_patched(BYTES_ARRAY(ours), BYTES_ARRAY(others[i])), E_SIGNER_BODY);
    }
}

static void
version_2_is_refused(void **state)
{
    (void)state;
    static const uint8_t ours[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
    static const uint8_t other[] = {0xa0, 0x03, 0x02, 0x01, 0x01};
    assert_true(check_patched(BYTES_ARRAY(ours), BYTES_ARRAY(other)) != BASE_OK);
}

static void
every_cut_body_is_refused(void **state)
{
    (void)state;
    const struct signer_profile profile = fixture_profile();
    struct fixture_body body;
    fixture_body_init(&body, rsa_ca, device_key);
    struct bytes der = fixture_build(&body);
    for (size_t len = 0; len < der.len; len++) {
        struct base_error err = {0};
        assert_true(check_der((struct bytes){der.ptr, len}, rsa_ca, &profile, &err) != BASE_OK);
    }
    struct base_error err = {0};
    assert_int_equal(buffer_append_octet(&body.der, 0, &err), BASE_OK);
    assert_true(check_der(buffer_bytes(&body.der), rsa_ca, &profile, &err) != BASE_OK);
    fixture_body_clear(&body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_within_the_profile_passes_for_each_kind_of_ca),
        cmocka_unit_test(foreign_issuer_is_refused),
        cmocka_unit_test(issuer_written_otherwise_is_refused),
        cmocka_unit_test(weaker_digest_is_refused),
        cmocka_unit_test(other_digest_is_refused),
        cmocka_unit_test(other_signature_is_refused),
        cmocka_unit_test(short_serial_is_refused),
        cmocka_unit_test(long_serial_is_refused),
        cmocka_unit_test(serial_from_80_on_is_refused),
        cmocka_unit_test(serial_from_zero_is_refused),
        cmocka_unit_test(serial_of_the_future_is_refused),
        cmocka_unit_test(ca_is_refused),
        cmocka_unit_test(cert_sign_is_refused),
        cmocka_unit_test(crl_sign_is_refused),
        cmocka_unit_test(usage_beyond_the_profile_is_refused),
        cmocka_unit_test(missing_usage_is_refused),
        cmocka_unit_test(usage_where_the_profile_has_none_is_refused),
        cmocka_unit_test(part_of_the_usages_passes),
        cmocka_unit_test(T25_one_of_the_extended_usages_passes),
        cmocka_unit_test(T25_a_shorter_validity_passes),
        cmocka_unit_test(T12_sid_where_the_profile_has_none_is_refused),
        cmocka_unit_test(T12_sid_where_the_profile_takes_it_passes),
        cmocka_unit_test(T12_no_sid_where_the_profile_takes_one_passes),
        cmocka_unit_test(T12_sid_in_another_form_is_refused),
        cmocka_unit_test(foreign_extended_usage_is_refused),
        cmocka_unit_test(ocsp_signing_is_refused),
        cmocka_unit_test(any_usage_is_refused),
        cmocka_unit_test(missing_extended_usage_is_refused),
        cmocka_unit_test(extended_usage_where_the_profile_has_none_is_refused),
        cmocka_unit_test(foreign_type_of_name_is_refused),
        cmocka_unit_test(address_is_refused),
        cmocka_unit_test(no_alternative_name_passes),
        cmocka_unit_test(empty_subject_is_refused),
        cmocka_unit_test(empty_subject_passes_where_allowed),
        cmocka_unit_test(no_name_at_all_is_refused),
        cmocka_unit_test(name_of_the_ca_is_refused),
        cmocka_unit_test(name_of_the_ca_in_another_order_is_refused),
        cmocka_unit_test(name_of_the_ra_is_refused),
        cmocka_unit_test(key_of_the_ca_is_refused),
        cmocka_unit_test(key_of_the_ra_is_refused),
        cmocka_unit_test(rsa_where_the_profile_has_none_is_refused),
        cmocka_unit_test(short_key_is_refused),
        cmocka_unit_test(long_key_is_refused),
        cmocka_unit_test(foreign_key_identifier_is_refused),
        cmocka_unit_test(missing_key_identifier_is_refused),
        cmocka_unit_test(not_before_ahead_is_refused),
        cmocka_unit_test(not_before_a_little_ahead_passes),
        cmocka_unit_test(old_not_before_is_refused),
        cmocka_unit_test(long_validity_is_refused),
        cmocka_unit_test(longest_validity_passes),
        cmocka_unit_test(validity_that_is_over_is_refused),
        cmocka_unit_test(validity_beyond_the_ca_is_refused),
        cmocka_unit_test(validity_up_to_the_cas_end_passes),
        cmocka_unit_test(validity_before_the_ca_is_refused),
        cmocka_unit_test(ec_keys_follow_the_profile),
        cmocka_unit_test(ec_key_of_the_ca_is_refused),
        cmocka_unit_test(extension_that_no_profile_makes_is_refused),
        cmocka_unit_test(version_2_is_refused),
        cmocka_unit_test(every_cut_body_is_refused),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
