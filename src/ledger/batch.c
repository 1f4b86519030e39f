#include "ledger/batch.h"

#include <stdlib.h>

#include "base/fault.h"
#include "ledger/flight.h"
#include "ledger/outbox.h"

#include "base/banned.h"

#define OPS_MAX 1024
#define OUTCOMES_MAX 256
#define GROUP 48 /* verdicts in a commit that waits for no more of them */
#define ARENA_MAX ((size_t)32 * 1024 * 1024)

struct outcome {
    struct ledger_verdict verdict;
    struct ledger_flight *flight; /* NULL: a verdict; else its body is to be signed */
    size_t op_index;
};

struct ledger_batch {
    struct arena arena;
    struct store_op ops[OPS_MAX];
    size_t op_count;
    struct outcome outcomes[OUTCOMES_MAX];
    size_t outcome_count;
};

struct ledger_batch *
ledger_batch_new(void)
{
    struct ledger_batch *batch = calloc(1, sizeof(*batch));
    if (batch != NULL) {
        arena_init(&batch->arena, ARENA_MAX);
    }
    return batch;
}

void
ledger_batch_free(struct ledger_batch *batch)
{
    if (batch != NULL) {
        arena_clear(&batch->arena);
        free(batch);
    }
}

struct arena *
ledger_batch_arena(struct ledger_batch *batch)
{
    return &batch->arena;
}

bool
ledger_batch_is_empty(const struct ledger_batch *batch)
{
    return batch->op_count == 0 && batch->outcome_count == 0;
}

size_t
ledger_batch_verdicts(const struct ledger_batch *batch)
{
    return batch->outcome_count;
}

bool
ledger_batch_has_room(const struct ledger_batch *batch)
{
    return batch->outcome_count < GROUP && batch->op_count < OPS_MAX / 2;
}

enum base_code
ledger_batch_op(struct ledger *ledger, enum store_op_kind kind, struct store_op **out,
    size_t *out_index, struct base_error *err)
{
    struct ledger_batch *batch = ledger->batch;
    if (batch->op_count == OPS_MAX) {
        return base_fail(err, E_TOO_LARGE, "%d operations in one commit", OPS_MAX);
    }
    size_t index = batch->op_count++;
    batch->ops[index] = (struct store_op){.kind = kind, .at_ms = base_clock_now_ms(&ledger->clock)};
    *out = &batch->ops[index];
    if (out_index != NULL) {
        *out_index = index;
    }
    return BASE_OK;
}

enum base_code
ledger_batch_make_event(struct ledger *ledger, uint64_t delivery_id, unsigned step,
    const char *event, enum base_code code, struct bytes detail, const struct store_event **out,
    struct base_error *err)
{
    void *memory = NULL;
    TRY(arena_alloc(&ledger->batch->arena, sizeof(struct store_event), &memory, err));
    struct store_event *row = memory;
    *row = (struct store_event){.delivery_id = delivery_id,
        .at_ms = base_clock_now_ms(&ledger->clock),
        .step = (uint8_t)step,
        .event = bytes_from_text(event),
        .code = (uint32_t)code};
    *out = row;
    return arena_copy(&ledger->batch->arena, detail, &row->detail, err);
}

enum base_code
ledger_batch_event(struct ledger *ledger, uint64_t delivery_id, unsigned step, const char *event,
    enum base_code code, struct bytes detail, struct base_error *err)
{
    struct store_op *op = NULL;
    const struct store_event *row = NULL;
    TRY(ledger_batch_make_event(ledger, delivery_id, step, event, code, detail, &row, err));
    TRY(ledger_batch_op(ledger, STORE_ADD_EVENTS, &op, NULL, err));
    op->events = row;
    op->event_count = 1;
    return BASE_OK;
}

void
ledger_batch_skip_state(struct ledger *ledger, uint64_t delivery_id)
{
    struct ledger_batch *batch = ledger->batch;
    for (size_t i = batch->op_count; i-- > 0;) {
        struct store_op *op = &batch->ops[i];
        if (op->kind == STORE_SET_STATE && op->delivery->id == delivery_id) {
            op->kind = STORE_ADD_EVENTS;
            return;
        }
    }
}

static enum base_code
add_outcome(struct ledger_batch *batch, const struct outcome *outcome, struct base_error *err)
{
    if (batch->outcome_count == OUTCOMES_MAX) {
        return base_fail(err, E_TOO_LARGE, "%d verdicts in one commit", OUTCOMES_MAX);
    }
    batch->outcomes[batch->outcome_count++] = *outcome;
    return BASE_OK;
}

enum base_code
ledger_batch_verdict(
    struct ledger *ledger, const struct ledger_verdict *verdict, struct base_error *err)
{
    struct outcome outcome = {.verdict = *verdict, .op_index = SIZE_MAX};
    TRY(arena_copy(&ledger->batch->arena, verdict->certificate, &outcome.verdict.certificate, err));
    return add_outcome(ledger->batch, &outcome, err);
}

enum base_code
ledger_batch_sign(
    struct ledger *ledger, struct ledger_flight *flight, size_t op_index, struct base_error *err)
{
    const struct outcome sign = {.flight = flight, .op_index = op_index};
    return add_outcome(ledger->batch, &sign, err);
}

static void
send_verdict(struct ledger *ledger, const struct ledger_verdict *verdict)
{
    const struct ipc_verdict message = {.request_id = verdict->request_id,
        .delivery_id = verdict->delivery_id,
        .outcome = (uint8_t)verdict->outcome,
        .code = (uint32_t)verdict->code,
        .hresult = verdict->hresult,
        .retry_after_s = verdict->retry_after_s,
        .certificate = verdict->certificate};
    ledger_send(ledger, &ledger->front_fd, &ipc_verdict_spec, &message, -1);
}

static void
say(struct ledger *ledger, const struct outcome *outcome, enum base_code commit_code)
{
    if (outcome->flight == NULL) {
        struct ledger_verdict told = outcome->verdict;
        if (commit_code != BASE_OK) {
            told.outcome = IPC_FAULT;
            told.code = commit_code;
            told.certificate = BYTES_NONE;
        }
        send_verdict(ledger, &told);
        return;
    }
    const struct store_op *op = &ledger->batch->ops[outcome->op_index];
    if (commit_code != BASE_OK) {
        ledger_flight_fail(ledger, outcome->flight, commit_code);
    } else if (op->verdict != STORE_DONE) {
        ledger_flight_send_back(ledger, outcome->flight);
    } else {
        ledger_flight_sign(ledger, outcome->flight);
    }
}

enum base_code
ledger_batch_commit(struct ledger *ledger, struct base_error *err)
{
    struct ledger_batch *batch = ledger->batch;
    enum base_code code = BASE_OK;
    for (size_t i = 0; code == BASE_OK && i < batch->op_count; i++) {
        code = ledger_outbox_attach(ledger, &batch->ops[i], err);
    }
    if (code == BASE_OK && batch->op_count > 0) {
        base_fault_point("ledger_before_commit");
        code = store_commit(ledger->store, batch->ops, batch->op_count, err);
        base_fault_point("ledger_after_commit");
    }
    if (code != BASE_OK) {
        base_log_error(ledger->log, BASE_LOG_ERROR, "commit_failed", err);
    }
    for (size_t i = 0; i < batch->outcome_count; i++) {
        say(ledger, &batch->outcomes[i], code);
    }
    batch->op_count = 0;
    batch->outcome_count = 0;
    arena_clear(&batch->arena);
    ledger_outbox_committed(ledger);
    return code;
}
