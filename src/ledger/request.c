#include "ledger/request.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "ledger/batch.h"
#include "ledger/bound_spend.h"
#include "ledger/facts.h"
#include "ledger/flight.h"
#include "ledger/limits.h"
#include "ledger/lookup.h"
#include "ledger/outbox.h"
#include "ledger/question.h"
#include "ledger/refusal.h"
#include "ledger/state.h"
#include "ledger/withheld.h"
#include "pki/name.h"

#include "base/banned.h"

#define OLD_RETRIES_MAX 64 /* deliveries of one challenge, looked at */

/* ---- retries
 * ----------------------------------------------------------------------------------------------------
 */

/* The certificate that an earlier request of this identity got, signed or about to be. */
static enum base_code
serve_certificate(struct ledger *ledger, uint64_t request_id,
    const struct store_certificate *certificate, struct base_error *err)
{
    TRY(ledger_batch_event(
        ledger, certificate->delivery_id, 5, "retry_served", BASE_OK, BYTES_NONE, err));
    if (certificate->certificate.len == 0) {
        return ledger_flight_resume(ledger, certificate, request_id, err);
    }
    size_t gate_count = 0;
    TRY(ledger_outbox_count_gates(ledger, certificate->delivery_id, &gate_count, err));
    if (gate_count > 0) {
        return ledger_withheld_again(ledger, certificate, gate_count, request_id, err);
    }
    const struct ledger_verdict verdict = {.request_id = request_id,
        .delivery_id = certificate->delivery_id,
        .outcome = IPC_ISSUED,
        .certificate = certificate->certificate};
    return ledger_batch_verdict(ledger, &verdict, err);
}

/* "While that is valid, unrevoked, and issued less than 30 days or half its life ago, whichever is
 * shorter." */
static bool
may_be_served(const struct ledger *ledger, const struct store_certificate *certificate)
{
    int64_t now_s = base_clock_now_s(&ledger->clock);
    int64_t half_life_s = (certificate->not_after_s - certificate->not_before_s) / 2;
    int64_t window_s = ledger->settings->retry_window_s;
    window_s = window_s > half_life_s ? half_life_s : window_s;
    return certificate->status == STORE_GOOD && now_s <= certificate->not_after_s &&
           now_s - certificate->issued_ms / 1000 < window_s;
}

static enum base_code
compare_identity(void *arg, const struct store_delivery *row, struct base_error *err)
{
    struct ledger_case *it = arg;
    (void)err;
    it->is_identity_old =
        it->is_identity_old || bytes_equal(row->identity, BYTES_ARRAY(it->identity));
    return BASE_OK;
}

/* Its identity may be cut from its window already: the same request after months is late, and no
 * attempt to use a challenge for something else. */
static enum base_code
find_old_retry(struct ledger *ledger, struct ledger_case *it, struct policy_verdict *verdict,
    struct base_error *err)
{
    if (it->authority != POLICY_BY_CHALLENGE || it->challenge.state != STORE_CHALLENGE_SPENT) {
        return BASE_OK;
    }
    TRY(store_each_delivery_of_challenge(
        ledger->store, it->challenge.id, OLD_RETRIES_MAX, compare_identity, it, err));
    verdict->code = it->is_identity_old ? E_CHALLENGE_REPEATED : verdict->code;
    return BASE_OK;
}

/* *out_is_done: the request was answered, or waits for the same certificate. */
static enum base_code
try_retry(struct ledger *ledger, struct ledger_case *it, bool *out_is_done,
    struct policy_verdict *verdict, struct base_error *err)
{
    uint8_t serial[20];
    size_t serial_len = 0;
    int64_t created_ms = 0;
    bool is_found = false;
    *out_is_done = false;
    struct ledger_flight *flight =
        ledger_flight_find_identity(ledger->flights, BYTES_ARRAY(it->identity));
    if (flight != NULL) {
        *out_is_done = true;
        return ledger_flight_wait(flight, it->request->request_id)
                   ? BASE_OK
                   : base_fail(err, E_PEER_BUSY, "too many wait for one certificate");
    }
    TRY(store_find_identity(ledger->store, BYTES_ARRAY(it->identity), serial, &serial_len,
        &created_ms, &is_found, err));
    if (!is_found) {
        return find_old_retry(ledger, it, verdict, err);
    }
    struct store_row row;
    struct store_certificate certificate;
    store_row_init(&row);
    enum base_code code = store_find_certificate(
        ledger->store, (struct bytes){serial, serial_len}, &row, &certificate, &is_found, err);
    if (code == BASE_OK && is_found && may_be_served(ledger, &certificate)) {
        *out_is_done = true;
        code = serve_certificate(ledger, it->request->request_id, &certificate, err);
    } else if (code == BASE_OK &&
               (it->authority == POLICY_BY_CHALLENGE || it->authority == POLICY_BY_BOUND)) {
        verdict->code = E_CHALLENGE_REPEATED; /* a one-time challenge is not enough twice */
    } else if (code == BASE_OK) {
        memcpy(it->identity_over, serial, serial_len);
        it->identity_over_len = serial_len;
    }
    store_row_clear(&row);
    return code;
}

