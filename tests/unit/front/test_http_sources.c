/* Connections per source: an IPv4 address, or the /64 of an IPv6 address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "front/http_sources.h"

#include "base/banned.h"

static union front_http_address
address_of(const char *text)
{
    union front_http_address address;
    memset(&address, 0, sizeof(address));
    if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(4711);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &address.v6.sin6_addr), 1);
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(4711);
    }
    return address;
}

/* Does a second connection from @b fall under the limit of one that @a has used up? */
static bool
is_one_source(const char *a, const char *b)
{
    struct front_http_sources *sources = front_http_sources_new(0x0123456789abcdefU);
    assert_non_null(sources);
    union front_http_address first = address_of(a);
    union front_http_address second = address_of(b);
    struct front_http_source *held = NULL;
    struct front_http_source *other = NULL;
    assert_int_equal(front_http_source_enter(sources, &first, 1, &held, NULL), BASE_OK);
    enum base_code code = front_http_source_enter(sources, &second, 1, &other, NULL);
    assert_true(code == BASE_OK || code == E_HTTP_CONNECTIONS);
    front_http_source_leave(sources, held);
    if (code == BASE_OK) {
        front_http_source_leave(sources, other);
    } else {
        assert_int_equal(front_http_source_enter(sources, &second, 1, &other, NULL), BASE_OK);
        front_http_source_leave(sources, other);
    }
    front_http_sources_free(sources);
    return code == E_HTTP_CONNECTIONS;
}

static void
sources_are_told_apart(void **state)
{
    (void)state;
    assert_true(is_one_source("192.0.2.7", "192.0.2.7"));
    assert_false(is_one_source("192.0.2.7", "192.0.2.8"));
    assert_true(is_one_source("192.0.2.7", "::ffff:192.0.2.7"));
    assert_true(is_one_source("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
    assert_false(is_one_source("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert_false(is_one_source("0.0.0.0", "::"));
}

static void
many_sources_are_counted_and_forgotten(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct front_http_sources *sources = front_http_sources_new(42);
    struct front_http_source **held = calloc(COUNT, sizeof(struct front_http_source *));
    assert_non_null(sources);
    assert_non_null(held);
    for (uint32_t i = 0; i < COUNT; i++) {
        union front_http_address address = address_of("10.0.0.0");
        address.v4.sin_addr.s_addr = htonl(0x0a000000U + i / 2);
        assert_int_equal(front_http_source_enter(sources, &address, 2, &held[i], NULL), BASE_OK);
        assert_true(i % 2 == 0 || held[i] == held[i - 1]);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        front_http_source_leave(sources, held[i]);
    }
    free(held);
    front_http_sources_free(sources);
}

static void
addresses_are_written_without_port(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"192.0.2.7", "192.0.2.7"},
        {"::ffff:192.0.2.7", "192.0.2.7"}, {"2001:DB8:0:0::7", "2001:db8::7"},
        {"2001:db8:1111:2222:3333:4444:5555:6666", "2001:db8:1111:2222:3333:4444:5555:6666"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        union front_http_address address = address_of(cases[i][0]);
        char text[FRONT_HTTP_SOURCE_LEN];
        uint16_t port = 0;
        front_http_address_text(&address, text, &port);
        assert_string_equal(text, cases[i][1]);
        assert_int_equal(port, 4711);
    }
    union front_http_address none = {.any = {.sa_family = AF_UNSPEC}};
    char text[FRONT_HTTP_SOURCE_LEN];
    uint16_t port = 1;
    front_http_address_text(&none, text, &port);
    assert_string_equal(text, "unknown");
    assert_int_equal(port, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_are_told_apart),
        cmocka_unit_test(many_sources_are_counted_and_forgotten),
        cmocka_unit_test(addresses_are_written_without_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
