#include "store/sqlite/sqlite_store.h"

#include <assert.h>

#include "base/banned.h"

/* A column to be copied: where its slice goes. The offset is kept until all are copied, because the
 * memory may move. */
struct slice {
    int column;
    struct bytes *out;
};

#define SLICES_MAX 16

static enum base_code
copy_columns(sqlite3_stmt *row, struct store_row *memory, const struct slice *slices, size_t count,
    struct base_error *err)
{
    size_t offset[SLICES_MAX];
    assert(count <= SLICES_MAX);
    buffer_reset(&memory->memory);
    for (size_t i = 0; i < count; i++) {
        struct bytes value = store_column(row, slices[i].column);
        offset[i] = memory->memory.len;
        TRY(buffer_append(&memory->memory, value, err));
        slices[i].out->len = value.len;
    }
    for (size_t i = 0; i < count; i++) {
        slices[i].out->ptr = slices[i].out->len == 0 ? NULL : memory->memory.ptr + offset[i];
    }
    return BASE_OK;
}

enum base_code
store_sqlite_read_challenge(sqlite3_stmt *row, struct store_row *memory,
    struct store_challenge *out, struct base_error *err)
{
    const struct slice slices[] = {
        {1, &out->mac}, {2, &out->profile}, {3, &out->device}, {4, &out->subject}, {6, &out->sans}};
    TRY(copy_columns(row, memory, slices, sizeof(slices) / sizeof(slices[0]), err));
    out->id = (uint64_t)sqlite3_column_int64(row, 0);
    out->is_san_bound = sqlite3_column_int(row, 5) != 0;
    out->created_ms = sqlite3_column_int64(row, 7);
    out->expires_ms = sqlite3_column_int64(row, 8);
    out->uses = (uint32_t)sqlite3_column_int64(row, 9);
    out->uses_left = (uint32_t)sqlite3_column_int64(row, 10);
    out->mismatches = (uint32_t)sqlite3_column_int64(row, 11);
    out->state = (enum store_challenge_state)sqlite3_column_int(row, 12);
    out->held_by = (uint64_t)sqlite3_column_int64(row, 13);
    out->delivery_id = (uint64_t)sqlite3_column_int64(row, 14);
    return BASE_OK;
}

enum base_code
store_sqlite_read_delivery(
    sqlite3_stmt *row, struct store_row *memory, struct store_delivery *out, struct base_error *err)
{
    const struct slice slices[] = {{1, &out->endpoint}, {2, &out->profile}, {3, &out->ca},
        {4, &out->device}, {6, &out->transaction_id}, {7, &out->transaction_key},
        {8, &out->key_sha256}, {9, &out->identity}, {10, &out->subject}, {11, &out->sans},
        {12, &out->spki}, {13, &out->authority}, {14, &out->serial}, {15, &out->source},
        {16, &out->state}, {19, &out->detail}};
    TRY(copy_columns(row, memory, slices, sizeof(slices) / sizeof(slices[0]), err));
    out->id = (uint64_t)sqlite3_column_int64(row, 0);
    out->challenge_id = (uint64_t)sqlite3_column_int64(row, 5);
    out->step = (uint8_t)sqlite3_column_int(row, 17);
    out->code = (uint32_t)sqlite3_column_int64(row, 18);
    out->created_ms = sqlite3_column_int64(row, 20);
    out->updated_ms = sqlite3_column_int64(row, 21);
    return BASE_OK;
}

enum base_code
store_sqlite_read_certificate(sqlite3_stmt *row, struct store_row *memory,
    struct store_certificate *out, struct base_error *err)
{
    struct bytes head = BYTES_NONE;
    struct bytes body = BYTES_NONE;
    struct bytes tail = BYTES_NONE;
    /* head, body, tail lie one behind the other: together they are the certificate. */
    const struct slice slices[] = {{0, &out->serial}, {1, &out->endpoint}, {2, &out->profile},
        {3, &out->ca}, {5, &head}, {4, &body}, {6, &tail}, {14, &out->renews},
        {15, &out->key_sha256}, {16, &out->transaction_id}};
    TRY(copy_columns(row, memory, slices, sizeof(slices) / sizeof(slices[0]), err));
    out->body = body;
    out->certificate =
        head.len == 0 ? BYTES_NONE : (struct bytes){head.ptr, head.len + body.len + tail.len};
    out->not_before_s = sqlite3_column_int64(row, 7);
    out->not_after_s = sqlite3_column_int64(row, 8);
    out->issued_ms = sqlite3_column_int64(row, 9);
    out->revoked_ms = sqlite3_column_int64(row, 10);
    out->status = sqlite3_column_type(row, 10) == SQLITE_NULL ? STORE_GOOD : STORE_REVOKED;
    out->reason = (uint8_t)sqlite3_column_int(row, 11);
    out->delivery_id = (uint64_t)sqlite3_column_int64(row, 12);
    out->challenge_id = (uint64_t)sqlite3_column_int64(row, 13);
    return BASE_OK;
}
