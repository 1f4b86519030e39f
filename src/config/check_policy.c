#include "config/check.h"

#include <string.h>

#include "base/text.h"
#include "ipc/to_role.h"

#include "base/banned.h"

#define LINE_OF(object, tag, member)                                                               \
    config_line_of(&(object)->place, (tag), offsetof(__typeof__(*(object)), member))

static bool
begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Does this http URL go no further than this machine? */
static bool
is_loopback(const char *url)
{
    static const char *const hosts[] = {"http://127.0.0.1", "http://[::1]", "http://localhost"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        const char *after = begins_with(url, hosts[i]) ? url + strlen(hosts[i]) : "x";
        if (*after == '\0' || *after == ':' || *after == '/' || *after == '?') {
            return true;
        }
    }
    return false;
}

MUST_CHECK static enum base_code
need_text(const struct config_policy *policy, const char *key, const char *value, const char *why,
    uint32_t line, uint32_t *out_line, struct base_error *err)
{
    if (value[0] != '\0') {
        return BASE_OK;
    }
    *out_line = line;
    return base_fail(
        err, E_CONFIG_REQUIRED, "policy %s: %s is missing: %s", policy->place.name, key, why);
}

/* Names, secrets and challenges travel there. */
MUST_CHECK static enum base_code
need_https(const struct config_policy *policy, const char *key, const char *url, uint32_t line,
    uint32_t *out_line, struct base_error *err)
{
    if (begins_with(url, "https://") || is_loopback(url)) {
        return BASE_OK;
    }
    *out_line = line;
    return base_fail(err, E_CONFIG_VALUE,
        "policy %s: %s wants https; http is for a service on this machine", policy->place.name,
        key);
}

MUST_CHECK static enum base_code
check_webhook(const struct config_policy *policy, uint32_t *out_line, struct base_error *err)
{
    uint32_t line = LINE_OF(policy, "policy", url);
    TRY(need_text(policy, "url", policy->url, "where the webhook is", line, out_line, err));
    TRY(need_https(policy, "url", policy->url, line, out_line, err));
    return need_text(policy, "secret", policy->secret, "what its messages are signed with",
        LINE_OF(policy, "policy", secret), out_line, err);
}

/* One way to prove who we are, not none and not two. */
MUST_CHECK static enum base_code
check_credentials(const struct config_policy *policy, uint32_t *out_line, struct base_error *err)
{
    bool has_secret = policy->secret[0] != '\0';
    bool has_certificate = policy->assertion_certificate[0] != '\0';
    bool has_key = policy->assertion_key[0] != '\0';
    const char *why = NULL;
    if (!has_secret && !has_certificate && !has_key) {
        *out_line = LINE_OF(policy, "policy", secret);
        why = "secret is missing, or assertion_certificate and assertion_key in its place";
    } else if (has_certificate != has_key) {
        *out_line = LINE_OF(policy, "policy", assertion_certificate);
        why = "assertion_certificate and assertion_key belong together";
    } else if (has_secret && has_key) {
        *out_line = LINE_OF(policy, "policy", assertion_certificate);
        why = "either secret or assertion_certificate and assertion_key, not both";
    }
    return why == NULL
               ? BASE_OK
               : base_fail(err, E_CONFIG_REQUIRED, "policy %s: %s", policy->place.name, why);
}

