#include "ledger/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "ipc/channel.h"
#include "ledger/batch.h"
#include "ledger/event_json.h"
#include "ledger/flight.h"
#include "ledger/withheld.h"

#include "base/banned.h"

#define BODY_MAX 49152
#define DEADLINE_MS 30000  /* nobody waits for an ordinary notice */
#define TICK_MS 1000       /* nothing was due: look again */
#define FIRST_PAUSE_MS 500 /* doubled with each failure in a row */
#define FIRST_BACKOFF_MS 2000
#define LONGEST_RETRY_AFTER_S 3600
#define LOST_MS 90000 /* the notifier has its own time limits; this one is for its faults */
#define HEALTHY_MS 60000
#define SWEPT_AT_ONCE 32

/* A notice that the notifier has, or whose fate is in the next commit. */
struct in_flight {
    uint64_t id; /* 0: free */
    uint64_t delivery_id;
    char policy[IPC_NAME_MAX + 1];
    char event[IPC_NAME_MAX + 1];
    int64_t at_ms;
    uint8_t step;
    uint32_t attempts;
    bool is_gate;
    bool is_settled; /* forgotten after the commit */
    int64_t sent_mono_ms;
};

/* How a service fares; not kept: a restart tries at once. */
struct service {
    char name[IPC_NAME_MAX + 1];
    unsigned failures;
    int64_t paused_until_mono_ms;
    int64_t taken_mono_ms; /* the last that it took; 0: none yet */
    int64_t scan_mono_ms;  /* nothing is due before */
};

struct ledger_outbox {
    struct in_flight in_flight[LEDGER_OUTBOX_IN_FLIGHT];
    struct service services[LEDGER_POLICIES_MAX];
    size_t service_count;
};

struct ledger_outbox *
ledger_outbox_new(void)
{
    return calloc(1, sizeof(struct ledger_outbox));
}

void
ledger_outbox_free(struct ledger_outbox *outbox)
{
    free(outbox);
}

static void
copy_name(char out[IPC_NAME_MAX + 1], struct bytes name)
{
    size_t len = name.len > IPC_NAME_MAX ? IPC_NAME_MAX : name.len;
    memcpy(out, name.ptr, len);
    out[len] = '\0';
}

/* ---- what is sent
 * ------------------------------------------------------------------------------------------------
 */

static struct service *
find_service(struct ledger_outbox *outbox, struct bytes name)
{
    for (size_t i = 0; i < outbox->service_count; i++) {
        if (bytes_equal_text(name, outbox->services[i].name)) {
            return &outbox->services[i];
        }
    }
    /* A configuration may have had others: the first place is taken again. */
    size_t at = outbox->service_count < LEDGER_POLICIES_MAX ? outbox->service_count++ : 0;
    outbox->services[at] = (struct service){.failures = 0};
    copy_name(outbox->services[at].name, name);
    return &outbox->services[at];
}

static struct in_flight *
find_in_flight(struct ledger_outbox *outbox, uint64_t id)
{
    for (size_t i = 0; i < LEDGER_OUTBOX_IN_FLIGHT; i++) {
        if (outbox->in_flight[i].id == id) {
            return &outbox->in_flight[i];
        }
    }
    return NULL;
}

static size_t
count_in_flight(const struct ledger_outbox *outbox, const char *policy)
{
    size_t count = 0;
    for (size_t i = 0; i < LEDGER_OUTBOX_IN_FLIGHT; i++) {
        const struct in_flight *it = &outbox->in_flight[i];
        count += it->id != 0 && strcmp(it->policy, policy) == 0 ? 1 : 0;
    }
    return count;
}

/* Our own fault with a notice: as if it had not been taken. */
static void
settle_fault(struct ledger *ledger, uint64_t id, const struct base_error *why)
{
    const struct ipc_notified answer = {.outbox_id = id,
        .outcome = IPC_NOTIFY_AGAIN,
        .code = (uint32_t)why->code,
        .detail = bytes_from_text(why->detail)};
    ledger_outbox_notified(ledger, &answer);
}

