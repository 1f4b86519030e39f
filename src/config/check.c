#include "config/check.h"

#include <stddef.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "config/schema.h"
#include "ipc/to_role.h"

#include "base/banned.h"

bool
config_next_text(struct bytes *list, struct bytes *out)
{
    if (list->len == 0) {
        return false;
    }
    size_t len = 0;
    while (len < list->len && list->ptr[len] != '\n') {
        len++;
    }
    *out = (struct bytes){list->ptr, len};
    *list = bytes_skip(*list, len + 1);
    return true;
}

bool
config_has_text(const char *list, struct bytes wanted)
{
    struct bytes rest = bytes_from_text(list);
    struct bytes text = BYTES_NONE;
    while (config_next_text(&rest, &text)) {
        if (bytes_equal(text, wanted)) {
            return true;
        }
    }
    return false;
}

/* The line of the key that fills @offset of a section's struct; 0 when the file leaves it out. */
static uint32_t
given_line(const struct config_place *place, const char *section, size_t offset)
{
    const struct config_section *root = config_schema();
    for (size_t i = 0; i < root->count; i++) {
        const struct config_section *child = root->keys[i].section;
        if (child == NULL || strcmp(child->title, section) != 0) {
            continue;
        }
        for (size_t k = 0; k < child->count; k++) {
            if (child->keys[k].offset == offset) {
                return place->lines[k];
            }
        }
    }
    return 0;
}

uint32_t
config_line_of(const struct config_place *place, const char *section, size_t offset)
{
    uint32_t line = given_line(place, section, offset);
    return line != 0 ? line : place->line;
}

#define GIVEN_LINE(object, tag, member)                                                            \
    given_line(&(object)->place, (tag), offsetof(__typeof__(*(object)), member))
#define LINE_OF(object, tag, member)                                                               \
    config_line_of(&(object)->place, (tag), offsetof(__typeof__(*(object)), member))

MUST_CHECK static enum base_code
check_profile(const struct config_profile *profile, uint32_t *line, struct base_error *err)
{
    const char *name = profile->place.name;
    if (profile->min_rsa_bits > profile->max_rsa_bits) {
        *line = LINE_OF(profile, "profile", min_rsa_bits);
        return base_fail(err, E_CONFIG_RANGE,
            "profile %s: min_rsa_bits %u is above max_rsa_bits %u", name,
            (unsigned)profile->min_rsa_bits, (unsigned)profile->max_rsa_bits);
    }
    size_t len = strlen(profile->static_challenge);
    if (len > 0 && len < 8) {
        *line = LINE_OF(profile, "profile", static_challenge);
        return base_fail(err, E_CONFIG_RANGE,
            "profile %s: static_challenge has %zu characters, want 8 at least", name, len);
    }
    return BASE_OK;
}

static bool
has_profile(const struct config_settings *settings, struct bytes name)
{
    for (uint32_t i = 0; i < settings->profile_count; i++) {
        if (bytes_equal_text(name, settings->profiles[i].place.name)) {
            return true;
        }
    }
    return false;
}

MUST_CHECK static enum base_code
check_references(const struct config_settings *settings, const struct config_endpoint *endpoint,
    uint32_t *line, struct base_error *err)
{
    struct bytes list = bytes_from_text(endpoint->profiles);
    struct bytes wanted = BYTES_NONE;
    while (config_next_text(&list, &wanted)) {
        if (!has_profile(settings, wanted)) {
            *line = LINE_OF(endpoint, "endpoint", profiles);
            return base_fail(err, E_CONFIG_REFERENCE, "endpoint %s: there is no profile '%.*s'",
                endpoint->place.name, base_size_to_int(wanted.len), (const char *)wanted.ptr);
        }
    }
    for (uint32_t i = 0; i < settings->ca_count; i++) {
        if (strcmp(endpoint->ca, settings->cas[i].place.name) == 0) {
            return BASE_OK;
        }
    }
    *line = LINE_OF(endpoint, "endpoint", ca);
    return base_fail(err, E_CONFIG_REFERENCE, "endpoint %s: there is no CA '%s'",
        endpoint->place.name, endpoint->ca);
}

/* A path belongs to one endpoint and stands there once; the NDES paths are among the paths. */
MUST_CHECK static enum base_code
check_paths(const struct config_settings *settings, const struct config_endpoint *endpoint,
    uint32_t *line, struct base_error *err)
{
    struct bytes list = bytes_from_text(endpoint->paths);
    struct bytes path = BYTES_NONE;
    *line = LINE_OF(endpoint, "endpoint", paths);
    while (config_next_text(&list, &path)) {
        bool is_twice = list.len > 0 && config_has_text((const char *)list.ptr, path);
        for (const struct config_endpoint *other = settings->endpoints; other < endpoint; other++) {
            is_twice = is_twice || config_has_text(other->paths, path);
        }
        if (is_twice) {
            return base_fail(err, E_CONFIG_VALUE, "endpoint %s: the path %.*s is used twice",
                endpoint->place.name, base_size_to_int(path.len), (const char *)path.ptr);
        }
    }
    *line = GIVEN_LINE(endpoint, "endpoint", ndes_paths);
    list = bytes_from_text(endpoint->ndes_paths);
    /* The default names a path that the file may have taken away. */
    while (*line != 0 && config_next_text(&list, &path)) {
        if (!config_has_text(endpoint->paths, path)) {
            return base_fail(err, E_CONFIG_REFERENCE, "endpoint %s: %.*s is not among its paths",
                endpoint->place.name, base_size_to_int(path.len), (const char *)path.ptr);
        }
    }
    return BASE_OK;
}

