#include "ledger/confirm.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ledger/batch.h"
#include "ledger/state.h"
#include "pki/algorithm.h"

#include "base/banned.h"

#define EVENTS_MAX 500

static enum base_code
find_confirmed(void *arg, const struct store_event *row, struct base_error *err)
{
    bool *is_confirmed = arg;
    (void)err;
    *is_confirmed = *is_confirmed || bytes_equal_text(row->event, "confirmed");
    return BASE_OK;
}

/* Is it the delivery's certificate, complete and under this very hash? */
static enum base_code
check_certificate(struct ledger *ledger, const struct store_delivery *delivery, struct bytes sha256,
    struct base_error *err)
{
    struct store_row row;
    struct store_certificate certificate;
    uint8_t digest[PKI_DIGEST_MAX];
    bool is_found = false;
    if (delivery->serial.len == 0) {
        return base_fail(err, E_CONFIRM_UNKNOWN, "a delivery without a certificate");
    }
    store_row_init(&row);
    enum base_code code =
        store_find_certificate(ledger->store, delivery->serial, &row, &certificate, &is_found, err);
    if (code == BASE_OK && is_found && certificate.certificate.len == 0) {
        code = base_fail(err, E_PEER_BUSY, "the signature is on its way to the store");
    } else if (code == BASE_OK && is_found) {
        code = pki_digest(PKI_SHA256, certificate.certificate, digest, err);
    }
    if (code == BASE_OK && (!is_found || !bytes_equal(sha256, (struct bytes){digest, 32}))) {
        code = base_fail(err, E_CONFIRM_UNKNOWN, "another certificate than the delivery's");
    }
    store_row_clear(&row);
    return code;
}

static void
describe(const struct ipc_confirm *message, char *out, size_t size)
{
    char at[BASE_TIME_TEXT_LEN] = "";
    if (message->installed_ms != 0) {
        base_time_text(message->installed_ms / 1000, at);
    }
    (void)snprintf(out, size, "by %.*s%s%s",
        message->account.len > 0 ? base_size_to_int(message->account.len) : 10,
        message->account.len > 0 ? (const char *)message->account.ptr : "the device",
        at[0] == '\0' ? "" : ", installed at ", at);
}

/* An event; and the state, where the answer's fate was not known: now it is. */
static enum base_code
note(struct ledger *ledger, const struct store_delivery *delivery,
    const struct ipc_confirm *message, struct base_error *err)
{
    const struct store_event *event = NULL;
    struct store_op *op = NULL;
    char detail[IPC_NAME_MAX + 64] = "";
    enum ledger_state state = ledger_state_of(delivery->state);
    describe(message, detail, sizeof(detail));
    if (state == LEDGER_ANSWERED || ledger_state_next(state, LEDGER_EVENT_ANSWER) == 0) {
        TRY(ledger_batch_event(
            ledger, delivery->id, 5, "confirmed", BASE_OK, bytes_from_text(detail), err));
        return ledger_batch_commit(ledger, err);
    }
    TRY(ledger_batch_make_event(
        ledger, delivery->id, 5, "confirmed", BASE_OK, bytes_from_text(detail), &event, err));
    const struct store_delivery changed = {.id = delivery->id,
        .state = bytes_from_text(ledger_state_name(LEDGER_ANSWERED)),
        .step = (uint8_t)ledger_state_step(LEDGER_ANSWERED),
        .updated_ms = base_clock_now_ms(&ledger->clock)};
    TRY(ledger_batch_op(ledger, STORE_SET_STATE, &op, NULL, err));
    op->delivery = &changed;
    op->events = event;
    op->event_count = 1;
    return ledger_batch_commit(ledger, err);
}

static enum base_code
confirm_found(struct ledger *ledger, const struct store_delivery *delivery,
    const struct ipc_confirm *message, struct base_error *err)
{
    bool is_confirmed = false;
    TRY(check_certificate(ledger, delivery, message->certificate_sha256, err));
    if (message->account.len > 0 && !ledger_list_has(message->profiles, delivery->profile)) {
        return base_fail(err, E_CONFIRM_UNKNOWN, "a delivery of another profile");
    }
    TRY(store_each_event(
        ledger->store, delivery->id, EVENTS_MAX, find_confirmed, &is_confirmed, err));
    return is_confirmed ? BASE_OK : note(ledger, delivery, message, err);
}

static enum base_code
confirm(struct ledger *ledger, const struct ipc_confirm *message, struct base_error *err)
{
    struct store_row row;
    struct store_delivery delivery;
    bool is_found = false;
    if (!ledger_batch_is_empty(ledger->batch)) {
        TRY(ledger_batch_commit(ledger, err)); /* the signature may be on its way to the store */
    }
    store_row_init(&row);
    enum base_code code =
        store_find_delivery(ledger->store, message->delivery_id, &row, &delivery, &is_found, err);
    if (code == BASE_OK) {
        code = is_found ? confirm_found(ledger, &delivery, message, err)
                        : base_fail(err, E_CONFIRM_UNKNOWN, "no such delivery");
    }
    store_row_clear(&row);
    return code;
}

void
ledger_take_confirm(struct ledger *ledger, const struct ipc_confirm *message)
{
    struct base_error why = {0};
    enum base_code code = confirm(ledger, message, &why);
    if (code != BASE_OK) {
        struct base_log_record record;
        base_log_begin(&record, ledger->log, BASE_LOG_INFO, "confirmation_refused", BYTES_NONE);
        base_log_number(&record, "delivery", (int64_t)message->delivery_id);
        base_log_text(&record, "source", message->source);
        base_log_code(&record, &why);
        base_log_end(&record);
    }
    const struct ipc_confirmed answer = {.request_id = message->request_id, .code = (uint32_t)code};
    ledger_send(ledger, &ledger->front_fd, &ipc_confirmed_spec, &answer, -1);
}
