/*
 * policy.h - may this request have a certificate? One function decides, for every message type, and
 * denies by default.
 *
 * Who asks has looked everything up; what is decided depends on the facts alone.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/bytes.h"
#include "base/error.h"

enum policy_signer {
    POLICY_SIGNER_SELF =
        1,              /* self-signed by the key to be certified: proves nothing but possession */
    POLICY_SIGNER_OURS, /* a certificate of this ledger, found by serial and SHA-256 of its DER */
    POLICY_SIGNER_FOREIGN, /* anything else */
};

enum policy_challenge {
    POLICY_CHALLENGE_NONE =
        1, /* absent, empty, or spent by an ancestor of the renewed certificate */
    POLICY_CHALLENGE_UNKNOWN,    /* not one that this server made */
    POLICY_CHALLENGE_STATIC,     /* the profile's static one, which configuration allows by name */
    POLICY_CHALLENGE_FOUND,      /* a one-time challenge, presented whole */
    POLICY_CHALLENGE_OF_SERVICE, /* for a policy outside to judge; it is always asked */
    POLICY_CHALLENGE_BOUND,      /* a bound challenge, authentic */
};

enum policy_challenge_state { POLICY_NEW = 1, POLICY_HELD_BY_OTHER, POLICY_SPENT, POLICY_DEAD };

struct policy_facts {
    unsigned message_type; /* RFC 8894: 19 PKCSReq, 17 RenewalReq */
    enum policy_signer signer;
    bool is_signer_key; /* the message is signed by the key to be certified */
    /* Of a signer that is ours. */
    bool is_signer_revoked;
    bool is_signer_valid_now;
    bool is_signer_in_window;
    bool has_signer_names;   /* the request's names are those of the signer's certificate */
    bool has_signer_profile; /* the profile is that of the signer's certificate */
    /* The challenge. */
    enum policy_challenge challenge;
    enum policy_challenge_state challenge_state;
    bool is_challenge_expired;
    bool is_challenge_early;       /* dated in the future */
    enum base_code challenge_code; /* what else is wrong with it: why it is not known, or what it
                                      wants beyond the profile; BASE_OK: nothing, or not told */
    bool has_challenge_profile;
    bool has_challenge_subject; /* or none is bound */
    bool has_challenge_sans;    /* or none are bound */
    bool is_source_limited;     /* too many wrong challenges from there */
    /* Names and profile. */
    bool is_subject_empty;
    enum base_code sid_code;  /* of a SID that the profile takes from the request */
    enum base_code sans_code; /* of pki_sans_check() with the profile's types */
    bool allow_empty_subject;
    bool needs_approval;
    bool renewal_by_pkcs_req;
    bool allow_same_key_renewal;
};

enum policy_action { POLICY_REFUSE = 0, POLICY_ISSUE, POLICY_WAIT };
enum policy_authority {
    POLICY_BY_NOTHING = 0,
    POLICY_BY_CHALLENGE,
    POLICY_BY_STATIC,
    POLICY_BY_RENEWAL,
    POLICY_BY_SERVICE,
    POLICY_BY_BOUND
};

struct policy_verdict {
    enum policy_action action;
    enum policy_authority authority;
    enum base_code code;     /* why it is refused */
    bool is_mismatch;        /* a real challenge with a wrong request: counted, nothing spent */
    bool is_security_event;  /* a used challenge with another key or other names */
    bool is_wrong_challenge; /* counts against the source */
};

/* Is the message signed by the one whose request it carries: by its key, or by a certificate of
 * ours with its names? Anybody can sign an envelope that was recorded. */
bool policy_is_own_request(const struct policy_facts *facts);
/* What would authorise the request, if anything: decided before the verdict, because a retry is
 * known by it. */
enum policy_authority policy_find_authority(const struct policy_facts *facts);
struct policy_verdict policy_authorise(const struct policy_facts *facts);

#endif
