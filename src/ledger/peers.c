#include "ledger/peers.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "ipc/role.h"
#include "ipc/to_notifier.h"
#include "ipc/to_signer.h"
#include "ledger/challenge_order.h"
#include "ledger/confirm.h"
#include "ledger/flight.h"
#include "ledger/outbox.h"
#include "ledger/question.h"
#include "ledger/request.h"
#include "ledger/revoke.h"

#include "base/banned.h"

#define TAKEN_AT_ONCE 48     /* frames of one socket before the others and the commit */
#define SIGNER_WAIT_MS 10000 /* for administration */

static void
lose_peer(struct ledger *ledger, int *peer_fd, const struct base_error *why)
{
    (void)close(*peer_fd);
    *peer_fd = -1;
    enum ipc_role role = peer_fd == &ledger->front_fd    ? IPC_FRONT
                         : peer_fd == &ledger->signer_fd ? IPC_SIGNER
                                                         : IPC_NOTIFIER;
    ipc_role_lost_peer(ledger->link, role, why);
}

void
ledger_send(struct ledger *ledger, int *peer_fd, const struct ipc_spec *spec, const void *message,
    int pass_fd)
{
    struct base_error err;
    if (*peer_fd >= 0 && ipc_send(*peer_fd, spec, message, pass_fd, &err) != BASE_OK) {
        lose_peer(ledger, peer_fd, &err);
    }
}

/* Is there something to read, without waiting longer than this? */
static bool
is_readable(int fd, int wait_ms)
{
    struct pollfd entry = {fd, POLLIN, 0};
    return poll(&entry, 1, wait_ms) == 1;
}

/* One frame, when there is one; false when there is none, or no peer any more. */
static bool
take_frame(struct ledger *ledger, int *peer_fd, struct ipc_frame *frame, int wait_ms)
{
    struct base_error err;
    if (*peer_fd < 0 || (wait_ms > 0 && !is_readable(*peer_fd, wait_ms))) {
        return false;
    }
    enum base_code code = ipc_receive_now(*peer_fd, frame, &err);
    if (code == E_PEER_BUSY) {
        return false;
    }
    if (code != BASE_OK) {
        lose_peer(ledger, peer_fd, &err);
        return false;
    }
    return true;
}

static void
close_frame(struct ipc_frame *frame)
{
    if (frame->fd >= 0) {
        (void)close(frame->fd);
        frame->fd = -1;
    }
}

enum base_code
ledger_wait_signer(
    struct ledger *ledger, uint16_t type, struct ipc_frame *frame, struct base_error *err)
{
    int64_t until_ms = base_clock_mono_ms(&ledger->clock) + SIGNER_WAIT_MS;
    while (base_clock_mono_ms(&ledger->clock) < until_ms && ledger->signer_fd >= 0) {
        if (!take_frame(ledger, &ledger->signer_fd, frame, 100)) {
            continue;
        }
        if (ipc_frame_type(frame) == type) {
            return BASE_OK;
        }
        ledger_take_signer_frame(ledger, frame);
        close_frame(frame);
    }
    return base_fail(err, E_SIGNER_GONE, "no answer to a question of administration");
}

static enum base_code
take_from_signer(struct ledger *ledger, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_body_checked checked;
    struct ipc_body_signed signature;
    struct ipc_authority authority;
    switch (ipc_frame_type(frame)) {
    case IPC_TYPE_BODY_CHECKED:
        TRY(ipc_decode(&ipc_body_checked_spec, frame, &checked, err));
        ledger_flight_checked(ledger, &checked);
        return BASE_OK;
    case IPC_TYPE_BODY_SIGNED:
        TRY(ipc_decode(&ipc_body_signed_spec, frame, &signature, err));
        ledger_flight_signed(ledger, &signature);
        return BASE_OK;
    case IPC_TYPE_AUTHORITY:
        TRY(ipc_decode(&ipc_authority_spec, frame, &authority, err));
        return ledger_authorities_add(&ledger->authorities, &authority, err);
    case IPC_TYPE_DESCRIBED:
        ledger->authorities.is_complete = true;
        return BASE_OK;
    default:
        return BASE_OK; /* an answer that nobody waits for any more */
    }
}

void
ledger_take_signer_frame(struct ledger *ledger, const struct ipc_frame *frame)
{
    struct base_error err;
    if (take_from_signer(ledger, frame, &err) != BASE_OK) {
        base_log_error(ledger->log, BASE_LOG_ERROR, "signer_frame_refused", &err);
    }
}

