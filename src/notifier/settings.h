/*
 * settings.h - the policies of one configuration, with their secrets. Taken whole, or not at all;
 * whatever is under way keeps the settings that it began with.
 */
#ifndef NOTIFIER_SETTINGS_H
#define NOTIFIER_SETTINGS_H

#include "base/secret.h"
#include "ipc/to_role.h"
#include "notifier/limits.h"
#include "pki/private_key.h"

struct notifier_intune;

struct notifier_policy {
    char name[IPC_NAME_MAX + 1];
    enum ipc_policy_kind kind;
    struct secret secret;           /* webhook: HMAC key; Intune: client secret, empty: assertion */
    struct buffer certificate;      /* of the assertion, DER; empty: none */
    struct pki_private_key *key;    /* owned; NULL: none */
    char url[IPC_TEXT_MAX + 1];     /* webhook */
    char ca_file[2 * IPC_TEXT_MAX]; /* absolute; empty: the system's */
    char proxy[IPC_TEXT_MAX + 1];   /* empty: none */
    int64_t timeout_ms;             /* of one call */
    char tenant[IPC_NAME_MAX + 1];  /* Intune, from here on */
    char client_id[IPC_NAME_MAX + 1];
    char authority[IPC_TEXT_MAX + 1];
    char graph_url[IPC_TEXT_MAX + 1];
    char resource_url[IPC_TEXT_MAX + 1];
    char app_id[IPC_NAME_MAX + 1];
    bool is_hresult_unsigned;
    int64_t revocations_s;
    struct notifier_intune *intune; /* owned; what is known of the service now */
};

struct notifier_settings {
    unsigned references;
    bool is_strict;
    struct notifier_policy policies[NOTIFIER_POLICIES_MAX];
    size_t count;
};

struct notifier_settings *notifier_settings_new(void); /* one reference; NULL without memory */
struct notifier_settings *notifier_settings_share(struct notifier_settings *settings);
void notifier_settings_free(struct notifier_settings *settings); /* one reference less */
OWNER_STRUCT(notifier_settings)

/* Add a policy and read its secrets from HOME/notifier/. Errors: E_POLICY_SECRET, E_TOO_LARGE. */
MUST_CHECK enum base_code notifier_settings_add(struct notifier_settings *settings,
    const char *home, const struct ipc_config_policy *message, struct base_error *err);
struct notifier_policy *notifier_settings_find(
    struct notifier_settings *settings, struct bytes name); /* NULL: none */

#endif
