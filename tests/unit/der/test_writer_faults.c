/* What a writer cannot write is said at its end, once, and nothing is half written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "der/limits.h"
#include "der/writer.h"

#include "base/banned.h"

static void
unbalanced_values_are_faults(void **state)
{
    struct base_error err = {0};
    (void)state;
    BUFFER_LOCAL(out, 256);
    struct der_writer writer;
    der_writer_init(&writer, &out);
    der_write_begin(&writer, DER_SEQUENCE);
    assert_int_equal(der_writer_finish(&writer, &err), E_INTERNAL);
    buffer_reset(&out);
    der_writer_init(&writer, &out);
    der_write_end(&writer);
    der_write_uint(&writer, 1);
    assert_int_equal(der_writer_finish(&writer, &err), E_INTERNAL);
}

static void
depth_has_its_limit(void **state)
{
    struct base_error err = {0};
    (void)state;
    BUFFER_LOCAL(out, 4096);
    struct der_writer writer;
    der_writer_init(&writer, &out);
    for (int i = 0; i < DER_DEPTH_MAX + 2; i++) {
        der_write_begin(&writer, DER_SEQUENCE);
    }
    assert_int_equal(der_writer_finish(&writer, &err), E_DER_DEPTH);
}

static void
texts_that_are_no_oid_are_faults(void **state)
{
    static const char *const texts[] = {"", "1", "a.b", "3.1", "1.40.1", "1.2.", "1..2", "-1.2"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct base_error err = {0};
        BUFFER_LOCAL(out, 256);
        struct der_writer writer;
        der_writer_init(&writer, &out);
        der_write_oid_text(&writer, texts[i]);
        assert_int_equal(der_writer_finish(&writer, &err), E_DER_VALUE);
    }
}

static void
a_buffer_that_is_too_small_is_a_fault(void **state)
{
    static const uint8_t octets[300];
    struct base_error err = {0};
    (void)state;
    BUFFER_LOCAL(out, 64);
    struct der_writer writer;
    der_writer_init(&writer, &out);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write(&writer, DER_OCTET_STRING, BYTES_ARRAY(octets));
    der_write_end(&writer);
    assert_int_equal(der_writer_finish(&writer, &err), E_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unbalanced_values_are_faults),
        cmocka_unit_test(depth_has_its_limit),
        cmocka_unit_test(texts_that_are_no_oid_are_faults),
        cmocka_unit_test(a_buffer_that_is_too_small_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
