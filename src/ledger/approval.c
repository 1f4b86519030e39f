#include "ledger/approval.h"

#include <unistd.h>

#include "ipc/to_signer.h"
#include "ledger/batch.h"
#include "ledger/bound_spend.h"
#include "ledger/flight.h"
#include "ledger/lookup.h"
#include "ledger/state.h"
#include "ledger/warrant.h"
#include "policy/policy.h"

#include "base/banned.h"

/* The one that waits, of all that go by that name. */
static enum base_code
find_waiting(struct ledger *ledger, struct bytes what, struct store_row *row,
    struct store_delivery *out, struct base_error *err)
{
    uint64_t ids[LEDGER_FOUND_MAX];
    uint64_t waiting = 0;
    size_t count = 0;
    TRY(ledger_lookup_find(ledger, what, ids, &count, err));
    for (size_t i = 0; i < count; i++) {
        bool is_found = false;
        TRY(store_find_delivery(ledger->store, ids[i], row, out, &is_found, err));
        if (!is_found || ledger_state_of(out->state) != LEDGER_WAITING) {
            continue;
        }
        if (waiting != 0) {
            return base_fail(err, E_AMBIGUOUS, "deliveries %llu and %llu",
                (unsigned long long)waiting, (unsigned long long)ids[i]);
        }
        waiting = ids[i];
    }
    bool is_found = false;
    if (waiting == 0) {
        return base_fail(err, E_NOT_FOUND, "no request waits by that name");
    }
    return store_find_delivery(ledger->store, waiting, row, out, &is_found, err);
}

static enum base_code
deny(struct ledger *ledger, const struct store_delivery *waiting, struct bytes reason,
    struct base_error *err)
{
    struct store_op *op = NULL;
    const struct store_event *event = NULL;
    struct store_delivery denied = {.id = waiting->id,
        .state = bytes_from_text(ledger_state_name(LEDGER_DEAD)),
        .step = (uint8_t)ledger_state_step(LEDGER_DEAD),
        .code = E_REQUEST_DENIED,
        .detail = reason,
        .updated_ms = base_clock_now_ms(&ledger->clock)};
    if (waiting->challenge_id != 0) {
        TRY(ledger_batch_op(ledger, STORE_KILL_CHALLENGE, &op, NULL, err));
        op->challenge_id = waiting->challenge_id;
    }
    TRY(ledger_bound_kill(ledger, waiting, err));
    TRY(ledger_batch_make_event(
        ledger, waiting->id, 3, "denied", E_REQUEST_DENIED, reason, &event, err));
    TRY(ledger_batch_op(ledger, STORE_SET_STATE, &op, NULL, err));
    op->delivery = &denied;
    op->events = event;
    op->event_count = 1;
    return ledger_batch_commit(ledger, err);
}

/* What is spent, what is renewed, and what of the authority stays with the delivery. */
static enum base_code
load_warrant(const struct ledger_warrant *authority, const struct ledger_statement *statement,
    const struct store_delivery *waiting, struct ledger_flight *flight, struct base_error *err)
{
    BUFFER_LOCAL(kept, LEDGER_WARRANT_MAX);
    const struct ledger_warrant lasting = {
        .kind = authority->kind, .key_id = authority->key_id, .statement = authority->statement};
    flight->challenge_id = authority->kind == POLICY_BY_CHALLENGE ? waiting->challenge_id : 0;
    flight->has_bound = authority->kind == POLICY_BY_BOUND;
    if (authority->kind == POLICY_BY_RENEWAL) {
        TRY(arena_copy(&flight->memory, authority->id, &flight->certificate.renews, err));
    }
    if (flight->has_bound) {
        TRY(ledger_bound_row(
            authority->key_id, statement, waiting->id, &flight->memory, &flight->bound, err));
    }
    if (authority->statement.len > 0) {
        TRY(ledger_warrant_write(&lasting, &kept, err));
    }
    return arena_copy(&flight->memory, buffer_bytes(&kept), &flight->delivery.authority, err);
}

