#include "ledger/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct ledger_settings *
ledger_settings_new(void)
{
    return calloc(1, sizeof(struct ledger_settings));
}

void
ledger_settings_free(struct ledger_settings *settings)
{
    if (settings != NULL) {
        for (size_t i = 0; i < settings->text_count; i++) {
            buffer_clear(&settings->texts[i]); /* wipes: a static challenge may be among them */
        }
        free(settings);
    }
}

/* Keep a copy of each of these texts; on success each slice points into it. */
static enum base_code
keep(struct ledger_settings *settings, struct bytes *const *slices, size_t count,
    struct base_error *err)
{
    size_t total = 1;
    if (settings->text_count == sizeof(settings->texts) / sizeof(settings->texts[0])) {
        return base_fail(err, E_TOO_LARGE, "too many profiles and endpoints");
    }
    struct buffer *storage = &settings->texts[settings->text_count++];
    for (size_t i = 0; i < count; i++) {
        total += slices[i]->len;
    }
    buffer_init(storage, total);
    uint8_t *room = NULL;
    TRY(buffer_reserve(storage, total, &room, err)); /* all at once: what follows does not move */
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = storage->ptr + storage->len;
        TRY(buffer_append(storage, *slices[i], err));
        slices[i]->ptr = at;
    }
    return BASE_OK;
}

enum base_code
ledger_settings_set_general(struct ledger_settings *settings,
    const struct ipc_config_general *message, struct base_error *err)
{
    settings->public_url = message->public_url;
    settings->listener_url = message->listener_url;
    settings->crl_valid_s = message->crl_valid_s;
    settings->crl_renew_before_s = message->crl_renew_before_s;
    settings->wrong_challenges_per_minute = message->wrong_challenges_per_minute;
    settings->retry_window_s = message->retry_window_s;
    struct bytes *const slices[] = {&settings->public_url, &settings->listener_url};
    return keep(settings, slices, sizeof(slices) / sizeof(slices[0]), err);
}

enum base_code
ledger_settings_add_endpoint(struct ledger_settings *settings,
    const struct ipc_config_endpoint *message, struct base_error *err)
{
    if (settings->endpoint_count == sizeof(settings->endpoints) / sizeof(settings->endpoints[0])) {
        return base_fail(err, E_TOO_LARGE, "too many endpoints");
    }
    struct ledger_endpoint *endpoint = &settings->endpoints[settings->endpoint_count++];
    *endpoint = (struct ledger_endpoint){.name = message->name,
        .policies =
            message->policies.len > 0 ? message->policies : BYTES_LITERAL(IPC_POLICY_CHALLENGE),
        .profiles = message->profiles,
        .ca = message->ca,
        .paths = message->paths,
        .ndes_paths = message->ndes_paths,
        .renewal_by_pkcs_req = message->renewal_by_pkcs_req != 0};
    struct bytes *const slices[] = {&endpoint->name, &endpoint->policies, &endpoint->profiles,
        &endpoint->ca, &endpoint->paths, &endpoint->ndes_paths};
    return keep(settings, slices, sizeof(slices) / sizeof(slices[0]), err);
}

enum base_code
ledger_settings_add_profile(struct ledger_settings *settings,
    const struct ipc_config_profile *message, struct base_error *err)
{
    if (settings->profile_count == sizeof(settings->profiles) / sizeof(settings->profiles[0])) {
        return base_fail(err, E_TOO_LARGE, "too many profiles");
    }
    struct ledger_profile *profile = &settings->profiles[settings->profile_count++];
    *profile = (struct ledger_profile){.name = message->name,
        .valid_s = message->valid_s,
        .backdate_s = message->backdate_s,
        .challenge_ttl_s = message->challenge_ttl_s,
        .renew_before_s = message->renew_before_s,
        .key_usage = message->key_usage,
        .ekus = message->ekus,
        .san_types = message->san_types,
        .allow_empty_subject = message->allow_empty_subject != 0,
        .needs_approval = message->needs_approval != 0,
        .allow_same_key_renewal = message->allow_same_key_renewal != 0,
        .allow_rsa = message->allow_rsa != 0,
        .allow_ec = message->allow_ec != 0,
        .min_rsa_bits = message->min_rsa_bits,
        .max_rsa_bits = message->max_rsa_bits,
        .allow_sid = message->allow_sid != 0,
        .static_challenge = message->static_challenge};
    struct bytes *const slices[] = {&profile->name, &profile->ekus, &profile->static_challenge};
    return keep(settings, slices, sizeof(slices) / sizeof(slices[0]), err);
}

enum base_code
ledger_settings_add_policy(struct ledger_settings *settings,
    const struct ipc_config_policy *message, struct base_error *err)
{
    if (settings->policy_count == LEDGER_POLICIES_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d policies", LEDGER_POLICIES_MAX);
    }
    struct ledger_policy *policy = &settings->policies[settings->policy_count++];
    *policy = (struct ledger_policy){.name = message->name,
        .kind = (enum ipc_policy_kind)message->kind,
        .is_asked = message->is_asked != 0,
        .notify = (enum ipc_policy_notify)message->notify,
        .events = message->events};
    settings->has_event_policies = settings->has_event_policies || message->events.len > 0;
    struct bytes *const slices[] = {&policy->name, &policy->events};
    return keep(settings, slices, sizeof(slices) / sizeof(slices[0]), err);
}

const struct ledger_policy *
ledger_settings_find_policy(const struct ledger_settings *settings, struct bytes name)
{
    for (size_t i = 0; i < settings->policy_count; i++) {
        if (bytes_equal(settings->policies[i].name, name)) {
            return &settings->policies[i];
        }
    }
    return NULL;
}

bool
ledger_list_has(struct bytes list, struct bytes wanted)
{
    while (list.len > 0) {
        const uint8_t *end = memchr(list.ptr, '\n', list.len);
        size_t len = end == NULL ? list.len : (size_t)(end - list.ptr);
        struct bytes item = {list.ptr, len};
        if (bytes_equal(item, wanted) || bytes_equal_text(item, "*")) {
            return true;
        }
        list = bytes_skip(list, end == NULL ? len : len + 1);
    }
    return false;
}

const struct ledger_endpoint *
ledger_settings_find_endpoint(const struct ledger_settings *settings, struct bytes name)
{
    for (size_t i = 0; i < settings->endpoint_count; i++) {
        if (bytes_equal(settings->endpoints[i].name, name)) {
            return &settings->endpoints[i];
        }
    }
    return NULL;
}

const struct ledger_profile *
ledger_settings_find_profile(const struct ledger_settings *settings,
    const struct ledger_endpoint *endpoint, struct bytes name)
{
    if (name.len == 0) {
        const struct ledger_endpoint *from = endpoint != NULL ? endpoint : &settings->endpoints[0];
        const uint8_t *end =
            from->profiles.len == 0 ? NULL : memchr(from->profiles.ptr, '\n', from->profiles.len);
        name = (struct bytes){from->profiles.ptr,
            end == NULL ? from->profiles.len : (size_t)(end - from->profiles.ptr)};
    }
    for (size_t i = 0; i < settings->profile_count; i++) {
        if (bytes_equal(settings->profiles[i].name, name)) {
            return &settings->profiles[i];
        }
    }
    return NULL;
}