MUST_CHECK static enum base_code
check_intune_events(const struct config_policy *policy, uint32_t *out_line, struct base_error *err)
{
    struct bytes list = bytes_from_text(policy->events);
    struct bytes event = BYTES_NONE;
    while (config_next_text(&list, &event)) {
        if (!bytes_equal_text(event, "*") && !bytes_equal_text(event, "issued") &&
            !bytes_equal_text(event, "failed")) {
            *out_line = LINE_OF(policy, "policy", events);
            return base_fail(err, E_CONFIG_VALUE,
                "policy %s: Intune knows the events issued and failed, not %.*s",
                policy->place.name, base_size_to_int(event.len), (const char *)event.ptr);
        }
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
check_intune(const struct config_policy *policy, uint32_t *out_line, struct base_error *err)
{
    TRY(need_text(policy, "tenant", policy->tenant, "whose Intune it is",
        LINE_OF(policy, "policy", tenant), out_line, err));
    TRY(need_text(policy, "client_id", policy->client_id, "the app registration's id",
        LINE_OF(policy, "policy", client_id), out_line, err));
    TRY(check_credentials(policy, out_line, err));
    TRY(need_https(policy, "authority", policy->authority, LINE_OF(policy, "policy", authority),
        out_line, err));
    TRY(need_https(policy, "graph_url", policy->graph_url, LINE_OF(policy, "policy", graph_url),
        out_line, err));
    TRY(need_https(policy, "resource_url", policy->resource_url,
        LINE_OF(policy, "policy", resource_url), out_line, err));
    if (policy->revocations_s != 0 && policy->revocations_s < 60) {
        *out_line = LINE_OF(policy, "policy", revocations_s);
        return base_fail(err, E_CONFIG_RANGE, "policy %s: revocations wants 60s at least, or 0",
            policy->place.name);
    }
    return check_intune_events(policy, out_line, err);
}

/* "*" says everything: beside it another name would be a mistake. */
MUST_CHECK static enum base_code
check_events(const struct config_policy *policy, uint32_t *out_line, struct base_error *err)
{
    struct bytes list = bytes_from_text(policy->events);
    struct bytes event = BYTES_NONE;
    bool is_star = config_has_text(policy->events, bytes_from_text("*"));
    *out_line = LINE_OF(policy, "policy", events);
    if (is_star && policy->events[1] != '\0') {
        return base_fail(err, E_CONFIG_VALUE, "policy %s: * stands alone", policy->place.name);
    }
    while (config_next_text(&list, &event)) {
        if (list.len > 0 && config_has_text((const char *)list.ptr, event)) {
            return base_fail(err, E_CONFIG_VALUE, "policy %s: the event %.*s stands there twice",
                policy->place.name, base_size_to_int(event.len), (const char *)event.ptr);
        }
    }
    return BASE_OK;
}

enum base_code
config_check_policy(const struct config_policy *policy, uint32_t *out_line, struct base_error *err)
{
    *out_line = policy->place.line;
    if (strcmp(policy->place.name, IPC_POLICY_CHALLENGE) == 0) {
        return base_fail(
            err, E_CONFIG_VALUE, "a policy cannot be called challenge: that is Kurier's own");
    }
    if (policy->type == 0) {
        return base_fail(err, E_CONFIG_REQUIRED, "policy %s: type is missing: webhook or intune",
            policy->place.name);
    }
    TRY(check_events(policy, out_line, err));
    return policy->type == IPC_POLICY_INTUNE ? check_intune(policy, out_line, err)
                                             : check_webhook(policy, out_line, err);
}

static const struct config_policy *
find_policy(const struct config_settings *settings, struct bytes name)
{
    for (uint32_t i = 0; i < settings->policy_count; i++) {
        if (bytes_equal_text(name, settings->policies[i].place.name)) {
            return &settings->policies[i];
        }
    }
    return NULL;
}

/*
 * What Intune cannot do, whether it is asked or told only. A request has one challengePassword, by
 * which Intune knows its transaction, in the notice as well: Kurier's own is none, and another
 * tenant's is none. And a notice carries the request itself, of which nothing is kept while it
 * waits for a person: after the approval Intune could not be told what it wants to hear first.
 */
MUST_CHECK static enum base_code
check_intune_there(const struct config_settings *settings, const struct config_endpoint *endpoint,
    const struct config_policy *intune, uint32_t *out_line, struct base_error *err)
{
    const char *at = endpoint->place.name;
    const char *name = intune->place.name;
    if (config_has_text(endpoint->policies, bytes_from_text(IPC_POLICY_CHALLENGE))) {
        return base_fail(err, E_CONFIG_VALUE,
            "endpoint %s: challenge and %s: a request has one challengePassword, which cannot be "
            "Kurier's and Intune's at once; take one out, or make an endpoint for each",
            at, name);
    }
    for (const struct config_policy *other = settings->policies; other < intune; other++) {
        if (other->type == IPC_POLICY_INTUNE &&
            config_has_text(endpoint->policies, bytes_from_text(other->place.name))) {
            return base_fail(err, E_CONFIG_VALUE,
                "endpoint %s: %s and %s: a request has one challengePassword, which is of one "
                "Intune; make an endpoint for each",
                at, other->place.name, name);
        }
    }
    for (uint32_t i = 0; i < settings->profile_count; i++) {
        const struct config_profile *profile = &settings->profiles[i];
        if (profile->approval != 0 &&
            config_has_text(endpoint->profiles, bytes_from_text(profile->place.name))) {
            *out_line = LINE_OF(profile, "profile", approval);
            return base_fail(err, E_CONFIG_VALUE,
                "profile %s waits for approval, at endpoint %s with %s: the request, with which "
                "Intune is told, is not kept meanwhile; say approval: no, or use an endpoint "
                "without it",
                profile->place.name, at, name);
        }
    }
    return BASE_OK;
}

enum base_code
config_check_asked(const struct config_settings *settings, const struct config_endpoint *endpoint,
    uint32_t *out_line, struct base_error *err)
{
    struct bytes list = bytes_from_text(endpoint->policies);
    struct bytes name = BYTES_NONE;
    bool has_challenge = config_has_text(endpoint->policies, bytes_from_text(IPC_POLICY_CHALLENGE));
    unsigned asked_count = has_challenge ? 1 : 0;
    *out_line = LINE_OF(endpoint, "endpoint", policies);
    while (config_next_text(&list, &name)) {
        const struct config_policy *policy = find_policy(settings, name);
        if (list.len > 0 && config_has_text((const char *)list.ptr, name)) {
            return base_fail(err, E_CONFIG_VALUE, "endpoint %s: the policy %.*s stands there twice",
                endpoint->place.name, base_size_to_int(name.len), (const char *)name.ptr);
        }
        if (bytes_equal_text(name, IPC_POLICY_CHALLENGE)) {
            continue;
        }
        if (policy == NULL) {
            return base_fail(err, E_CONFIG_REFERENCE, "endpoint %s: there is no policy '%.*s'",
                endpoint->place.name, base_size_to_int(name.len), (const char *)name.ptr);
        }
        asked_count += policy->asked;
        if (policy->type == IPC_POLICY_INTUNE) {
            TRY(check_intune_there(settings, endpoint, policy, out_line, err));
        }
    }
    if (asked_count == 0) {
        return base_fail(err, E_CONFIG_VALUE,
            "endpoint %s: nobody is asked: add challenge, or a policy with asked: yes",
            endpoint->place.name);
    }
    return BASE_OK;
}