static void
send_notice(struct ledger *ledger, const struct store_notice *notice, uint32_t deadline_ms)
{
    struct ledger_outbox *outbox = ledger->outbox;
    struct in_flight *slot = find_in_flight(outbox, 0);
    struct base_error err;
    bool is_due = false;
    BUFFER_LOCAL(body, BODY_MAX);
    if (slot == NULL || find_in_flight(outbox, notice->id) != NULL) {
        return;
    }
    enum base_code code = ledger_event_json(ledger, notice, &body, &is_due, &err);
    if (code == BASE_OK && !is_due) {
        return; /* its signature is on its way */
    }
    *slot = (struct in_flight){.id = notice->id,
        .delivery_id = notice->delivery_id,
        .at_ms = notice->at_ms,
        .step = notice->step,
        .attempts = notice->attempts,
        .is_gate = notice->is_gate,
        .sent_mono_ms = base_clock_mono_ms(&ledger->clock)};
    copy_name(slot->policy, notice->policy);
    copy_name(slot->event, notice->event);
    if (code != BASE_OK) {
        settle_fault(ledger, notice->id, &err);
        return;
    }
    const struct ipc_notify message = {.outbox_id = notice->id,
        .deadline_ms = deadline_ms,
        .policy = notice->policy,
        .event = notice->event,
        .body = buffer_bytes(&body)};
    base_fault_point("ledger_before_notify");
    ledger_send(ledger, &ledger->notifier_fd, &ipc_notify_spec, &message, -1);
}

static enum base_code
send_due(void *arg, const struct store_notice *row, struct base_error *err)
{
    (void)err;
    send_notice(arg, row, row->is_gate ? LEDGER_OUTBOX_GATE_DEADLINE_MS : DEADLINE_MS);
    return BASE_OK;
}

/* One at a time to a service that failed last; a share of the places to one that does not. */
static void
run_service(struct ledger *ledger, const struct ledger_policy *policy, int64_t mono_ms)
{
    struct ledger_outbox *outbox = ledger->outbox;
    struct service *service = find_service(outbox, policy->name);
    size_t busy = count_in_flight(outbox, service->name);
    size_t room = service->failures > 0 ? 1 : LEDGER_OUTBOX_IN_FLIGHT / 4;
    struct base_error err;
    if (mono_ms < service->paused_until_mono_ms || mono_ms < service->scan_mono_ms ||
        busy >= room) {
        return;
    }
    service->scan_mono_ms = mono_ms + TICK_MS;
    if (store_each_due_notice(ledger->store, policy->name, base_clock_now_ms(&ledger->clock), room,
            send_due, ledger, &err) != BASE_OK) {
        base_log_error(ledger->log, BASE_LOG_ERROR, "outbox_unread", &err);
    }
}

/* What the notifier has had for too long it will not answer any more. */
static void
take_back_lost(struct ledger *ledger, int64_t mono_ms)
{
    struct base_error why;
    for (size_t i = 0; i < LEDGER_OUTBOX_IN_FLIGHT; i++) {
        const struct in_flight *it = &ledger->outbox->in_flight[i];
        if (it->id != 0 && !it->is_settled && mono_ms - it->sent_mono_ms > LOST_MS) {
            (void)base_fail(&why, E_POLICY_UNAVAILABLE, "the notifier has not answered");
            settle_fault(ledger, it->id, &why);
        }
    }
}

void
ledger_outbox_run(struct ledger *ledger)
{
    int64_t mono_ms = base_clock_mono_ms(&ledger->clock);
    if (ledger->notifier_fd < 0 || ledger->settings->policy_count == 0) {
        return;
    }
    take_back_lost(ledger, mono_ms);
    for (size_t i = 0; i < ledger->settings->policy_count; i++) {
        run_service(ledger, &ledger->settings->policies[i], mono_ms);
    }
}

void
ledger_outbox_committed(struct ledger *ledger)
{
    struct ledger_outbox *outbox = ledger->outbox;
    for (size_t i = 0; i < LEDGER_OUTBOX_IN_FLIGHT; i++) {
        if (outbox->in_flight[i].is_settled) {
            outbox->in_flight[i] = (struct in_flight){.id = 0};
        }
    }
    for (size_t i = 0; i < outbox->service_count; i++) {
        outbox->services[i].scan_mono_ms = 0;
    }
}

void
ledger_outbox_wake(struct ledger *ledger)
{
    struct ledger_outbox *outbox = ledger->outbox;
    for (size_t i = 0; i < outbox->service_count; i++) {
        outbox->services[i].paused_until_mono_ms = 0;
        outbox->services[i].scan_mono_ms = 0;
    }
}

