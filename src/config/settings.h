/*
 * settings.h - what a configuration file says, checked, with every default filled in.
 *
 * Fixed room for everything: the file is small, its limits are documented, and nothing here has to
 * be freed piece by piece. The members of each section are filled by the rows of its table in
 * schema.c. Texts are NUL-terminated UTF-8 without control characters; lists are newline-separated
 * texts, as the messages to the roles want them.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdint.h>

#include "config/limits.h"
#include "ipc/types.h"

/* The first member of every section: where it stands in the file. 0: not in the file. */
struct config_place {
    char name[IPC_NAME_MAX + 1];     /* of an object (profile, endpoint, CA); otherwise empty */
    uint32_t line;                   /* of the section's own key */
    uint32_t lines[CONFIG_KEYS_MAX]; /* of each key, in the order of the table */
};

struct config_listener {
    struct config_place place;
    char address[CONFIG_ADDRESS_MAX + 1];
    uint8_t purposes; /* bits of enum ipc_listener_purpose */
    uint8_t tls;      /* enum ipc_tls */
    char certificate[IPC_TEXT_MAX + 1];
    char key[IPC_TEXT_MAX + 1];
    char names[IPC_TEXT_MAX + 1];
    char ca[IPC_NAME_MAX + 1];
};

struct config_admin {
    struct config_place place;
    uint8_t is_page_utf8;
    char page_profile[IPC_NAME_MAX + 1];
    uint32_t page_outstanding;
    uint32_t requests_per_minute;
    uint32_t wrong_passwords_per_minute;
};

struct config_account {
    struct config_place place;
    char password[IPC_TEXT_MAX + 1]; /* scrypt text; empty: none */
    char token[IPC_NAME_MAX + 1];    /* SHA-256 in hexadecimal; empty: none */
    char profiles[IPC_TEXT_MAX + 1];
};

struct config_log {
    struct config_place place;
    uint8_t level; /* enum base_log_level */
    char file[IPC_TEXT_MAX + 1];
};

struct config_limits {
    struct config_place place;
    uint32_t connections;
    uint32_t connections_per_source;
    uint32_t wrong_challenges_per_minute;
    int64_t retry_window_s;
};

struct config_crl {
    struct config_place place;
    int64_t valid_s;
    int64_t renew_before_s;
};

struct config_users {
    struct config_place place;
    char front[IPC_NAME_MAX + 1];
    char ledger[IPC_NAME_MAX + 1];
    char signer[IPC_NAME_MAX + 1];
    char notifier[IPC_NAME_MAX + 1];
};

struct config_ca {
    struct config_place place;
    char key[IPC_NAME_MAX + 1]; /* URI; empty: file:ca-NAME.key */
};

struct config_endpoint {
    struct config_place place;
    char paths[IPC_TEXT_MAX + 1];
    char ndes_paths[IPC_TEXT_MAX + 1];
    char profiles[IPC_TEXT_MAX + 1];
    char ca[IPC_NAME_MAX + 1];
    char policies[IPC_TEXT_MAX + 1];
    uint8_t allow_3des;
    uint8_t allow_sha1;
    uint8_t allow_get;
    uint8_t failure_content; /* 0 an empty OCTET STRING, 1 absent */
    uint8_t ca_chain;
    uint8_t certificate_with_ca;
    uint8_t renewal_by_pkcsreq;
    uint8_t attributes_as_sent;
};

struct config_profile {
    struct config_place place;
    int64_t valid_s;
    int64_t backdate_s;
    int64_t challenge_ttl_s;
    int64_t renew_before_s;
    uint8_t key_usage; /* bits of the KeyUsage extension's first octet */
    uint8_t san_types; /* 1 << tag of GeneralName */
    uint8_t approval;
    uint8_t allow_empty_subject;
    uint8_t allow_same_key_renewal;
    uint8_t sid;       /* 1: from the request */
    uint8_t key_types; /* CONFIG_KEY_RSA, CONFIG_KEY_EC */
    uint32_t min_rsa_bits;
    uint32_t max_rsa_bits;
    char ekus[IPC_TEXT_MAX + 1];
    char static_challenge[CONFIG_STATIC_CHALLENGE_MAX + 1];
};
enum config_key_type { CONFIG_KEY_RSA = 1, CONFIG_KEY_EC = 2 };

struct config_policy {
    struct config_place place;
    uint8_t type; /* enum ipc_policy_kind; 0: the file does not say */
    uint8_t asked;
    uint8_t notify; /* enum ipc_policy_notify; 0: what is usual for the type */
    uint8_t is_hresult_unsigned;
    char events[IPC_TEXT_MAX + 1];
    char url[IPC_TEXT_MAX + 1];
    char secret[IPC_NAME_MAX + 1];
    char assertion_certificate[IPC_NAME_MAX + 1];
    char assertion_key[IPC_NAME_MAX + 1];
    char ca_file[IPC_NAME_MAX + 1];
    char proxy[IPC_TEXT_MAX + 1];
    char tenant[IPC_NAME_MAX + 1];
    char client_id[IPC_NAME_MAX + 1];
    char authority[IPC_TEXT_MAX + 1];
    char graph_url[IPC_TEXT_MAX + 1];
    char resource_url[IPC_TEXT_MAX + 1];
    char app_id[IPC_NAME_MAX + 1];
    int64_t timeout_s;
    int64_t revocations_s;
};

struct config_settings {
    struct config_place place;
    char public_url[CONFIG_URL_MAX + 1];
    uint8_t is_strict;
    char trusted_proxies[CONFIG_PROXIES_MAX * (IPC_SOURCE_MAX + 1) + 1];
    struct config_log log;
    struct config_limits limits;
    struct config_crl crl;
    struct config_users users;
    struct config_listener listeners[CONFIG_LISTENERS_MAX];
    uint32_t listener_count;
    struct config_ca cas[CONFIG_CAS_MAX];
    uint32_t ca_count;
    struct config_endpoint endpoints[CONFIG_ENDPOINTS_MAX];
    uint32_t endpoint_count;
    struct config_profile profiles[CONFIG_PROFILES_MAX];
    uint32_t profile_count;
    struct config_policy policies[CONFIG_POLICIES_MAX];
    uint32_t policy_count;
    struct config_admin admin;
    struct config_account accounts[CONFIG_ACCOUNTS_MAX];
    uint32_t account_count;
};

#endif
