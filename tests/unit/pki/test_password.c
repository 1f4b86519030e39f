/* Passwords of accounts: what is kept of them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pki/password.h"

#include "base/banned.h"

/* Python: hashlib.scrypt(b"pleaseletmein", salt=b"0123456789abcdef", n=16384, r=8, p=1, dklen=32)
 */
static const char known[] = "$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
                            "wOBlTLx2kTvDnlM7GeRqLPJSaL8dgO6Mbiarn6WFHEI";

static const char too_parallel[] = "$scrypt$ln=15,r=8,p=17$MDEyMzQ1Njc4OWFiY2RlZg$"
                                   "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

static bool
is_right(const char *text, const char *password)
{
    bool right = false;
    assert_int_equal(
        pki_password_check(bytes_from_text(text), bytes_from_text(password), &right, NULL),
        BASE_OK);
    return right;
}

static void
a_password_is_known_by_its_hash_only(void **state)
{
    (void)state;
    const struct base_random random = base_random_system();
    char first[PKI_PASSWORD_TEXT_LEN] = "";
    char second[PKI_PASSWORD_TEXT_LEN] = "";
    assert_int_equal(
        pki_password_hash(BYTES_LITERAL("correct horse"), &random, first, NULL), BASE_OK);
    assert_int_equal(
        pki_password_hash(BYTES_LITERAL("correct horse"), &random, second, NULL), BASE_OK);
    assert_string_not_equal(first, second); /* a salt of its own each time */
    assert_null(strstr(first, "horse"));
    assert_int_equal(pki_password_check_form(bytes_from_text(first), NULL), BASE_OK);
    assert_true(is_right(first, "correct horse"));
    assert_true(is_right(second, "correct horse"));
}

static void
another_implementations_hash_is_understood(void **state)
{
    (void)state;
    assert_true(is_right(known, "pleaseletmein"));
    assert_false(is_right(known, "Pleaseletmein"));
    assert_false(is_right(known, "pleaseletmei"));
    assert_false(is_right(known, ""));
    bool right = true; /* HMAC would not tell the two apart */
    assert_int_equal(pki_password_check(bytes_from_text(known),
                         BYTES_ARRAY(((const uint8_t[]){"pleaseletmein"})), &right, NULL),
        BASE_OK);
    assert_false(right);
}

static void
texts_of_another_form_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "geheim", "$scrypt$",
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
        "$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg",
        "$scrypt$ln=14,r=8,p=1$MDEyMw$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
        "$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEy",
        "$scrypt$ln=x,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
        /* weak: 8192 rounds of memory; r of 1; and more memory than there is for it */
        "$scrypt$ln=13,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
        "$scrypt$ln=15,r=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
        "$scrypt$ln=15,r=8,p=0$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
        "$scrypt$ln=20,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
        too_parallel};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        bool right = true;
        assert_int_equal(
            pki_password_check_form(bytes_from_text(texts[i]), NULL), E_ACCOUNT_FORMAT);
        assert_int_equal(
            pki_password_check(bytes_from_text(texts[i]), BYTES_LITERAL("geheim"), &right, NULL),
            E_ACCOUNT_FORMAT);
    }
}

static void
empty_and_huge_passwords_are_refused(void **state)
{
    (void)state;
    static uint8_t huge[PKI_PASSWORD_MAX + 1] = {'a'};
    const struct base_random random = base_random_system();
    char text[PKI_PASSWORD_TEXT_LEN] = "";
    assert_int_equal(pki_password_hash(BYTES_NONE, &random, text, NULL), E_TEXT_FORMAT);
    assert_int_equal(pki_password_hash(BYTES_LITERAL("a\0b"), &random, text, NULL), E_TEXT_FORMAT);
    assert_int_equal(pki_password_hash(BYTES_ARRAY(huge), &random, text, NULL), E_TEXT_FORMAT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_known_by_its_hash_only),
        cmocka_unit_test(another_implementations_hash_is_understood),
        cmocka_unit_test(texts_of_another_form_are_refused),
        cmocka_unit_test(empty_and_huge_passwords_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
