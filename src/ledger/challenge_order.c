#include "ledger/challenge_order.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ipc/control.h"
#include "ledger/batch.h"
#include "ledger/lookup.h"
#include "ledger/outstanding.h"
#include "ledger/state.h"
#include "pki/name.h"

#include "base/banned.h"

/* What comes from an account is bounded here as well as in the front. */
#define TTL_MIN_S 60
#define TTL_MAX_S ((int64_t)31 * 86400)
#define USES_MAX 1000

/* An order that was understood. */
struct making {
    const struct ledger_challenge_order *order;
    const struct ledger_profile *profile;
    struct bytes subject;
    struct bytes sans;
    int64_t now_ms;
    int64_t expires_ms;
};

/* The rows of one challenge, alive until the commit. */
struct rows {
    struct store_challenge challenge;
    struct store_delivery delivery;
    uint8_t mac[32];
};

static enum base_code
add_event(struct ledger *ledger, const struct making *it, uint64_t delivery_id, const char *id_text,
    const struct store_event **out, struct base_error *err)
{
    char detail[IPC_NAME_MAX + 64] = "";
    (void)snprintf(detail, sizeof(detail), "%s%s%.*s%s", id_text,
        it->order->account.len > 0 ? " by " : "", base_size_to_int(it->order->account.len),
        it->order->account.len > 0 ? (const char *)it->order->account.ptr : "",
        it->order->is_page ? LEDGER_PAGE_MARK : "");
    return ledger_batch_make_event(
        ledger, delivery_id, 1, "challenge_made", BASE_OK, bytes_from_text(detail), out, err);
}

static enum base_code
add_challenge(struct ledger *ledger, const struct making *it, struct rows *rows,
    struct ledger_challenge_made *made, struct base_error *err)
{
    struct store_op *op = NULL;
    const struct store_event *event = NULL;
    uint64_t wanted = (uint64_t)(it->now_ms / 1000) << 8;
    uint64_t id = wanted > ledger->last_challenge_id ? wanted : ledger->last_challenge_id + 1;
    if (id > LEDGER_CHALLENGE_ID_MAX) {
        return base_fail(err, E_INTERNAL, "the last challenge id was given out");
    }
    TRY(ledger_challenge_make(
        id, BYTES_ARRAY(ledger->mac_key), &ledger->random, made->text, rows->mac, err));
    ledger->last_challenge_id = id;
    ledger_challenge_id_text(id, made->id_text);
    made->id = id;
    made->expires_ms = it->expires_ms;
    made->delivery_id = ledger_next_delivery_id(ledger);
    rows->delivery = (struct store_delivery){.id = made->delivery_id,
        .profile = it->profile->name,
        .device = it->order->device,
        .challenge_id = id,
        .subject = it->subject,
        .sans = it->sans,
        .state = bytes_from_text(ledger_state_name(LEDGER_OFFERED)),
        .step = (uint8_t)ledger_state_step(LEDGER_OFFERED),
        .created_ms = it->now_ms,
        .updated_ms = it->now_ms};
    rows->challenge = (struct store_challenge){.id = id,
        .mac = BYTES_ARRAY(rows->mac),
        .profile = it->profile->name,
        .device = it->order->device,
        .subject = it->subject,
        .is_san_bound = it->order->is_san_bound,
        .sans = it->sans,
        .created_ms = it->now_ms,
        .expires_ms = it->expires_ms,
        .uses = it->order->uses,
        .uses_left = it->order->uses,
        .state = STORE_CHALLENGE_NEW,
        .delivery_id = made->delivery_id};
    TRY(add_event(ledger, it, made->delivery_id, made->id_text, &event, err));
    TRY(ledger_batch_op(ledger, STORE_ADD_CHALLENGE, &op, NULL, err));
    op->challenge = &rows->challenge;
    op->delivery = &rows->delivery;
    op->events = event;
    op->event_count = 1;
    return ledger_lookup_add(ledger, &rows->delivery, BYTES_NONE, err);
}

/* A challenge that nobody would ever compare is not given out. */
static bool
is_asked_for(const struct ledger *ledger, struct bytes profile)
{
    const struct ledger_settings *settings = ledger->settings;
    bool is_served = false;
    for (size_t i = 0; i < settings->endpoint_count; i++) {
        const struct ledger_endpoint *endpoint = &settings->endpoints[i];
        if (!ledger_list_has(endpoint->profiles, profile)) {
            continue;
        }
        is_served = true;
        if (ledger_list_has(endpoint->policies, BYTES_LITERAL(IPC_POLICY_CHALLENGE))) {
            return true;
        }
    }
    return !is_served; /* it may be served later */
}

