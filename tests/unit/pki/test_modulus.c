/* Moduli with every small prime, with close primes, and good ones of each size; OpenSSL makes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "pki/modulus.h"

#include "base/banned.h"

static enum base_code
check(const BIGNUM *n, struct base_error *err)
{
    uint8_t octets[1024];
    return pki_modulus_check((struct bytes){octets, (size_t)BN_bn2bin(n, octets)}, err);
}

static void
moduli_of_two_random_primes_are_good(void **state)
{
    static const unsigned sizes[] = {1024, 2048, 3072};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct base_error err = {0};
        EVP_PKEY *key = EVP_RSA_gen(sizes[i]);
        BIGNUM *n = NULL;
        assert_int_equal(EVP_PKEY_get_bn_param(key, "n", &n), 1);
        assert_int_equal(check(n, &err), BASE_OK);
        BN_free(n);
        EVP_PKEY_free(key);
    }
}

static void
every_prime_factor_below_752_is_found(void **state)
{
    (void)state;
    BIGNUM *prime = BN_new();
    BIGNUM *n = BN_new();
    assert_int_equal(BN_generate_prime_ex(prime, 1024, 0, NULL, NULL, NULL), 1);
    for (BN_ULONG factor = 3; factor < 752; factor += 2) {
        struct base_error err = {0};
        assert_non_null(BN_copy(n, prime));
        assert_int_equal(BN_mul_word(n, factor), 1);
        assert_int_equal(check(n, &err), E_KEY_WEAK);
    }
    /* the next one above is another's job */
    struct base_error err = {0};
    assert_non_null(BN_copy(n, prime));
    assert_int_equal(BN_mul_word(n, 757), 1);
    assert_int_equal(check(n, &err), BASE_OK);
    BN_free(prime);
    BN_free(n);
}

static void
primes_that_lie_close_together_are_found(void **state)
{
    (void)state;
    BN_CTX *context = BN_CTX_new();
    BIGNUM *p = BN_new();
    BIGNUM *q = BN_new();
    BIGNUM *n = BN_new();
    for (int round = 0; round < 10; round++) {
        struct base_error err = {0};
        assert_int_equal(BN_generate_prime_ex(p, 1024, 0, NULL, NULL, NULL), 1);
        assert_non_null(BN_copy(q, p));
        do {
            assert_int_equal(BN_add_word(q, 2), 1);
        } while (BN_check_prime(q, context, NULL) != 1);
        assert_int_equal(BN_mul(n, p, q, context), 1);
        assert_int_equal(check(n, &err), E_KEY_WEAK);
    }
    BN_free(p);
    BN_free(q);
    BN_free(n);
    BN_CTX_free(context);
}

static void
small_and_oversized_numbers_are_taken_without_a_crash(void **state)
{
    (void)state;
    struct base_error err = {0};
    uint8_t octets[1025] = {0x80};
    assert_int_equal(pki_modulus_check((struct bytes){octets, 0}, &err), E_KEY_WEAK);
    assert_int_equal(pki_modulus_check((struct bytes){octets, 1025}, &err), E_KEY_WEAK);
    for (BN_ULONG value = 3; value < 750; value += 2) {
        BIGNUM *n = BN_new();
        assert_int_equal(BN_set_word(n, value), 1);
        assert_int_equal(check(n, &err), E_KEY_WEAK);
        BN_free(n);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moduli_of_two_random_primes_are_good),
        cmocka_unit_test(every_prime_factor_below_752_is_found),
        cmocka_unit_test(primes_that_lie_close_together_are_found),
        cmocka_unit_test(small_and_oversized_numbers_are_taken_without_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
