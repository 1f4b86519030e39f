#include "config/accept.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "ipc/address.h"
#include "ipc/usages.h"

#include "base/banned.h"

static bool
has_only(struct bytes text, const char *more)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool is_common = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_common && (c == 0 || strchr(more, c) == NULL)) {
            return false;
        }
    }
    return true;
}

static bool
begins_with(struct bytes text, const char *start)
{
    size_t len = strlen(start);
    return text.len >= len && memcmp(text.ptr, start, len) == 0;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

enum base_code
config_accept_address(struct bytes in, struct bytes *out, struct base_error *err)
{
    struct sockaddr_storage address;
    socklen_t len = 0;
    TRY(ipc_address_parse(in, &address, &len, err));
    *out = in;
    return BASE_OK;
}

enum base_code
config_accept_network(struct bytes in, struct bytes *out, struct base_error *err)
{
    TRY(ipc_network_check(in, err));
    *out = in;
    return BASE_OK;
}

enum base_code
config_accept_url(struct bytes in, struct bytes *out, struct base_error *err)
{
    if (in.len == 0) {
        *out = in;
        return BASE_OK;
    }
    size_t head = begins_with(in, "https://") ? 8 : 7;
    bool is_http = begins_with(in, "http://") || begins_with(in, "https://");
    struct bytes rest = bytes_skip(in, head);
    if (!is_http || rest.len == 0 || rest.ptr[0] == '/' ||
        !has_only(rest, LETTERS "-._~:/[]%@!$&'()*+,;=")) {
        return base_fail(
            err, E_CONFIG_VALUE, "want a URL like http://scep.example.org without query");
    }
    while (in.ptr[in.len - 1] == '/') {
        in.len--;
    }
    *out = in;
    return BASE_OK;
}

#define NAME_MAX_LEN 32

enum base_code
config_accept_name(struct bytes in, struct bytes *out, struct base_error *err)
{
    if (in.len == 0 || in.len > NAME_MAX_LEN || !has_only(in, "-") || in.ptr[0] == '-') {
        return base_fail(err, E_CONFIG_VALUE,
            "want a name of at most %d small letters, digits and hyphens", NAME_MAX_LEN);
    }
    *out = in;
    return BASE_OK;
}

enum base_code
config_accept_user(struct bytes in, struct bytes *out, struct base_error *err)
{
    if (in.len == 0 || !has_only(in, LETTERS "-_.") || in.ptr[0] == '-') {
        return base_fail(err, E_CONFIG_VALUE, "want the name of a system user");
    }
    *out = in;
    return BASE_OK;
}

enum base_code
config_accept_path(struct bytes in, struct bytes *out, struct base_error *err)
{
    if (in.len < 2 || in.ptr[0] != '/' || in.ptr[in.len - 1] == '/' ||
        !has_only(in, LETTERS "/-._~")) {
        return base_fail(err, E_CONFIG_VALUE,
            "want a path like /scep, of letters, digits, - . _ ~ and slashes, not ending with a "
            "slash");
    }
    *out = in;
    return BASE_OK;
}

enum base_code
config_accept_eku(struct bytes in, struct bytes *out, struct base_error *err)
{
    if (!ipc_eku_read(in, out)) {
        return base_fail(err, E_CONFIG_VALUE, "want %s or a dotted OID", IPC_EKU_NAMES);
    }
    return BASE_OK;
}

enum base_code
config_accept_key_uri(struct bytes in, struct bytes *out, struct base_error *err)
{
    struct bytes name = bytes_skip(in, 5);
    if (in.len > 0 && (!begins_with(in, "file:") || name.len == 0 || name.ptr[0] == '.' ||
                          !has_only(name, LETTERS "-_."))) {
        return base_fail(
            err, E_CONFIG_VALUE, "want file:NAME, a file in the signer's folder of the home");
    }
    *out = in;
    return BASE_OK;
}

enum base_code
config_accept_service(struct bytes in, struct bytes *out, struct base_error *err)
{
    *out = in;
    if (in.len == 0) {
        return BASE_OK;
    }
    size_t head = begins_with(in, "https://") ? 8 : 7;
    bool is_http = begins_with(in, "http://") || begins_with(in, "https://");
    struct bytes rest = bytes_skip(in, head);
    const uint8_t *slash = rest.len == 0 ? NULL : memchr(rest.ptr, '/', rest.len);
    size_t host_len = slash == NULL ? rest.len : (size_t)(slash - rest.ptr);
    if (!is_http || host_len == 0 || memchr(rest.ptr, '@', host_len) != NULL ||
        !has_only(rest, LETTERS "-._~:/?[]%@!$&'()*+,;=")) {
        return base_fail(err, E_CONFIG_VALUE,
            "want a URL like https://hooks.example.org/kurier, without a user in it");
    }
    return BASE_OK;
}

enum base_code
config_accept_proxy(struct bytes in, struct bytes *out, struct base_error *err)
{
    struct bytes rest = bytes_skip(in, 7);
    *out = in;
    if (in.len > 0 && (!begins_with(in, "http://") || rest.len == 0 ||
                          !has_only(rest, LETTERS "-._~:[]%@!$&'()*+,;="))) {
        return base_fail(err, E_CONFIG_VALUE, "want a proxy like http://proxy.example.org:3128");
    }
    return BASE_OK;
}

enum base_code
config_accept_secret(struct bytes in, struct bytes *out, struct base_error *err)
{
    if (in.len > 0 && (in.ptr[0] == '.' || in.ptr[0] == '-' || !has_only(in, LETTERS "-_."))) {
        return base_fail(err, E_CONFIG_VALUE,
            "want the name of a secret: letters, digits, hyphens, underscores and dots");
    }
    *out = in;
    return BASE_OK;
}

enum base_code
config_accept_id(struct bytes in, struct bytes *out, struct base_error *err)
{
    if (!has_only(in, LETTERS "-_.")) {
        return base_fail(
            err, E_CONFIG_VALUE, "want an id like 0123abcd-...-456789abcdef or a domain");
    }
    *out = in;
    return BASE_OK;
}

/* Letters, digits and hyphens between dots (RFC 1123, section 2.1). */
static bool
is_host_name(struct bytes text)
{
    size_t label_len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_dot = text.ptr[i] == '.';
        if (is_dot && (label_len == 0 || text.ptr[i - 1] == '-')) {
            return false;
        }
        if (label_len == 0 && text.ptr[i] == '-') {
            return false;
        }
        label_len = is_dot ? 0 : label_len + 1;
        if (label_len > 63) {
            return false;
        }
    }
    return label_len > 0 && text.ptr[text.len - 1] != '-' && has_only(text, LETTERS "-.");
}

