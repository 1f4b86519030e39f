#include "ledger/flight.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "ipc/to_signer.h"
#include "ledger/batch.h"
#include "ledger/lookup.h"
#include "ledger/outbox.h"
#include "ledger/refusal.h"
#include "ledger/state.h"
#include "ledger/withheld.h"

#include "base/banned.h"

#define FEW 4 /* signatures in work that make waiting worth it */
#define MEMORY_MAX ((size_t)256 * 1024)

struct ledger_flights {
    struct ledger_flight *first;
    size_t count;
};

struct ledger_flights *
ledger_flights_new(void)
{
    return calloc(1, sizeof(struct ledger_flights));
}

void
ledger_flights_free(struct ledger_flights *flights)
{
    while (flights != NULL && flights->first != NULL) {
        struct ledger_flight *flight = flights->first;
        flights->first = flight->next;
        arena_clear(&flight->memory);
        free(flight);
    }
    free(flights);
}

size_t
ledger_flights_count(const struct ledger_flights *flights)
{
    return flights->count;
}

bool
ledger_flights_are_coming(const struct ledger_flights *flights, size_t count)
{
    size_t signing = 0;
    for (const struct ledger_flight *flight = flights->first; flight != NULL;
         flight = flight->next) {
        if (flight->stage == LEDGER_CHECKING) {
            return true;
        }
        signing += flight->stage == LEDGER_SIGNING;
    }
    return signing >= FEW && signing >= count;
}

struct ledger_flight *
ledger_flight_begin(struct ledger *ledger)
{
    struct ledger_flight *flight = calloc(1, sizeof(*flight));
    if (flight != NULL) {
        arena_init(&flight->memory, MEMORY_MAX);
        flight->id = ledger_next_request_id(ledger);
        flight->stage = LEDGER_CHECKING;
        flight->next = ledger->flights->first;
        ledger->flights->first = flight;
        ledger->flights->count++;
    }
    return flight;
}

void
ledger_flight_end(struct ledger *ledger, struct ledger_flight *flight)
{
    for (struct ledger_flight **at = &ledger->flights->first; *at != NULL; at = &(*at)->next) {
        if (*at == flight) {
            *at = flight->next;
            ledger->flights->count--;
            break;
        }
    }
    arena_clear(&flight->memory);
    free(flight);
}

struct ledger_flight *
ledger_flights_first(const struct ledger_flights *flights)
{
    return flights->first;
}

/* Walked one by one: there are at most as many as the front has requests in flight. */
struct ledger_flight *
ledger_flight_find(const struct ledger_flights *flights, uint64_t id)
{
    struct ledger_flight *flight = flights->first;
    while (flight != NULL && flight->id != id) {
        flight = flight->next;
    }
    return flight;
}

struct ledger_flight *
ledger_flight_find_identity(const struct ledger_flights *flights, struct bytes identity)
{
    struct ledger_flight *flight = flights->first;
    while (flight != NULL && !bytes_equal(flight->identity, identity)) {
        flight = flight->next;
    }
    return flight;
}

struct ledger_flight *
ledger_flight_find_serial(const struct ledger_flights *flights, struct bytes serial)
{
    struct ledger_flight *flight = flights->first;
    while (flight != NULL && !bytes_equal(flight->certificate.serial, serial)) {
        flight = flight->next;
    }
    return flight;
}

bool
ledger_flight_wait(struct ledger_flight *flight, uint64_t front_request_id)
{
    if (flight->waiter_count == LEDGER_WAITERS_MAX) {
        return false;
    }
    flight->waiters[flight->waiter_count++] = front_request_id;
    return true;
}

/* Everybody who waits hears the same, after the next commit. */
static void
tell_waiters(struct ledger *ledger, const struct ledger_flight *flight, size_t from,
    enum ipc_outcome outcome, enum base_code code, struct bytes certificate)
{
    for (size_t i = from; i < flight->waiter_count; i++) {
        struct base_error err;
        const struct ledger_verdict verdict = {.request_id = flight->waiters[i],
            .delivery_id = flight->delivery.id,
            .outcome = outcome,
            .code = code,
            .certificate = certificate};
        if (ledger_batch_verdict(ledger, &verdict, &err) != BASE_OK) {
            base_log_error(ledger->log, BASE_LOG_ERROR, "verdict_lost",
                &err); /* the front's deadline answers */
        }
    }
}