/* ---- issuing
 * ----------------------------------------------------------------------------------------------------
 */

/* "by its challenge, and by intune": what authorised it, for the trace. */
static enum base_code
authority_words(struct ledger *ledger, const struct ledger_case *it, struct arena *arena,
    struct bytes *out, struct base_error *err)
{
    static const char *const words[] = {"", "by its challenge", "by the static challenge",
        "by the certificate it renews", "", "by "};
    BUFFER_LOCAL(text, 4096);
    TRY(buffer_append(&text, bytes_from_text(words[it->authority]), err));
    if (it->authority == POLICY_BY_BOUND) {
        TRY(buffer_append_text(&text, it->bound.name, err));
    }
    for (size_t i = 0; i < ledger->settings->policy_count; i++) {
        const struct ledger_policy *policy = &ledger->settings->policies[i];
        if (policy->is_asked && ledger_list_has(it->endpoint->policies, policy->name)) {
            TRY(buffer_append(
                &text, text.len > 0 ? BYTES_LITERAL(", and by ") : BYTES_LITERAL("by "), err));
            TRY(buffer_append(&text, policy->name, err));
        }
    }
    return arena_copy(arena, buffer_bytes(&text), out, err);
}

/* The flight's own copies of everything that the commit will hold. */
static enum base_code
load_flight(struct ledger *ledger, const struct ledger_case *it,
    const struct store_delivery *delivery, struct ledger_flight *flight, struct base_error *err)
{
    struct store_delivery *row = NULL;
    uint8_t serial[LEDGER_SERIAL_LEN];
    BUFFER_LOCAL(body, IPC_BODY_MAX);
    TRY(ledger_delivery_copy(&flight->memory, delivery, &row, err));
    flight->delivery = *row;
    flight->identity = row->identity;
    TRY(arena_copy(&flight->memory, (struct bytes){it->identity_over, it->identity_over_len},
        &flight->identity_over, err));
    flight->challenge_id = it->authority == POLICY_BY_CHALLENGE ? it->challenge.id : 0;
    TRY(authority_words(ledger, it, &flight->memory, &flight->authorised_by, err));
    TRY(arena_copy(&flight->memory, it->request->csr, &flight->csr, err));
    TRY(ledger_bound_load(ledger, it, flight, err));
    struct store_certificate *to = &flight->certificate;
    TRY(ledger_serial_make(&ledger->serials, &ledger->clock, &ledger->random, serial, err));
    const struct ledger_body_spec spec = {.profile = it->profile,
        .ca = it->ca,
        .public_url = ledger->settings->public_url,
        .serial = BYTES_ARRAY(serial),
        .subject_der = row->subject.len > 0 ? row->subject : BYTES_LITERAL("\x30\x00"),
        .sans_der = row->sans,
        .spki_der = it->request->spki,
        .narrowing = ledger_case_narrowing_peek(it),
        .sid = it->sid,
        .now_s = base_clock_now_s(&ledger->clock)};
    TRY(ledger_body_build(&spec, &body, &to->not_before_s, &to->not_after_s, err));
    TRY(arena_copy(&flight->memory, BYTES_ARRAY(serial), &to->serial, err));
    TRY(arena_copy(&flight->memory, buffer_bytes(&body), &to->body, err));
    if (it->authority == POLICY_BY_RENEWAL) {
        TRY(arena_copy(&flight->memory, it->signer.serial, &to->renews, err));
    }
    to->endpoint = row->endpoint;
    to->profile = row->profile;
    to->ca = row->ca;
    to->delivery_id = row->id;
    to->challenge_id = flight->challenge_id;
    to->key_sha256 = row->key_sha256;
    to->transaction_id = row->transaction_id;
    return BASE_OK;
}