static bool
is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0;
}

/* What TLS needs, and what admin needs of TLS. */
MUST_CHECK static enum base_code
check_listener(const struct config_settings *settings, const struct config_listener *listener,
    uint32_t *line, struct base_error *err)
{
    bool is_admin = (listener->purposes & IPC_LISTEN_ADMIN) != 0;
    *line = LINE_OF(listener, "listener", purposes);
    if (is_admin && listener->purposes != IPC_LISTEN_ADMIN) {
        return base_fail(err, E_CONFIG_VALUE,
            "listen: %s: admin wants an address of its own, apart from scep and documents",
            listener->address);
    }
    if (is_admin && listener->tls == IPC_TLS_NONE && !is_loopback(listener->address)) {
        return base_fail(err, E_CONFIG_VALUE,
            "listen: %s: admin is served on loopback or with tls only", listener->address);
    }
    *line = LINE_OF(listener, "listener", tls);
    if (listener->tls == IPC_TLS_FILES &&
        (listener->certificate[0] == '\0' || listener->key[0] == '\0')) {
        return base_fail(err, E_CONFIG_REQUIRED, "listen: %s: tls: files wants certificate and key",
            listener->address);
    }
    if (listener->tls != IPC_TLS_OWN) {
        return BASE_OK;
    }
    if (listener->names[0] == '\0') {
        return base_fail(
            err, E_CONFIG_REQUIRED, "listen: %s: tls: own wants names", listener->address);
    }
    for (uint32_t i = 0; i < settings->ca_count; i++) {
        if (strcmp(listener->ca, settings->cas[i].place.name) == 0) {
            return BASE_OK;
        }
    }
    *line = LINE_OF(listener, "listener", ca);
    return base_fail(err, E_CONFIG_REFERENCE, "listen: %s: there is no CA '%s'", listener->address,
        listener->ca);
}

MUST_CHECK static enum base_code
check_accounts(const struct config_settings *settings, uint32_t *line, struct base_error *err)
{
    for (uint32_t i = 0; i < settings->account_count; i++) {
        const struct config_account *account = &settings->accounts[i];
        struct bytes list = bytes_from_text(account->profiles);
        struct bytes wanted = BYTES_NONE;
        *line = LINE_OF(account, "account", password);
        if (account->password[0] == '\0' && account->token[0] == '\0') {
            return base_fail(err, E_CONFIG_REQUIRED, "account %s: neither password nor token",
                account->place.name);
        }
        *line = LINE_OF(account, "account", profiles);
        while (config_next_text(&list, &wanted)) {
            if (!has_profile(settings, wanted)) {
                return base_fail(err, E_CONFIG_REFERENCE, "account %s: there is no profile '%.*s'",
                    account->place.name, base_size_to_int(wanted.len), (const char *)wanted.ptr);
            }
        }
    }
    *line = GIVEN_LINE(&settings->admin, "admin", page_profile);
    if (*line != 0 && !has_profile(settings, bytes_from_text(settings->admin.page_profile))) {
        return base_fail(err, E_CONFIG_REFERENCE, "admin: there is no profile '%s'",
            settings->admin.page_profile);
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
check_listeners(const struct config_settings *settings, uint32_t *line, struct base_error *err)
{
    for (uint32_t i = 0; i < settings->listener_count; i++) {
        TRY(check_listener(settings, &settings->listeners[i], line, err));
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(settings->listeners[i].address, settings->listeners[k].address) == 0) {
                *line = settings->listeners[i].place.line;
                return base_fail(err, E_CONFIG_VALUE, "listen: %s stands there twice",
                    settings->listeners[i].address);
            }
        }
    }
    return BASE_OK;
}

enum base_code
config_check_rules(
    const struct config_settings *settings, uint32_t *out_line, struct base_error *err)
{
    *out_line = 0;
    TRY(check_listeners(settings, out_line, err));
    TRY(check_accounts(settings, out_line, err));
    for (uint32_t i = 0; i < settings->profile_count; i++) {
        TRY(check_profile(&settings->profiles[i], out_line, err));
    }
    for (uint32_t i = 0; i < settings->policy_count; i++) {
        TRY(config_check_policy(&settings->policies[i], out_line, err));
    }
    for (uint32_t i = 0; i < settings->endpoint_count; i++) {
        TRY(config_check_asked(settings, &settings->endpoints[i], out_line, err));
        TRY(check_references(settings, &settings->endpoints[i], out_line, err));
        TRY(check_paths(settings, &settings->endpoints[i], out_line, err));
    }
    if (settings->crl.renew_before_s >= settings->crl.valid_s) {
        *out_line = LINE_OF(&settings->crl, "crl", renew_before_s);
        return base_fail(err, E_CONFIG_RANGE, "crl: renew_before must be shorter than valid");
    }
    *out_line = GIVEN_LINE(&settings->limits, "limits", connections_per_source);
    if (*out_line != 0 && settings->limits.connections_per_source > settings->limits.connections) {
        return base_fail(err, E_CONFIG_RANGE,
            "limits: connections_per_source is above connections (%u)",
            (unsigned)settings->limits.connections);
    }
    return BASE_OK;
}
