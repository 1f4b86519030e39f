/* What is added to the outbox: beside the events of an operation, in its transaction. */
#include <string.h>

#include "ledger/batch.h"
#include "ledger/flight.h"
#include "ledger/outbox.h"

#include "base/banned.h"

/* Steps between commit and signature are told as one, "issued", by ledger_outbox_conclude(); how
 * notices themselves fare is told to nobody. */
static bool
is_told(const struct store_event *event)
{
    return event->step != 6 && !bytes_equal_text(event->event, "reserved") &&
           !bytes_equal_text(event->event, "signed");
}

static enum base_code
append_notice(struct ledger *ledger, struct store_op *op, const struct store_notice *notice,
    struct base_error *err)
{
    struct arena *arena = ledger_batch_arena(ledger->batch);
    void *memory = NULL;
    TRY(arena_alloc(arena, (op->notice_count + 1) * sizeof(*notice), &memory, err));
    struct store_notice *list = memory;
    if (op->notice_count > 0) {
        memcpy(list, op->notices, op->notice_count * sizeof(*notice));
    }
    struct store_notice *row = &list[op->notice_count];
    *row = *notice;
    struct bytes *const slices[] = {&row->policy, &row->event, &row->detail, &row->payload};
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        TRY(arena_copy(arena, *slices[i], slices[i], err));
    }
    op->notices = list;
    op->notice_count++;
    return BASE_OK;
}

enum base_code
ledger_outbox_attach(struct ledger *ledger, struct store_op *op, struct base_error *err)
{
    const struct ledger_settings *settings = ledger->settings;
    const struct store_notice *conclusions = op->notices;
    size_t conclusion_count = op->notice_count;
    if (!settings->has_event_policies || op->event_count == 0 || op->kind == STORE_DEFER_NOTICE) {
        return BASE_OK;
    }
    op->notices = NULL;
    op->notice_count = 0;
    for (size_t i = 0; i < op->event_count; i++) {
        const struct store_event *event = &op->events[i];
        for (size_t k = 0; is_told(event) && k < settings->policy_count; k++) {
            const struct ledger_policy *policy = &settings->policies[k];
            const struct store_notice notice = {.delivery_id = event->delivery_id,
                .policy = policy->name,
                .event = event->event,
                .at_ms = event->at_ms,
                .step = event->step,
                .code = event->code,
                .detail = event->detail};
            if (policy->kind == IPC_POLICY_WEBHOOK &&
                ledger_list_has(policy->events, event->event)) {
                TRY(append_notice(ledger, op, &notice, err));
            }
        }
    }
    for (size_t i = 0; i < conclusion_count; i++) {
        TRY(append_notice(ledger, op, &conclusions[i], err));
    }
    return BASE_OK;
}

enum base_code
ledger_outbox_conclude(struct ledger *ledger, const struct ledger_flight *flight, const char *event,
    enum base_code code, struct bytes detail, struct store_op *op, size_t *out_gates,
    struct base_error *err)
{
    const struct ledger_settings *settings = ledger->settings;
    const struct ledger_endpoint *endpoint =
        ledger_settings_find_endpoint(settings, flight->certificate.endpoint);
    bool is_issued = strcmp(event, "issued") == 0;
    *out_gates = 0;
    for (size_t i = 0; i < settings->policy_count; i++) {
        const struct ledger_policy *policy = &settings->policies[i];
        bool is_of_endpoint = endpoint != NULL && ledger_list_has(endpoint->policies, policy->name);
        bool is_gate = is_issued && is_of_endpoint && policy->notify == IPC_NOTIFY_BEFORE_ANSWER;
        bool is_wanted = policy->kind == IPC_POLICY_INTUNE
                             ? is_of_endpoint && flight->csr.len > 0
                             : is_gate || ledger_list_has(policy->events, bytes_from_text(event));
        const struct store_notice notice = {.delivery_id = flight->delivery.id,
            .policy = policy->name,
            .event = bytes_from_text(event),
            .at_ms = base_clock_now_ms(&ledger->clock),
            .step = 4,
            .code = (uint32_t)code,
            .detail = detail,
            .payload = policy->kind == IPC_POLICY_INTUNE ? flight->csr : BYTES_NONE,
            .is_gate = is_gate};
        if (is_wanted) {
            TRY(append_notice(ledger, op, &notice, err));
            *out_gates += is_gate ? 1 : 0;
        }
    }
    return BASE_OK;
}

struct giving_up {
    struct ledger *ledger;
    enum base_code code;
    struct store_op *op;
};

static enum base_code
give_up_one(void *arg, const struct store_notice *row, struct base_error *err)
{
    const struct giving_up *it = arg;
    const struct store_notice notice = {.delivery_id = row->delivery_id,
        .policy = row->policy,
        .event = BYTES_LITERAL("failed"),
        .at_ms = base_clock_now_ms(&it->ledger->clock),
        .step = 6,
        .code = (uint32_t)it->code,
        .detail = row->last_detail,
        .payload = row->payload};
    return row->is_gate ? append_notice(it->ledger, it->op, &notice, err) : BASE_OK;
}

enum base_code
ledger_outbox_give_up(struct ledger *ledger, uint64_t delivery_id, enum base_code code,
    struct store_op *op, struct base_error *err)
{
    struct giving_up it = {ledger, code, op};
    return store_each_notice_of(
        ledger->store, delivery_id, LEDGER_OUTBOX_OF_ONE, give_up_one, &it, err);
}