/* A renewed certificate is for the device of the one that it renews. */
static enum base_code
inherit_device(struct ledger *ledger, const struct ledger_case *it, struct store_delivery *delivery,
    struct base_error *err)
{
    struct store_row row;
    struct store_delivery old;
    bool is_found = false;
    if (it->authority != POLICY_BY_RENEWAL) {
        return BASE_OK;
    }
    store_row_init(&row);
    enum base_code code =
        store_find_delivery(ledger->store, it->signer.delivery_id, &row, &old, &is_found, err);
    if (code == BASE_OK && is_found) {
        code = arena_copy(ledger_batch_arena(ledger->batch), old.device, &delivery->device, err);
    }
    store_row_clear(&row);
    return code;
}

static enum base_code
issue(struct ledger *ledger, const struct ledger_case *it, struct base_error *err)
{
    struct store_delivery delivery = ledger_delivery_of(ledger, it);
    TRY(ledger_delivery_adopt(ledger, it, &delivery, err));
    TRY(inherit_device(ledger, it, &delivery, err));
    TRY(ledger_note_received(ledger, it, delivery.id, err));
    struct ledger_flight *flight = ledger_flight_begin(ledger);
    if (flight == NULL) {
        return base_fail(err, E_NO_MEMORY, "flight");
    }
    enum base_code code = load_flight(ledger, it, &delivery, flight, err);
    if (code != BASE_OK) {
        ledger_flight_end(ledger, flight);
        return code;
    }
    (void)ledger_flight_wait(flight, it->request->request_id);
    ledger_flight_check(ledger, flight);
    return BASE_OK;
}

/* ---- waiting
 * ----------------------------------------------------------------------------------------------------
 */

static enum base_code
wait_for_approval(struct ledger *ledger, const struct ledger_case *it, struct base_error *err)
{
    struct store_op *op = NULL;
    struct store_delivery *row = NULL;
    BUFFER_LOCAL(authority, LEDGER_WARRANT_MAX);
    struct store_delivery delivery = ledger_delivery_of(ledger, it);
    TRY(ledger_delivery_adopt(ledger, it, &delivery, err));
    TRY(ledger_case_warrant(it, true, &authority, err));
    delivery.authority = buffer_bytes(&authority);
    delivery.spki = it->request->spki;
    delivery.state = bytes_from_text(ledger_state_name(LEDGER_WAITING));
    delivery.step = (uint8_t)ledger_state_step(LEDGER_WAITING);
    TRY(ledger_delivery_copy(ledger_batch_arena(ledger->batch), &delivery, &row, err));
    if (it->authority == POLICY_BY_CHALLENGE) {
        TRY(ledger_batch_op(ledger, STORE_HOLD_CHALLENGE, &op, NULL, err));
        op->challenge_id = it->challenge.id;
        op->delivery = row;
    }
    if (it->authority == POLICY_BY_BOUND) {
        TRY(ledger_bound_hold(ledger, it, row->id, err));
    }
    TRY(ledger_batch_op(ledger, STORE_PUT_DELIVERY, &op, NULL, err));
    op->delivery = row;
    op->is_transaction_kept = true;
    TRY(ledger_note_received(ledger, it, delivery.id, err));
    TRY(ledger_batch_event(ledger, delivery.id, 3, "waiting", BASE_OK, BYTES_NONE, err));
    TRY(ledger_lookup_add(ledger, row, BYTES_NONE, err));
    const struct ledger_verdict verdict = {
        .request_id = it->request->request_id, .delivery_id = delivery.id, .outcome = IPC_PENDING};
    return ledger_batch_verdict(ledger, &verdict, err);
}