void
ledger_outbox_ask_again(struct ledger *ledger)
{
    struct ledger_outbox *outbox = ledger->outbox;
    for (size_t i = 0; i < LEDGER_OUTBOX_IN_FLIGHT; i++) {
        if (!outbox->in_flight[i].is_settled) {
            outbox->in_flight[i] = (struct in_flight){.id = 0};
        }
    }
    for (size_t i = 0; i < outbox->service_count; i++) {
        outbox->services[i].scan_mono_ms = 0;
    }
}

/* ---- how it fared
 * ------------------------------------------------------------------------------------------------
 */

/* Is this a notice of how a delivery ended? Those stand in its trace; the others would double it.
 */
static bool
is_conclusion(const char *event)
{
    static const char *const names[] = {"issued", "failed", "refused", "denied", "revoked"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(event, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum base_code
add_event(struct ledger *ledger, struct store_op *op, const struct in_flight *it, const char *name,
    enum base_code code, struct bytes detail, struct base_error *err)
{
    BUFFER_LOCAL(text, 1024);
    TRY(buffer_append(&text, bytes_from_text(it->policy), err));
    TRY(buffer_append(&text, BYTES_LITERAL(": "), err));
    TRY(buffer_append(&text, bytes_from_text(it->event), err));
    if (detail.len > 0) {
        TRY(buffer_append(&text, BYTES_LITERAL(", "), err));
        TRY(buffer_append(&text, detail, err));
    }
    const struct store_event *event = NULL;
    TRY(ledger_batch_make_event(
        ledger, it->delivery_id, 6, name, code, buffer_bytes(&text), &event, err));
    op->events = event;
    op->event_count = 1;
    return BASE_OK;
}

static enum base_code
take_taken(struct ledger *ledger, struct in_flight *it, struct base_error *err)
{
    struct store_op *op = NULL;
    TRY(ledger_batch_op(ledger, STORE_DROP_NOTICE, &op, NULL, err));
    op->notice_id = it->id;
    if (is_conclusion(it->event)) {
        TRY(add_event(ledger, op, it, "reported", BASE_OK, BYTES_NONE, err));
    }
    if (it->is_gate) {
        TRY(ledger_withheld_released(ledger, it->delivery_id, err));
    }
    return BASE_OK;
}

/* Up to a quarter more, so that what failed together does not come back together. */
static int64_t
with_jitter(const struct ledger *ledger, int64_t wait_ms)
{
    uint16_t drawn = 0;
    if (base_random_fill(&ledger->random, (uint8_t *)&drawn, sizeof(drawn), NULL) != BASE_OK) {
        return wait_ms;
    }
    return wait_ms + wait_ms * drawn / 4 / UINT16_MAX;
}

static int64_t
doubled(int64_t first_ms, unsigned times, int64_t max_ms)
{
    int64_t wait_ms = first_ms;
    for (unsigned i = 0; i < times && wait_ms < max_ms; i++) {
        wait_ms *= 2;
    }
    return wait_ms > max_ms ? max_ms : wait_ms;
}

/*
 * When to try again. A service that took something lately is well: this notice is what it does not
 * like, and waits ever longer. Otherwise the service as a whole is left alone for a while.
 */
static int64_t
next_attempt(const struct ledger *ledger, struct service *service, const struct in_flight *it,
    const struct ipc_notified *answer)
{
    int64_t mono_ms = base_clock_mono_ms(&ledger->clock);
    int64_t now_ms = base_clock_now_ms(&ledger->clock);
    bool is_well = service->taken_mono_ms != 0 && mono_ms - service->taken_mono_ms < HEALTHY_MS;
    uint32_t told_s = answer->retry_after_s > LONGEST_RETRY_AFTER_S ? LONGEST_RETRY_AFTER_S
                                                                    : answer->retry_after_s;
    int64_t pause_ms = doubled(FIRST_PAUSE_MS, service->failures, LEDGER_OUTBOX_PAUSE_MS);
    pause_ms = told_s > 0 ? (int64_t)told_s * 1000 : with_jitter(ledger, pause_ms);
    service->failures++;
    if (!is_well || told_s > 0) {
        service->paused_until_mono_ms = mono_ms + pause_ms;
        return now_ms;
    }
    return now_ms +
           with_jitter(ledger, doubled(FIRST_BACKOFF_MS, it->attempts, LEDGER_OUTBOX_BACKOFF_MS));
}

/* @is_dead: it will not be sent again unless somebody says so. */
static enum base_code
take_not_taken(struct ledger *ledger, struct in_flight *it, const struct ipc_notified *answer,
    bool is_dead, int64_t next_ms, struct base_error *err)
{
    struct arena *arena = ledger_batch_arena(ledger->batch);
    struct store_op *op = NULL;
    void *memory = NULL;
    TRY(arena_alloc(arena, sizeof(struct store_notice), &memory, err));
    struct store_notice *change = memory;
    *change = (struct store_notice){.attempts = it->attempts + 1,
        .next_ms = next_ms,
        .state = is_dead ? STORE_NOTICE_DEAD : STORE_NOTICE_WAITING,
        .last_code = answer->code};
    TRY(arena_copy(arena, answer->detail, &change->last_detail, err));
    TRY(ledger_batch_op(ledger, STORE_DEFER_NOTICE, &op, NULL, err));
    op->notice_id = it->id;
    op->notices = change;
    op->notice_count = 1;
    if (is_dead || (it->attempts == 0 && is_conclusion(it->event))) {
        TRY(add_event(ledger, op, it, is_dead ? "report_dead" : "report_waits",
            (enum base_code)answer->code, answer->detail, err));
    }
    if (!it->is_gate) {
        return BASE_OK;
    }
    return is_dead ? ledger_withheld_expired(ledger, it->delivery_id, err)
                   : ledger_withheld_kept(ledger, it->delivery_id, answer->retry_after_s, err);
}

static void
log_dead(const struct ledger *ledger, const struct in_flight *it, const struct ipc_notified *answer)
{
    struct base_log_record record;
    struct base_error why;
    (void)base_fail(&why, (enum base_code)answer->code, "%.*s", (int)answer->detail.len,
        (const char *)answer->detail.ptr);
    base_log_begin(&record, ledger->log, BASE_LOG_ERROR, "notice_dead", BYTES_NONE);
    base_log_number(&record, "delivery", (int64_t)it->delivery_id);
    base_log_number(&record, "notice", (int64_t)it->id);
    base_log_word(&record, "policy", it->policy);
    base_log_word(&record, "told", it->event);
    base_log_code(&record, &why);
    base_log_end(&record);
}

void
ledger_outbox_notified(struct ledger *ledger, const struct ipc_notified *answer)
{
    struct ledger_outbox *outbox = ledger->outbox;
    struct in_flight *it =
        answer->outbox_id == 0 ? NULL : find_in_flight(outbox, answer->outbox_id);
    struct base_error err;
    enum base_code code = BASE_OK;
    if (it == NULL || it->is_settled) {
        return;
    }
    struct service *service = find_service(outbox, bytes_from_text(it->policy));
    base_fault_point("ledger_notified");
    if (answer->outcome == IPC_NOTIFY_TAKEN) {
        service->failures = 0;
        service->paused_until_mono_ms = 0;
        service->taken_mono_ms = base_clock_mono_ms(&ledger->clock);
        code = take_taken(ledger, it, &err);
    } else {
        /* What a certificate is withheld for is not given up early. */
        bool is_refused = answer->outcome == IPC_NOTIFY_REFUSED && !it->is_gate;
        bool is_old = base_clock_now_ms(&ledger->clock) - it->at_ms > LEDGER_OUTBOX_LIFE_MS;
        int64_t next_ms = next_attempt(ledger, service, it, answer);
        if (is_refused || is_old) {
            log_dead(ledger, it, answer);
        }
        code = take_not_taken(ledger, it, answer, is_refused || is_old, next_ms, &err);
    }
    it->is_settled = true;
    if (code != BASE_OK) { /* it is sent again: its row is as it was */
        base_log_error(ledger->log, BASE_LOG_ERROR, "notice_unsettled", &err);
    }
}

/* ---- gates
 * -------------------------------------------------------------------------------------------------------
 */

static enum base_code
count_gate(void *arg, const struct store_notice *row, struct base_error *err)
{
    size_t *count = arg;
    (void)err;
    *count += row->is_gate ? 1 : 0;
    return BASE_OK;
}

enum base_code
ledger_outbox_count_gates(
    struct ledger *ledger, uint64_t delivery_id, size_t *out_count, struct base_error *err)
{
    *out_count = 0;
    return store_each_notice_of(
        ledger->store, delivery_id, LEDGER_OUTBOX_OF_ONE, count_gate, out_count, err);
}

/* The first of each policy only: order is kept. */
struct hurry {
    struct ledger *ledger;
    char sent[LEDGER_POLICIES_MAX][IPC_NAME_MAX + 1];
    size_t sent_count;
};

static enum base_code
hurry_one(void *arg, const struct store_notice *row, struct base_error *err)
{
    struct hurry *hurry = arg;
    (void)err;
    for (size_t i = 0; i < hurry->sent_count; i++) {
        if (bytes_equal_text(row->policy, hurry->sent[i])) {
            return BASE_OK;
        }
    }
    if (row->state == STORE_NOTICE_WAITING && hurry->sent_count < LEDGER_POLICIES_MAX) {
        copy_name(hurry->sent[hurry->sent_count++], row->policy);
        send_notice(hurry->ledger, row, LEDGER_OUTBOX_GATE_DEADLINE_MS);
    }
    return BASE_OK;
}

enum base_code
ledger_outbox_hurry(struct ledger *ledger, uint64_t delivery_id, struct base_error *err)
{
    struct hurry hurry = {.ledger = ledger};
    if (ledger->notifier_fd < 0) {
        return base_fail(err, E_POLICY_UNAVAILABLE, "there is no notifier now");
    }
    return store_each_notice_of(
        ledger->store, delivery_id, LEDGER_OUTBOX_OF_ONE, hurry_one, &hurry, err);
}

/* ---- looking around
 * ----------------------------------------------------------------------------------------------
 */

/* Old ones of a policy that is never reached, or is not there any more. */
struct sweep {
    struct ledger *ledger;
    int64_t before_ms;
};

static enum base_code
sweep_one(void *arg, const struct store_notice *row, struct base_error *err)
{
    const struct sweep *sweep = arg;
    struct ledger_outbox *outbox = sweep->ledger->outbox;
    struct in_flight it = {.id = row->id,
        .delivery_id = row->delivery_id,
        .at_ms = row->at_ms,
        .step = row->step,
        .attempts = row->attempts,
        .is_gate = row->is_gate};
    const struct ipc_notified answer = {.outbox_id = row->id,
        .outcome = IPC_NOTIFY_AGAIN,
        .code = row->last_code != 0 ? row->last_code : (uint32_t)E_POLICY_UNAVAILABLE,
        .detail = row->last_detail};
    if (row->at_ms >= sweep->before_ms || find_in_flight(outbox, row->id) != NULL) {
        return BASE_OK;
    }
    copy_name(it.policy, row->policy);
    copy_name(it.event, row->event);
    log_dead(sweep->ledger, &it, &answer);
    return take_not_taken(sweep->ledger, &it, &answer, true, row->next_ms, err);
}

static void
log_lag(const struct ledger *ledger, struct bytes policy)
{
    struct store_notice_counts counts = {.waiting = 0};
    struct base_error err;
    if (store_count_notices(ledger->store, policy, &counts, &err) != BASE_OK ||
        counts.waiting + counts.dead == 0) {
        return;
    }
    struct base_log_record record;
    int64_t lag_ms = counts.waiting == 0 ? 0 : base_clock_now_ms(&ledger->clock) - counts.oldest_ms;
    base_log_begin(&record, ledger->log, BASE_LOG_INFO, "outbox_lag", BYTES_NONE);
    base_log_text(&record, "policy", policy);
    base_log_number(&record, "waiting", (int64_t)counts.waiting);
    base_log_number(&record, "dead", (int64_t)counts.dead);
    base_log_number(&record, "oldest_s", lag_ms / 1000);
    base_log_end(&record);
}

void
ledger_outbox_look(struct ledger *ledger)
{
    struct sweep sweep = {ledger, base_clock_now_ms(&ledger->clock) - LEDGER_OUTBOX_LIFE_MS};
    struct base_error err;
    for (size_t i = 0; i < ledger->settings->policy_count; i++) {
        log_lag(ledger, ledger->settings->policies[i].name);
    }
    if (store_each_notice(ledger->store, 0, STORE_NOTICE_WAITING, SWEPT_AT_ONCE, sweep_one, &sweep,
            &err) != BASE_OK) {
        base_log_error(ledger->log, BASE_LOG_ERROR, "outbox_unread", &err);
    }
}

struct ledger_outbox_state
ledger_outbox_policy_state(const struct ledger *ledger, struct bytes policy)
{
    struct service *service = find_service(ledger->outbox, policy);
    int64_t paused_ms = service->paused_until_mono_ms - base_clock_mono_ms(&ledger->clock);
    return (struct ledger_outbox_state){.failures = service->failures,
        .paused_ms = paused_ms > 0 ? paused_ms : 0,
        .in_flight = count_in_flight(ledger->outbox, service->name)};
}
