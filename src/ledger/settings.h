/*
 * settings.h - the ledger's part of the configuration: endpoints and profiles. Taken whole, or not
 * at all.
 */
#ifndef LEDGER_SETTINGS_H
#define LEDGER_SETTINGS_H

#include "base/own.h"
#include "ipc/to_role.h"

/* Texts live as long as the settings. */
struct ledger_profile {
    struct bytes name;
    int64_t valid_s;
    int64_t backdate_s;
    int64_t challenge_ttl_s;
    int64_t renew_before_s;
    uint8_t key_usage;
    struct bytes ekus;
    uint8_t san_types;
    bool allow_empty_subject;
    bool needs_approval;
    bool allow_same_key_renewal;
    bool allow_rsa;
    bool allow_ec;
    uint32_t min_rsa_bits;
    uint32_t max_rsa_bits;
    bool allow_sid;
    struct bytes static_challenge; /* empty: none */
};

/* A service that is asked before anything is issued, or told afterwards. */
struct ledger_policy {
    struct bytes name;
    enum ipc_policy_kind kind;
    bool is_asked;
    enum ipc_policy_notify notify;
    struct bytes events; /* newline-separated; "*": all */
};
#define LEDGER_POLICIES_MAX 16

struct ledger_endpoint {
    struct bytes name;
    struct bytes policies; /* newline-separated: all of them must agree */
    struct bytes profiles; /* newline-separated; the first is the default */
    struct bytes ca;
    struct bytes paths;      /* newline-separated */
    struct bytes ndes_paths; /* the same; some of paths */
    bool renewal_by_pkcs_req;
};

struct ledger_settings {
    struct ledger_profile profiles[64];
    size_t profile_count;
    struct ledger_endpoint endpoints[64];
    size_t endpoint_count;
    struct ledger_policy policies[LEDGER_POLICIES_MAX];
    size_t policy_count;
    bool has_event_policies; /* somebody wants to hear of events */
    struct bytes public_url;
    struct bytes listener_url; /* empty: there is no listener for devices */
    int64_t crl_valid_s;
    int64_t crl_renew_before_s;
    uint32_t wrong_challenges_per_minute;
    int64_t retry_window_s;
    uint32_t page_outstanding;
    struct buffer texts[130 + LEDGER_POLICIES_MAX];
    size_t text_count;
};

struct ledger_settings *ledger_settings_new(void); /* NULL without memory */
void ledger_settings_free(struct ledger_settings *settings);
OWNER_STRUCT(ledger_settings)

MUST_CHECK enum base_code ledger_settings_set_general(struct ledger_settings *settings,
    const struct ipc_config_general *message, struct base_error *err);
MUST_CHECK enum base_code ledger_settings_add_endpoint(struct ledger_settings *settings,
    const struct ipc_config_endpoint *message, struct base_error *err);
MUST_CHECK enum base_code ledger_settings_add_profile(struct ledger_settings *settings,
    const struct ipc_config_profile *message, struct base_error *err);

MUST_CHECK enum base_code ledger_settings_add_policy(struct ledger_settings *settings,
    const struct ipc_config_policy *message, struct base_error *err);

/* NULL: there is none of that name. */
const struct ledger_policy *ledger_settings_find_policy(
    const struct ledger_settings *settings, struct bytes name);
/* Is @wanted an item of a newline-separated list, or "*" one? */
bool ledger_list_has(struct bytes list, struct bytes wanted);

const struct ledger_endpoint *ledger_settings_find_endpoint(
    const struct ledger_settings *settings, struct bytes name);
/* By name; an empty one is the endpoint's first (@endpoint may be NULL: the first endpoint's).
 * NULL: none. */
const struct ledger_profile *ledger_settings_find_profile(const struct ledger_settings *settings,
    const struct ledger_endpoint *endpoint, struct bytes name);

#endif
