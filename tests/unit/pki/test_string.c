/* Octets by hand, after X.690 and Unicode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pki/string.h"

#include "base/banned.h"

static const struct {
    unsigned tag;
    struct bytes content;
    enum base_code code;
    const char *text;
} strings[] = {
    {DER_UTF8_STRING, BYTES_INIT("\xc3\xa4"), BASE_OK, "\xc3\xa4"},
    {DER_PRINTABLE_STRING, BYTES_INIT("a b"), BASE_OK, "a b"},
    {DER_PRINTABLE_STRING, BYTES_INIT("a\x80"), E_NAME_FORMAT, NULL},
    {DER_IA5_STRING, BYTES_INIT("\xe4"), E_NAME_FORMAT, NULL},
    {DER_NUMERIC_STRING, BYTES_INIT("12"), BASE_OK, "12"},
    {DER_VISIBLE_STRING, BYTES_INIT("x"), BASE_OK, "x"},
    {DER_T61_STRING, BYTES_INIT("\xe4"), BASE_OK, "\xc3\xa4"},
    {DER_BMP_STRING, BYTES_INIT("\0a\0\xe4\x20\xac"), BASE_OK, "a\xc3\xa4\xe2\x82\xac"},
    {DER_BMP_STRING, BYTES_INIT("\0a\0"), E_NAME_FORMAT, NULL},
    {DER_BMP_STRING, BYTES_INIT("\xd8\x3d\xde\x00"), E_NAME_FORMAT, NULL},
    {DER_UNIVERSAL_STRING, BYTES_INIT("\0\1\xf6\0"), BASE_OK, "\xf0\x9f\x98\x80"},
    {DER_UNIVERSAL_STRING, BYTES_INIT("\0\x11\0\0"), E_NAME_FORMAT, NULL},
    {DER_UNIVERSAL_STRING, BYTES_INIT("\0\0\0"), E_NAME_FORMAT, NULL},
    {DER_OCTET_STRING, BYTES_INIT("a"), E_NAME_FORMAT, NULL},
};

static void
each_string_type_is_its_text_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        const struct der_element element = {
            .tag = (uint8_t)strings[i].tag, .content = strings[i].content};
        BUFFER_LOCAL(out, 64);
        assert_int_equal(pki_string_to_utf8(&element, &out, NULL), strings[i].code);
        if (strings[i].code == BASE_OK) {
            assert_true(bytes_equal_text(buffer_bytes(&out), strings[i].text));
        }
    }
}

static void
a_text_that_is_too_long_is_refused(void **state)
{
    (void)state;
    const struct der_element element = {
        .tag = DER_BMP_STRING, .content = BYTES_LITERAL("\0a\0b\0c\0d")};
    BUFFER_LOCAL(out, 3);
    assert_int_equal(pki_string_to_utf8(&element, &out, NULL), E_TOO_LARGE);
}

static void
printable_are_the_characters_of_x680(void **state)
{
    (void)state;
    assert_true(pki_string_is_printable(BYTES_LITERAL("AZaz09 '()+,-./:=?")));
    assert_true(pki_string_is_printable(BYTES_NONE));
    static const char others[] = "!\"#$%&*;<>@[\\]^_`{|}~\x7f\x80\xff";
    for (size_t i = 0; i < sizeof(others); i++) { /* the NUL at the end too */
        assert_false(pki_string_is_printable((struct bytes){(const uint8_t *)&others[i], 1}));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_string_type_is_its_text_or_refused),
        cmocka_unit_test(a_text_that_is_too_long_is_refused),
        cmocka_unit_test(printable_are_the_characters_of_x680),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