static void
end_with(struct ledger *ledger, struct ledger_flight *flight, enum ipc_outcome outcome,
    enum base_code code)
{
    for (size_t i = 0; i < flight->waiter_count; i++) {
        const struct ipc_verdict verdict = {
            .request_id = flight->waiters[i], .outcome = (uint8_t)outcome, .code = (uint32_t)code};
        ledger_send(ledger, &ledger->front_fd, &ipc_verdict_spec, &verdict, -1);
    }
    ledger_flight_end(ledger, flight);
}

void
ledger_flight_fail(struct ledger *ledger, struct ledger_flight *flight, enum base_code code)
{
    end_with(ledger, flight, IPC_FAULT, code);
}

void
ledger_flight_send_back(struct ledger *ledger, struct ledger_flight *flight)
{
    end_with(ledger, flight, IPC_AGAIN, E_STORE_UNKNOWN);
}

/* ---- check
 * ------------------------------------------------------------------------------------------------------
 */

void
ledger_flight_check(struct ledger *ledger, struct ledger_flight *flight)
{
    const struct ipc_check_body question = {.request_id = flight->id,
        .ca = flight->certificate.ca,
        .profile = flight->certificate.profile,
        .body = flight->certificate.body};
    flight->stage = LEDGER_CHECKING;
    ledger_send(ledger, &ledger->signer_fd, &ipc_check_body_spec, &question, -1);
}

/* The signer would not sign it: the request is refused, and nothing was spent. */
static void
refuse_body(
    struct ledger *ledger, struct ledger_flight *flight, enum base_code code, struct bytes detail)
{
    struct base_error err;
    struct store_op *op = NULL;
    const struct store_event *event = NULL;
    enum ledger_state state = ledger_state_of(flight->delivery.state);
    struct store_delivery *delivery = &flight->delivery;
    struct store_delivery *kept = NULL;
    delivery->state = bytes_from_text(ledger_state_name(
        state == LEDGER_RESERVED ? LEDGER_REFUSED : ledger_state_next(state, LEDGER_EVENT_REFUSE)));
    delivery->serial = BYTES_NONE;
    delivery->step = 4;
    delivery->code = (uint32_t)code;
    delivery->updated_ms = base_clock_now_ms(&ledger->clock);
    /* One that nothing was written of yet is written whole. */
    const enum store_op_kind kind = state == LEDGER_RECEIVED ? STORE_PUT_DELIVERY : STORE_SET_STATE;
    if (ledger_delivery_copy(ledger_batch_arena(ledger->batch), delivery, &kept, &err) != BASE_OK ||
        ledger_batch_make_event(ledger, delivery->id, 4, "refused", code, detail, &event, &err) !=
            BASE_OK ||
        ledger_batch_op(ledger, kind, &op, NULL, &err) != BASE_OK ||
        (kind == STORE_PUT_DELIVERY &&
            ledger_lookup_add(ledger, kept, BYTES_NONE, &err) != BASE_OK)) {
        ledger_flight_fail(ledger, flight, err.code);
        return;
    }
    op->is_transaction_kept = true;
    op->delivery = kept;
    op->events = event;
    op->event_count = 1;
    if (flight->csr.len > 0 && ledger_outbox_conclude(ledger, flight, "failed", code, detail, op,
                                   &flight->gate_count, &err) != BASE_OK) {
        base_log_error(ledger->log, BASE_LOG_ERROR, "notice_lost", &err);
    }
    tell_waiters(ledger, flight, 0, IPC_REFUSED, code, BYTES_NONE);
    ledger_flight_end(ledger, flight);
}

void
ledger_flight_checked(struct ledger *ledger, const struct ipc_body_checked *answer)
{
    struct ledger_flight *flight = ledger_flight_find(ledger->flights, answer->request_id);
    struct base_error err;
    if (flight == NULL || flight->stage != LEDGER_CHECKING) {
        return;
    }
    if (answer->code != 0) {
        const struct base_error_entry *entry = base_error_find((enum base_code)answer->code);
        if (entry->fail_info == BASE_FAIL_NONE) {
            ledger_flight_fail(ledger, flight, (enum base_code)answer->code);
        } else {
            refuse_body(ledger, flight, (enum base_code)answer->code, answer->detail);
        }
        return;
    }
    if (ledger_flight_reserve(ledger, flight, &err) != BASE_OK) {
        base_log_error(ledger->log, BASE_LOG_ERROR, "reserve_failed", &err);
        ledger_flight_fail(ledger, flight, err.code);
    }
}

