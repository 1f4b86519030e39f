#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/address.h"

#include "base/banned.h"

static void
addresses_keep_their_text(void **state)
{
    (void)state;
    static const char *const texts[] = {"127.0.0.1:8080", "0.0.0.0:0", "[::1]:443", "[::]:65535"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct sockaddr_storage address;
        socklen_t len = 0;
        struct base_error err = {0};
        char text[IPC_ADDRESS_TEXT_LEN] = "";
        assert_int_equal(
            ipc_address_parse(bytes_from_text(texts[i]), &address, &len, &err), BASE_OK);
        ipc_address_text(&address, text);
        assert_string_equal(text, texts[i]);
    }
}

static void
what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", ":", "8080", ":8080", "localhost:8080", "127.0.0.1",
        "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:8 ", "::1:8080", "[::1]",
        "[]:1", "[:1", "]:1", "[127.0.0.1]:80", "[::1]x:80", "256.0.0.1:80",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct sockaddr_storage address;
        socklen_t len = 0;
        struct base_error err = {0};
        assert_int_equal(
            ipc_address_parse(bytes_from_text(texts[i]), &address, &len, &err), E_TEXT_FORMAT);
    }
}

static void
networks_are_addresses_with_an_optional_prefix(void **state)
{
    (void)state;
    static const char *const good[] = {
        "10.0.0.0/8", "192.0.2.7", "::1", "fd00::/8", "::/0", "1.2.3.4/32"};
    static const char *const bad[] = {
        "", "/8", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0/8", "proxy"};
    struct base_error err = {0};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(ipc_network_check(bytes_from_text(good[i]), &err), BASE_OK);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ipc_network_check(bytes_from_text(bad[i]), &err), E_TEXT_FORMAT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_keep_their_text),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(networks_are_addresses_with_an_optional_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
