#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "der/writer.h"
#include "pki/sid.h"

#include "base/banned.h"

#define USER "S-1-5-21-1004336348-1177238915-682003330-512"

static void
write_sid(struct buffer *out, const char *type, const char *text)
{
    struct der_writer writer;
    der_writer_init(&writer, out);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
    der_write_oid_text(&writer, type);
    der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
    der_write(&writer, DER_OCTET_STRING, bytes_from_text(text));
    der_write_end(&writer);
    der_write_end(&writer);
    der_write_end(&writer);
    assert_int_equal(der_writer_finish(&writer, NULL), BASE_OK);
}

/* The octets that Windows writes, by hand. */
static void
the_extension_of_windows_is_read(void **state)
{
    (void)state;
    static const char windows[] = "\x30\x3c\xa0\x3a\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x19\x02\x01"
                                  "\xa0\x2c\x04\x2a"
                                  "S-1-5-21-3623811015-3361044348-30300820-13";
    struct bytes text = BYTES_NONE;
    assert_int_equal(pki_sid_check(BYTES_LITERAL(windows), &text, NULL), BASE_OK);
    assert_true(bytes_equal_text(text, "S-1-5-21-3623811015-3361044348-30300820-13"));
}

static void
T12_only_a_whole_identifier_in_its_one_form_passes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum base_code code;
    } cases[] = {
        {USER, BASE_OK},
        {"S-1-5-18", BASE_OK},
        {"S-1-281474976710655-4294967295", BASE_OK},
        {"S-1-281474976710656-1", E_SID_FORMAT},
        {"S-1-5-4294967296", E_SID_FORMAT},
        {"S-1-5", E_SID_FORMAT},
        {"S-1-5-", E_SID_FORMAT},
        {"S-1-5--1", E_SID_FORMAT},
        {"S-1-5-01", E_SID_FORMAT},
        {"S-2-5-21", E_SID_FORMAT},
        {"s-1-5-21", E_SID_FORMAT},
        {" S-1-5-21", E_SID_FORMAT},
        {"S-1-5-21 ", E_SID_FORMAT},
        {"S-1-5-21-x", E_SID_FORMAT},
        {"", E_SID_FORMAT},
        {"S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15", BASE_OK},
        {"S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16", E_SID_FORMAT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        BUFFER_LOCAL(der, 1024);
        write_sid(&der, "1.3.6.1.4.1.311.25.2.1", cases[i].text);
        if (pki_sid_check(buffer_bytes(&der), NULL, NULL) != cases[i].code) {
            fail_msg("%s", cases[i].text);
        }
    }
}

static void
T12_damaged_extensions_are_refused(void **state)
{
    (void)state;
    BUFFER_LOCAL(other, 1024);
    write_sid(&other, "1.3.6.1.4.1.311.25.2.2", USER);
    assert_int_equal(pki_sid_check(buffer_bytes(&other), NULL, NULL), E_SID_FORMAT);
    BUFFER_LOCAL(der, 1024);
    write_sid(&der, "1.3.6.1.4.1.311.25.2.1", USER);
    for (size_t len = 0; len < der.len; len++) {
        assert_int_equal(pki_sid_check((struct bytes){der.ptr, len}, NULL, NULL), E_SID_FORMAT);
    }
    assert_int_equal(buffer_append_octet(&der, 0, NULL), BASE_OK);
    assert_int_equal(pki_sid_check(buffer_bytes(&der), NULL, NULL), E_SID_FORMAT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_extension_of_windows_is_read),
        cmocka_unit_test(T12_only_a_whole_identifier_in_its_one_form_passes),
        cmocka_unit_test(T12_damaged_extensions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
