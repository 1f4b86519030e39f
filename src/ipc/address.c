#include "ipc/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

MUST_CHECK static enum base_code
no_address(struct bytes text, struct base_error *err)
{
    return base_fail(err, E_TEXT_FORMAT,
        "'%.*s' is no address with a port, like 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080",
        base_size_to_int(text.len < 64 ? text.len : 64), (const char *)text.ptr);
}

/* inet_pton() of octets that end without NUL; 1 when it is one. */
static int
parse_host(int family, struct bytes host, void *out)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (host.len == 0 || host.len >= sizeof(text) || memchr(host.ptr, 0, host.len) != NULL) {
        return 0;
    }
    memcpy(text, host.ptr, host.len);
    return inet_pton(family, text, out);
}

enum base_code
ipc_address_parse(struct bytes text, struct sockaddr_storage *out_address, socklen_t *out_len,
    struct base_error *err)
{
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    uint64_t port = 0;
    if (colon < 2 || base_parse_number(bytes_skip(text, colon), 65535, &port, NULL) != BASE_OK) {
        return no_address(text, err);
    }
    struct bytes host = {text.ptr, colon - 1};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        struct bytes inner = {host.ptr + 1, host.len - 2};
        if (host.len > 2 && parse_host(AF_INET6, inner, &v6.sin6_addr) == 1) {
            memset(out_address, 0, sizeof(*out_address));
            memcpy(out_address, &v6, sizeof(v6));
            *out_len = sizeof(v6);
            return BASE_OK;
        }
    } else if (parse_host(AF_INET, host, &v4.sin_addr) == 1) {
        memset(out_address, 0, sizeof(*out_address));
        memcpy(out_address, &v4, sizeof(v4));
        *out_len = sizeof(v4);
        return BASE_OK;
    }
    return no_address(text, err);
}

void
ipc_address_text(const struct sockaddr_storage *address, char out[IPC_ADDRESS_TEXT_LEN])
{
    char host[INET6_ADDRSTRLEN] = "";
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    (void)snprintf(out, IPC_ADDRESS_TEXT_LEN, "?");
    if (address->ss_family == AF_INET) {
        memcpy(&v4, address, sizeof(v4));
        (void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
        (void)snprintf(out, IPC_ADDRESS_TEXT_LEN, "%s:%u", host, (unsigned)ntohs(v4.sin_port));
    } else if (address->ss_family == AF_INET6) {
        memcpy(&v6, address, sizeof(v6));
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
        (void)snprintf(out, IPC_ADDRESS_TEXT_LEN, "[%s]:%u", host, (unsigned)ntohs(v6.sin6_port));
    }
}

enum base_code
ipc_network_check(struct bytes text, struct base_error *err)
{
    uint8_t address[16] = {0};
    struct bytes host = text;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '/') {
            host.len = i;
            break;
        }
    }
    uint64_t most = 0;
    if (parse_host(AF_INET, host, address) == 1) {
        most = 32;
    } else if (parse_host(AF_INET6, host, address) == 1) {
        most = 128;
    }
    uint64_t prefix = 0;
    bool has_prefix = host.len < text.len;
    if (most == 0 || (has_prefix && base_parse_number(bytes_skip(text, host.len + 1), most, &prefix,
                                        NULL) != BASE_OK)) {
        return base_fail(err, E_TEXT_FORMAT,
            "'%.*s' is no address or network, like 192.0.2.7, 10.0.0.0/8 or fd00::/8",
            base_size_to_int(text.len < 64 ? text.len : 64), (const char *)text.ptr);
    }
    return BASE_OK;
}
