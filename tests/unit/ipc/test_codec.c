#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/control.h"
#include "ipc/to_ledger.h"
#include "ipc/to_role.h"
#include "ipc/to_signer.h"

#include "base/banned.h"

static uint8_t pattern[IPC_FRAME_MAX];
static struct ipc_frame frame;

/* A message with every field set: integers to a number of their own, octet strings to @len_of(max).
 */
static void
fill(const struct ipc_spec *spec, uint8_t *message, size_t divisor)
{
    memset(message, 0, IPC_STRUCT_MAX);
    for (size_t i = 0; i < spec->count; i++) {
        const struct ipc_field *field = &spec->fields[i];
        uint8_t *to = message + field->offset;
        uint64_t number = UINT64_C(0xf1e2d3c4b5a69788) + i;
        uint32_t half = (uint32_t)number;
        struct bytes octets = {pattern + i, field->max_len / divisor};
        switch (field->kind) {
        case IPC_FIELD_U8:
            *to = (uint8_t)number;
            break;
        case IPC_FIELD_U32:
            memcpy(to, &half, sizeof(half));
            break;
        case IPC_FIELD_U64:
        case IPC_FIELD_I64:
            memcpy(to, &number, sizeof(number));
            break;
        case IPC_FIELD_BYTES:
            memcpy(to, &octets, sizeof(octets));
            break;
        default:
            fail();
        }
    }
}

/* Field by field: octet strings point elsewhere after a round trip. */
static void
assert_same(const struct ipc_spec *spec, const uint8_t *a, const uint8_t *b)
{
    for (size_t i = 0; i < spec->count; i++) {
        const struct ipc_field *field = &spec->fields[i];
        struct bytes x = BYTES_NONE;
        struct bytes y = BYTES_NONE;
        switch (field->kind) {
        case IPC_FIELD_U8:
            assert_memory_equal(a + field->offset, b + field->offset, 1);
            break;
        case IPC_FIELD_U32:
            assert_memory_equal(a + field->offset, b + field->offset, 4);
            break;
        case IPC_FIELD_U64:
        case IPC_FIELD_I64:
            assert_memory_equal(a + field->offset, b + field->offset, 8);
            break;
        case IPC_FIELD_BYTES:
            memcpy(&x, a + field->offset, sizeof(x));
            memcpy(&y, b + field->offset, sizeof(y));
            assert_true(bytes_equal(x, y));
            assert_true(y.ptr >= frame.octets && y.ptr + y.len <= frame.octets + frame.len);
            break;
        default:
            fail();
        }
    }
}

static void
every_message_survives_a_round_trip_at_its_limits(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ipc_spec *const *table = ipc_spec_table(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t divisor = 1; divisor <= 3; divisor++) {
            uint8_t sent[IPC_STRUCT_MAX];
            uint8_t got[IPC_STRUCT_MAX] = {0};
            struct base_error err = {0};
            fill(table[i], sent, divisor);
            assert_int_equal(ipc_encode(table[i], sent, &frame, &err), BASE_OK);
            assert_int_equal(ipc_frame_type(&frame), table[i]->type);
            assert_int_equal(ipc_decode(table[i], &frame, got, &err), BASE_OK);
            assert_same(table[i], sent, got);
        }
    }
}

static void
types_are_unique(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ipc_spec *const *table = ipc_spec_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(table[i]->type, 0);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(table[i]->type, table[k]->type);
        }
    }
}

static void
every_truncation_is_refused_and_leaves_the_output(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ipc_spec *const *table = ipc_spec_table(&count);
    for (size_t i = 0; i < count; i++) {
        uint8_t sent[IPC_STRUCT_MAX];
        uint8_t got[IPC_STRUCT_MAX];
        struct base_error err = {0};
        fill(table[i], sent, 64);
        assert_int_equal(ipc_encode(table[i], sent, &frame, &err), BASE_OK);
        size_t whole = frame.len;
        for (size_t len = 0; len < whole; len++) {
            frame.len = len;
            memset(got, 0x5a, sizeof(got));
            assert_int_equal(ipc_decode(table[i], &frame, got, &err), E_IPC_FIELD);
            for (size_t k = 0; k < sizeof(got); k++) {
                assert_int_equal(got[k], 0x5a);
            }
        }
        frame.len = whole + 1;
        assert_int_equal(ipc_decode(table[i], &frame, got, &err), E_IPC_FIELD);
    }
}