/* ---- commit
 * -----------------------------------------------------------------------------------------------------
 */

enum base_code
ledger_flight_reserve(struct ledger *ledger, struct ledger_flight *flight, struct base_error *err)
{
    struct store_op *op = NULL;
    size_t index = 0;
    void *memory = NULL;
    int64_t now_ms = base_clock_now_ms(&ledger->clock);
    TRY(arena_alloc(
        ledger_batch_arena(ledger->batch), 2 * sizeof(struct store_event), &memory, err));
    struct store_event *events = memory;
    events[0] = (struct store_event){.delivery_id = flight->delivery.id,
        .at_ms = now_ms,
        .step = 3,
        .event = BYTES_LITERAL("authorised"),
        .detail = flight->authorised_by};
    events[1] = (struct store_event){.delivery_id = flight->delivery.id,
        .at_ms = now_ms,
        .step = 4,
        .event = BYTES_LITERAL("reserved")};
    flight->delivery.state = bytes_from_text(ledger_state_name(LEDGER_RESERVED));
    flight->delivery.step = (uint8_t)ledger_state_step(LEDGER_RESERVED);
    flight->delivery.code = 0;
    flight->delivery.detail = BYTES_NONE;
    flight->delivery.serial = flight->certificate.serial;
    flight->delivery.updated_ms = now_ms;
    flight->certificate.issued_ms = now_ms;
    flight->stage = LEDGER_COMMITTING;
    TRY(ledger_batch_op(ledger, STORE_RESERVE, &op, &index, err));
    op->identity = flight->identity;
    op->identity_over = flight->identity_over;
    op->challenge_id = flight->challenge_id;
    op->bound = flight->has_bound ? &flight->bound : NULL;
    op->certificate = &flight->certificate;
    op->delivery = &flight->delivery;
    op->events = events;
    op->event_count = 2;
    TRY(ledger_outbox_conclude(
        ledger, flight, "issued", BASE_OK, BYTES_NONE, op, &flight->gate_count, err));
    return ledger_batch_sign(ledger, flight, index, err);
}

/* ---- signature
 * --------------------------------------------------------------------------------------------------
 */

void
ledger_flight_sign(struct ledger *ledger, struct ledger_flight *flight)
{
    const struct ipc_sign_body question = {.request_id = flight->id,
        .ca = flight->certificate.ca,
        .profile = flight->certificate.profile,
        .body = flight->certificate.body,
        .front_request_id =
            flight->waiter_count > 0 && flight->gate_count == 0 ? flight->waiters[0] : 0,
        .delivery_id = flight->delivery.id};
    flight->stage = LEDGER_SIGNING;
    ledger_send(ledger, &ledger->signer_fd, &ipc_sign_body_spec, &question, -1);
}

/* The signature, the delivery's state, its event and the keys by which it is found: in a group that
 * nobody waits for. */
static enum base_code
store_signature(struct ledger *ledger, const struct ledger_flight *flight, struct bytes certificate,
    struct base_error *err)
{
    struct arena *arena = ledger_batch_arena(ledger->batch);
    struct store_op *op = NULL;
    const struct store_event *event = NULL;
    void *memory = NULL;
    TRY(arena_alloc(arena, sizeof(struct store_certificate), &memory, err));
    struct store_certificate *row = memory;
    TRY(arena_copy(arena, flight->certificate.serial, &row->serial, err));
    TRY(arena_copy(arena, certificate, &row->certificate, err));
    TRY(ledger_batch_op(ledger, STORE_ADD_SIGNATURE, &op, NULL, err));
    op->certificate = row;
    TRY(arena_alloc(arena, sizeof(struct store_delivery), &memory, err));
    struct store_delivery *delivery = memory;
    *delivery = (struct store_delivery){.id = flight->delivery.id,
        .state = bytes_from_text(ledger_state_name(LEDGER_SIGNED)),
        .step = (uint8_t)ledger_state_step(LEDGER_SIGNED),
        .updated_ms = base_clock_now_ms(&ledger->clock)};
    TRY(ledger_batch_make_event(
        ledger, flight->delivery.id, 4, "signed", BASE_OK, BYTES_NONE, &event, err));
    TRY(ledger_batch_op(ledger, STORE_SET_STATE, &op, NULL, err));
    op->delivery = delivery;
    op->from_state = bytes_from_text(ledger_state_name(LEDGER_RESERVED));
    op->events = event;
    op->event_count = 1;
    return ledger_lookup_add(ledger, &flight->delivery, row->certificate, err);
}

