/* Names and alternative names at and above their limits, and texts that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "der/writer.h"
#include "pki/name.h"

#include "base/banned.h"

#define ALL_TYPES                                                                                  \
    (1U << PKI_SAN_OTHER | 1U << PKI_SAN_EMAIL | 1U << PKI_SAN_DNS | 1U << PKI_SAN_URI |           \
        1U << PKI_SAN_IP)

static void
texts_that_are_no_name_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "CN", "CN=a\\", "=a", "1.2.=a", "CN=", "CN=a+", "CN=a,,O=b", "XX=a", "CN=a\nb"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        BUFFER_LOCAL(der, 4096);
        assert_int_equal(pki_name_from_text(bytes_from_text(texts[i]), &der, NULL), E_NAME_FORMAT);
    }
}

static void
escapes_and_several_values_in_one_rdn_are_read(void **state)
{
    (void)state;
    BUFFER_LOCAL(der, 4096);
    BUFFER_LOCAL(text, 4096);
    assert_int_equal(
        pki_name_from_text(
            BYTES_LITERAL(" CN = J\\c3\\a4 \\, x + UID = 7 , O=Ex\\+ample "), &der, NULL),
        BASE_OK);
    assert_int_equal(pki_name_check(buffer_bytes(&der), NULL), BASE_OK);
    assert_int_equal(pki_name_text(buffer_bytes(&der), &text, NULL), BASE_OK);
    assert_non_null(memmem(text.ptr, text.len, "CN=J\xc3\xa4 \\, x", 11));
    assert_non_null(memmem(text.ptr, text.len, "O=Ex\\+ample", 11));
    assert_non_null(memmem(text.ptr, text.len, "+", 1));
}

/* @rdns sets with @values attributes each. */
static enum base_code
check_name_of(size_t rdns, size_t values)
{
    struct der_writer writer;
    BUFFER_LOCAL(der, 65536);
    der_writer_init(&writer, &der);
    der_write_begin(&writer, DER_SEQUENCE);
    for (size_t i = 0; i < rdns; i++) {
        der_write_begin(&writer, DER_SET);
        for (size_t k = 0; k < values; k++) {
            char text[16] = "";
            (void)snprintf(text, sizeof(text), "%06zu", k);
            der_write_begin(&writer, DER_SEQUENCE);
            der_write_oid_text(&writer, "2.5.4.11");
            der_write(&writer, DER_UTF8_STRING, bytes_from_text(text));
            der_write_end(&writer);
        }
        der_write_end(&writer);
    }
    der_write_end(&writer);
    assert_int_equal(der_writer_finish(&writer, NULL), BASE_OK);
    return pki_name_check(buffer_bytes(&der), NULL);
}

static void
a_name_has_its_limits(void **state)
{
    (void)state;
    assert_int_equal(check_name_of(PKI_RDN_MAX, 1), BASE_OK);
    assert_int_equal(check_name_of(PKI_RDN_MAX + 1, 1), E_NAME_FORMAT);
    assert_int_equal(check_name_of(1, PKI_RDN_MAX), BASE_OK);
    assert_int_equal(check_name_of(1, PKI_RDN_MAX + 1), E_NAME_FORMAT);
    BUFFER_LOCAL(text, 4096);
    BUFFER_LOCAL(der, 65536);
    for (size_t i = 0; i <= PKI_RDN_MAX; i++) {
        assert_int_equal(buffer_append_text(&text, i == 0 ? "O=x" : ",O=x", NULL), BASE_OK);
    }
    assert_int_equal(pki_name_from_text(buffer_bytes(&text), &der, NULL), E_NAME_FORMAT);
}

static const struct {
    struct bytes der;
    enum base_code code;
} sans[] = {
    {BYTES_INIT("\x30\x03\x82\x01\x61"), BASE_OK}, {BYTES_INIT("\x30\x05\x82\x03*.a"), BASE_OK},
    {BYTES_INIT("\x30\x04\x82\x02*."), E_SAN_FORMAT},
    {BYTES_INIT("\x30\x05\x82\x03\x61.."), E_SAN_FORMAT},
    {BYTES_INIT("\x30\x04\x82\x02.a"), E_SAN_FORMAT},
    {BYTES_INIT("\x30\x03\x82\x01\xe4"), E_SAN_FORMAT},
    {BYTES_INIT("\x30\x02\x82\x00"), E_SAN_FORMAT}, {BYTES_INIT("\x30\x00"), E_SAN_FORMAT},
    {BYTES_INIT("\x30\x05\x81\x03\x61@b"), BASE_OK},
    {BYTES_INIT("\x30\x05\x81\x03\x61\x20@"), E_SAN_FORMAT},
    {BYTES_INIT("\x30\x04\x81\x02\x61\x62"), E_SAN_FORMAT},
    {BYTES_INIT("\x30\x05\x86\x03\x61:b"), BASE_OK},
    {BYTES_INIT("\x30\x05\x86\x03\x61:\x7f"), E_SAN_FORMAT},
    {BYTES_INIT("\x30\x06\x87\x04\x7f\x00\x00\x01"), BASE_OK},
    {BYTES_INIT("\x30\x05\x87\x03\x7f\x00\x00"), E_SAN_FORMAT},
    {BYTES_INIT("\x30\x05\xa2\x03\x0c\x01\x61"), E_SAN_FORMAT}, /* DNS, but constructed */
    {BYTES_INIT("\x30\x03\x88\x01\x2a"), E_SAN_TYPE},           /* registeredID */
    {BYTES_INIT("\x30\x03\x0c\x01\x61"), E_SAN_TYPE},
    {BYTES_INIT(
         "\x30\x13\xa0\x11\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03\xa0\x03\x0c\x01\x61"),
        BASE_OK}, /* UPN */
    {BYTES_INIT(
         "\x30\x13\xa0\x11\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x04\xa0\x03\x0c\x01\x61"),
        E_SAN_TYPE}, /* another otherName */
    {BYTES_INIT(
         "\x30\x13\xa0\x11\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03\xa0\x03\x0c\x01\x07"),
        E_SAN_FORMAT},
    {BYTES_INIT("\x30\x03\x82\x01\x61\x00"), E_SAN_FORMAT}, /* octets follow */
};

