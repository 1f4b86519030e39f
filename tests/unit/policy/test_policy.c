#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/policy.h"

#include "base/banned.h"

static struct policy_facts
good_challenge(void)
{
    return (struct policy_facts){.message_type = 19,
        .signer = POLICY_SIGNER_SELF,
        .is_signer_key = true,
        .challenge = POLICY_CHALLENGE_FOUND,
        .challenge_state = POLICY_NEW,
        .has_challenge_profile = true,
        .has_challenge_subject = true,
        .has_challenge_sans = true};
}

static struct policy_facts
good_renewal(void)
{
    return (struct policy_facts){.message_type = 17,
        .signer = POLICY_SIGNER_OURS,
        .is_signer_valid_now = true,
        .is_signer_in_window = true,
        .has_signer_names = true,
        .has_signer_profile = true,
        .challenge = POLICY_CHALLENGE_NONE,
        .renewal_by_pkcs_req = true};
}

static void
nothing_known_is_refused(void **state)
{
    (void)state;
    const struct policy_facts nothing = {.message_type = 0};
    for (unsigned type = 0; type < 100; type++) {
        struct policy_facts facts = nothing;
        facts.message_type = type;
        assert_int_equal(policy_authorise(&facts).action, POLICY_REFUSE);
    }
}

static void
T5_other_message_types_are_refused_whatever_they_bring(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 100; type++) {
        struct policy_facts facts = good_challenge();
        facts.message_type = type;
        struct policy_verdict verdict = policy_authorise(&facts);
        assert_int_equal(verdict.action, type == 19 ? POLICY_ISSUE : POLICY_REFUSE);
    }
}

static void
each_rule_of_a_challenge_has_its_code(void **state)
{
    (void)state;
    struct policy_facts facts = good_challenge();
    assert_int_equal(policy_authorise(&facts).action, POLICY_ISSUE);
    facts.challenge_state = POLICY_SPENT;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_USED);
    assert_true(policy_authorise(&facts).is_security_event);
    facts = good_challenge();
    facts.challenge_state = POLICY_DEAD;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_DEAD);
    facts = good_challenge();
    facts.challenge_state = POLICY_HELD_BY_OTHER;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_HELD);
    facts = good_challenge();
    facts.is_challenge_expired = true;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_EXPIRED);
    facts = good_challenge();
    facts.has_challenge_subject = false;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_SUBJECT);
    assert_true(policy_authorise(&facts).is_mismatch);
    facts = good_challenge();
    facts.has_challenge_sans = false;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_SAN);
    facts = good_challenge();
    facts.has_challenge_profile = false;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_PROFILE);
    facts = good_challenge();
    facts.signer = POLICY_SIGNER_FOREIGN;
    facts.is_signer_key = false;
    assert_int_equal(policy_authorise(&facts).code, E_SIGNER_KEY);
    facts = good_challenge();
    facts.challenge = POLICY_CHALLENGE_UNKNOWN;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_WRONG);
    facts.is_source_limited = true;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_RATE);
    facts.challenge = POLICY_CHALLENGE_NONE;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_MISSING);
}

static void
T7_T17_a_message_of_another_key_has_the_names_of_a_certificate_of_ours(void **state)
{
    (void)state;
    static const enum policy_challenge kinds[] = {POLICY_CHALLENGE_FOUND, POLICY_CHALLENGE_STATIC,
        POLICY_CHALLENGE_BOUND, POLICY_CHALLENGE_OF_SERVICE};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct policy_facts facts = good_challenge();
        facts.challenge = kinds[i];
        facts.is_signer_key = false;
        facts.signer = POLICY_SIGNER_FOREIGN;
        facts.has_signer_names = true; /* whatever a stranger's certificate says */
        assert_false(policy_is_own_request(&facts));
        assert_int_equal(policy_authorise(&facts).code, E_SIGNER_KEY);
        facts.signer = POLICY_SIGNER_OURS;
        assert_true(policy_is_own_request(&facts));
        assert_int_equal(policy_authorise(&facts).action, POLICY_ISSUE);
        facts.has_signer_names = false;
        assert_false(policy_is_own_request(&facts));
        assert_int_equal(policy_authorise(&facts).code, E_SIGNER_KEY);
    }
}

