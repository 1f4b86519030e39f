#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "der/ber.h"
#include "der/reader.h"
#include "der/writer.h"

#include "base/banned.h"

static enum base_code
next_code(const char *octets, size_t len)
{
    struct der_reader reader = der_reader_over((struct bytes){(const uint8_t *)octets, len});
    struct der_element element;
    return der_next(&reader, &element, NULL);
}
#define NEXT(octets) next_code(octets, sizeof(octets) - 1)

static void
lengths_must_be_definite_and_minimal(void **state)
{
    (void)state;
    assert_int_equal(NEXT("\x04\x01x"), BASE_OK);
    assert_int_equal(NEXT("\x04\x81\x01x"), E_DER_LENGTH);
    assert_int_equal(NEXT("\x04\x82\x00\x80x"), E_DER_LENGTH);
    assert_int_equal(NEXT("\x24\x80\x00\x00"), E_DER_LENGTH);
    assert_int_equal(NEXT("\x04\x84\xff\xff\xff\xff"), E_DER_TRUNCATED);
    assert_int_equal(NEXT("\x04\x88\x7f\xff\xff\xff\xff\xff\xff\xff"), E_DER_LENGTH);
    assert_int_equal(NEXT("\x04"), E_DER_TRUNCATED);
    assert_int_equal(NEXT("\x04\x82\x01"), E_DER_TRUNCATED);
    assert_int_equal(NEXT("\x1f\x01\x00"), E_DER_TAG);
    assert_int_equal(NEXT(""), E_DER_TRUNCATED);
}

static void
numbers_are_minimal_and_not_negative(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t len;
        enum base_code code;
        uint32_t value;
    } cases[] = {
        {"\x02\x01\x00", 3, BASE_OK, 0},
        {"\x02\x02\x00\x80", 4, BASE_OK, 128},
        {"\x02\x05\x00\xff\xff\xff\xff", 7, BASE_OK, UINT32_MAX},
        {"\x02\x02\x00\x7f", 4, E_DER_VALUE, 0},
        {"\x02\x01\xff", 3, E_DER_VALUE, 0},
        {"\x02\x00", 2, E_DER_VALUE, 0},
        {"\x02\x05\x01\x00\x00\x00\x00", 7, E_DER_VALUE, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct der_reader reader =
            der_reader_over((struct bytes){(const uint8_t *)cases[i].octets, cases[i].len});
        uint32_t value = 0;
        assert_int_equal(der_read_uint(&reader, &value, NULL), cases[i].code);
        assert_int_equal(value, cases[i].value);
    }
}

static void
depth_has_a_bound(void **state)
{
    (void)state;
    uint8_t nest[2 * (DER_DEPTH_MAX + 4)];
    size_t levels = sizeof(nest) / 2;
    for (size_t i = 0; i < levels; i++) {
        nest[2 * i] = DER_SEQUENCE;
        nest[2 * i + 1] = (uint8_t)(2 * (levels - 1 - i));
    }
    struct der_reader reader = der_reader_over(BYTES_ARRAY(nest));
    size_t entered = 0;
    enum base_code code = BASE_OK;
    while (code == BASE_OK) {
        code = der_enter(&reader, DER_SEQUENCE, &reader, NULL);
        entered += code == BASE_OK ? 1 : 0;
    }
    assert_int_equal(code, E_DER_DEPTH);
    assert_int_equal(entered, DER_DEPTH_MAX);
}

static void
what_is_written_reads_back(void **state)
{
    (void)state;
    struct base_error err;
    struct der_writer writer;
    struct der_reader outer;
    struct der_reader inside;
    struct bytes oid;
    int64_t at = 0;
    uint32_t number = 0;
    bool flag = false;
    char text[64];
    BUFFER_LOCAL(out, 4096);
    der_writer_init(&writer, &out);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_oid_text(&writer, "1.2.840.113549.1.9.7");
    der_write_uint(&writer, 300);
    der_write_bool(&writer, true);
    der_write_time(&writer, 1764000000);
    der_write_time(&writer, 4102444800); /* 2100: GeneralizedTime */
    der_write_end(&writer);
    assert_int_equal(der_writer_finish(&writer, &err), BASE_OK);
    outer = der_reader_over(buffer_bytes(&out));
    assert_int_equal(der_enter(&outer, DER_SEQUENCE, &inside, &err), BASE_OK);
    assert_int_equal(der_read_oid(&inside, &oid, &err), BASE_OK);
    assert_string_equal(der_oid_text(oid, text, sizeof(text)), "1.2.840.113549.1.9.7");
    assert_int_equal(der_read_uint(&inside, &number, &err), BASE_OK);
    assert_int_equal(number, 300);
    assert_int_equal(der_read_bool(&inside, &flag, &err), BASE_OK);
    assert_true(flag);
    assert_int_equal(der_read_time(&inside, &at, &err), BASE_OK);
    assert_true(at == 1764000000);
    assert_int_equal(der_peek_tag(&inside), DER_GENERALIZED_TIME);
    assert_int_equal(der_read_time(&inside, &at, &err), BASE_OK);
    assert_true(at == 4102444800);
    assert_int_equal(der_end(&inside, &err), BASE_OK);
}

