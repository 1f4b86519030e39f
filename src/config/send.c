#include "config/send.h"

#include <stdio.h>
#include <string.h>

#include "ipc/channel.h"
#include "ipc/to_role.h"

#include "base/banned.h"

MUST_CHECK static enum base_code
send_process(int fd, const struct config_settings *settings, struct base_error *err)
{
    struct ipc_config_process message = {
        .user_front = bytes_from_text(settings->users.front),
        .user_ledger = bytes_from_text(settings->users.ledger),
        .user_signer = bytes_from_text(settings->users.signer),
        .user_notifier = bytes_from_text(settings->users.notifier),
        .log_file = bytes_from_text(settings->log.file),
    };
    return ipc_send(fd, &ipc_config_process_spec, &message, -1, err);
}

MUST_CHECK static enum base_code
send_general(int fd, const struct config_settings *settings, struct base_error *err)
{
    const struct config_limits *limits = &settings->limits;
    uint32_t per_source = limits->connections_per_source < limits->connections
                              ? limits->connections_per_source
                              : limits->connections;
    struct ipc_config_general message = {
        .public_url = bytes_from_text(settings->public_url),
        .log_level = settings->log.level,
        .is_strict = settings->is_strict,
        .crl_valid_s = settings->crl.valid_s,
        .crl_renew_before_s = settings->crl.renew_before_s,
        .wrong_challenges_per_minute = limits->wrong_challenges_per_minute,
        .max_connections = limits->connections,
        .max_connections_per_source = per_source,
        .retry_window_s = limits->retry_window_s,
    };
    return ipc_send(fd, &ipc_config_general_spec, &message, -1, err);
}

