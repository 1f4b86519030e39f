#include "ledger/refusal.h"

#include <stdio.h>
#include <string.h>

#include "ledger/batch.h"
#include "ledger/limits.h"
#include "ledger/lookup.h"
#include "ledger/state.h"

#include "base/banned.h"

#define MISMATCHES_MAX 10 /* then a challenge is dead */

/* ---- what every path needs
 * -------------------------------------------------------------------------------------- */

/* The delivery as this request makes it; slices borrowed from the request and the case. */
struct store_delivery
ledger_delivery_of(struct ledger *ledger, const struct ledger_case *it)
{
    const struct ipc_request *request = it->request;
    int64_t now_ms = base_clock_now_ms(&ledger->clock);
    return (struct store_delivery){.id = ledger_next_delivery_id(ledger),
        .endpoint = request->endpoint,
        .profile = it->profile != NULL ? it->profile->name : request->profile,
        .ca = it->endpoint != NULL ? it->endpoint->ca : BYTES_NONE,
        .device = it->has_challenge     ? it->challenge.device
                  : it->bound.is_opened ? it->bound.statement.device
                                        : BYTES_NONE,
        .challenge_id = it->has_challenge ? it->challenge.id : 0,
        .transaction_id = request->transaction_id,
        .transaction_key = BYTES_ARRAY(it->transaction_key),
        .key_sha256 = BYTES_ARRAY(it->key_sha256),
        .identity = it->has_identity ? BYTES_ARRAY(it->identity) : BYTES_NONE,
        .subject = request->subject,
        .sans = request->sans,
        .source = request->source,
        .state = bytes_from_text(ledger_state_name(LEDGER_RECEIVED)),
        .step = (uint8_t)ledger_state_step(LEDGER_RECEIVED),
        .created_ms = now_ms,
        .updated_ms = now_ms};
}

/* Its profile came from somewhere else, with a challenge that is not ours: the first that we see of
 * it is the request. */
static enum base_code
note_profile(struct ledger *ledger, const struct ledger_case *it, uint64_t delivery_id,
    struct base_error *err)
{
    return ledger_batch_event(
        ledger, delivery_id, 1, "foreign_challenge", BASE_OK, it->endpoint->policies, err);
}

/* The id, birth and state of the delivery that this request belongs to, when there is one already.
 */
enum base_code
ledger_delivery_adopt(struct ledger *ledger, const struct ledger_case *it,
    struct store_delivery *delivery, struct base_error *err)
{
    uint64_t new_id = delivery->id;
    struct store_row row;
    struct store_delivery old;
    uint64_t id = it->has_challenge ? it->challenge.delivery_id : 0;
    bool is_found = false;
    enum base_code code = BASE_OK;
    if (!it->has_challenge) {
        code = store_find_transaction(
            ledger->store, BYTES_ARRAY(it->transaction_key), &id, &is_found, err);
    }
    store_row_init(&row);
    if (code == BASE_OK && id != 0) {
        code = store_find_delivery(ledger->store, id, &row, &old, &is_found, err);
        enum ledger_state state = is_found ? ledger_state_of(old.state) : (enum ledger_state)0;
        if (state == LEDGER_OFFERED || state == LEDGER_REFUSED || state == LEDGER_RECEIVED) {
            delivery->id = old.id;
            delivery->created_ms = old.created_ms;
            delivery->state = bytes_from_text(ledger_state_name(state));
        }
    }
    store_row_clear(&row);
    TRY(code);
    bool is_of_service = it->facts.challenge == POLICY_CHALLENGE_OF_SERVICE;
    return delivery->id == new_id && is_of_service ? note_profile(ledger, it, new_id, err)
                                                   : BASE_OK;
}