bool
ledger_peers_take_signer(struct ledger *ledger, struct ipc_frame *frame, int wait_ms)
{
    if (!take_frame(ledger, &ledger->signer_fd, frame, wait_ms)) {
        return false;
    }
    ledger_take_signer_frame(ledger, frame);
    close_frame(frame);
    return true;
}

static enum base_code
take_from_front(struct ledger *ledger, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_request request;
    struct ipc_contact contact;
    struct ipc_refusal refusal;
    struct ipc_answered answered;
    struct ipc_challenge_order order;
    struct ipc_confirm confirm;
    switch (ipc_frame_type(frame)) {
    case IPC_TYPE_REQUEST:
        TRY(ipc_decode(&ipc_request_spec, frame, &request, err));
        ledger_take_request(ledger, &request);
        return BASE_OK;
    case IPC_TYPE_CONTACT:
        TRY(ipc_decode(&ipc_contact_spec, frame, &contact, err));
        ledger_take_contact(ledger, &contact);
        return BASE_OK;
    case IPC_TYPE_REFUSAL:
        TRY(ipc_decode(&ipc_refusal_spec, frame, &refusal, err));
        ledger_take_refusal(ledger, &refusal);
        return BASE_OK;
    case IPC_TYPE_ANSWERED:
        TRY(ipc_decode(&ipc_answered_spec, frame, &answered, err));
        ledger_take_answered(ledger, &answered);
        return BASE_OK;
    case IPC_TYPE_CHALLENGE_ORDER:
        TRY(ipc_decode(&ipc_challenge_order_spec, frame, &order, err));
        ledger_take_challenge_order(ledger, &order);
        return BASE_OK;
    case IPC_TYPE_CONFIRM:
        TRY(ipc_decode(&ipc_confirm_spec, frame, &confirm, err));
        ledger_take_confirm(ledger, &confirm);
        return BASE_OK;
    default:
        return base_fail(
            err, E_IPC_UNEXPECTED, "message %u from the front", (unsigned)ipc_frame_type(frame));
    }
}

/* What is queued, up to a bound: each frame uses a few operations of the batch, which holds four
 * times as many. */
void
ledger_peers_drain_front(struct ledger *ledger, struct ipc_frame *frame)
{
    for (int i = 0; i < TAKEN_AT_ONCE && take_frame(ledger, &ledger->front_fd, frame, 0); i++) {
        struct base_error err;
        if (take_from_front(ledger, frame, &err) != BASE_OK) {
            lose_peer(ledger, &ledger->front_fd, &err); /* whoever sends this is not our front */
        }
        close_frame(frame);
        explicit_bzero(frame->octets, frame->len); /* it may have held a challenge */
    }
}

void
ledger_peers_drain_signer(struct ledger *ledger, struct ipc_frame *frame)
{
    for (int i = 0; i < TAKEN_AT_ONCE && take_frame(ledger, &ledger->signer_fd, frame, 0); i++) {
        ledger_take_signer_frame(ledger, frame);
        close_frame(frame);
    }
}

static enum base_code
take_from_notifier(struct ledger *ledger, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_verified verified;
    struct ipc_notified notified;
    struct ipc_revoke_order order;
    switch (ipc_frame_type(frame)) {
    case IPC_TYPE_VERIFIED:
        TRY(ipc_decode(&ipc_verified_spec, frame, &verified, err));
        ledger_question_answered(ledger, &verified);
        return BASE_OK;
    case IPC_TYPE_NOTIFIED:
        TRY(ipc_decode(&ipc_notified_spec, frame, &notified, err));
        ledger_outbox_notified(ledger, &notified);
        return BASE_OK;
    case IPC_TYPE_REVOKE_ORDER:
        TRY(ipc_decode(&ipc_revoke_order_spec, frame, &order, err));
        ledger_revoke_ordered(ledger, &order);
        return BASE_OK;
    default:
        return base_fail(
            err, E_IPC_UNEXPECTED, "message %u from the notifier", (unsigned)ipc_frame_type(frame));
    }
}

void
ledger_peers_drain_notifier(struct ledger *ledger, struct ipc_frame *frame)
{
    for (int i = 0; i < TAKEN_AT_ONCE && take_frame(ledger, &ledger->notifier_fd, frame, 0); i++) {
        struct base_error err;
        if (take_from_notifier(ledger, frame, &err) != BASE_OK) {
            lose_peer(ledger, &ledger->notifier_fd, &err);
        }
        close_frame(frame);
    }
}
