#include "ledger/control_outbox.h"

#include <stdio.h>

#include "base/text.h"
#include "ipc/channel.h"
#include "ledger/batch.h"
#include "ledger/outbox.h"

#include "base/banned.h"

#define TRACED_MAX 100

struct page {
    int fd;
    size_t count;
    uint64_t last_id;
};

static enum base_code
send_row(int fd, const struct store_notice *row, struct base_error *err)
{
    struct bytes detail = row->last_detail;
    detail.len = detail.len >= IPC_DETAIL_LEN ? IPC_DETAIL_LEN - 1 : detail.len;
    const struct ipc_outbox_row message = {.notice_id = row->id,
        .delivery_id = row->delivery_id,
        .policy = row->policy,
        .event = row->event,
        .at_ms = row->at_ms,
        .attempts = row->attempts,
        .next_ms = row->next_ms,
        .is_gate = row->is_gate,
        .is_dead = row->state == STORE_NOTICE_DEAD,
        .code = row->last_code,
        .detail = detail};
    return ipc_send(fd, &ipc_outbox_row_spec, &message, -1, err);
}

static enum base_code
page_row(void *arg, const struct store_notice *row, struct base_error *err)
{
    struct page *page = arg;
    page->count++;
    page->last_id = row->id;
    return send_row(page->fd, row, err);
}

enum base_code
ledger_outbox_list(struct ledger *ledger, int fd, const struct ipc_outbox_list *question,
    bool *out_is_more, char out_cursor[65], struct base_error *err)
{
    struct page page = {.fd = fd};
    uint64_t after = 0;
    if (question->cursor.len > 0) {
        TRY(base_parse_number(question->cursor, INT64_MAX, &after, err));
    }
    TRY(store_each_notice(ledger->store, after,
        question->is_dead_only != 0 ? STORE_NOTICE_DEAD : (enum store_notice_state)0, IPC_PAGE_MAX,
        page_row, &page, err));
    *out_is_more = page.count == IPC_PAGE_MAX;
    (void)snprintf(out_cursor, 65, "%llu", (unsigned long long)page.last_id);
    return BASE_OK;
}

enum base_code
ledger_outbox_trace(struct ledger *ledger, int fd, uint64_t delivery_id, struct base_error *err)
{
    struct page page = {.fd = fd};
    return store_each_notice_of(ledger->store, delivery_id, TRACED_MAX, page_row, &page, err);
}

/* ---- sending again
 * -----------------------------------------------------------------------------------------------
 */

struct again {
    struct ledger *ledger;
    int fd;
    uint64_t wanted; /* 0: every one that comes by */
    size_t count;
};

/* One more try at least: what is older than seven days is dead again when it is not taken. */
static enum base_code
send_again(void *arg, const struct store_notice *row, struct base_error *err)
{
    struct again *again = arg;
    struct store_op *op = NULL;
    void *memory = NULL;
    if (again->wanted != 0 && row->id != again->wanted) {
        return BASE_OK;
    }
    again->count++;
    TRY(arena_alloc(
        ledger_batch_arena(again->ledger->batch), sizeof(struct store_notice), &memory, err));
    struct store_notice *change = memory;
    *change = (struct store_notice){
        .next_ms = base_clock_now_ms(&again->ledger->clock), .state = STORE_NOTICE_WAITING};
    TRY(ledger_batch_op(again->ledger, STORE_DEFER_NOTICE, &op, NULL, err));
    op->notice_id = row->id;
    op->notices = change;
    op->notice_count = 1;
    return send_row(again->fd, row, err);
}

enum base_code
ledger_outbox_send(struct ledger *ledger, int fd, uint64_t notice_id, struct base_error *err)
{
    struct again again = {.ledger = ledger, .fd = fd, .wanted = notice_id};
    TRY(store_each_notice(ledger->store, notice_id == 0 ? 0 : notice_id - 1,
        notice_id == 0 ? STORE_NOTICE_DEAD : (enum store_notice_state)0,
        notice_id == 0 ? IPC_PAGE_MAX : 1, send_again, &again, err));
    if (notice_id != 0 && again.count == 0) {
        return base_fail(err, E_NOT_FOUND, "notice %llu", (unsigned long long)notice_id);
    }
    TRY(ledger_batch_commit(ledger, err));
    ledger_outbox_wake(ledger);
    return BASE_OK;
}

enum base_code
ledger_outbox_status(struct ledger *ledger, int fd, struct base_error *err)
{
    for (size_t i = 0; i < ledger->settings->policy_count; i++) {
        const struct ledger_policy *policy = &ledger->settings->policies[i];
        struct store_notice_counts counts = {.waiting = 0};
        TRY(store_count_notices(ledger->store, policy->name, &counts, err));
        const struct ledger_outbox_state state = ledger_outbox_policy_state(ledger, policy->name);
        const struct ipc_outbox_status_row row = {.policy = policy->name,
            .kind = (uint8_t)policy->kind,
            .waiting = counts.waiting,
            .dead = counts.dead,
            .oldest_ms = counts.oldest_ms,
            .failures = state.failures,
            .paused_ms = state.paused_ms,
            .in_flight = (uint32_t)state.in_flight};
        TRY(ipc_send(fd, &ipc_outbox_status_row_spec, &row, -1, err));
    }
    return BASE_OK;
}
