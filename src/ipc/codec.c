#include "ipc/codec.h"

#include <assert.h>
#include <string.h>

#include "base/banned.h"

#define TYPE_LEN 2U
#define LENGTH_LEN 4U

static void
put_number(uint8_t *to, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t
get_number(const uint8_t *from, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value |= (uint64_t)from[i] << (8 * i);
    }
    return value;
}

/* Octets of an integer on the wire, which are those in the struct; 0 for an octet string. */
static size_t
integer_len(enum ipc_field_kind kind)
{
    switch (kind) {
    case IPC_FIELD_U8:
        return 1;
    case IPC_FIELD_U32:
        return 4;
    case IPC_FIELD_U64:
    case IPC_FIELD_I64:
        return 8;
    case IPC_FIELD_BYTES:
        break;
    }
    return 0;
}

/* An integer of the struct; memcpy, because the field's type is known by its kind only. */
static uint64_t
load_integer(const uint8_t *from, enum ipc_field_kind kind)
{
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    switch (kind) {
    case IPC_FIELD_U8:
        return *from;
    case IPC_FIELD_U32:
        memcpy(&u32, from, sizeof(u32));
        return u32;
    case IPC_FIELD_U64:
    case IPC_FIELD_I64:
        memcpy(&u64, from, sizeof(u64));
        return u64;
    case IPC_FIELD_BYTES:
        break;
    }
    return 0;
}

static void
store_integer(uint8_t *to, enum ipc_field_kind kind, uint64_t value)
{
    uint32_t u32 = (uint32_t)value;
    switch (kind) {
    case IPC_FIELD_U8:
        *to = (uint8_t)value;
        break;
    case IPC_FIELD_U32:
        memcpy(to, &u32, sizeof(u32));
        break;
    case IPC_FIELD_U64:
    case IPC_FIELD_I64:
        memcpy(to, &value, sizeof(value));
        break;
    case IPC_FIELD_BYTES:
        break;
    }
}

uint16_t
ipc_frame_type(const struct ipc_frame *frame)
{
    return frame->len < TYPE_LEN ? 0 : (uint16_t)get_number(frame->octets, TYPE_LEN);
}

MUST_CHECK static enum base_code
append(struct ipc_frame *frame, size_t *at, struct bytes octets, struct base_error *err)
{
    if (octets.len > sizeof(frame->octets) - *at) {
        return base_fail(err, E_TOO_LARGE, "a message of more than %zu octets", IPC_FRAME_MAX);
    }
    if (octets.len > 0) {
        memcpy(frame->octets + *at, octets.ptr, octets.len);
    }
    *at += octets.len;
    return BASE_OK;
}

MUST_CHECK static enum base_code
encode_field(const struct ipc_spec *spec, const struct ipc_field *field, const uint8_t *from,
    struct ipc_frame *frame, size_t *at, struct base_error *err)
{
    uint8_t number[8] = {0};
    size_t len = integer_len(field->kind);
    if (len > 0) {
        put_number(number, load_integer(from, field->kind), len);
        return append(frame, at, (struct bytes){number, len}, err);
    }
    struct bytes octets = BYTES_NONE;
    memcpy(&octets, from, sizeof(octets));
    if (octets.len > field->max_len) {
        return base_fail(err, E_IPC_FIELD, "%s of %s has %zu octets, at most %zu", field->name,
            spec->name, octets.len, field->max_len);
    }
    put_number(number, octets.len, LENGTH_LEN);
    TRY(append(frame, at, (struct bytes){number, LENGTH_LEN}, err));
    return append(frame, at, octets, err);
}

enum base_code
ipc_encode(const struct ipc_spec *spec, const void *message, struct ipc_frame *frame,
    struct base_error *err)
{
    size_t at = TYPE_LEN;
    put_number(frame->octets, spec->type, TYPE_LEN);
    for (size_t i = 0; i < spec->count; i++) {
        const struct ipc_field *field = &spec->fields[i];
        TRY(encode_field(spec, field, (const uint8_t *)message + field->offset, frame, &at, err));
    }
    frame->len = at;
    return BASE_OK;
}

MUST_CHECK static enum base_code
decode_field(const struct ipc_spec *spec, const struct ipc_field *field, struct bytes *rest,
    uint8_t *to, struct base_error *err)
{
    size_t len = integer_len(field->kind);
    size_t head = len > 0 ? len : LENGTH_LEN;
    if (rest->len < head) {
        return base_fail(err, E_IPC_FIELD, "%s ends before its %s", spec->name, field->name);
    }
    uint64_t number = get_number(rest->ptr, head);
    *rest = bytes_skip(*rest, head);
    if (len > 0) {
        store_integer(to, field->kind, number);
        return BASE_OK;
    }
    if (number > field->max_len || number > rest->len) {
        return base_fail(err, E_IPC_FIELD, "%s of %s claims %llu octets, at most %zu and %zu left",
            field->name, spec->name, (unsigned long long)number, field->max_len, rest->len);
    }
    struct bytes octets = {rest->ptr, (size_t)number};
    memcpy(to, &octets, sizeof(octets));
    *rest = bytes_skip(*rest, octets.len);
    return BASE_OK;
}

enum base_code
ipc_decode(const struct ipc_spec *spec, const struct ipc_frame *frame, void *out_message,
    struct base_error *err)
{
    uint8_t message[IPC_STRUCT_MAX] = {0};
    assert(spec->size <= sizeof(message));
    if (frame->len < TYPE_LEN || ipc_frame_type(frame) != spec->type) {
        return base_fail(err, E_IPC_FIELD, "a message of type %u, want %s",
            (unsigned)ipc_frame_type(frame), spec->name);
    }
    struct bytes rest = {frame->octets + TYPE_LEN, frame->len - TYPE_LEN};
    for (size_t i = 0; i < spec->count; i++) {
        const struct ipc_field *field = &spec->fields[i];
        TRY(decode_field(spec, field, &rest, message + field->offset, err));
    }
    if (rest.len > 0) {
        return base_fail(
            err, E_IPC_FIELD, "%zu octets behind the last field of %s", rest.len, spec->name);
    }
    memcpy(out_message, message, spec->size);
    return BASE_OK;
}
