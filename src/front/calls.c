#include "front/calls.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/banned.h"

#define DEADLINE_MS                                                                                \
    20000 /* the answer must begin within 30 s of the request, passwords included                  \
           */

struct call {
    LIST_ENTRY(call) links;
    struct front_calls *calls;
    uint64_t id;
    front_calls_made made; /* one of the two */
    front_calls_confirmed confirmed;
    void *arg;
    struct event *deadline;
};
LIST_HEAD(call_list, call);

struct front_calls {
    struct front *front;
    uint64_t last_id;
    struct call_list list;
};

struct front_calls *
front_calls_new(struct front *front)
{
    struct front_calls *calls = calloc(1, sizeof(*calls));
    if (calls != NULL) {
        calls->front = front;
        /* Ids of an earlier front must not meet ours: what it asked may still be answered. */
        calls->last_id = (uint64_t)base_clock_now_ms(&front->clock) << 20;
        LIST_INIT(&calls->list);
    }
    return calls;
}

static void
call_free(struct call *call)
{
    LIST_REMOVE(call, links);
    if (call->deadline != NULL) {
        event_free(call->deadline);
    }
    free(call);
}

void
front_calls_free(struct front_calls *calls)
{
    if (calls != NULL) {
        while (!LIST_EMPTY(&calls->list)) {
            call_free(LIST_FIRST(&calls->list));
        }
        free(calls);
    }
}

static void
tell(struct call *take_call, const struct ipc_challenge_made *made, enum base_code code)
{
    const struct call call = *take_call;
    const struct ipc_challenge_made failed = {.code = (uint32_t)code};
    call_free(take_call);
    if (call.made != NULL) {
        call.made(call.arg, made == NULL ? &failed : made);
    } else {
        call.confirmed(call.arg, code);
    }
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct call *call = arg;
    (void)fd;
    (void)what;
    front_peer_answered(call->calls->front->ledger);
    tell(call, NULL, E_PEER_BUSY);
}

MUST_CHECK static enum base_code
add(struct front_calls *calls, void *arg, struct call **out, struct base_error *err)
{
    static const struct timeval wait = {DEADLINE_MS / 1000, 0};
    struct call *call = calloc(1, sizeof(*call));
    if (call == NULL) {
        return base_fail(err, E_NO_MEMORY, "a question to the ledger");
    }
    call->calls = calls;
    call->id = ++calls->last_id;
    call->arg = arg;
    LIST_INSERT_HEAD(&calls->list, call, links);
    call->deadline = evtimer_new(calls->front->base, on_deadline, call);
    if (call->deadline == NULL || event_add(call->deadline, &wait) != 0) {
        call_free(call);
        return base_fail(err, E_NO_MEMORY, "a question to the ledger");
    }
    *out = call;
    return BASE_OK;
}

enum base_code
front_calls_order(struct front_calls *calls, struct ipc_challenge_order *order,
    front_calls_made made, void *arg, struct base_error *err)
{
    struct call *call = NULL;
    TRY(add(calls, arg, &call, err));
    call->made = made;
    order->request_id = call->id;
    enum base_code code =
        front_peer_ask(calls->front->ledger, &ipc_challenge_order_spec, order, err);
    if (code != BASE_OK) {
        call_free(call);
    }
    return code;
}

enum base_code
front_calls_confirm(struct front_calls *calls, struct ipc_confirm *message,
    front_calls_confirmed confirmed, void *arg, struct base_error *err)
{
    struct call *call = NULL;
    TRY(add(calls, arg, &call, err));
    call->confirmed = confirmed;
    message->request_id = call->id;
    enum base_code code = front_peer_ask(calls->front->ledger, &ipc_confirm_spec, message, err);
    if (code != BASE_OK) {
        call_free(call);
    }
    return code;
}

static struct call *
find(const struct front_calls *calls, uint64_t id)
{
    struct call *call = NULL;
    LIST_FOREACH(call, &calls->list, links)
    {
        if (call->id == id) {
            return call;
        }
    }
    return NULL; /* it was told that it took too long, or an earlier front asked */
}

bool
front_calls_take(struct front_calls *calls, const struct ipc_frame *frame)
{
    struct ipc_challenge_made made;
    struct ipc_confirmed confirmed;
    struct call *call = NULL;
    if (ipc_frame_type(frame) == IPC_TYPE_CHALLENGE_MADE) {
        if (ipc_decode(&ipc_challenge_made_spec, frame, &made, NULL) == BASE_OK &&
            (call = find(calls, made.request_id)) != NULL && call->made != NULL) {
            front_peer_answered(calls->front->ledger);
            tell(call, &made, (enum base_code)made.code);
        }
        return true;
    }
    if (ipc_frame_type(frame) == IPC_TYPE_CONFIRMED) {
        if (ipc_decode(&ipc_confirmed_spec, frame, &confirmed, NULL) == BASE_OK &&
            (call = find(calls, confirmed.request_id)) != NULL && call->confirmed != NULL) {
            front_peer_answered(calls->front->ledger);
            tell(call, NULL, (enum base_code)confirmed.code);
        }
        return true;
    }
    return false;
}

/* Those that are there now: what is told may ask again. */
void
front_calls_lost(struct front_calls *calls)
{
    struct call_list lost = LIST_HEAD_INITIALIZER(lost);
    while (!LIST_EMPTY(&calls->list)) {
        struct call *call = LIST_FIRST(&calls->list);
        LIST_REMOVE(call, links);
        LIST_INSERT_HEAD(&lost, call, links);
    }
    while (!LIST_EMPTY(&lost)) {
        tell(LIST_FIRST(&lost), NULL, E_PEER_CLOSED);
    }
}