MUST_CHECK static enum base_code
send_proxies(int fd, const struct config_settings *settings, struct base_error *err)
{
    const char *at = settings->trusted_proxies;
    while (*at != '\0') {
        size_t len = strcspn(at, "\n");
        struct ipc_config_proxy message = {.network = {(const uint8_t *)at, len}};
        TRY(ipc_send(fd, &ipc_config_proxy_spec, &message, -1, err));
        at += len;
        at += *at == '\n' ? 1 : 0;
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
send_ca(int fd, const struct config_ca *ca, struct base_error *err)
{
    char usual[IPC_NAME_MAX + 32] = "";
    (void)snprintf(usual, sizeof(usual), "file:ca-%s.key", ca->place.name);
    struct ipc_config_ca message = {
        .name = bytes_from_text(ca->place.name),
        .key_uri = bytes_from_text(ca->key[0] != '\0' ? ca->key : usual),
    };
    return ipc_send(fd, &ipc_config_ca_spec, &message, -1, err);
}

MUST_CHECK static enum base_code
send_profile(int fd, const struct config_profile *profile, struct base_error *err)
{
    struct ipc_config_profile message = {
        .name = bytes_from_text(profile->place.name),
        .valid_s = profile->valid_s,
        .backdate_s = profile->backdate_s,
        .challenge_ttl_s = profile->challenge_ttl_s,
        .renew_before_s = profile->renew_before_s,
        .key_usage = profile->key_usage,
        .ekus = bytes_from_text(profile->ekus),
        .san_types = profile->san_types,
        .allow_empty_subject = profile->allow_empty_subject,
        .needs_approval = profile->approval,
        .allow_same_key_renewal = profile->allow_same_key_renewal,
        .allow_sid = profile->sid,
        .min_rsa_bits = profile->min_rsa_bits,
        .max_rsa_bits = profile->max_rsa_bits,
        .allow_rsa = (profile->key_types & CONFIG_KEY_RSA) != 0,
        .allow_ec = (profile->key_types & CONFIG_KEY_EC) != 0,
        .static_challenge = bytes_from_text(profile->static_challenge),
    };
    return ipc_send(fd, &ipc_config_profile_spec, &message, -1, err);
}

MUST_CHECK static enum base_code
send_endpoint(int fd, const struct config_endpoint *endpoint, struct base_error *err)
{
    struct ipc_config_endpoint message = {
        .name = bytes_from_text(endpoint->place.name),
        .policies = bytes_from_text(endpoint->policies),
        .paths = bytes_from_text(endpoint->paths),
        .ndes_paths = bytes_from_text(endpoint->ndes_paths),
        .profiles = bytes_from_text(endpoint->profiles),
        .ca = bytes_from_text(endpoint->ca),
        .allow_3des = endpoint->allow_3des,
        .allow_sha1 = endpoint->allow_sha1,
        .allow_get = endpoint->allow_get,
        .failure_content = endpoint->failure_content,
        .send_ca_chain = endpoint->ca_chain,
        .send_ca_with_certificate = endpoint->certificate_with_ca,
        .renewal_by_pkcs_req = endpoint->renewal_by_pkcsreq,
        .attributes_as_sent = endpoint->attributes_as_sent,
    };
    return ipc_send(fd, &ipc_config_endpoint_spec, &message, -1, err);
}

/* What is usual for a type becomes what the file might have said. */
MUST_CHECK static enum base_code
send_policy(int fd, const struct config_policy *policy, struct base_error *err)
{
    bool is_intune = policy->type == IPC_POLICY_INTUNE;
    uint8_t usual = is_intune ? IPC_NOTIFY_BEFORE_ANSWER : IPC_NOTIFY_AFTER_ANSWER;
    const char *events =
        is_intune && strcmp(policy->events, "*") == 0 ? "issued\nfailed" : policy->events;
    struct ipc_config_policy message = {
        .name = bytes_from_text(policy->place.name),
        .kind = policy->type,
        .is_asked = policy->asked,
        .notify = policy->notify != 0 ? policy->notify : usual,
        .events = bytes_from_text(events),
        .url = bytes_from_text(policy->url),
        .secret = bytes_from_text(policy->secret),
        .assertion_certificate = bytes_from_text(policy->assertion_certificate),
        .assertion_key = bytes_from_text(policy->assertion_key),
        .ca_file = bytes_from_text(policy->ca_file),
        .proxy = bytes_from_text(policy->proxy),
        .timeout_ms = (uint32_t)(policy->timeout_s * 1000),
        .tenant = bytes_from_text(policy->tenant),
        .client_id = bytes_from_text(policy->client_id),
        .authority = bytes_from_text(policy->authority),
        .graph_url = bytes_from_text(policy->graph_url),
        .resource_url = bytes_from_text(policy->resource_url),
        .app_id = bytes_from_text(policy->app_id),
        .is_hresult_unsigned = policy->is_hresult_unsigned,
        .revocations_s = is_intune ? policy->revocations_s : 0,
    };
    return ipc_send(fd, &ipc_config_policy_spec, &message, -1, err);
}

MUST_CHECK static enum base_code
send_admin(int fd, const struct config_settings *settings, struct base_error *err)
{
    const struct config_admin *admin = &settings->admin;
    struct ipc_config_admin message = {
        .page_profile = bytes_from_text(admin->page_profile),
        .is_page_utf8 = admin->is_page_utf8,
        .page_outstanding = admin->page_outstanding,
        .requests_per_minute = admin->requests_per_minute,
        .wrong_passwords_per_minute = admin->wrong_passwords_per_minute,
    };
    TRY(ipc_send(fd, &ipc_config_admin_spec, &message, -1, err));
    for (uint32_t i = 0; i < settings->account_count; i++) {
        const struct config_account *account = &settings->accounts[i];
        struct ipc_config_account one = {
            .name = bytes_from_text(account->place.name),
            .password = bytes_from_text(account->password),
            .token = bytes_from_text(account->token),
            .profiles = bytes_from_text(account->profiles),
        };
        TRY(ipc_send(fd, &ipc_config_account_spec, &one, -1, err));
    }
    return BASE_OK;
}

enum base_code
config_send(int socket_fd, const struct config_settings *settings, struct base_error *err)
{
    TRY(send_process(socket_fd, settings, err));
    TRY(send_general(socket_fd, settings, err));
    for (uint32_t i = 0; i < settings->listener_count; i++) {
        struct ipc_config_listener message = {
            .address = bytes_from_text(settings->listeners[i].address),
            .purpose = settings->listeners[i].purposes,
            .tls = settings->listeners[i].tls,
            .certificate = bytes_from_text(settings->listeners[i].certificate),
            .key = bytes_from_text(settings->listeners[i].key),
            .names = bytes_from_text(settings->listeners[i].names),
            .ca = bytes_from_text(settings->listeners[i].ca),
        };
        TRY(ipc_send(socket_fd, &ipc_config_listener_spec, &message, -1, err));
    }
    TRY(send_proxies(socket_fd, settings, err));
    for (uint32_t i = 0; i < settings->ca_count; i++) {
        TRY(send_ca(socket_fd, &settings->cas[i], err));
    }
    for (uint32_t i = 0; i < settings->profile_count; i++) {
        TRY(send_profile(socket_fd, &settings->profiles[i], err));
    }
    for (uint32_t i = 0; i < settings->endpoint_count; i++) {
        TRY(send_endpoint(socket_fd, &settings->endpoints[i], err));
    }
    for (uint32_t i = 0; i < settings->policy_count; i++) {
        TRY(send_policy(socket_fd, &settings->policies[i], err));
    }
    TRY(send_admin(socket_fd, settings, err));
    struct ipc_config_end end = {0};
    return ipc_send(socket_fd, &ipc_config_end_spec, &end, -1, err);
}

enum base_code
config_send_error(int socket_fd, const struct base_error *why, struct base_error *err)
{
    struct ipc_config_error message = {
        .code = (uint32_t)why->code,
        .text = bytes_from_text(why->detail),
    };
    return ipc_send(socket_fd, &ipc_config_error_spec, &message, -1, err);
}
