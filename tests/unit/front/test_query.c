/* What a request asks for, in every spelling that devices are known to use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "front/query.h"

#include "base/banned.h"

static void
expect_query(
    const char *raw, enum front_query_operation operation, const char *message, bool is_twice)
{
    struct front_query query;
    front_query_init(&query);
    struct base_error err;
    enum base_code code =
        front_query_parse(FRONT_HTTP_GET, bytes_from_text(raw), BYTES_NONE, &query, &err);
    if (code != BASE_OK) {
        fail_msg("%s: %s", raw, err.detail);
    }
    assert_int_equal(query.operation, operation);
    if (!bytes_equal_text(query.message, message) || query.is_decoded_twice != is_twice) {
        fail_msg("%s: %zu octets, twice %d", raw, query.message.len, query.is_decoded_twice);
    }
    front_query_clear(&query);
}

static void
expect_refused(enum front_http_method method, const char *raw, enum base_code expected)
{
    struct front_query query;
    front_query_init(&query);
    enum base_code code = front_query_parse(method, bytes_from_text(raw), BYTES_NONE, &query, NULL);
    if (code != expected) {
        fail_msg("%s: KUR-%d", raw, (int)code);
    }
    front_query_clear(&query);
}

static void
message_of_get_ca_cert_is_free_text(void **state)
{
    (void)state;
    static const struct {
        const char *sent;
        const char *meant;
    } cases[] = {
        {"operation=GetCACert", ""},
        {"operation=GetCACert&message=", ""},
        {"operation=GetCACert&message", ""},
        {"operation=GetCACert&message=0", "0"},
        {"operation=GetCACert&message=CAIdentifier", "CAIdentifier"},
        {"operation=GetCACert&message=SCEP%20Authority", "SCEP Authority"},
        {"operation=GetCACert&message=SCEP+Authority", "SCEP Authority"},
        {"operation=GetCACert&message=a%2Bb", "a+b"},
        {"message=ca&operation=GetCACert", "ca"},
        {"operation=getcacert&message=default\\", "default\\"},
        {"operation=GetCACert&message=100%", "100%"},
        {"operation=GetCACert&message=%zz%4", "%zz%4"},
        {"operation=GetCACert&message=%2541", "%41"},
        {"operation=GetCACert&message=a=b=c", "a=b=c"},
        {"operation=GetCACert&message=first&message=second", "first"},
        {"x=y&&operation=GetCACert&z", ""},
        {"OPERATION=GetCACert&Message=m", "m"},
        {"operation=GetCA%43ert", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_query(cases[i].sent, FRONT_QUERY_GET_CA_CERT, cases[i].meant, false);
    }
    expect_query("operation=GETCACAPS&message=%01", FRONT_QUERY_GET_CA_CAPS, "\x01", false);
    expect_query("operation=GetNextCACert", FRONT_QUERY_GET_NEXT_CA_CERT, "", false);
}

/* "0\x82>~?\xfb\xef" in base64 is "MII+fj/77w==": both special digits and padding. */
#define MEANT "0\x82>~?\xfb\xef"

static void
base64_is_read_in_every_spelling(void **state)
{
    (void)state;
    static const char *const once[] = {
        "MII+fj/77w==",             /* Apple, jscep: raw */
        "MII+fj/77w%3D%3D",         /* macOS escapes '=' alone */
        "MII%2Bfj%2F77w%3D%3D",     /* as the RFC has it */
        "MII%2bfj%2f77w%3d%3d",     /* lower case */
        "MII%20fj/77w==",           /* a plus that became a blank on the way */
        "MII-fj_77w==",             /* URL alphabet: micromdm */
        "MII-fj_77w",               /* and without padding */
        "MII%2Bfj%2F77w",           /* no padding */
        "MII+%0Afj/7%0D%0A7w==%0A", /* line ends: Cisco */
        "%4D%49%49+fj/77w==",
    };
    char raw[128];
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++) {
        (void)snprintf(raw, sizeof(raw), "operation=PKIOperation&message=%s", once[i]);
        expect_query(raw, FRONT_QUERY_PKI_OPERATION, MEANT, false);
        (void)snprintf(raw, sizeof(raw), "message=%s&operation=pkioperation", once[i]);
        expect_query(raw, FRONT_QUERY_PKI_OPERATION, MEANT, false);
    }
}