enum base_code
ledger_note_received(struct ledger *ledger, const struct ledger_case *it, uint64_t delivery_id,
    struct base_error *err)
{
    char detail[512] = "";
    const struct ipc_request *request = it->request;
    (void)snprintf(detail, sizeof(detail), "%s from %.*s, %.*s, %.*s%s%.*s",
        request->message_type == IPC_RENEWAL_REQ ? "RenewalReq"
        : request->message_type == IPC_PKCS_REQ  ? "PKCSReq"
                                                 : "CertPoll",
        (int)request->source.len, (const char *)request->source.ptr, (int)request->cipher.len,
        (const char *)request->cipher.ptr, (int)request->digest.len,
        (const char *)request->digest.ptr,
        request->tolerances.len == 0 ? "" : ", tolerated: ", (int)request->tolerances.len,
        (const char *)request->tolerances.ptr);
    return ledger_batch_event(
        ledger, delivery_id, 2, "request_received", BASE_OK, bytes_from_text(detail), err);
}

/* ---- refusing
 * ---------------------------------------------------------------------------------------------------
 */

/* A refusal whose challenge is a real one is an event of the challenge's delivery, which stands as
 * it stood. */
static enum base_code
refuse_with_challenge(struct ledger *ledger, const struct ledger_case *it,
    const struct policy_verdict *verdict, struct bytes detail, uint64_t *out_delivery_id,
    struct base_error *err)
{
    const char *event = verdict->is_security_event ? "challenge_reused"
                        : verdict->is_mismatch     ? "challenge_mismatch"
                                                   : "refused";
    struct store_op *op = NULL;
    void *memory = NULL;
    *out_delivery_id = it->challenge.delivery_id;
    TRY(ledger_note_received(ledger, it, *out_delivery_id, err));
    if (verdict->is_mismatch) {
        TRY(ledger_batch_op(ledger, STORE_COUNT_MISMATCH, &op, NULL, err));
        op->challenge_id = it->challenge.id;
        op->max_mismatches = MISMATCHES_MAX;
    }
    if (verdict->is_security_event) {
        return ledger_batch_event(
            ledger, *out_delivery_id, 3, event, verdict->code, it->request->source, err);
    }
    TRY(arena_alloc(
        ledger_batch_arena(ledger->batch), sizeof(struct store_delivery), &memory, err));
    struct store_delivery *delivery = memory;
    *delivery = (struct store_delivery){.id = *out_delivery_id,
        .state = bytes_from_text(ledger_state_name(LEDGER_OFFERED)),
        .step = 3,
        .code = (uint32_t)verdict->code,
        .updated_ms = base_clock_now_ms(&ledger->clock)};
    TRY(arena_copy(ledger_batch_arena(ledger->batch), detail, &delivery->detail, err));
    TRY(ledger_batch_event(ledger, *out_delivery_id, 3, event, verdict->code, detail, err));
    TRY(ledger_batch_op(ledger, STORE_SET_STATE, &op, NULL, err));
    op->delivery = delivery;
    op->from_state = delivery->state; /* an answered delivery stays answered */
    return BASE_OK;
}

/* A bound challenge that was used: an event of the delivery that used it. */
static enum base_code
refuse_used_bound(struct ledger *ledger, const struct ledger_case *it,
    const struct policy_verdict *verdict, uint64_t *out_delivery_id, struct base_error *err)
{
    *out_delivery_id = it->bound.used.delivery_id;
    TRY(ledger_note_received(ledger, it, *out_delivery_id, err));
    return ledger_batch_event(ledger, *out_delivery_id, 3,
        verdict->is_security_event ? "challenge_reused" : "refused", verdict->code,
        it->request->source, err);
}

/* Copies of what a delivery row borrows, for the commit. */
enum base_code
ledger_delivery_copy(struct arena *arena, const struct store_delivery *from,
    struct store_delivery **out, struct base_error *err)
{
    void *memory = NULL;
    TRY(arena_alloc(arena, sizeof(struct store_delivery), &memory, err));
    struct store_delivery *to = memory;
    *to = *from;
    struct bytes *const slices[] = {&to->endpoint, &to->profile, &to->ca, &to->device,
        &to->transaction_id, &to->transaction_key, &to->key_sha256, &to->identity, &to->subject,
        &to->sans, &to->spki, &to->authority, &to->serial, &to->source, &to->state, &to->detail};
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        TRY(arena_copy(arena, *slices[i], slices[i], err));
    }
    *out = to;
    return BASE_OK;
}

