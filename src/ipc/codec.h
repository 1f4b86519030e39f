/*
 * codec.h - typed messages between roles, each described once.
 *
 * A message is a list of fields. From that one list come the C struct, its encoder and its decoder,
 * so that the two ends of a socket cannot disagree, and one fuzz target reaches them all. Wire
 * form: type (2 octets), then the fields in order, integers little-endian, octet strings as 4
 * octets of length and the octets. A decoder refuses an unknown type, a field beyond its maximum, a
 * missing or a surplus octet.
 *
 *   #define IPC_PEER_FIELDS(U8, U32, U64, I64, BYTES) U8(role)
 *   IPC_DECLARE(peer, IPC_PEER_FIELDS)         -> struct ipc_peer, ipc_peer_spec; messages.c gives
 * it IPC_TYPE_PEER
 */
#ifndef IPC_CODEC_H
#define IPC_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

enum ipc_field_kind { IPC_FIELD_U8, IPC_FIELD_U32, IPC_FIELD_U64, IPC_FIELD_I64, IPC_FIELD_BYTES };

struct ipc_field {
    const char *name;
    enum ipc_field_kind kind;
    size_t offset;  /* in the struct */
    size_t max_len; /* octets, for IPC_FIELD_BYTES */
};

struct ipc_spec {
    uint16_t type;
    const char *name;
    size_t size; /* of the struct */
    const struct ipc_field *fields;
    size_t count;
};

/* One frame is one SEQPACKET message: at most this many octets, and at most one descriptor beside
 * it. */
#define IPC_FRAME_MAX ((size_t)64 * 1024)

struct ipc_frame {
    size_t len;
    int fd; /* owned by whoever holds the frame; -1: none */
    uint8_t octets[IPC_FRAME_MAX];
};

/* The message's type; 0 when the frame is too short to have one. */
uint16_t ipc_frame_type(const struct ipc_frame *frame);
/* Errors: E_IPC_FIELD when a value exceeds its field's maximum, E_TOO_LARGE beyond IPC_FRAME_MAX.
 * Leaves frame->fd. */
MUST_CHECK enum base_code ipc_encode(const struct ipc_spec *spec, const void *message,
    struct ipc_frame *frame, struct base_error *err);
/* Octet strings of *out_message point into @frame and live as long as it does. Errors: E_IPC_FIELD.
 */
MUST_CHECK enum base_code ipc_decode(const struct ipc_spec *spec, const struct ipc_frame *frame,
    void *out_message, struct base_error *err);

/* The largest message struct; a decoder builds one of these before it hands it out. */
#define IPC_STRUCT_MAX 512
/* Every message there is, for tests and fuzzers. */
const struct ipc_spec *const *ipc_spec_table(size_t *out_count);

#define IPC_STRUCT_U8(field) uint8_t field;
#define IPC_STRUCT_U32(field) uint32_t field;
#define IPC_STRUCT_U64(field) uint64_t field;
#define IPC_STRUCT_I64(field) int64_t field;
#define IPC_STRUCT_BYTES(field, max) struct bytes field;

/* In a header: struct ipc_<name> and its description. */
#define IPC_DECLARE(name, FIELDS)                                                                  \
    struct ipc_##name {                                                                            \
        FIELDS(IPC_STRUCT_U8, IPC_STRUCT_U32, IPC_STRUCT_U64, IPC_STRUCT_I64, IPC_STRUCT_BYTES)    \
    };                                                                                             \
    extern const struct ipc_spec ipc_##name##_spec;

#endif
