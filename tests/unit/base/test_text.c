#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#include "base/banned.h"

static void
hex_of_all_octets_reads_back(void **state)
{
    (void)state;
    uint8_t octets[256];
    char text[513];
    for (size_t i = 0; i < sizeof(octets); i++) {
        octets[i] = (uint8_t)i;
    }
    base_hex(BYTES_ARRAY(octets), text);
    assert_int_equal(strlen(text), 512);
    BUFFER_LOCAL(out, 256);
    struct base_error err;
    assert_int_equal(base_hex_decode(bytes_from_text(text), &out, &err), BASE_OK);
    assert_true(bytes_equal(buffer_bytes(&out), BYTES_ARRAY(octets)));
}

static void
hex_with_colons_and_capitals_is_read(void **state)
{
    (void)state;
    BUFFER_LOCAL(out, 4);
    struct base_error err;
    assert_int_equal(base_hex_decode(BYTES_LITERAL("DE:ad:Be:EF"), &out, &err), BASE_OK);
    assert_memory_equal(out.ptr, "\xde\xad\xbe\xef", 4);
}

static void
hex_with_an_odd_digit_is_refused(void **state)
{
    (void)state;
    BUFFER_LOCAL(out, 4);
    struct base_error err;
    assert_int_equal(base_hex_decode(BYTES_LITERAL("abc"), &out, &err), E_TEXT_FORMAT);
    assert_int_equal(base_hex_decode(BYTES_LITERAL("zz"), &out, &err), E_TEXT_FORMAT);
}

static void
base32_of_every_length_reads_back(void **state)
{
    (void)state;
    uint8_t octets[40];
    char text[65];
    memset(octets, 0xa7, sizeof(octets));
    for (size_t len = 0; len <= sizeof(octets); len++) {
        struct base_error err;
        BUFFER_LOCAL(out, 64);
        base_base32((struct bytes){octets, len}, text);
        assert_int_equal(strlen(text), base_base32_len(len));
        assert_int_equal(base_base32_decode(bytes_from_text(text), &out, &err), BASE_OK);
        assert_true(bytes_equal(buffer_bytes(&out), (struct bytes){octets, len}));
    }
}

static void
base32_with_loose_bits_is_refused(void **state)
{
    (void)state;
    struct base_error err;
    BUFFER_LOCAL(out, 64);
    assert_int_equal(base_base32_decode(BYTES_LITERAL("MF"), &out, &err), E_TEXT_FORMAT);
    buffer_reset(&out);
    assert_int_equal(base_base32_decode(BYTES_LITERAL("M"), &out, &err), E_TEXT_FORMAT);
    buffer_reset(&out);
    assert_int_equal(base_base32_decode(BYTES_LITERAL("M1"), &out, &err), E_TEXT_FORMAT);
}

static void
base64_in_every_form_of_the_field_is_read(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "+/+/AAE=", "-_-_AAE=", "+/+/AAE", "+/+/\r\nAAE=\r\n", "+/ +/AA E=", "-_+/AAE"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct base_error err;
        BUFFER_LOCAL(out, 64);
        assert_int_equal(base_base64_decode(bytes_from_text(forms[i]), &out, &err), BASE_OK);
        assert_int_equal(out.len, 5);
        assert_memory_equal(out.ptr, "\xfb\xff\xbf\x00\x01", 5);
    }
}

static void
base64_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const forms[] = {"A", "AAAAA", "AA=A", "AAA==", "%2B%2F", "AA\001A", "===="};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct base_error err;
        BUFFER_LOCAL(out, 64);
        assert_int_equal(base_base64_decode(bytes_from_text(forms[i]), &out, &err), E_TEXT_FORMAT);
    }
}

static void
base64_of_every_length_reads_back(void **state)
{
    (void)state;
    uint8_t octets[100];
    for (size_t i = 0; i < sizeof(octets); i++) {
        octets[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t len = 0; len <= sizeof(octets); len++) {
        struct base_error err;
        BUFFER_LOCAL(text, 256);
        BUFFER_LOCAL(out, 256);
        assert_int_equal(base_base64((struct bytes){octets, len}, &text, &err), BASE_OK);
        assert_int_equal(base_base64_decode(buffer_bytes(&text), &out, &err), BASE_OK);
        assert_true(bytes_equal(buffer_bytes(&out), (struct bytes){octets, len}));
    }
}

static void
untrusted_text_is_escaped_and_cut(void **state)
{
    (void)state;
    char out[24];
    assert_string_equal(
        base_escape(BYTES_LITERAL("a b\n\"\x1b"), out, sizeof(out)), "a\\x20b\\x0a\\x22\\x1b");
    assert_string_equal(base_escape(BYTES_LITERAL("abcdefghijklmnopqrstuvwxyz"), out, sizeof(out)),
        "abcdefghijklmnopqrst...");
}

static void
numbers_keep_their_bounds(void **state)
{
    (void)state;
    uint64_t number = 0;
    struct base_error err;
    assert_int_equal(
        base_parse_number(BYTES_LITERAL("18446744073709551615"), UINT64_MAX, &number, &err),
        BASE_OK);
    assert_true(number == UINT64_MAX);
    assert_int_equal(
        base_parse_number(BYTES_LITERAL("18446744073709551616"), UINT64_MAX, &number, &err),
        E_TEXT_FORMAT);
    assert_int_equal(base_parse_number(BYTES_LITERAL("101"), 100, &number, &err), E_TEXT_FORMAT);
    assert_int_equal(base_parse_number(BYTES_LITERAL(""), 100, &number, &err), E_TEXT_FORMAT);
    assert_int_equal(base_parse_number(BYTES_LITERAL("-1"), 100, &number, &err), E_TEXT_FORMAT);
}

static void
utf8_is_told_from_what_looks_like_it(void **state)
{
    (void)state;
    assert_true(base_is_clean_utf8(BYTES_LITERAL("K\xc3\xbcrier \xe2\x82\xac \xf0\x9f\x93\xa6")));
    assert_false(base_is_clean_utf8(BYTES_LITERAL("a\nb")));
    assert_false(base_is_clean_utf8(BYTES_LITERAL("\xc0\xaf")));         /* overlong */
    assert_false(base_is_clean_utf8(BYTES_LITERAL("\xed\xa0\x80")));     /* surrogate */
    assert_false(base_is_clean_utf8(BYTES_LITERAL("\xf4\x90\x80\x80"))); /* beyond U+10FFFF */
    assert_false(base_is_clean_utf8(BYTES_LITERAL("\xe2\x82")));         /* cut off */
    assert_false(base_is_clean_utf8(BYTES_LITERAL("\xc2\x9b")));         /* C1: a terminal's CSI */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_of_all_octets_reads_back),
        cmocka_unit_test(hex_with_colons_and_capitals_is_read),
        cmocka_unit_test(hex_with_an_odd_digit_is_refused),
        cmocka_unit_test(base32_of_every_length_reads_back),
        cmocka_unit_test(base32_with_loose_bits_is_refused),
        cmocka_unit_test(base64_in_every_form_of_the_field_is_read),
        cmocka_unit_test(base64_that_is_none_is_refused),
        cmocka_unit_test(base64_of_every_length_reads_back),
        cmocka_unit_test(untrusted_text_is_escaped_and_cut),
        cmocka_unit_test(numbers_keep_their_bounds),
        cmocka_unit_test(utf8_is_told_from_what_looks_like_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
