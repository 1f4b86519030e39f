/*
 * batch.h - what goes into the next commit, and what is said after it.
 *
 * Whatever was received since the last commit goes into one transaction. Verdicts leave only after
 * it; when it fails, every one of them becomes a fault, and nothing has happened.
 */
#ifndef LEDGER_BATCH_H
#define LEDGER_BATCH_H

#include "base/arena.h"
#include "ledger/ledger.h"

struct ledger_flight;

struct ledger_batch *ledger_batch_new(void); /* NULL without memory */
void ledger_batch_free(struct ledger_batch *batch);

/* Memory until the commit: what operations borrow. */
struct arena *ledger_batch_arena(struct ledger_batch *batch);
/* A zeroed operation to fill in; *out_index names it for ledger_batch_sign(). Commits first when
 * the batch is full. */
MUST_CHECK enum base_code ledger_batch_op(struct ledger *ledger, enum store_op_kind kind,
    struct store_op **out, size_t *out_index, struct base_error *err);
/* One event, copied. */
MUST_CHECK enum base_code ledger_batch_event(struct ledger *ledger, uint64_t delivery_id,
    unsigned step, const char *event, enum base_code code, struct bytes detail,
    struct base_error *err);
/* The delivery's state is about to change again in the same commit: of a change that waits in this
 * batch, the events alone stay. */
void ledger_batch_skip_state(struct ledger *ledger, uint64_t delivery_id);
/* An event array of one for an operation, copied. */
MUST_CHECK enum base_code ledger_batch_make_event(struct ledger *ledger, uint64_t delivery_id,
    unsigned step, const char *event, enum base_code code, struct bytes detail,
    const struct store_event **out, struct base_error *err);

struct ledger_verdict {
    uint64_t request_id;
    uint64_t delivery_id;
    enum ipc_outcome outcome;
    enum base_code code;    /* with IPC_REFUSED and IPC_FAULT */
    uint32_t hresult;       /* of a refusal by a policy outside; 0: the code's */
    uint32_t retry_after_s; /* of a fault; 0: the usual */
    struct bytes certificate;
};
/* After the commit: a verdict to the front; copied. */
MUST_CHECK enum base_code ledger_batch_verdict(
    struct ledger *ledger, const struct ledger_verdict *verdict, struct base_error *err);
/* After the commit, if operation @op_index did what it should: have the flight's body signed. */
MUST_CHECK enum base_code ledger_batch_sign(
    struct ledger *ledger, struct ledger_flight *flight, size_t op_index, struct base_error *err);

bool ledger_batch_is_empty(const struct ledger_batch *batch);
/* How many wait for this commit. */
size_t ledger_batch_verdicts(const struct ledger_batch *batch);
/* The batch has room, also for what the sockets may hold. */
bool ledger_batch_has_room(const struct ledger_batch *batch);
/* Commit, then say what is to be said. Errors: the store's (the front has been told of the faults
 * already). */
MUST_CHECK enum base_code ledger_batch_commit(struct ledger *ledger, struct base_error *err);

#endif