static enum base_code
understand(struct ledger *ledger, const struct ledger_challenge_order *order,
    struct buffer *subject, struct buffer *sans, struct making *out, struct base_error *err)
{
    *out = (struct making){.order = order, .now_ms = base_clock_now_ms(&ledger->clock)};
    if (order->count == 0 || order->count > IPC_PAGE_MAX) {
        return base_fail(
            err, E_USAGE, "%u challenges at once, at most %d", order->count, IPC_PAGE_MAX);
    }
    out->profile = ledger_settings_find_profile(ledger->settings, NULL, order->profile);
    if (out->profile == NULL) {
        return base_fail(err, E_PROFILE_UNKNOWN, "'%.*s'", base_size_to_int(order->profile.len),
            (const char *)order->profile.ptr);
    }
    if (!is_asked_for(ledger, out->profile->name)) {
        return base_fail(err, E_CHALLENGE_NOT_ASKED, "profile '%.*s'",
            base_size_to_int(out->profile->name.len), (const char *)out->profile->name.ptr);
    }
    if (order->subject.len > 0) {
        TRY(pki_name_from_text(order->subject, subject, err));
        TRY(pki_name_check(buffer_bytes(subject), err));
    }
    if (order->sans.len > 0) {
        TRY(pki_sans_from_text(order->sans, sans, err));
    }
    if (!base_is_clean_utf8(order->device)) {
        return base_fail(err, E_TEXT_FORMAT, "a device name with control characters");
    }
    out->subject = buffer_bytes(subject);
    out->sans = buffer_bytes(sans);
    out->expires_ms =
        out->now_ms + 1000 * (order->ttl_s != 0 ? order->ttl_s : out->profile->challenge_ttl_s);
    return BASE_OK;
}

enum base_code
ledger_challenge_order_check(struct ledger *ledger, const struct ledger_challenge_order *order,
    const struct ledger_profile **out_profile, struct base_error *err)
{
    struct making making;
    BUFFER_LOCAL(subject, IPC_SUBJECT_MAX);
    BUFFER_LOCAL(sans, IPC_SANS_MAX);
    TRY(understand(ledger, order, &subject, &sans, &making, err));
    *out_profile = making.profile;
    return BASE_OK;
}

enum base_code
ledger_challenge_order(struct ledger *ledger, const struct ledger_challenge_order *order,
    struct ledger_challenge_made *out, struct base_error *err)
{
    struct making it;
    struct rows rows[IPC_PAGE_MAX];
    BUFFER_LOCAL(subject, IPC_SUBJECT_MAX);
    BUFFER_LOCAL(sans, IPC_SANS_MAX);
    TRY(understand(ledger, order, &subject, &sans, &it, err));
    for (uint32_t i = 0; i < order->count; i++) {
        TRY(add_challenge(ledger, &it, &rows[i], &out[i], err));
    }
    return ledger_batch_commit(ledger, err);
}

/* ---- for the front
 * ------------------------------------------------------------------------------------------- */

static enum base_code
take_order(struct ledger *ledger, const struct ipc_challenge_order *message,
    struct ledger_challenge_made *made, struct base_error *err)
{
    const struct ledger_challenge_order order = {.profile = message->profile,
        .device = message->device,
        .subject = message->subject,
        .sans = message->sans,
        .is_san_bound = message->is_san_bound != 0,
        .ttl_s = message->ttl_s,
        .uses = message->uses,
        .count = 1,
        .account = message->account,
        .is_page = message->is_page != 0};
    if (order.account.len == 0 || order.uses == 0 || order.uses > USES_MAX ||
        (order.ttl_s != 0 && (order.ttl_s < TTL_MIN_S || order.ttl_s > TTL_MAX_S))) {
        return base_fail(err, E_USAGE, "an order beyond what an account may have");
    }
    if (message->is_page != 0) {
        TRY(ledger_outstanding_check(ledger, err));
    }
    TRY(ledger_challenge_order(ledger, &order, made, err));
    if (message->is_page != 0) {
        ledger_outstanding_add(ledger, made->id, made->expires_ms);
    }
    return BASE_OK;
}

void
ledger_take_challenge_order(struct ledger *ledger, const struct ipc_challenge_order *message)
{
    struct ledger_challenge_made made = {.id = 0};
    struct base_error why = {0};
    enum base_code code = take_order(ledger, message, &made, &why);
    if (code != BASE_OK) {
        base_log_error(ledger->log, BASE_LOG_INFO, "challenge_not_made", &why);
    }
    const struct ipc_challenge_made answer = {.request_id = message->request_id,
        .code = (uint32_t)code,
        .detail = bytes_from_text(why.detail),
        .challenge = bytes_from_text(code == BASE_OK ? made.text : ""),
        .challenge_id = bytes_from_text(code == BASE_OK ? made.id_text : ""),
        .expires_ms = code == BASE_OK ? made.expires_ms : 0,
        .delivery_id = code == BASE_OK ? made.delivery_id : 0};
    ledger_send(ledger, &ledger->front_fd, &ipc_challenge_made_spec, &answer, -1);
    explicit_bzero(&made, sizeof(made));
}