/* A delivery of its own, in state refused; a stranger cannot make more than so many a minute. */
enum base_code
ledger_record_refusal(struct ledger *ledger, const struct ledger_case *it, const char *event,
    enum base_code code, struct bytes detail, uint64_t *out_delivery_id, struct base_error *err)
{
    struct store_op *op = NULL;
    struct store_delivery *row = NULL;
    BUFFER_LOCAL(warrant, LEDGER_WARRANT_MAX);
    if (!ledger_limits_may_record(
            ledger->limits, it->request->source, base_clock_mono_ms(&ledger->clock))) {
        *out_delivery_id = 0;
        return BASE_OK;
    }
    struct store_delivery delivery = ledger_delivery_of(ledger, it);
    TRY(ledger_delivery_adopt(ledger, it, &delivery, err));
    enum ledger_state state = ledger_state_of(delivery.state);
    delivery.state = bytes_from_text(
        ledger_state_name(state == LEDGER_OFFERED ? LEDGER_OFFERED : LEDGER_REFUSED));
    delivery.step = it->profile == NULL || code < E_POLICY_TYPE ? 2 : 3;
    delivery.code = (uint32_t)code;
    delivery.detail = detail;
    if (it->bound.is_opened) {
        TRY(ledger_case_warrant(it, false, &warrant, err));
        delivery.authority = buffer_bytes(&warrant);
        TRY(ledger_lookup_add_bound(ledger, delivery.id, it->bound.statement.id, err));
    }
    *out_delivery_id = delivery.id;
    TRY(ledger_delivery_copy(ledger_batch_arena(ledger->batch), &delivery, &row, err));
    TRY(ledger_batch_op(ledger, STORE_PUT_DELIVERY, &op, NULL, err));
    op->delivery = row;
    op->is_transaction_kept = true;
    TRY(ledger_note_received(ledger, it, delivery.id, err));
    TRY(ledger_batch_event(ledger, delivery.id, delivery.step, event, code, detail, err));
    return ledger_lookup_add(ledger, row, BYTES_NONE, err);
}

/* @detail, @hresult: what a policy outside said; otherwise empty and 0. */
enum base_code
ledger_refuse(struct ledger *ledger, const struct ledger_case *it,
    const struct policy_verdict *verdict, struct bytes detail, uint32_t hresult,
    struct base_error *err)
{
    uint64_t delivery_id = 0;
    int64_t mono_ms = base_clock_mono_ms(&ledger->clock);
    if (verdict->is_wrong_challenge && it->request->is_source_exempt == 0) {
        ledger_limits_count_wrong(ledger->limits, it->request->source, mono_ms);
    }
    if (it->has_challenge) {
        TRY(refuse_with_challenge(ledger, it, verdict, detail, &delivery_id, err));
    } else if (it->bound.is_used) {
        TRY(refuse_used_bound(ledger, it, verdict, &delivery_id, err));
    } else {
        if (detail.len == 0) {
            detail = bytes_from_text(it->bound.is_opened ? it->bound.name : it->bound.detail);
        }
        TRY(ledger_record_refusal(ledger, it, "refused", verdict->code, detail, &delivery_id, err));
    }
    struct base_log_record record;
    base_log_begin(&record, ledger->log, verdict->is_security_event ? BASE_LOG_WARN : BASE_LOG_INFO,
        verdict->is_security_event ? "challenge_reused" : "request_refused",
        it->request->transaction_id);
    base_log_text(&record, "source", it->request->source);
    base_log_number(&record, "delivery", (int64_t)delivery_id);
    struct base_error why;
    if (detail.len > 0) {
        (void)base_fail(&why, verdict->code, "%.*s", (int)detail.len, (const char *)detail.ptr);
    } else {
        (void)base_fail(&why, verdict->code, "%s", base_error_find(verdict->code)->why);
    }
    base_log_code(&record, &why);
    base_log_end(&record);
    const struct ledger_verdict told = {.request_id = it->request->request_id,
        .delivery_id = delivery_id,
        .outcome = IPC_REFUSED,
        .code = verdict->code,
        .hresult = hresult};
    return ledger_batch_verdict(ledger, &told, err);
}
