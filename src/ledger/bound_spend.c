#include "ledger/bound_spend.h"

#include "ledger/batch.h"
#include "ledger/lookup.h"

#include "base/banned.h"

enum base_code
ledger_bound_row(struct bytes key_id, const struct ledger_statement *statement,
    uint64_t delivery_id, struct arena *arena, struct store_bound *out, struct base_error *err)
{
    *out = (struct store_bound){.delivery_id = delivery_id, .expires_ms = 1000 * statement->exp_s};
    TRY(arena_copy(arena, key_id, &out->key_id, err));
    return arena_copy(arena, statement->id, &out->id, err);
}

enum base_code
ledger_bound_load(struct ledger *ledger, const struct ledger_case *it, struct ledger_flight *flight,
    struct base_error *err)
{
    BUFFER_LOCAL(warrant, LEDGER_WARRANT_MAX);
    TRY(ledger_case_warrant(it, false, &warrant, err));
    TRY(arena_copy(&flight->memory, buffer_bytes(&warrant), &flight->delivery.authority, err));
    if (it->authority != POLICY_BY_BOUND) {
        return BASE_OK;
    }
    flight->has_bound = true;
    TRY(ledger_bound_row(BYTES_ARRAY(it->bound.key_id), &it->bound.statement, flight->delivery.id,
        &flight->memory, &flight->bound, err));
    return ledger_lookup_add_bound(ledger, flight->delivery.id, it->bound.statement.id, err);
}

/* An operation on the row of one. */
static enum base_code
change(struct ledger *ledger, enum store_op_kind kind, struct bytes key_id,
    const struct ledger_statement *statement, uint64_t delivery_id, struct base_error *err)
{
    struct arena *arena = ledger_batch_arena(ledger->batch);
    struct store_op *op = NULL;
    void *memory = NULL;
    TRY(arena_alloc(arena, sizeof(struct store_bound), &memory, err));
    TRY(ledger_bound_row(key_id, statement, delivery_id, arena, memory, err));
    TRY(ledger_batch_op(ledger, kind, &op, NULL, err));
    op->bound = memory;
    return BASE_OK;
}

enum base_code
ledger_bound_hold(struct ledger *ledger, const struct ledger_case *it, uint64_t delivery_id,
    struct base_error *err)
{
    TRY(change(ledger, STORE_HOLD_BOUND, BYTES_ARRAY(it->bound.key_id), &it->bound.statement,
        delivery_id, err));
    return ledger_lookup_add_bound(ledger, delivery_id, it->bound.statement.id, err);
}

enum base_code
ledger_bound_kill(
    struct ledger *ledger, const struct store_delivery *waiting, struct base_error *err)
{
    struct ledger_warrant warrant;
    struct ledger_statement statement;
    TRY(ledger_warrant_read(waiting->authority, &warrant, err));
    if (warrant.kind != POLICY_BY_BOUND) {
        return BASE_OK;
    }
    TRY(ledger_warrant_statement(&warrant, ledger_batch_arena(ledger->batch), &statement, err));
    return change(ledger, STORE_KILL_BOUND, warrant.key_id, &statement, waiting->id, err);
}