static void
a_bound_challenge_is_judged_as_a_one_time_one_and_by_what_it_states(void **state)
{
    (void)state;
    struct policy_facts facts = good_challenge();
    facts.challenge = POLICY_CHALLENGE_BOUND;
    assert_int_equal(policy_authorise(&facts).action, POLICY_ISSUE);
    assert_int_equal(policy_authorise(&facts).authority, POLICY_BY_BOUND);
    facts.challenge_code = E_CHALLENGE_USAGE;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_USAGE);
    facts.has_challenge_sans = false;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_SAN);
    assert_true(policy_authorise(&facts).is_mismatch);
    facts.is_challenge_early = true;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_EARLY);
    facts.challenge_state = POLICY_SPENT;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_USED);
    assert_true(policy_authorise(&facts).is_security_event);
    facts.challenge = POLICY_CHALLENGE_UNKNOWN;
    facts.challenge_code = E_CHALLENGE_SEAL;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_SEAL);
    assert_true(policy_authorise(&facts).is_wrong_challenge);
    facts.is_source_limited = true;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_RATE);
    facts = good_challenge();
    facts.sid_code = E_SID_FORMAT;
    assert_int_equal(policy_authorise(&facts).code, E_SID_FORMAT);
}

static void
a_right_challenge_passes_a_limited_source(void **state)
{
    (void)state;
    struct policy_facts facts = good_challenge();
    facts.is_source_limited = true;
    assert_int_equal(policy_authorise(&facts).action, POLICY_ISSUE);
}

static void
each_rule_of_a_renewal_has_its_code(void **state)
{
    (void)state;
    struct policy_facts facts = good_renewal();
    assert_int_equal(policy_authorise(&facts).action, POLICY_ISSUE);
    assert_int_equal(policy_authorise(&facts).authority, POLICY_BY_RENEWAL);
    facts.signer = POLICY_SIGNER_SELF;
    assert_int_equal(policy_authorise(&facts).code, E_RENEWAL_SIGNER);
    facts = good_renewal();
    facts.is_signer_revoked = true;
    assert_int_equal(policy_authorise(&facts).code, E_RENEWAL_REVOKED);
    facts = good_renewal();
    facts.is_signer_valid_now = false;
    assert_int_equal(policy_authorise(&facts).code, E_RENEWAL_EXPIRED);
    facts = good_renewal();
    facts.has_signer_names = false;
    assert_int_equal(policy_authorise(&facts).code, E_RENEWAL_NAMES);
    facts = good_renewal();
    facts.has_signer_profile = false;
    assert_int_equal(policy_authorise(&facts).code, E_RENEWAL_PROFILE);
    facts = good_renewal();
    facts.is_signer_in_window = false;
    assert_int_equal(policy_authorise(&facts).code, E_RENEWAL_EARLY);
    facts = good_renewal();
    facts.is_signer_key = true;
    assert_int_equal(policy_authorise(&facts).code, E_RENEWAL_SAME_KEY);
    facts.allow_same_key_renewal = true;
    assert_int_equal(policy_authorise(&facts).action, POLICY_ISSUE);
    facts = good_renewal();
    facts.challenge = POLICY_CHALLENGE_UNKNOWN;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_WRONG);
}

static void
T10_renewal_by_pkcs_req_only_where_it_is_switched_on(void **state)
{
    (void)state;
    struct policy_facts facts = good_renewal();
    facts.message_type = 19;
    assert_int_equal(policy_authorise(&facts).authority, POLICY_BY_RENEWAL);
    facts.renewal_by_pkcs_req = false;
    assert_int_equal(policy_authorise(&facts).code, E_CHALLENGE_MISSING);
}

static void
names_are_judged_last_and_approval_waits(void **state)
{
    (void)state;
    struct policy_facts facts = good_challenge();
    facts.is_subject_empty = true;
    assert_int_equal(policy_authorise(&facts).code, E_SUBJECT_EMPTY);
    facts.allow_empty_subject = true;
    assert_int_equal(policy_authorise(&facts).action, POLICY_ISSUE);
    facts.sans_code = E_SAN_TYPE;
    assert_int_equal(policy_authorise(&facts).code, E_SAN_TYPE);
    facts = good_challenge();
    facts.needs_approval = true;
    assert_int_equal(policy_authorise(&facts).action, POLICY_WAIT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_is_refused),
        cmocka_unit_test(T5_other_message_types_are_refused_whatever_they_bring),
        cmocka_unit_test(each_rule_of_a_challenge_has_its_code),
        cmocka_unit_test(T7_T17_a_message_of_another_key_has_the_names_of_a_certificate_of_ours),
        cmocka_unit_test(a_bound_challenge_is_judged_as_a_one_time_one_and_by_what_it_states),
        cmocka_unit_test(a_right_challenge_passes_a_limited_source),
        cmocka_unit_test(each_rule_of_a_renewal_has_its_code),
        cmocka_unit_test(T10_renewal_by_pkcs_req_only_where_it_is_switched_on),
        cmocka_unit_test(names_are_judged_last_and_approval_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