static void
field_beyond_its_maximum_is_refused_by_both_ends(void **state)
{
    (void)state;
    struct base_error err = {0};
    struct ipc_certificate message = {.request_id = 1, .certificate = {pattern, 100}};
    assert_int_equal(ipc_encode(&ipc_certificate_spec, &message, &frame, &err), BASE_OK);
    /* The claimed length of the only octet string, behind type and two numbers. */
    frame.octets[18 + 3] = 1;
    assert_int_equal(ipc_decode(&ipc_certificate_spec, &frame, &message, &err), E_IPC_FIELD);
    message.certificate = (struct bytes){pattern, IPC_CERTIFICATE_MAX + 1};
    assert_int_equal(ipc_encode(&ipc_certificate_spec, &message, &frame, &err), E_IPC_FIELD);
}

static void
message_larger_than_a_frame_is_refused(void **state)
{
    (void)state;
    static const struct ipc_field fields[] = {
        {"first", IPC_FIELD_BYTES, 0, IPC_FRAME_MAX},
        {"second", IPC_FIELD_BYTES, sizeof(struct bytes), IPC_FRAME_MAX},
    };
    static const struct ipc_spec spec = {9, "large", 2 * sizeof(struct bytes), fields, 2};
    struct base_error err = {0};
    struct bytes message[2] = {{pattern, IPC_FRAME_MAX - 10}, {pattern, 0}};
    assert_int_equal(ipc_encode(&spec, message, &frame, &err), BASE_OK);
    assert_int_equal(frame.len, IPC_FRAME_MAX);
    message[1].len = 1;
    assert_int_equal(ipc_encode(&spec, message, &frame, &err), E_TOO_LARGE);
}

static void
message_of_another_type_is_refused(void **state)
{
    (void)state;
    struct base_error err = {0};
    struct ipc_ready ready = {.generation = 7};
    struct ipc_config_end end = {0};
    assert_int_equal(ipc_encode(&ipc_ready_spec, &ready, &frame, &err), BASE_OK);
    assert_int_equal(ipc_decode(&ipc_config_end_spec, &frame, &end, &err), E_IPC_FIELD);
}

static void
wire_form_is_little_endian(void **state)
{
    (void)state;
    static const uint8_t wire[] = {
        0x97, 0x00, 0x04, 0x03, 0x02, 0x01, 0, 0, 0, 0, 0x02, 0, 0, 0, 'a', 'b'};
    struct base_error err = {0};
    struct ipc_cert_rep_signature message = {.request_id = 0x01020304, .code = 0};
    struct ipc_envelope_key key = {.request_id = 0x01020304, .key = BYTES_LITERAL("ab")};
    assert_int_equal(ipc_encode(&ipc_envelope_key_spec, &key, &frame, &err), BASE_OK);
    assert_int_equal(frame.len, sizeof(wire));
    assert_int_equal(frame.octets[0], IPC_TYPE_ENVELOPE_KEY & 0xff);
    assert_memory_equal(frame.octets + 2, wire + 2, sizeof(wire) - 2);
    assert_int_equal(ipc_decode(&ipc_cert_rep_signature_spec, &frame, &message, &err), E_IPC_FIELD);
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(pattern); i++) {
        pattern[i] = (uint8_t)(i * 7 + 1);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_survives_a_round_trip_at_its_limits),
        cmocka_unit_test(types_are_unique),
        cmocka_unit_test(every_truncation_is_refused_and_leaves_the_output),
        cmocka_unit_test(field_beyond_its_maximum_is_refused_by_both_ends),
        cmocka_unit_test(message_larger_than_a_frame_is_refused),
        cmocka_unit_test(message_of_another_type_is_refused),
        cmocka_unit_test(wire_form_is_little_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