static void
twice_escaped_base64_is_read_and_said_so(void **state)
{
    (void)state;
    expect_query("operation=PKIOperation&message=MII%252Bfj%252F77w%253D%253D",
        FRONT_QUERY_PKI_OPERATION, MEANT, true);
    expect_query("operation=PKIOperation&message=MII+fj/77w%253d%253d", FRONT_QUERY_PKI_OPERATION,
        MEANT, true);
}

static void
what_is_no_request_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        enum base_code code;
    } cases[] = {
        {"", E_QUERY_OPERATION}, {"message=x", E_QUERY_OPERATION},
        {"operation=", E_QUERY_OPERATION}, {"operation", E_QUERY_OPERATION},
        {"operation=GetCACer", E_QUERY_OPERATION}, {"operation=GetCACertX", E_QUERY_OPERATION},
        {"operation=GetCACert%00", E_QUERY_OPERATION},
        {"operation="
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            E_QUERY_OPERATION},
        {"operation=GetCACert&operation=GetCACert", E_QUERY_OPERATION_TWICE},
        {"operation=GetCACert&OPERATION=PKIOperation", E_QUERY_OPERATION_TWICE},
        {"operation=PKIOperation", E_QUERY_MESSAGE},
        {"operation=PKIOperation&message=", E_QUERY_MESSAGE},
        {"operation=PKIOperation&message=%0A", E_QUERY_MESSAGE},
        {"operation=PKIOperation&message=MIIB!", E_QUERY_MESSAGE},
        {"operation=PKIOperation&message=MIIB%", E_QUERY_MESSAGE},
        {"operation=PKIOperation&message=MIIB%25zz", E_QUERY_MESSAGE},
        {"operation=PKIOperation&message=MIIB%00", E_QUERY_MESSAGE},
        {"operation=PKIOperation&message=MIIBA", E_QUERY_MESSAGE},
        {"operation=PKIOperation&message=MII%25252B",
            E_QUERY_MESSAGE}, /* three times is too often */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_refused(FRONT_HTTP_GET, cases[i].raw, cases[i].code);
    }
    expect_refused(FRONT_HTTP_HEAD, "operation=PKIOperation&message=MIIB", E_QUERY_METHOD);
    expect_refused(FRONT_HTTP_POST, "operation=PKIOperation&message=MIIB", E_QUERY_MESSAGE);
    expect_refused(FRONT_HTTP_POST, "operation=Other", E_QUERY_OPERATION);
    assert_int_equal(front_http_status_of(E_QUERY_MESSAGE), 400);
    assert_int_equal(front_http_status_of(E_QUERY_METHOD), 405);
}

static void
post_carries_the_message_in_its_body(void **state)
{
    (void)state;
    struct bytes body = BYTES_LITERAL("MIIB=+\0\xff");
    static const char *const queries[] = {
        "operation=PKIOperation", "", "message=ignored", "operation=PKIOperation&message=%%"};
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct front_query query;
        front_query_init(&query);
        assert_int_equal(
            front_query_parse(FRONT_HTTP_POST, bytes_from_text(queries[i]), body, &query, NULL),
            BASE_OK);
        assert_int_equal(query.operation, FRONT_QUERY_PKI_OPERATION);
        assert_ptr_equal(query.message.ptr, body.ptr);
        assert_int_equal(query.message.len, body.len);
        front_query_clear(&query);
    }
}

static void
operations_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(front_query_operation_name(FRONT_QUERY_GET_CA_CAPS), "GetCACaps");
    assert_string_equal(front_query_operation_name(FRONT_QUERY_PKI_OPERATION), "PKIOperation");
}

