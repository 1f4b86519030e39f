/* Accounts of the configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "front/accounts.h"

#include "base/banned.h"

/* SHA-256 of "abc", FIPS 180-4 */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define GOOD                                                                                       \
    "$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"

static enum base_code
add(struct front_accounts *accounts, const char *name, const char *password, const char *token,
    const char *profiles)
{
    const struct ipc_config_account message = {.name = bytes_from_text(name),
        .password = bytes_from_text(password),
        .token = bytes_from_text(token),
        .profiles = bytes_from_text(profiles)};
    struct base_error err;
    return front_accounts_add(accounts, &message, &err);
}

static void
accounts_are_found_by_name_and_by_token(void **state)
{
    (void)state;
    OWN_STRUCT(front_accounts) accounts = front_accounts_new();
    assert_non_null(accounts);
    assert_int_equal(add(accounts, "mdm", "", ABC, "default"), BASE_OK);
    assert_int_equal(add(accounts, "jamf", GOOD, "", "default\nrouters"), BASE_OK);
    const struct front_account *mdm = front_accounts_find(accounts, BYTES_LITERAL("mdm"));
    const struct front_account *jamf = front_accounts_find(accounts, BYTES_LITERAL("jamf"));
    assert_non_null(mdm);
    assert_non_null(jamf);
    assert_null(front_accounts_find(accounts, BYTES_LITERAL("jam")));
    assert_ptr_equal(front_accounts_find_token(accounts, BYTES_LITERAL("abc")), mdm);
    assert_null(front_accounts_find_token(accounts, BYTES_LITERAL("abd")));
    assert_null(front_accounts_find_token(accounts, BYTES_NONE));
    assert_ptr_equal(front_accounts_first_password(accounts), jamf);
    assert_true(front_account_may(jamf, BYTES_LITERAL("routers")));
    assert_false(front_account_may(jamf, BYTES_LITERAL("router")));
    assert_false(front_account_may(mdm, BYTES_LITERAL("routers")));
}

/* A token whose hash is all zeros would be everybody's: an account without one has none. */
static void
an_account_without_a_token_is_nobodys(void **state)
{
    (void)state;
    OWN_STRUCT(front_accounts) accounts = front_accounts_new();
    assert_non_null(accounts);
    assert_int_equal(add(accounts, "jamf", GOOD, "", "default"), BASE_OK);
    const struct front_account *jamf = front_accounts_find(accounts, BYTES_LITERAL("jamf"));
    assert_false(jamf->has_token);
    assert_null(front_accounts_find_token(accounts, BYTES_LITERAL("x")));
}

static void
bad_forms_are_refused(void **state)
{
    (void)state;
    OWN_STRUCT(front_accounts) accounts = front_accounts_new();
    assert_non_null(accounts);
    assert_int_equal(add(accounts, "a", "plain", "", "default"), E_ACCOUNT_FORMAT);
    assert_int_equal(add(accounts, "a", "", "abcd", "default"), E_ACCOUNT_FORMAT);
    assert_int_equal(add(accounts, "a", "", "xyz", "default"), E_ACCOUNT_FORMAT);
    for (int i = 0; i < 64; i++) {
        char name[16] = "";
        (void)snprintf(name, sizeof(name), "a%d", i);
        assert_int_equal(add(accounts, name, "", ABC, "default"), BASE_OK);
    }
    assert_int_equal(add(accounts, "one-more", "", ABC, "default"), E_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts_are_found_by_name_and_by_token),
        cmocka_unit_test(an_account_without_a_token_is_nobodys),
        cmocka_unit_test(bad_forms_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