enum base_code
config_accept_host(struct bytes in, struct bytes *out, struct base_error *err)
{
    char text[64] = "";
    uint8_t address[16];
    if (in.len < sizeof(text)) {
        memcpy(text, in.ptr, in.len);
    }
    bool is_address =
        inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
    if (in.len > 253 || (!is_address && !is_host_name(in))) {
        return base_fail(
            err, E_CONFIG_VALUE, "want a host name like scep.example.org, or an address");
    }
    *out = in;
    return BASE_OK;
}

enum base_code
config_accept_event(struct bytes in, struct bytes *out, struct base_error *err)
{
    if (!bytes_equal_text(in, "*") && (in.len == 0 || in.len > 32 || !has_only(in, "-_"))) {
        return base_fail(err, E_CONFIG_VALUE, "want the name of an event, or *");
    }
    *out = in;
    return BASE_OK;
}

enum base_code
config_accept_password(struct bytes in, struct bytes *out, struct base_error *err)
{
    if (in.len > 0 && (!begins_with(in, "$scrypt$") || !has_only(in, LETTERS "$=,+/."))) {
        return base_fail(
            err, E_CONFIG_VALUE, "want what kurier account hash prints, never a password");
    }
    *out = in;
    return BASE_OK;
}

enum base_code
config_accept_sha256(struct bytes in, struct bytes *out, struct base_error *err)
{
    if (in.len > 0 &&
        (in.len != 64 || strspn((const char *)in.ptr, "0123456789abcdefABCDEF") < 64)) {
        return base_fail(err, E_CONFIG_VALUE,
            "want the 64 digits of a hash that kurier account token prints, never a token");
    }
    *out = in;
    return BASE_OK;
}