/* How a kept transaction stands, told to the one who began it. *out_is_done: it was answered. */
static enum base_code
answer_poll(
    struct ledger *ledger, const struct ledger_case *it, bool *out_is_done, struct base_error *err)
{
    struct store_row row;
    struct store_row certificate_row;
    struct store_delivery delivery;
    struct store_certificate certificate;
    uint64_t id = 0;
    bool is_found = false;
    *out_is_done = false;
    TRY(store_find_transaction(
        ledger->store, BYTES_ARRAY(it->transaction_key), &id, &is_found, err));
    if (!is_found && it->request->message_type == IPC_CERT_POLL) {
        uint64_t ids[1];
        size_t count = 0;
        TRY(store_search(ledger->store, STORE_BY_TRANSACTION_KEY, BYTES_ARRAY(it->transaction_key),
            ids, 1, &count, err));
        is_found = count == 1;
        id = is_found ? ids[0] : 0;
    }
    if (!is_found) {
        return BASE_OK;
    }
    store_row_init(&row);
    store_row_init(&certificate_row);
    enum base_code code = store_find_delivery(ledger->store, id, &row, &delivery, &is_found, err);
    enum ledger_state state =
        code == BASE_OK && is_found ? ledger_state_of(delivery.state) : (enum ledger_state)0;
    uint64_t request_id = it->request->request_id;
    struct ledger_verdict verdict = {
        .request_id = request_id, .delivery_id = id, .outcome = IPC_PENDING};
    if (state == LEDGER_WAITING) {
        *out_is_done = true;
        code = ledger_batch_event(ledger, id, 2, "poll", BASE_OK, BYTES_NONE, err);
        code = code == BASE_OK ? ledger_batch_verdict(ledger, &verdict, err) : code;
    } else if (state == LEDGER_DEAD ||
               (state == LEDGER_REFUSED && it->request->message_type == IPC_CERT_POLL)) {
        *out_is_done = true;
        verdict.outcome = IPC_REFUSED;
        verdict.code = (enum base_code)delivery.code;
        code = ledger_batch_verdict(ledger, &verdict, err);
    } else if (state != 0 && delivery.serial.len > 0 &&
               it->request->message_type == IPC_CERT_POLL) {
        code = store_find_certificate(
            ledger->store, delivery.serial, &certificate_row, &certificate, &is_found, err);
        if (code == BASE_OK && is_found) {
            *out_is_done = true;
            code = serve_certificate(ledger, request_id, &certificate, err);
        }
    }
    store_row_clear(&certificate_row);
    store_row_clear(&row);
    return code;
}

/* ---- the path
 * ---------------------------------------------------------------------------------------------------
 */

static enum base_code
take_poll(struct ledger *ledger, const struct ledger_case *it, struct base_error *err)
{
    bool is_done = false;
    const struct policy_verdict unknown = {.code = E_POLL_UNKNOWN};
    TRY(answer_poll(ledger, it, &is_done, err));
    return is_done ? BASE_OK : ledger_refuse(ledger, it, &unknown, BYTES_NONE, 0, err);
}

/* What was answered before, or waits, is told to the one whose request it is: an envelope can be
 * recorded, and sent again in a stranger's message. */
static enum base_code
answer_again(struct ledger *ledger, struct ledger_case *it, bool *out_is_done,
    struct policy_verdict *verdict, struct base_error *err)
{
    *out_is_done = false;
    if (!policy_is_own_request(&it->facts)) {
        return BASE_OK;
    }
    /* A PKCSReq repeated while it waits is a poll. */
    TRY(answer_poll(ledger, it, out_is_done, err));
    return *out_is_done || !it->has_identity ? BASE_OK
                                             : try_retry(ledger, it, out_is_done, verdict, err);
}

/* @has_agreed: the policies of its endpoint were asked, and all did. */
static enum base_code
take(struct ledger *ledger, struct ledger_case *it, bool has_agreed, struct base_error *err)
{
    bool is_done = false;
    struct policy_verdict verdict = {.code = BASE_OK};
    enum base_code code = ledger_case_open(ledger, it, err);
    if (code == E_PROFILE_UNKNOWN) {
        verdict.code = code;
        return ledger_refuse(ledger, it, &verdict, BYTES_NONE, 0, err);
    }
    TRY(code);
    if (it->request->message_type == IPC_CERT_POLL) {
        return take_poll(ledger, it, err);
    }
    TRY(ledger_case_gather(ledger, it, err));
    TRY(answer_again(ledger, it, &is_done, &verdict, err));
    if (is_done) {
        return BASE_OK;
    }
    enum base_code repeated = verdict.code;
    verdict = policy_authorise(&it->facts);
    if (repeated != BASE_OK) {
        verdict = (struct policy_verdict){.code = repeated};
    }
    if (verdict.action == POLICY_REFUSE) {
        return ledger_refuse(ledger, it, &verdict, BYTES_NONE, 0, err);
    }
    if (!has_agreed && ledger_question_is_needed(ledger, it)) {
        return ledger_question_begin(ledger, it, err);
    }
    return verdict.action == POLICY_ISSUE ? issue(ledger, it, err)
                                          : wait_for_approval(ledger, it, err);
}