static void
paths_become_comparable(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *whole;
        const char *stem;
    } cases[] = {
        {"/", "/", "/"},
        {"//", "/", "/"},
        {"/scep", "/scep", "/scep"},
        {"/scep/", "/scep", "/scep"},
        {"/scep//", "/scep", "/scep"},
        {"/%73cep/lap%2dtop", "/scep/lap-top", "/scep/lap-top"},
        {"/scep/a%2fb%c3%a4", "/scep/a%2Fb%C3%A4", "/scep/a%2Fb%C3%A4"},
        {"/scep/pkiclient.exe", "/scep/pkiclient.exe", "/scep"},
        {"/scep//PKIClient.EXE/", "/scep//PKIClient.EXE", "/scep"},
        {"/pkiclient.exe", "/pkiclient.exe", "/"},
        {"/xpkiclient.exe", "/xpkiclient.exe", "/xpkiclient.exe"},
        {"/a...b/.c", "/a...b/.c", "/a...b/.c"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct front_path path;
        assert_int_equal(front_path_parse(bytes_from_text(cases[i].raw), &path, NULL), BASE_OK);
        assert_true(bytes_equal_text(front_path_whole(&path), cases[i].whole));
        assert_true(bytes_equal_text(front_path_stem(&path), cases[i].stem));
        assert_string_equal(path.text, cases[i].whole);
    }
}

static void
crooked_paths_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "scep", "/a/../b", "/..", "/./a", "/a/%2e%2E/b",
        "/a%00", "/a%0a", "/a\\b", "/a%5cb", "/a%", "/a%4", "/a%zz", "/a%7f"};
    struct front_path path;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (front_path_parse(bytes_from_text(cases[i]), &path, NULL) != E_QUERY_PATH) {
            fail_msg("%s", cases[i]);
        }
    }
    char longest[FRONT_PATH_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    assert_int_equal(
        front_path_parse((struct bytes){(uint8_t *)longest, FRONT_PATH_MAX}, &path, NULL), BASE_OK);
    assert_int_equal(path.len, FRONT_PATH_MAX);
    assert_int_equal(
        front_path_parse((struct bytes){(uint8_t *)longest, FRONT_PATH_MAX + 1}, &path, NULL),
        E_QUERY_PATH);
}

static bool
is_path(const char *raw, const char *expected)
{
    struct front_path path;
    assert_int_equal(front_path_parse(bytes_from_text(raw), &path, NULL), BASE_OK);
    return front_path_is(&path, expected);
}

static void
endpoints_are_found_with_and_without_the_suffix(void **state)
{
    (void)state;
    assert_true(is_path("/certsrv/mscep/mscep.dll", "/certsrv/mscep/mscep.dll"));
    assert_true(is_path("/CertSrv/mscep/mscep.dll/pkiclient.exe", "/certsrv/mscep/mscep.dll"));
    assert_true(is_path("/cgi-bin/pkiclient.exe", "/cgi-bin/pkiclient.exe"));
    assert_true(is_path("/cgi-bin/pkiclient.exe/pkiclient.exe", "/cgi-bin/pkiclient.exe"));
    assert_false(is_path("/cgi-bin/pkiclient.exe/x", "/cgi-bin/pkiclient.exe"));
    assert_false(is_path("/scep2", "/scep"));
}

static void
the_last_segment_names_a_profile(void **state)
{
    (void)state;
    struct front_path path;
    struct bytes segment = BYTES_NONE;
    assert_int_equal(
        front_path_parse(BYTES_LITERAL("/SCEP/Lap%74ops/pkiclient.exe"), &path, NULL), BASE_OK);
    assert_true(front_path_is_below(&path, "/scep", &segment));
    assert_true(bytes_equal_text(segment, "Laptops"));
    static const char *const others[] = {
        "/scep", "/scep/", "/scep/a/b", "/scepx/a", "/scep/pkiclient.exe", "/", "/other/a"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(front_path_parse(bytes_from_text(others[i]), &path, NULL), BASE_OK);
        if (front_path_is_below(&path, "/scep", &segment)) {
            fail_msg("%s", others[i]);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_of_get_ca_cert_is_free_text),
        cmocka_unit_test(base64_is_read_in_every_spelling),
        cmocka_unit_test(twice_escaped_base64_is_read_and_said_so),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(post_carries_the_message_in_its_body),
        cmocka_unit_test(operations_have_their_names),
        cmocka_unit_test(paths_become_comparable),
        cmocka_unit_test(crooked_paths_are_refused),
        cmocka_unit_test(endpoints_are_found_with_and_without_the_suffix),
        cmocka_unit_test(the_last_segment_names_a_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