void
ledger_flight_signed(struct ledger *ledger, const struct ipc_body_signed *answer)
{
    struct ledger_flight *flight = ledger_flight_find(ledger->flights, answer->request_id);
    struct base_error err;
    if (flight == NULL || flight->stage != LEDGER_SIGNING) {
        return;
    }
    if (answer->code != 0) {
        (void)base_fail(&err, (enum base_code)answer->code, "%.*s", (int)answer->detail.len,
            (const char *)answer->detail.ptr);
        base_log_error(ledger->log, BASE_LOG_ERROR, "signature_refused", &err);
        ledger_flight_fail(ledger, flight, (enum base_code)answer->code);
        return;
    }
    base_fault_point("ledger_signed");
    if (store_signature(ledger, flight, answer->certificate, &err) != BASE_OK) {
        base_log_error(ledger->log, BASE_LOG_ERROR, "signature_not_kept",
            &err); /* it is made again at the next start */
    }
    if (flight->gate_count > 0 && flight->waiter_count > 0) {
        if (ledger_withheld_begin(ledger, flight, answer->certificate, &err) != BASE_OK) {
            ledger_flight_fail(ledger, flight, err.code);
        }
        return;
    }
    /* The first who waited has it from the signer already; an ECDSA certificate leaves only after
     * this commit. */
    tell_waiters(ledger, flight, answer->is_handed_over != 0 ? 1 : 0, IPC_ISSUED, BASE_OK,
        answer->certificate);
    ledger_flight_end(ledger, flight);
}

enum base_code
ledger_flight_resume(struct ledger *ledger, const struct store_certificate *certificate,
    uint64_t front_request_id, struct base_error *err)
{
    struct ledger_flight *flight = ledger_flight_find_serial(ledger->flights, certificate->serial);
    if (flight != NULL) {
        return front_request_id == 0 || ledger_flight_wait(flight, front_request_id)
                   ? BASE_OK
                   : base_fail(err, E_PEER_BUSY, "too many wait for one certificate");
    }
    flight = ledger_flight_begin(ledger);
    if (flight == NULL) {
        return base_fail(err, E_NO_MEMORY, "flight");
    }
    flight->is_reserved = true;
    flight->delivery.id = certificate->delivery_id;
    struct store_certificate *to = &flight->certificate;
    enum base_code code = arena_copy(&flight->memory, certificate->serial, &to->serial, err);
    code = code == BASE_OK ? arena_copy(&flight->memory, certificate->ca, &to->ca, err) : code;
    code = code == BASE_OK ? arena_copy(&flight->memory, certificate->profile, &to->profile, err)
                           : code;
    code = code == BASE_OK ? arena_copy(&flight->memory, certificate->body, &to->body, err) : code;
    code = code == BASE_OK ? ledger_outbox_count_gates(
                                 ledger, certificate->delivery_id, &flight->gate_count, err)
                           : code;
    if (code != BASE_OK) {
        ledger_flight_end(ledger, flight);
        return code;
    }
    if (front_request_id != 0) {
        (void)ledger_flight_wait(flight, front_request_id);
    }
    ledger_flight_sign(ledger, flight);
    return BASE_OK;
}

void
ledger_flights_ask_again(struct ledger *ledger)
{
    for (struct ledger_flight *flight = ledger->flights->first; flight != NULL;
         flight = flight->next) {
        if (flight->stage == LEDGER_CHECKING) {
            ledger_flight_check(ledger, flight);
        } else if (flight->stage == LEDGER_SIGNING) {
            ledger_flight_sign(ledger, flight);
        }
    }
}

void
ledger_flights_forget_front(struct ledger *ledger)
{
    for (struct ledger_flight *flight = ledger->flights->first; flight != NULL;
         flight = flight->next) {
        flight->waiter_count = 0;
    }
}
