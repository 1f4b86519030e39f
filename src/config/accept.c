#include "config/accept.h"

#include <string.h>

#include "base/text.h"
#include "ipc/address.h"

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

/* Dotted decimal: two arcs at least, the first 0 to 2, the second below 40 after 0 and 1. */
static bool
is_oid(struct bytes text)
{
    size_t arcs = 0;
    uint64_t first = 0;
    while (text.len > 0) {
        size_t len = 0;
        while (len < text.len && text.ptr[len] != '.') {
            len++;
        }
        uint64_t arc = 0;
        struct bytes digits = {text.ptr, len};
        if (base_parse_number(digits, UINT32_MAX, &arc, NULL) != BASE_OK ||
            (len > 1 && digits.ptr[0] == '0') || (arcs == 0 && arc > 2) ||
            (arcs == 1 && first < 2 && arc > 39) || len + 1 == text.len) {
            return false;
        }
        first = arcs == 0 ? arc : first;
        arcs++;
        text = bytes_skip(text, len + 1);
    }
    return arcs >= 2;
}

enum base_code
config_accept_eku(struct bytes in, struct bytes *out, struct base_error *err)
{
    static const struct {
        const char *name;
        const char *oid;
    } known[] = {
        {"clientAuth", "1.3.6.1.5.5.7.3.2"},
        {"serverAuth", "1.3.6.1.5.5.7.3.1"},
        {"emailProtection", "1.3.6.1.5.5.7.3.4"},
        {"codeSigning", "1.3.6.1.5.5.7.3.3"},
        {"ipsecIKE", "1.3.6.1.5.5.7.3.17"},
        {"smartcardLogon", "1.3.6.1.4.1.311.20.2.2"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (bytes_equal_text(in, known[i].name)) {
            *out = bytes_from_text(known[i].oid);
            return BASE_OK;
        }
    }
    if (in.len > 64 || !is_oid(in)) {
        return base_fail(err, E_CONFIG_VALUE,
            "want clientAuth, serverAuth, emailProtection, codeSigning, ipsecIKE, smartcardLogon "
            "or a "
            "dotted OID");
    }
    *out = in;
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

enum base_code
config_accept_event(struct bytes in, struct bytes *out, struct base_error *err)
{
    if (!bytes_equal_text(in, "*") && (in.len == 0 || in.len > 32 || !has_only(in, "-_"))) {
        return base_fail(err, E_CONFIG_VALUE, "want the name of an event, or *");
    }
    *out = in;
    return BASE_OK;
}
