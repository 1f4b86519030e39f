#include "ledger/warrant.h"

#include <string.h>

#include "base/banned.h"

/*
 * One octet, the kind; and behind it the id. With a SID or a statement the kind has IS_LONG, and
 * behind it is every part in turn, each with its length in two octets before it.
 */
#define IS_LONG 0x80U

enum base_code
ledger_warrant_write(
    const struct ledger_warrant *authority, struct buffer *out, struct base_error *err)
{
    const struct bytes parts[] = {
        authority->id, authority->sid, authority->key_id, authority->statement};
    if (authority->sid.len == 0 && authority->statement.len == 0) {
        TRY(buffer_append_octet(out, (uint8_t)authority->kind, err));
        return buffer_append(out, authority->id, err);
    }
    TRY(buffer_append_octet(out, (uint8_t)((unsigned)authority->kind | IS_LONG), err));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].len > UINT16_MAX) {
            return base_fail(err, E_TOO_LARGE, "an authority of %zu octets", parts[i].len);
        }
        TRY(buffer_append_octet(out, (uint8_t)(parts[i].len >> 8), err));
        TRY(buffer_append_octet(out, (uint8_t)parts[i].len, err));
        TRY(buffer_append(out, parts[i], err));
    }
    return BASE_OK;
}

enum base_code
ledger_warrant_read(struct bytes octets, struct ledger_warrant *out, struct base_error *err)
{
    struct ledger_warrant authority = {.kind = POLICY_BY_NOTHING};
    struct bytes *const parts[] = {
        &authority.id, &authority.sid, &authority.key_id, &authority.statement};
    if (octets.len > 0) {
        authority.kind = (enum policy_authority)(octets.ptr[0] & ~IS_LONG);
        if ((octets.ptr[0] & IS_LONG) == 0) {
            authority.id = bytes_skip(octets, 1);
            octets = BYTES_NONE;
        } else {
            octets = bytes_skip(octets, 1);
            for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
                size_t len = octets.len < 2 ? 0 : (size_t)octets.ptr[0] << 8 | octets.ptr[1];
                if (octets.len < 2 + len) {
                    return base_fail(err, E_STORE_CORRUPT, "a delivery's authority is cut off");
                }
                *parts[i] = (struct bytes){octets.ptr + 2, len};
                octets = bytes_skip(octets, 2 + len);
            }
        }
    }
    if (octets.len > 0 || (unsigned)authority.kind > (unsigned)POLICY_BY_BOUND) {
        return base_fail(err, E_STORE_CORRUPT, "a delivery's authority has another form");
    }
    *out = authority;
    return BASE_OK;
}

enum base_code
ledger_warrant_statement(const struct ledger_warrant *authority, struct arena *arena,
    struct ledger_statement *out, struct base_error *err)
{
    if (authority->statement.len == 0) {
        *out = (struct ledger_statement){.is_san_bound = false};
        return BASE_OK;
    }
    return ledger_statement_read(authority->statement, arena, out, err);
}

enum base_code
ledger_warrant_bound_id(
    struct bytes octets, char out[LEDGER_BOUND_ID_MAX + 1], struct base_error *err)
{
    struct ledger_warrant authority;
    struct ledger_statement statement;
    struct arena arena;
    out[0] = '\0';
    TRY(ledger_warrant_read(octets, &authority, err));
    arena_init(&arena, (size_t)64 * 1024);
    enum base_code code = ledger_warrant_statement(&authority, &arena, &statement, err);
    if (code == BASE_OK && statement.id.len > 0 && statement.id.len <= LEDGER_BOUND_ID_MAX) {
        memcpy(out, statement.id.ptr, statement.id.len);
        out[statement.id.len] = '\0';
    }
    arena_clear(&arena);
    return code;
}
