#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pki/name.h"
#include "signer/ra_name.h"

#include "base/banned.h"

static void
expect_text(struct bytes ca_der, const char *ra_text)
{
    BUFFER_LOCAL(ra, 8192);
    BUFFER_LOCAL(text, 1024);
    struct base_error err = {0};
    assert_int_equal(signer_ra_name(ca_der, &ra, &err), BASE_OK);
    assert_int_equal(pki_name_check(buffer_bytes(&ra), &err), BASE_OK);
    assert_int_equal(pki_name_text(buffer_bytes(&ra), &text, &err), BASE_OK);
    assert_int_equal(text.len, strlen(ra_text));
    assert_memory_equal(text.ptr, ra_text, text.len);
}

static void
expect(const char *ca_text, const char *ra_text)
{
    BUFFER_LOCAL(ca, 8192);
    struct base_error err = {0};
    assert_int_equal(pki_name_from_text(bytes_from_text(ca_text), &ca, &err), BASE_OK);
    expect_text(buffer_bytes(&ca), ra_text);
}

static void
common_name_gets_the_suffix_and_the_rest_stays(void **state)
{
    (void)state;
    expect("CN=Example CA", "CN=Example CA RA");
    expect("CN=Example CA,OU=Keys,O=Example,C=DE", "CN=Example CA RA,OU=Keys,O=Example,C=DE");
    expect("CN=Büro", "CN=Büro RA");
}

static void
first_common_name_alone_is_changed(void **state)
{
    (void)state;
    expect("CN=One,CN=Two", "CN=One,CN=Two RA"); /* the text is in the reverse order */
}

static void
name_without_common_name_gets_one(void **state)
{
    (void)state;
    expect("O=Example", "CN=RA,O=Example");
}

static void
wide_strings_get_a_wide_suffix(void **state)
{
    (void)state;
    static const uint8_t bmp[] = {0x30, 0x0f, 0x31, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x04, 0x03,
        0x1e, 0x04, 0, 'C', 0, 'A'};
    expect_text(BYTES_ARRAY(bmp), "CN=CA RA");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_name_gets_the_suffix_and_the_rest_stays),
        cmocka_unit_test(first_common_name_alone_is_changed),
        cmocka_unit_test(name_without_common_name_gets_one),
        cmocka_unit_test(wide_strings_get_a_wide_suffix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
