#include "front/settings.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

#define ENDPOINTS_MAX 64
#define PROXIES_MAX 64

/* An address and how many of its bits count; IPv4 is held as IPv4-mapped IPv6. */
struct network {
    uint8_t address[16];
    unsigned bits;
};

struct front_settings {
    uint32_t max_connections;
    uint32_t max_connections_per_source;
    struct front_endpoint endpoints[ENDPOINTS_MAX];
    size_t endpoint_count;
    struct network proxies[PROXIES_MAX];
    size_t proxy_count;
    struct buffer texts[ENDPOINTS_MAX];
    struct front_accounts *accounts; /* owned */
    struct front_tls_settings *tls;  /* owned */
    struct front_admin_settings admin;
    char page_profile[IPC_NAME_MAX];
    char public_url[IPC_TEXT_MAX];
    size_t public_url_len;
};

struct front_settings *
front_settings_new(void)
{
    OWN_STRUCT(front_settings) settings = calloc(1, sizeof(*settings));
    if (settings == NULL) {
        return NULL;
    }
    settings->accounts = front_accounts_new();
    settings->tls = front_tls_settings_new();
    if (settings->accounts == NULL || settings->tls == NULL) {
        return NULL;
    }
    struct front_settings *made = MOVE(settings);
    return made;
}

void
front_settings_free(struct front_settings *settings)
{
    if (settings != NULL) {
        for (size_t i = 0; i < settings->endpoint_count; i++) {
            buffer_clear(&settings->texts[i]);
        }
        front_accounts_free(settings->accounts);
        front_tls_settings_free(settings->tls);
        free(settings);
    }
}

enum base_code
front_settings_set_general(struct front_settings *settings,
    const struct ipc_config_general *message, struct base_error *err)
{
    (void)err;
    settings->max_connections = message->max_connections;
    settings->max_connections_per_source = message->max_connections_per_source;
    settings->public_url_len = message->public_url.len;
    if (message->public_url.len > 0) {
        memcpy(settings->public_url, message->public_url.ptr, message->public_url.len);
    }
    return BASE_OK;
}

enum base_code
front_settings_set_admin(
    struct front_settings *settings, const struct ipc_config_admin *message, struct base_error *err)
{
    (void)err;
    memcpy(settings->page_profile, message->page_profile.ptr, message->page_profile.len);
    settings->admin = (struct front_admin_settings){
        .page_profile = {(const uint8_t *)settings->page_profile, message->page_profile.len},
        .is_page_utf8 = message->is_page_utf8 != 0,
        .requests_per_minute = message->requests_per_minute,
        .wrong_passwords_per_minute = message->wrong_passwords_per_minute};
    return BASE_OK;
}

struct front_accounts *
front_settings_accounts(struct front_settings *settings)
{
    return settings->accounts;
}

struct front_tls_settings *
front_settings_tls(struct front_settings *settings)
{
    return settings->tls;
}

const struct front_admin_settings *
front_settings_peek_admin(const struct front_settings *settings)
{
    return &settings->admin;
}

struct bytes
front_settings_public_url(const struct front_settings *settings)
{
    return (struct bytes){(const uint8_t *)settings->public_url, settings->public_url_len};
}

enum base_code
front_settings_add_endpoint(struct front_settings *settings,
    const struct ipc_config_endpoint *message, struct base_error *err)
{
    const struct bytes texts[] = {
        message->name, message->ca, message->paths, message->ndes_paths, message->profiles};
    enum { TEXT_COUNT = sizeof(texts) / sizeof(texts[0]) };
    if (settings->endpoint_count == ENDPOINTS_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d endpoints", ENDPOINTS_MAX);
    }
    struct buffer *storage = &settings->texts[settings->endpoint_count];
    buffer_init(storage, 8192);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        enum base_code code = buffer_append(storage, texts[i], err);
        if (code != BASE_OK) {
            buffer_clear(storage);
            return code;
        }
    }
    struct bytes kept[TEXT_COUNT];
    const uint8_t *at = storage->ptr;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        kept[i] = (struct bytes){at, texts[i].len};
        at += texts[i].len;
    }
    settings->endpoints[settings->endpoint_count++] = (struct front_endpoint){.name = kept[0],
        .ca = kept[1],
        .paths = kept[2],
        .ndes_paths = kept[3],
        .profiles = kept[4],
        .allow_3des = message->allow_3des != 0,
        .allow_sha1 = message->allow_sha1 != 0,
        .allow_get = message->allow_get != 0,
        .is_failure_content_absent = message->failure_content != 0,
        .send_ca_chain = message->send_ca_chain != 0,
        .send_ca_with_certificate = message->send_ca_with_certificate != 0,
        .attributes_as_sent = message->attributes_as_sent != 0,
        .has_remote_policies = message->policies.len > 0 &&
                               !bytes_equal_text(message->policies, IPC_POLICY_CHALLENGE)};
    return BASE_OK;
}

/* "10.0.0.0/8", "::1": an address as 16 octets; IPv4 as ::ffff:a.b.c.d. */
static bool
parse_address(const char *text, uint8_t out[16], bool *out_is_v4)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    *out_is_v4 = inet_pton(AF_INET, text, out + 12) == 1;
    if (*out_is_v4) {
        memcpy(out, mapped, sizeof(mapped));
        return true;
    }
    return inet_pton(AF_INET6, text, out) == 1;
}