static void
alternative_names_are_checked_by_their_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sans) / sizeof(sans[0]); i++) {
        struct base_error err = {0};
        assert_int_equal(pki_sans_check(sans[i].der, ALL_TYPES, &err), sans[i].code);
        assert_int_equal(err.code, sans[i].code);
    }
    assert_int_equal(pki_sans_check(sans[0].der, 1U << PKI_SAN_IP, NULL), E_SAN_TYPE);
}

static void
alternative_names_have_their_number(void **state)
{
    (void)state;
    BUFFER_LOCAL(text, 4096);
    BUFFER_LOCAL(der, 8192);
    for (int i = 0; i < PKI_SAN_MAX; i++) {
        assert_int_equal(buffer_append_text(&text, "DNS:a\n", NULL), BASE_OK);
    }
    assert_int_equal(pki_sans_from_text(buffer_bytes(&text), &der, NULL), BASE_OK);
    assert_int_equal(pki_sans_check(buffer_bytes(&der), ALL_TYPES, NULL), BASE_OK);
    struct der_writer writer;
    BUFFER_LOCAL(more, 8192);
    der_writer_init(&writer, &more);
    der_write_begin(&writer, DER_SEQUENCE);
    for (int i = 0; i <= PKI_SAN_MAX; i++) {
        der_write(&writer, DER_CONTEXT(PKI_SAN_DNS), BYTES_LITERAL("a"));
    }
    der_write_end(&writer);
    assert_int_equal(der_writer_finish(&writer, NULL), BASE_OK);
    assert_int_equal(pki_sans_check(buffer_bytes(&more), ALL_TYPES, NULL), E_SAN_FORMAT);
    assert_false(pki_sans_equal(buffer_bytes(&more), buffer_bytes(&more)));
}

static void
alternative_names_are_equal_in_any_order(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool is_equal;
    } cases[] = {
        {"DNS:a\nIP:::1", "IP:::1\nDNS:A", true},
        {"DNS:a\nDNS:b", "DNS:a", false},
        {"DNS:a", "DNS:b", false},
        {"DNS:a", "", false},
        {"", "", true},
        {"email:A@b", "email:a@b", false},
        {"UPN:u@a", "UPN:u@a", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        BUFFER_LOCAL(a, 512);
        BUFFER_LOCAL(b, 512);
        assert_int_equal(pki_sans_from_text(bytes_from_text(cases[i].a), &a, NULL), BASE_OK);
        assert_int_equal(pki_sans_from_text(bytes_from_text(cases[i].b), &b, NULL), BASE_OK);
        assert_true(pki_sans_equal(buffer_bytes(&a), buffer_bytes(&b)) == cases[i].is_equal);
    }
}

static void
alternative_names_as_text(void **state)
{
    (void)state;
    BUFFER_LOCAL(text, 512);
    BUFFER_LOCAL(der, 512);
    BUFFER_LOCAL(again, 512);
    static const char names[] =
        "DNS:a.example\nemail:u@example\nURI:urn:x\nIP:192.0.2.1\nIP:2001:db8::1\nUPN:u@example";
    assert_int_equal(pki_sans_from_text(BYTES_LITERAL(names), &der, NULL), BASE_OK);
    assert_int_equal(pki_sans_text(buffer_bytes(&der), &text, NULL), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&text), names));
    assert_int_equal(
        pki_sans_text(BYTES_LITERAL("\x30\x06\x88\x01\x2a\x82\x01\x61"), &again, NULL), BASE_OK);
    assert_true(bytes_equal_text(buffer_bytes(&again), "tag 8\nDNS:a"));
    static const char *const wrong[] = {"DNS:", "a.example", "IP:300.1.1.1", "dir:x"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(pki_sans_from_text(bytes_from_text(wrong[i]), &again, NULL), E_SAN_FORMAT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_are_no_name_are_refused),
        cmocka_unit_test(escapes_and_several_values_in_one_rdn_are_read),
        cmocka_unit_test(a_name_has_its_limits),
        cmocka_unit_test(alternative_names_are_checked_by_their_type),
        cmocka_unit_test(alternative_names_have_their_number),
        cmocka_unit_test(alternative_names_are_equal_in_any_order),
        cmocka_unit_test(alternative_names_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