static void
tell_fault(struct ledger *ledger, const struct ipc_request *request, const struct base_error *why)
{
    const struct ipc_verdict fault = {
        .request_id = request->request_id, .outcome = IPC_FAULT, .code = (uint32_t)why->code};
    base_log_error(ledger->log, BASE_LOG_ERROR, "request_fault", why);
    ledger_send(ledger, &ledger->front_fd, &ipc_verdict_spec, &fault, -1);
}

void
ledger_take_request(struct ledger *ledger, const struct ipc_request *request)
{
    struct ledger_case it;
    struct base_error err;
    ledger_case_init(&it, request);
    base_fault_point("ledger_request");
    if (take(ledger, &it, false, &err) != BASE_OK) {
        tell_fault(ledger, request, &err);
    }
    ledger_case_clear(&it);
}

/* "intune: ChallengeExpired, the challenge is too old" */
static void
answer_text(const struct ledger_policy_answer *answer, char out[IPC_DETAIL_LEN])
{
    (void)snprintf(out, IPC_DETAIL_LEN, "%.*s: %.*s%s%.*s", (int)answer->policy.len,
        (const char *)answer->policy.ptr, (int)answer->reason.len, (const char *)answer->reason.ptr,
        answer->reason.len > 0 && answer->detail.len > 0 ? ", " : "", (int)answer->detail.len,
        (const char *)answer->detail.ptr);
}

/* No answer that counts: nothing is issued, nothing is spent, and the trace says why. */
static enum base_code
hold_off(struct ledger *ledger, const struct ledger_case *it,
    const struct ledger_policy_answer *answer, bool is_first, struct base_error *err)
{
    char detail[IPC_DETAIL_LEN] = "";
    struct ledger_verdict verdict = {.request_id = it->request->request_id,
        .outcome = IPC_FAULT,
        .code = answer->code != BASE_OK ? answer->code : E_POLICY_UNAVAILABLE,
        .retry_after_s = answer->retry_after_s};
    answer_text(answer, detail);
    if (is_first && it->has_challenge) {
        verdict.delivery_id = it->challenge.delivery_id;
        TRY(ledger_note_received(ledger, it, verdict.delivery_id, err));
        TRY(ledger_batch_event(ledger, verdict.delivery_id, 3, "policy_unavailable", verdict.code,
            bytes_from_text(detail), err));
    } else if (is_first) {
        TRY(ledger_record_refusal(ledger, it, "policy_unavailable", verdict.code,
            bytes_from_text(detail), &verdict.delivery_id, err));
    }
    return ledger_batch_verdict(ledger, &verdict, err);
}

static enum base_code
turn_away(struct ledger *ledger, const struct ledger_case *it,
    const struct ledger_policy_answer *answer, bool is_first, struct base_error *err)
{
    char detail[IPC_DETAIL_LEN] = "";
    const struct policy_verdict verdict = {
        .code = answer->code != BASE_OK ? answer->code : E_POLICY_REFUSED,
        .is_wrong_challenge = it->authority == POLICY_BY_SERVICE};
    answer_text(answer, detail);
    if (is_first) {
        return ledger_refuse(ledger, it, &verdict, bytes_from_text(detail), answer->hresult, err);
    }
    const struct ledger_verdict told = {.request_id = it->request->request_id,
        .outcome = IPC_REFUSED,
        .code = verdict.code,
        .hresult = answer->hresult};
    return ledger_batch_verdict(ledger, &told, err);
}

static enum base_code
go_on(struct ledger *ledger, struct ledger_case *it, const struct ledger_policy_answer *answer,
    bool is_first, struct base_error *err)
{
    if (answer->outcome == IPC_VERIFY_ALLOWED) {
        return take(ledger, it, true, err);
    }
    TRY(ledger_case_open(ledger, it, err));
    TRY(ledger_case_gather(ledger, it, err));
    return answer->outcome == IPC_VERIFY_REFUSED ? turn_away(ledger, it, answer, is_first, err)
                                                 : hold_off(ledger, it, answer, is_first, err);
}