enum base_code
front_settings_add_proxy(
    struct front_settings *settings, const struct ipc_config_proxy *message, struct base_error *err)
{
    char text[IPC_SOURCE_MAX + 1] = "";
    if (settings->proxy_count == PROXIES_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d trusted proxies", PROXIES_MAX);
    }
    memcpy(text, message->network.ptr, message->network.len);
    char *slash = strchr(text, '/');
    uint64_t bits = 128;
    bool is_v4 = false;
    struct network network = {{0}, 128};
    if (slash != NULL) {
        *slash = '\0';
        TRY(base_parse_number(bytes_from_text(slash + 1), 128, &bits, err));
    }
    if (!parse_address(text, network.address, &is_v4) || (is_v4 && slash != NULL && bits > 32)) {
        return base_fail(
            err, E_TEXT_FORMAT, "a trusted proxy is an address or a network: '%s'", text);
    }
    network.bits = (unsigned)bits + (is_v4 && slash != NULL ? 96 : 0);
    settings->proxies[settings->proxy_count++] = network;
    return BASE_OK;
}

uint32_t
front_settings_max_connections(const struct front_settings *settings)
{
    return settings->max_connections;
}

uint32_t
front_settings_max_connections_per_source(const struct front_settings *settings)
{
    return settings->max_connections_per_source;
}

size_t
front_settings_endpoint_count(const struct front_settings *settings)
{
    return settings->endpoint_count;
}

const struct front_endpoint *
front_settings_peek_endpoint(const struct front_settings *settings, size_t index)
{
    return &settings->endpoints[index];
}

bool
front_list_next(struct bytes *rest, struct bytes *out)
{
    if (rest->len == 0) {
        return false;
    }
    const uint8_t *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    *out = (struct bytes){rest->ptr, len};
    *rest = bytes_skip(*rest, end == NULL ? len : len + 1);
    return true;
}

bool
front_list_has(struct bytes list, struct bytes wanted)
{
    struct bytes line;
    while (front_list_next(&list, &line)) {
        if (bytes_equal(line, wanted)) {
            return true;
        }
    }
    return false;
}

/* Windows and IIS do not care for the case of a path. */
static bool
equal_path(struct bytes a, struct bytes b)
{
    return a.len == b.len && strncasecmp((const char *)a.ptr, (const char *)b.ptr, a.len) == 0;
}

/* Is @path this path of the endpoint, or this path, '/' and one of its profiles? */
static bool
match_path(const struct front_endpoint *endpoint, struct bytes line, struct bytes path,
    struct bytes *out_profile)
{
    *out_profile = BYTES_NONE;
    if (path.len < line.len || line.len == 0 ||
        !equal_path((struct bytes){path.ptr, line.len}, line)) {
        return false;
    }
    if (path.len == line.len) {
        return true;
    }
    struct bytes rest = bytes_skip(path, line.len);
    *out_profile = bytes_skip(rest, 1);
    return rest.ptr[0] == '/' && front_list_has(endpoint->profiles, *out_profile);
}

const struct front_endpoint *
front_settings_find_endpoint(const struct front_settings *settings, struct bytes path,
    struct bytes *out_profile, bool *out_is_ndes)
{
    for (size_t i = 0; i < settings->endpoint_count; i++) {
        const struct front_endpoint *endpoint = &settings->endpoints[i];
        for (int is_ndes = 0; is_ndes <= 1; is_ndes++) {
            struct bytes rest = is_ndes != 0 ? endpoint->ndes_paths : endpoint->paths;
            struct bytes line;
            while (front_list_next(&rest, &line)) {
                if (match_path(endpoint, line, path, out_profile)) {
                    *out_is_ndes = is_ndes != 0 || front_list_has(endpoint->ndes_paths, line);
                    return endpoint;
                }
            }
        }
    }
    return NULL;
}

const struct front_endpoint *
front_settings_find_by_profile(const struct front_settings *settings, struct bytes profile)
{
    for (size_t i = 0; i < settings->endpoint_count; i++) {
        if (front_list_has(settings->endpoints[i].profiles, profile)) {
            return &settings->endpoints[i];
        }
    }
    return NULL;
}

static bool
is_in_network(const struct network *network, const uint8_t address[16])
{
    unsigned octets = network->bits / 8;
    unsigned rest = network->bits % 8;
    if (memcmp(network->address, address, octets) != 0) {
        return false;
    }
    uint8_t mask = (uint8_t)(0xff00U >> rest);
    return rest == 0 || ((network->address[octets] ^ address[octets]) & mask) == 0;
}

bool
front_settings_is_trusted(const struct front_settings *settings, const struct sockaddr *peer)
{
    uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
    if (peer->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, peer, sizeof(v4));
        memcpy(address + 12, &v4.sin_addr, 4);
    } else if (peer->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, peer, sizeof(v6));
        memcpy(address, &v6.sin6_addr, 16);
    } else {
        return false;
    }
    for (size_t i = 0; i < settings->proxy_count; i++) {
        if (is_in_network(&settings->proxies[i], address)) {
            return true;
        }
    }
    return false;
}