/* The flight of an approved request, its body built now: validity begins when it is issued. */
static enum base_code
load(struct ledger *ledger, const struct store_delivery *waiting, struct ledger_flight *flight,
    struct base_error *err)
{
    uint8_t serial[LEDGER_SERIAL_LEN];
    BUFFER_LOCAL(body, IPC_BODY_MAX);
    struct store_delivery *to = &flight->delivery;
    struct store_certificate *certificate = &flight->certificate;
    struct ledger_warrant authority;
    struct ledger_statement statement;
    const struct ledger_endpoint *endpoint =
        ledger_settings_find_endpoint(ledger->settings, waiting->endpoint);
    const struct ledger_profile *profile =
        ledger_settings_find_profile(ledger->settings, endpoint, waiting->profile);
    const struct ledger_ca *ca = ledger_authorities_find(&ledger->authorities, waiting->ca);
    if (profile == NULL || ca == NULL) {
        return base_fail(err, E_PROFILE_UNKNOWN, "the request's profile or CA is gone");
    }
    *to = *waiting;
    struct bytes *const slices[] = {&to->endpoint, &to->profile, &to->ca, &to->device,
        &to->transaction_id, &to->transaction_key, &to->key_sha256, &to->identity, &to->subject,
        &to->sans, &to->source};
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        TRY(arena_copy(&flight->memory, *slices[i], slices[i], err));
    }
    TRY(ledger_warrant_read(waiting->authority, &authority, err));
    TRY(ledger_warrant_statement(&authority, &flight->memory, &statement, err));
    TRY(ledger_serial_make(&ledger->serials, &ledger->clock, &ledger->random, serial, err));
    const struct ledger_body_spec spec = {.profile = profile,
        .ca = ca,
        .public_url = ledger->settings->public_url,
        .serial = BYTES_ARRAY(serial),
        .subject_der = to->subject,
        .sans_der = to->sans,
        .spki_der = waiting->spki,
        .narrowing = &statement,
        .sid = authority.sid,
        .now_s = base_clock_now_s(&ledger->clock)};
    TRY(ledger_body_build(
        &spec, &body, &certificate->not_before_s, &certificate->not_after_s, err));
    TRY(arena_copy(&flight->memory, BYTES_ARRAY(serial), &certificate->serial, err));
    TRY(arena_copy(&flight->memory, buffer_bytes(&body), &certificate->body, err));
    TRY(load_warrant(&authority, &statement, waiting, flight, err));
    flight->identity = to->identity;
    flight->authorised_by = BYTES_LITERAL("by an administrator");
    to->spki = BYTES_NONE;
    to->serial = BYTES_NONE;
    to->detail = BYTES_NONE;
    certificate->endpoint = to->endpoint;
    certificate->profile = to->profile;
    certificate->ca = to->ca;
    certificate->delivery_id = to->id;
    certificate->challenge_id = flight->challenge_id;
    certificate->key_sha256 = to->key_sha256;
    certificate->transaction_id = to->transaction_id;
    return BASE_OK;
}

/* The signer's check, waited for: a person is asking, not a device. */
static enum base_code
check(struct ledger *ledger, struct ledger_flight *flight, struct base_error *err)
{
    struct ipc_frame frame = {.fd = -1};
    struct ipc_body_checked answer;
    ledger_flight_check(ledger, flight);
    do {
        TRY(ledger_wait_signer(ledger, IPC_TYPE_BODY_CHECKED, &frame, err));
        TRY(ipc_decode(&ipc_body_checked_spec, &frame, &answer, err));
        if (answer.request_id != flight->id) {
            ledger_flight_checked(ledger, &answer); /* of a device's request */
        }
    } while (answer.request_id != flight->id);
    return answer.code == 0 ? BASE_OK
                            : base_fail(err, (enum base_code)answer.code, "%.*s",
                                  (int)answer.detail.len, (const char *)answer.detail.ptr);
}

static enum base_code
approve(struct ledger *ledger, const struct store_delivery *waiting, struct bytes reason,
    struct base_error *err)
{
    struct ledger_flight *flight = ledger_flight_begin(ledger);
    if (flight == NULL) {
        return base_fail(err, E_NO_MEMORY, "flight");
    }
    enum base_code code = load(ledger, waiting, flight, err);
    code = code == BASE_OK ? check(ledger, flight, err) : code;
    code = code == BASE_OK
               ? ledger_batch_event(ledger, waiting->id, 3, "approved", BASE_OK, reason, err)
               : code;
    code = code == BASE_OK ? ledger_flight_reserve(ledger, flight, err) : code;
    if (code != BASE_OK) {
        ledger_flight_end(ledger, flight);
        return code;
    }
    return ledger_batch_commit(ledger, err);
}

enum base_code
ledger_approval_decide(struct ledger *ledger, struct bytes what, bool is_approved,
    struct bytes reason, struct base_error *err)
{
    struct store_row row;
    struct store_delivery waiting;
    store_row_init(&row);
    enum base_code code = find_waiting(ledger, what, &row, &waiting, err);
    if (code == BASE_OK) {
        code = is_approved ? approve(ledger, &waiting, reason, err)
                           : deny(ledger, &waiting, reason, err);
    }
    store_row_clear(&row);
    return code;
}
