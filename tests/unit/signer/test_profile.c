#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pki/certificate.h"
#include "signer/limits.h"
#include "signer/profile.h"

#include "base/banned.h"

static struct ipc_config_profile
make_message(void)
{
    return (struct ipc_config_profile){.name = BYTES_LITERAL("device"),
        .valid_s = 365 * 86400,
        .backdate_s = 300,
        .key_usage = PKI_DIGITAL_SIGNATURE,
        .ekus = BYTES_LITERAL("1.3.6.1.5.5.7.3.2\n1.3.6.1.5.5.7.3.4"),
        .san_types = 4,
        .min_rsa_bits = 2048,
        .max_rsa_bits = 8192,
        .allow_rsa = 1};
}

static void
profile_within_our_limits_is_taken(void **state)
{
    (void)state;
    struct ipc_config_profile message = make_message();
    struct signer_profile profile;
    assert_int_equal(signer_profile_read(&message, &profile, NULL), BASE_OK);
    assert_string_equal(profile.name, "device");
    assert_true(signer_profile_has_eku(&profile, "1.3.6.1.5.5.7.3.2"));
    assert_true(signer_profile_has_eku(&profile, "1.3.6.1.5.5.7.3.4"));
    assert_false(signer_profile_has_eku(&profile, "1.3.6.1.5.5.7.3"));
    assert_false(signer_profile_has_eku(&profile, "1.3.6.1.5.5.7.3.25"));
    message.ekus = BYTES_NONE;
    assert_int_equal(signer_profile_read(&message, &profile, NULL), BASE_OK);
    assert_false(signer_profile_has_eku(&profile, "1.3.6.1.5.5.7.3.2"));
}

#define REFUSED(test, change)                                                                      \
    static void test(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        struct ipc_config_profile message = make_message();                                        \
        struct signer_profile profile;                                                             \
        change;                                                                                    \
        assert_int_equal(signer_profile_read(&message, &profile, NULL), E_SIGNER_PROFILE);         \
    }

REFUSED(odd_name_is_refused, message.name = BYTES_LITERAL("../x"))
REFUSED(no_name_is_refused, message.name = BYTES_NONE)
REFUSED(no_validity_is_refused, message.valid_s = 0)
REFUSED(endless_validity_is_refused, message.valid_s = SIGNER_VALID_MAX_S + 1)
REFUSED(long_back_dating_is_refused, message.backdate_s = 24 * 3600 + 1)
REFUSED(forward_dating_is_refused, message.backdate_s = -1)
REFUSED(cert_sign_is_refused, message.key_usage = PKI_KEY_CERT_SIGN)
REFUSED(crl_sign_is_refused, message.key_usage = PKI_CRL_SIGN)
REFUSED(ocsp_signing_is_refused, message.ekus = BYTES_LITERAL("1.3.6.1.5.5.7.3.9"))
REFUSED(any_usage_is_refused, message.ekus = BYTES_LITERAL("1.3.6.1.5.5.7.3.2\n2.5.29.37.0"))
REFUSED(short_keys_are_refused, message.min_rsa_bits = 2047)
REFUSED(long_keys_are_refused, message.max_rsa_bits = 8193)
REFUSED(contradicting_sizes_are_refused, (message.min_rsa_bits = 4096, message.max_rsa_bits = 2048))

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profile_within_our_limits_is_taken),
        cmocka_unit_test(odd_name_is_refused),
        cmocka_unit_test(no_name_is_refused),
        cmocka_unit_test(no_validity_is_refused),
        cmocka_unit_test(endless_validity_is_refused),
        cmocka_unit_test(long_back_dating_is_refused),
        cmocka_unit_test(forward_dating_is_refused),
        cmocka_unit_test(cert_sign_is_refused),
        cmocka_unit_test(crl_sign_is_refused),
        cmocka_unit_test(ocsp_signing_is_refused),
        cmocka_unit_test(any_usage_is_refused),
        cmocka_unit_test(short_keys_are_refused),
        cmocka_unit_test(long_keys_are_refused),
        cmocka_unit_test(contradicting_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