static void
set_of_is_sorted_as_der_wants(void **state)
{
    (void)state;
    struct der_writer writer;
    BUFFER_LOCAL(out, 64);
    der_writer_init(&writer, &out);
    der_write_begin(&writer, DER_SET);
    der_write_uint(&writer, 300);
    der_write_uint(&writer, 7);
    der_write_end_set_of(&writer);
    assert_int_equal(der_writer_finish(&writer, NULL), BASE_OK);
    assert_memory_equal(out.ptr, "\x31\x07\x02\x01\x07\x02\x02\x01\x2c", 9);
}

static void
M_39_indefinite_lengths_and_pieces_become_der(void **state)
{
    (void)state;
    static const char ber[] = "\x30\x80\x24\x80\x04\x02"
                              "ab"
                              "\x24\x03\x04\x01"
                              "c"
                              "\x00\x00\x02\x01\x05\x00\x00";
    BUFFER_LOCAL(storage, 256);
    struct bytes der;
    assert_int_equal(
        der_from_ber((struct bytes){(const uint8_t *)ber, sizeof(ber) - 1}, &storage, &der, NULL),
        BASE_OK);
    assert_int_equal(der.len, 10);
    assert_memory_equal(der.ptr,
        "\x30\x08\x04\x03"
        "abc"
        "\x02\x01\x05",
        10);
}

static void
der_is_not_copied(void **state)
{
    (void)state;
    BUFFER_LOCAL(storage, 16);
    struct bytes in = BYTES_LITERAL("\x30\x03\x02\x01\x05");
    struct bytes der;
    assert_int_equal(der_from_ber(in, &storage, &der, NULL), BASE_OK);
    assert_ptr_equal(der.ptr, in.ptr);
}

static void
ber_that_is_broken_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct bytes octets;
        enum base_code code;
    } cases[] = {
        {BYTES_INIT("\x30\x80\x02\x01\x05"), E_DER_TRUNCATED},
        {BYTES_INIT("\x04\x80\x00\x00"), E_DER_LENGTH},
        {BYTES_INIT("\x24\x80\x02\x01\x05\x00\x00"), E_DER_TAG},
        {BYTES_INIT("\x30\x05\x02\x01"), E_DER_TRUNCATED},
        {BYTES_INIT("\x30\x03\x02\x01\x05\x01"), E_DER_TRAILING},
        {BYTES_INIT("\x30\x89\x01\x00\x00\x00\x00\x00\x00\x00\x00"), E_DER_LENGTH},
        {BYTES_INIT(""), E_DER_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes der;
        BUFFER_LOCAL(storage, 256);
        assert_int_equal(der_from_ber(cases[i].octets, &storage, &der, NULL), cases[i].code);
    }
}

static void
T20_a_bomb_of_nesting_is_refused(void **state)
{
    (void)state;
    uint8_t bomb[4096];
    struct bytes der;
    BUFFER_LOCAL(storage, sizeof(bomb));
    for (size_t i = 0; i < sizeof(bomb); i += 2) {
        bomb[i] = DER_SEQUENCE;
        bomb[i + 1] = 0x80;
    }
    assert_int_equal(der_from_ber(BYTES_ARRAY(bomb), &storage, &der, NULL), E_DER_DEPTH);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_must_be_definite_and_minimal),
        cmocka_unit_test(numbers_are_minimal_and_not_negative),
        cmocka_unit_test(depth_has_a_bound),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(set_of_is_sorted_as_der_wants),
        cmocka_unit_test(M_39_indefinite_lengths_and_pieces_become_der),
        cmocka_unit_test(der_is_not_copied),
        cmocka_unit_test(ber_that_is_broken_is_refused),
        cmocka_unit_test(T20_a_bomb_of_nesting_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