void
ledger_request_go_on(struct ledger *ledger, const struct ipc_request *request,
    const struct ledger_policy_answer *answer, bool is_first)
{
    struct ledger_case it;
    struct base_error err;
    ledger_case_init(&it, request);
    base_fault_point("ledger_verified");
    if (go_on(ledger, &it, answer, is_first, &err) != BASE_OK) {
        tell_fault(ledger, request, &err);
    }
    ledger_case_clear(&it);
}

void
ledger_take_refusal(struct ledger *ledger, const struct ipc_refusal *refusal)
{
    struct ledger_case it;
    struct base_error err;
    uint64_t delivery_id = 0;
    const struct ipc_request request = {.received_ms = refusal->received_ms,
        .endpoint = refusal->endpoint,
        .profile = refusal->profile,
        .message_type = refusal->message_type,
        .transaction_id = refusal->transaction_id,
        .source = refusal->source,
        .spki = refusal->spki,
        .subject = refusal->subject};
    ledger_case_init(&it, &request);
    enum base_code code = ledger_case_open(ledger, &it, &err);
    if (code == BASE_OK || code == E_PROFILE_UNKNOWN) {
        code = ledger_record_refusal(ledger, &it, "refused", (enum base_code)refusal->code,
            refusal->detail, &delivery_id, &err);
    }
    if (code != BASE_OK) {
        base_log_error(ledger->log, BASE_LOG_WARN, "refusal_not_kept", &err);
    }
    ledger_case_clear(&it);
}

void
ledger_take_contact(struct ledger *ledger, const struct ipc_contact *contact)
{
    struct base_error err;
    struct store_op *op = NULL;
    struct arena *arena = ledger_batch_arena(ledger->batch);
    void *memory = NULL;
    if (arena_alloc(arena, sizeof(struct store_contact), &memory, &err) != BASE_OK) {
        return; /* a hint less in a trace */
    }
    struct store_contact *row = memory;
    *row = (struct store_contact){
        .operation = contact->operation, .at_ms = contact->at_ms, .count = contact->count};
    if (arena_copy(arena, contact->endpoint, &row->endpoint, &err) == BASE_OK &&
        arena_copy(arena, contact->source, &row->source, &err) == BASE_OK &&
        ledger_batch_op(ledger, STORE_ADD_CONTACT, &op, NULL, &err) == BASE_OK) {
        op->contact = row;
    }
}

static enum base_code
note_answered(struct ledger *ledger, const struct ipc_answered *answered, struct base_error *err)
{
    struct store_op *op = NULL;
    void *memory = NULL;
    if (answered->outcome != IPC_ISSUED || answered->is_taken == 0) {
        return ledger_batch_event(ledger, answered->delivery_id,
            answered->outcome == IPC_ISSUED ? 5 : 3,
            answered->is_taken != 0 ? "answer_taken" : "answer_not_taken", BASE_OK, BYTES_NONE,
            err);
    }
    TRY(arena_alloc(
        ledger_batch_arena(ledger->batch), sizeof(struct store_delivery), &memory, err));
    struct store_delivery *delivery = memory;
    *delivery = (struct store_delivery){.id = answered->delivery_id,
        .state = bytes_from_text(ledger_state_name(LEDGER_ANSWERED)),
        .step = (uint8_t)ledger_state_step(LEDGER_ANSWERED),
        .updated_ms = answered->at_ms};
    const struct store_event *event = NULL;
    ledger_batch_skip_state(ledger, answered->delivery_id); /* signed, a moment ago */
    TRY(ledger_batch_make_event(
        ledger, answered->delivery_id, 5, "answered", BASE_OK, BYTES_NONE, &event, err));
    TRY(ledger_batch_op(ledger, STORE_SET_STATE, &op, NULL, err));
    op->delivery = delivery;
    op->events = event;
    op->event_count = 1;
    return BASE_OK;
}

void
ledger_take_answered(struct ledger *ledger, const struct ipc_answered *answered)
{
    struct base_error err;
    if (answered->delivery_id != 0 && note_answered(ledger, answered, &err) != BASE_OK) {
        base_log_error(ledger->log, BASE_LOG_WARN, "answer_not_kept", &err);
    }
}
