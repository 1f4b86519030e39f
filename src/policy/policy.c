#include "policy/policy.h"

#include "base/banned.h"

enum { PKCS_REQ = 19, RENEWAL_REQ = 17 };

/* A renewal is a request signed by a certificate of ours, whatever its messageType says. */
static bool
is_renewal(const struct policy_facts *facts)
{
    if (facts->message_type == RENEWAL_REQ) {
        return true;
    }
    return facts->message_type == PKCS_REQ && facts->signer == POLICY_SIGNER_OURS &&
           facts->renewal_by_pkcs_req && facts->challenge == POLICY_CHALLENGE_NONE;
}

enum policy_authority
policy_find_authority(const struct policy_facts *facts)
{
    if (is_renewal(facts)) {
        return facts->signer == POLICY_SIGNER_OURS ? POLICY_BY_RENEWAL : POLICY_BY_NOTHING;
    }
    if (facts->message_type != PKCS_REQ) {
        return POLICY_BY_NOTHING;
    }
    switch (facts->challenge) {
    case POLICY_CHALLENGE_FOUND:
        return POLICY_BY_CHALLENGE;
    case POLICY_CHALLENGE_STATIC:
        return POLICY_BY_STATIC;
    case POLICY_CHALLENGE_OF_SERVICE:
        return POLICY_BY_SERVICE;
    case POLICY_CHALLENGE_BOUND:
        return POLICY_BY_BOUND;
    case POLICY_CHALLENGE_NONE:
    case POLICY_CHALLENGE_UNKNOWN:
    default:
        return POLICY_BY_NOTHING;
    }
}

bool
policy_is_own_request(const struct policy_facts *facts)
{
    return facts->is_signer_key || (facts->signer == POLICY_SIGNER_OURS && facts->has_signer_names);
}

/* Rules in the order in which they are told; the first broken one is the reason. */
static enum base_code
judge_renewal(const struct policy_facts *facts)
{
    const struct {
        bool is_kept;
        enum base_code code;
    } rules[] = {
        {facts->signer == POLICY_SIGNER_OURS, E_RENEWAL_SIGNER},
        {facts->challenge != POLICY_CHALLENGE_UNKNOWN, E_CHALLENGE_WRONG},
        {!facts->is_signer_revoked, E_RENEWAL_REVOKED},
        {facts->is_signer_valid_now, E_RENEWAL_EXPIRED},
        {facts->has_signer_profile, E_RENEWAL_PROFILE},
        {facts->has_signer_names, E_RENEWAL_NAMES},
        {facts->is_signer_in_window, E_RENEWAL_EARLY},
        {!facts->is_signer_key || facts->allow_same_key_renewal, E_RENEWAL_SAME_KEY},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!rules[i].is_kept) {
            return rules[i].code;
        }
    }
    return BASE_OK;
}

static bool
has_real_challenge(const struct policy_facts *facts)
{
    return facts->challenge == POLICY_CHALLENGE_FOUND || facts->challenge == POLICY_CHALLENGE_BOUND;
}

static enum base_code
judge_challenge(const struct policy_facts *facts)
{
    const struct {
        bool is_kept;
        enum base_code code;
    } rules[] = {
        {policy_is_own_request(facts), E_SIGNER_KEY},
        {facts->challenge_state != POLICY_SPENT, E_CHALLENGE_USED},
        {facts->challenge_state != POLICY_DEAD, E_CHALLENGE_DEAD},
        {facts->challenge_state != POLICY_HELD_BY_OTHER, E_CHALLENGE_HELD},
        {!facts->is_challenge_expired, E_CHALLENGE_EXPIRED},
        {!facts->is_challenge_early, E_CHALLENGE_EARLY},
        {facts->has_challenge_profile, E_CHALLENGE_PROFILE},
        {facts->has_challenge_subject, E_CHALLENGE_SUBJECT},
        {facts->has_challenge_sans, E_CHALLENGE_SAN},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!rules[i].is_kept) {
            return rules[i].code;
        }
    }
    return facts->challenge_code;
}

static enum base_code
judge_names(const struct policy_facts *facts)
{
    if (facts->is_subject_empty && !facts->allow_empty_subject) {
        return E_SUBJECT_EMPTY;
    }
    return facts->sans_code != BASE_OK ? facts->sans_code : facts->sid_code;
}

static enum base_code
judge(const struct policy_facts *facts)
{
    if (facts->message_type != PKCS_REQ && facts->message_type != RENEWAL_REQ) {
        return E_POLICY_TYPE;
    }
    enum base_code code = E_CHALLENGE_MISSING;
    if (is_renewal(facts)) {
        code = judge_renewal(facts);
    } else if (has_real_challenge(facts)) {
        code = judge_challenge(facts);
    } else if (facts->challenge == POLICY_CHALLENGE_STATIC ||
               facts->challenge == POLICY_CHALLENGE_OF_SERVICE) {
        code = policy_is_own_request(facts) ? BASE_OK : E_SIGNER_KEY;
    } else if (facts->challenge == POLICY_CHALLENGE_UNKNOWN) {
        code = facts->is_source_limited           ? E_CHALLENGE_RATE
               : facts->challenge_code != BASE_OK ? facts->challenge_code
                                                  : E_CHALLENGE_WRONG;
    }
    return code == BASE_OK ? judge_names(facts) : code;
}

struct policy_verdict
policy_authorise(const struct policy_facts *facts)
{
    struct policy_verdict verdict = {
        .action = POLICY_REFUSE, .authority = policy_find_authority(facts)};
    verdict.code = judge(facts);
    verdict.is_wrong_challenge = facts->challenge == POLICY_CHALLENGE_UNKNOWN;
    verdict.is_security_event = verdict.code == E_CHALLENGE_USED;
    verdict.is_mismatch = has_real_challenge(facts) &&
                          (verdict.code == E_CHALLENGE_SUBJECT || verdict.code == E_CHALLENGE_SAN ||
                              verdict.code == E_CHALLENGE_PROFILE);
    if (verdict.code == BASE_OK && verdict.authority != POLICY_BY_NOTHING) {
        verdict.action = facts->needs_approval ? POLICY_WAIT : POLICY_ISSUE;
    }
    return verdict;
}
