#include "ledger/withheld.h"

#include "ledger/batch.h"
#include "ledger/flight.h"
#include "ledger/outbox.h"
#include "ledger/revoke.h"
#include "ledger/state.h"

#include "base/banned.h"

#define WAIT_MS 12000       /* a device waits so long for a notice; then 503 */
#define RETRY_AFTER_S 30    /* when the service did not say */
#define REASON_SUPERSEDED 4 /* CRLReason: nobody ever had it */

static struct ledger_flight *
find(const struct ledger *ledger, uint64_t delivery_id)
{
    struct ledger_flight *flight = ledger_flights_first(ledger->flights);
    while (flight != NULL &&
           (flight->stage != LEDGER_REPORTING || flight->delivery.id != delivery_id)) {
        flight = flight->next;
    }
    return flight;
}

enum base_code
ledger_withheld_begin(struct ledger *ledger, struct ledger_flight *flight, struct bytes certificate,
    struct base_error *err)
{
    flight->stage = LEDGER_REPORTING;
    flight->reporting_since_mono_ms = base_clock_mono_ms(&ledger->clock);
    return arena_copy(&flight->memory, certificate, &flight->certificate.certificate, err);
}

enum base_code
ledger_withheld_again(struct ledger *ledger, const struct store_certificate *certificate,
    size_t gate_count, uint64_t front_request_id, struct base_error *err)
{
    struct ledger_flight *flight = ledger_flight_find_serial(ledger->flights, certificate->serial);
    if (flight != NULL) {
        return ledger_flight_wait(flight, front_request_id)
                   ? BASE_OK
                   : base_fail(err, E_PEER_BUSY, "too many wait for one certificate");
    }
    flight = ledger_flight_begin(ledger);
    if (flight == NULL) {
        return base_fail(err, E_NO_MEMORY, "flight");
    }
    flight->delivery.id = certificate->delivery_id;
    flight->gate_count = gate_count;
    (void)ledger_flight_wait(flight, front_request_id);
    enum base_code code =
        arena_copy(&flight->memory, certificate->serial, &flight->certificate.serial, err);
    code = code == BASE_OK ? ledger_withheld_begin(ledger, flight, certificate->certificate, err)
                           : code;
    code = code == BASE_OK ? ledger_outbox_hurry(ledger, certificate->delivery_id, err) : code;
    if (code != BASE_OK) {
        ledger_flight_end(ledger, flight);
    }
    return code;
}

static enum base_code
tell(struct ledger *ledger, const struct ledger_flight *flight,
    const struct ledger_verdict *verdict, struct base_error *err)
{
    for (size_t i = 0; i < flight->waiter_count; i++) {
        struct ledger_verdict one = *verdict;
        one.request_id = flight->waiters[i];
        one.delivery_id = flight->delivery.id;
        TRY(ledger_batch_verdict(ledger, &one, err));
    }
    return BASE_OK;
}

enum base_code
ledger_withheld_released(struct ledger *ledger, uint64_t delivery_id, struct base_error *err)
{
    struct ledger_flight *flight = find(ledger, delivery_id);
    if (flight == NULL || --flight->gate_count > 0) {
        return BASE_OK;
    }
    const struct ledger_verdict verdict = {
        .outcome = IPC_ISSUED, .certificate = flight->certificate.certificate};
    enum base_code code = tell(ledger, flight, &verdict, err);
    ledger_flight_end(ledger, flight);
    return code;
}

enum base_code
ledger_withheld_kept(
    struct ledger *ledger, uint64_t delivery_id, uint32_t retry_after_s, struct base_error *err)
{
    struct ledger_flight *flight = find(ledger, delivery_id);
    if (flight == NULL) {
        return BASE_OK;
    }
    const struct ledger_verdict verdict = {.outcome = IPC_FAULT,
        .code = E_NOTICE_WITHHELD,
        .retry_after_s = retry_after_s != 0 ? retry_after_s : RETRY_AFTER_S};
    enum base_code code = tell(ledger, flight, &verdict, err);
    ledger_flight_end(ledger, flight);
    return code;
}

void
ledger_withheld_look(struct ledger *ledger)
{
    int64_t mono_ms = base_clock_mono_ms(&ledger->clock);
    struct ledger_flight *next = NULL;
    struct base_error err;
    for (struct ledger_flight *flight = ledger_flights_first(ledger->flights); flight != NULL;
         flight = next) {
        next = flight->next;
        if (flight->stage == LEDGER_REPORTING &&
            mono_ms - flight->reporting_since_mono_ms > WAIT_MS &&
            ledger_withheld_kept(ledger, flight->delivery.id, 0, &err) != BASE_OK) {
            base_log_error(ledger->log, BASE_LOG_ERROR, "verdict_lost", &err);
        }
    }
}

/* ---- the end of one
 * ----------------------------------------------------------------------------------------------
 */

/* Told to the policy as well, when it takes notices again: it was asked and had agreed. */
static enum base_code
end_delivery(struct ledger *ledger, const struct store_delivery *delivery, struct base_error *err)
{
    struct store_op *op = NULL;
    const struct store_event *event = NULL;
    void *memory = NULL;
    TRY(arena_alloc(
        ledger_batch_arena(ledger->batch), sizeof(struct store_delivery), &memory, err));
    struct store_delivery *row = memory;
    *row = (struct store_delivery){.id = delivery->id,
        .state = bytes_from_text(ledger_state_name(LEDGER_DEAD)),
        .step = 6,
        .code = E_NOTICE_EXPIRED,
        .updated_ms = base_clock_now_ms(&ledger->clock)};
    TRY(ledger_batch_make_event(
        ledger, delivery->id, 6, "withheld_too_long", E_NOTICE_EXPIRED, BYTES_NONE, &event, err));
    TRY(ledger_batch_op(ledger, STORE_SET_STATE, &op, NULL, err));
    op->delivery = row;
    op->events = event;
    op->event_count = 1;
    return ledger_outbox_give_up(ledger, delivery->id, E_NOTICE_EXPIRED, op, err);
}

static enum base_code
expire(struct ledger *ledger, const struct store_delivery *delivery, struct base_error *err)
{
    struct store_row row;
    struct store_certificate certificate;
    bool is_found = false;
    enum base_code code = BASE_OK;
    TRY(end_delivery(ledger, delivery, err));
    store_row_init(&row);
    code =
        store_find_certificate(ledger->store, delivery->serial, &row, &certificate, &is_found, err);
    if (code == BASE_OK && is_found && certificate.status != STORE_REVOKED) {
        code = ledger_revoke(ledger, &certificate, REASON_SUPERSEDED, E_NOTICE_EXPIRED,
            BYTES_LITERAL("withheld for seven days"), err);
    }
    store_row_clear(&row);
    return code;
}

enum base_code
ledger_withheld_expired(struct ledger *ledger, uint64_t delivery_id, struct base_error *err)
{
    struct store_row row;
    struct store_delivery delivery;
    bool is_found = false;
    TRY(ledger_withheld_kept(ledger, delivery_id, 0, err));
    store_row_init(&row);
    enum base_code code =
        store_find_delivery(ledger->store, delivery_id, &row, &delivery, &is_found, err);
    if (code == BASE_OK && is_found && delivery.serial.len > 0 &&
        ledger_state_of(delivery.state) != LEDGER_DEAD) {
        code = expire(ledger, &delivery, err);
    }
    store_row_clear(&row);
    return code;
}
