#include "ledger/revoke.h"

#include "ledger/batch.h"

#include "base/banned.h"

#define REASON_CESSATION 5 /* CRLReason cessationOfOperation: the device left the management */

enum base_code
ledger_revoke(struct ledger *ledger, const struct store_certificate *certificate, uint8_t reason,
    enum base_code code, struct bytes detail, struct base_error *err)
{
    struct arena *arena = ledger_batch_arena(ledger->batch);
    struct store_op *op = NULL;
    const struct store_event *event = NULL;
    void *memory = NULL;
    if (certificate->status == STORE_REVOKED) {
        return base_fail(err, E_REVOKED_ALREADY, "nothing was changed");
    }
    TRY(arena_alloc(arena, sizeof(struct store_certificate), &memory, err));
    struct store_certificate *row = memory;
    row->revoked_ms = base_clock_now_ms(&ledger->clock);
    row->reason = reason;
    TRY(arena_copy(arena, certificate->serial, &row->serial, err));
    TRY(ledger_batch_make_event(
        ledger, certificate->delivery_id, 5, "revoked", code, detail, &event, err));
    TRY(ledger_batch_op(ledger, STORE_REVOKE, &op, NULL, err));
    op->certificate = row;
    op->events = event;
    op->event_count = 1;
    ledger->is_crl_wanted = true;
    return BASE_OK;
}

/* Its own certificates only: those of endpoints that use the policy. */
static bool
may_revoke(const struct ledger *ledger, struct bytes policy, struct bytes endpoint_name)
{
    const struct ledger_endpoint *endpoint =
        ledger_settings_find_endpoint(ledger->settings, endpoint_name);
    return endpoint != NULL && ledger_list_has(endpoint->policies, policy);
}

static enum ipc_revoke_outcome
take_order(struct ledger *ledger, const struct ipc_revoke_order *order, struct base_error *err)
{
    struct store_row row;
    struct store_certificate certificate;
    bool is_found = false;
    struct bytes serial = order->serial;
    enum ipc_revoke_outcome outcome = IPC_REVOKE_UNKNOWN;
    while (serial.len > 1 && serial.ptr[0] == 0) {
        serial = bytes_skip(serial, 1);
    }
    store_row_init(&row);
    enum base_code code =
        store_find_certificate(ledger->store, serial, &row, &certificate, &is_found, err);
    if (code == BASE_OK && is_found && may_revoke(ledger, order->policy, certificate.endpoint)) {
        code = ledger_revoke(ledger, &certificate, REASON_CESSATION, BASE_OK, order->policy, err);
        code = code == BASE_OK ? ledger_batch_commit(ledger, err) : code;
        outcome = code == E_REVOKED_ALREADY ? IPC_REVOKE_ALREADY : IPC_REVOKE_DONE;
        code = code == E_REVOKED_ALREADY ? BASE_OK : code;
    }
    store_row_clear(&row);
    if (code != BASE_OK) {
        base_log_error(ledger->log, BASE_LOG_ERROR, "revocation_failed", err);
        return IPC_REVOKE_FAULT;
    }
    return outcome;
}

void
ledger_revoke_ordered(struct ledger *ledger, const struct ipc_revoke_order *order)
{
    struct base_error err;
    const struct ipc_revoke_result result = {
        .request_id = order->request_id, .outcome = (uint8_t)take_order(ledger, order, &err)};
    struct base_log_record record;
    base_log_begin(&record, ledger->log, BASE_LOG_INFO, "revocation_ordered", BYTES_NONE);
    base_log_text(&record, "policy", order->policy);
    base_log_hex(&record, "serial", order->serial);
    base_log_number(&record, "outcome", result.outcome);
    base_log_end(&record);
    ledger_send(ledger, &ledger->notifier_fd, &ipc_revoke_result_spec, &result, -1);
}
