/*
 * kurier-ledger: the loop. Everything that is queued is taken, then one commit holds it, then the
 * verdicts leave.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/confine.h"
#include "ipc/role.h"
#include "ipc/to_signer.h"
#include "ledger/batch.h"
#include "ledger/connections.h"
#include "ledger/crl.h"
#include "ledger/flight.h"
#include "ledger/limits.h"
#include "ledger/outbox.h"
#include "ledger/outstanding.h"
#include "ledger/peers.h"
#include "ledger/question.h"
#include "ledger/withheld.h"
#include "pki/memory.h"

#include "base/banned.h"

#define BEHIND_MS 40 /* what nobody waits for is committed so much later, or with others */
#define GATHER_MS 15 /* what somebody waits for, at most, and only while the signer is busy */
#define IDLE_MS 1000 /* nothing to do: look at CRLs and windows */
#define LOOK_MS 200  /* between two looks at what has waited too long */
#define CRL_LOOK_MS 60000
#define OUTBOX_LOOK_MS 60000
#define WINDOW_LOOK_MS 3600000
#define SIGNER_WAIT_MS 10000 /* for administration */
#define UNSIGNED_AT_ONCE 32

struct role {
    struct ledger ledger;
    struct ipc_role_link link;
    struct ledger_settings *incoming; /* owned: the configuration that is coming in */
    bool is_strict;
    bool is_confined;
    bool is_described;
    bool is_ready_due;
    bool is_draining;
    int64_t drain_until_mono_ms;
    int control_listener;
    struct ledger_connections connections;
    int64_t looked_mono_ms;
    int64_t crl_looked_mono_ms;
    int64_t window_looked_mono_ms;
    int64_t outbox_looked_mono_ms;
    int64_t behind_since_mono_ms;  /* 0: nothing waits for a commit */
    int64_t waiting_since_mono_ms; /* 0: nobody waits for it */
    struct ipc_frame frame;
};

/* ---- what the parts share
 * --------------------------------------------------------------------------------------- */

uint64_t
ledger_next_delivery_id(struct ledger *ledger)
{
    uint64_t wanted = (uint64_t)base_clock_now_ms(&ledger->clock) << 12;
    ledger->last_delivery_id =
        wanted > ledger->last_delivery_id ? wanted : ledger->last_delivery_id + 1;
    return ledger->last_delivery_id;
}

uint64_t
ledger_next_request_id(struct ledger *ledger)
{
    return ++ledger->last_request_id;
}

static enum base_code
resume_one(void *arg, const struct store_certificate *row, struct base_error *err)
{
    return ledger_flight_resume(arg, row, 0, err);
}

/* Missing signatures are made before anything is answered: READY waits for them. */
static enum base_code
sign_what_is_missing(struct role *role, struct base_error *err)
{
    struct ledger *ledger = &role->ledger;
    int64_t until_ms = base_clock_mono_ms(&ledger->clock) + SIGNER_WAIT_MS;
    for (;;) {
        TRY(store_each_unsigned(ledger->store, UNSIGNED_AT_ONCE, resume_one, ledger, err));
        size_t begun = ledger_flights_count(ledger->flights);
        while (ledger_flights_count(ledger->flights) > 0 && ledger->signer_fd >= 0 &&
               base_clock_mono_ms(&ledger->clock) < until_ms) {
            (void)ledger_peers_take_signer(ledger, &role->frame, 100);
        }
        TRY(ledger_batch_commit(ledger, err));
        if (begun < UNSIGNED_AT_ONCE || ledger->signer_fd < 0) {
            return BASE_OK;
        }
    }
}

/* ---- readiness
 * --------------------------------------------------------------------------------------------------
 */

static void
say_ready_when_due(struct role *role)
{
    struct base_error err;
    if (!role->is_ready_due || !role->ledger.authorities.is_complete) {
        return;
    }
    role->is_ready_due = false;
    if (!role->is_described) {
        role->is_described = true;
        if (sign_what_is_missing(role, &err) != BASE_OK) {
            base_log_error(role->ledger.log, BASE_LOG_ERROR, "signing_missing_failed", &err);
        }
        ledger_crl_refresh(&role->ledger);
        ledger_crl_push(&role->ledger);
    }
    if (ipc_role_ready(&role->link, &err) != BASE_OK) {
        base_log_error(role->ledger.log, BASE_LOG_ERROR, "ready_failed", &err);
        exit(1);
    }
}

static enum base_code
load_mac_key(struct ledger *ledger, struct base_error *err)
{
    struct store_row row;
    struct bytes value = BYTES_NONE;
    bool is_found = false;
    store_row_init(&row);
    enum base_code code =
        store_find_meta(ledger->store, "challenge_key", &row, &value, &is_found, err);
    if (code == BASE_OK && is_found && value.len == sizeof(ledger->mac_key)) {
        memcpy(ledger->mac_key, value.ptr, sizeof(ledger->mac_key));
        store_row_clear(&row);
        return BASE_OK;
    }
    store_row_clear(&row);
    TRY(code);
    TRY(base_random_fill(&ledger->random, ledger->mac_key, sizeof(ledger->mac_key), err));
    struct store_op op = {.kind = STORE_PUT_META,
        .meta_key = BYTES_LITERAL("challenge_key"),
        .meta_value = BYTES_ARRAY(ledger->mac_key)};
    return store_commit(ledger->store, &op, 1, err);
}

/* Never below what was given out: a serial, a challenge, a delivery. */
static enum base_code
load_marks(struct ledger *ledger, struct base_error *err)
{
    uint8_t serial[20];
    size_t len = 0;
    TRY(store_last_serial(ledger->store, serial, &len, err));
    ledger_serials_take(&ledger->serials, (struct bytes){serial, len});
    return store_last_challenge(ledger->store, &ledger->last_challenge_id, err);
}

static enum base_code
take_last_delivery(void *arg, const struct store_delivery *row, struct base_error *err)
{
    uint64_t *last = arg;
    (void)err;
    *last = row->id;
    return BASE_OK;
}

static enum base_code
open_store(struct role *role, struct base_error *err)
{
    char path[IPC_TEXT_MAX + 32] = "";
    struct stat state;
    struct ledger *ledger = &role->ledger;
    (void)snprintf(path, sizeof(path), "%s/ledger/kurier.db", role->link.home);
    TRY(store_open_sqlite(path, stat(path, &state) != 0, &ledger->store, err));
    TRY(load_mac_key(ledger, err));
    TRY(load_marks(ledger, err));
    return store_each_delivery(
        ledger->store, 0, BYTES_NONE, 1, take_last_delivery, &ledger->last_delivery_id, err);
}

/* ---- the supervisor
 * --------------------------------------------------------------------------------------------- */

static enum base_code
on_general(void *arg, const struct ipc_config_general *message, struct base_error *err)
{
    struct role *role = arg;
    ledger_settings_free(role->incoming);
    role->incoming = ledger_settings_new();
    role->is_strict = message->is_strict != 0;
    return role->incoming == NULL ? base_fail(err, E_NO_MEMORY, "settings")
                                  : ledger_settings_set_general(role->incoming, message, err);
}

static enum base_code
on_endpoint(void *arg, const struct ipc_config_endpoint *message, struct base_error *err)
{
    return ledger_settings_add_endpoint(((struct role *)arg)->incoming, message, err);
}

static enum base_code
on_profile(void *arg, const struct ipc_config_profile *message, struct base_error *err)
{
    return ledger_settings_add_profile(((struct role *)arg)->incoming, message, err);
}

static enum base_code
on_policy(void *arg, const struct ipc_config_policy *message, struct base_error *err)
{
    return ledger_settings_add_policy(((struct role *)arg)->incoming, message, err);
}

static enum base_code
on_admin(void *arg, const struct ipc_config_admin *message, struct base_error *err)
{
    (void)err;
    ((struct role *)arg)->incoming->page_outstanding = message->page_outstanding;
    return BASE_OK;
}

static enum base_code
on_ca(void *arg, const struct ipc_config_ca *message, struct base_error *err)
{
    (void)arg;
    (void)message;
    (void)err;
    return BASE_OK; /* which CAs there are is what the signer describes */
}

static enum base_code
on_end(void *arg, uint32_t generation, struct base_error *err)
{
    struct role *role = arg;
    (void)generation;
    if (!role->is_confined) {
        char folder[IPC_TEXT_MAX + 16] = "";
        (void)snprintf(folder, sizeof(folder), "%s/ledger", role->link.home);
        const struct ipc_confinement confinement = {
            .role = IPC_LEDGER, .writable = {folder}, .is_strict = role->is_strict};
        TRY(ipc_confine(&confinement, role->ledger.log, err));
        role->is_confined = true;
        TRY(open_store(role, err));
    }
    ledger_settings_free(role->ledger.settings);
    role->ledger.settings = role->incoming;
    role->incoming = NULL;
    role->is_ready_due = true;
    return BASE_OK;
}

static enum base_code
on_peer(void *arg, enum ipc_role peer, int take_fd, struct base_error *err)
{
    struct role *role = arg;
    struct ledger *ledger = &role->ledger;
    if (peer != IPC_FRONT && peer != IPC_SIGNER && peer != IPC_NOTIFIER) {
        (void)close(take_fd);
        return base_fail(err, E_IPC_UNEXPECTED, "peer %s", ipc_role_name(peer));
    }
    int *slot = peer == IPC_FRONT    ? &ledger->front_fd
                : peer == IPC_SIGNER ? &ledger->signer_fd
                                     : &ledger->notifier_fd;
    if (*slot >= 0) {
        (void)close(*slot);
    }
    *slot = take_fd;
    if (peer == IPC_FRONT) {
        ledger_flights_forget_front(ledger);
        ledger_questions_forget_front(ledger);
        if (role->is_described) {
            ledger_crl_push(ledger);
        }
    } else if (peer == IPC_NOTIFIER) {
        ledger_questions_ask_again(ledger);
        ledger_outbox_ask_again(ledger);
    } else {
        const struct ipc_describe question = {0};
        ledger_send(ledger, &ledger->signer_fd, &ipc_describe_spec, &question, -1);
        ledger_flights_ask_again(ledger);
    }
    return BASE_OK;
}

static enum base_code
on_listener(void *arg, const struct ipc_listener *message, int take_fd, struct base_error *err)
{
    struct role *role = arg;
    if (message->purpose != IPC_LISTEN_CONTROL || role->control_listener >= 0) {
        (void)close(take_fd);
        return base_fail(err, E_IPC_UNEXPECTED, "a listener for %d", (int)message->purpose);
    }
    role->control_listener = take_fd;
    return BASE_OK;
}

static void
on_drain(void *arg, uint32_t deadline_ms)
{
    struct role *role = arg;
    role->is_draining = true;
    role->drain_until_mono_ms = base_clock_mono_ms(&role->ledger.clock) + deadline_ms;
}

/* ---- the loop
 * ---------------------------------------------------------------------------------------------------
 */

static void
commit(struct role *role)
{
    struct base_error err;
    if (!ledger_batch_is_empty(role->ledger.batch)) {
        (void)(ledger_batch_commit(&role->ledger, &err) == BASE_OK); /* logged, and told, there */
    }
}

/* Since when there has been something to commit, and somebody who waits for it; 0: there is not. */
static void
note_waiting(struct role *role, int64_t now_ms)
{
    if (ledger_batch_is_empty(role->ledger.batch)) {
        role->behind_since_mono_ms = 0;
        role->waiting_since_mono_ms = 0;
        return;
    }
    if (role->behind_since_mono_ms == 0) {
        role->behind_since_mono_ms = now_ms;
    }
    if (role->waiting_since_mono_ms == 0 && ledger_batch_verdicts(role->ledger.batch) > 0) {
        role->waiting_since_mono_ms = now_ms;
    }
}

/* Signatures, answers and contacts ride along with the next commit that somebody waits for. With an
 * idle signer that one goes at once; under load it gathers what comes while the signer works on the
 * last one's. */
static void
commit_when_due(struct role *role)
{
    struct ledger *ledger = &role->ledger;
    int64_t now_ms = base_clock_mono_ms(&ledger->clock);
    size_t count = ledger_batch_verdicts(ledger->batch);
    note_waiting(role, now_ms);
    if (role->behind_since_mono_ms == 0) {
        return;
    }
    bool is_late = now_ms - role->behind_since_mono_ms >= BEHIND_MS ||
                   (count > 0 && now_ms - role->waiting_since_mono_ms >= GATHER_MS);
    if (is_late || !ledger_batch_has_room(ledger->batch) ||
        (count > 0 && !ledger_flights_are_coming(ledger->flights, count))) {
        commit(role);
        note_waiting(role, now_ms);
    }
}

static int
poll_timeout_ms(const struct role *role)
{
    if (role->is_draining) {
        return BEHIND_MS;
    }
    if (ledger_batch_is_empty(role->ledger.batch)) {
        return IDLE_MS;
    }
    return ledger_batch_verdicts(role->ledger.batch) > 0 ? GATHER_MS : BEHIND_MS;
}

static void
look_around(struct role *role)
{
    struct ledger *ledger = &role->ledger;
    int64_t now_ms = base_clock_mono_ms(&ledger->clock);
    struct base_error err;
    struct store_op *op = NULL;
    if (!role->is_described || now_ms - role->looked_mono_ms < LOOK_MS) {
        return;
    }
    role->looked_mono_ms = now_ms;
    ledger_questions_look(ledger);
    ledger_withheld_look(ledger);
    if (now_ms - role->outbox_looked_mono_ms > OUTBOX_LOOK_MS) {
        role->outbox_looked_mono_ms = now_ms;
        ledger_outbox_look(ledger);
    }
    if (ledger->is_crl_wanted) {
        ledger->is_crl_wanted = false;
        commit(role);
        ledger_crl_rebuild_all(ledger);
    }
    if (now_ms - role->crl_looked_mono_ms > CRL_LOOK_MS) {
        role->crl_looked_mono_ms = now_ms;
        ledger_crl_refresh(ledger);
    }
    if (now_ms - role->window_looked_mono_ms > WINDOW_LOOK_MS) {
        role->window_looked_mono_ms = now_ms;
        if (ledger_batch_op(ledger, STORE_FORGET_IDENTITIES, &op, NULL, &err) == BASE_OK) {
            op->before_ms =
                base_clock_now_ms(&ledger->clock) - 1000 * ledger->settings->retry_window_s;
            commit(role);
        }
    }
}

static bool
is_drained(const struct role *role)
{
    if (!role->is_draining) {
        return false;
    }
    bool is_busy = ledger_flights_count(role->ledger.flights) > 0 ||
                   ledger_questions_count(role->ledger.questions) > 0;
    is_busy = is_busy || ledger_connections_count(&role->connections) > 0;
    return !is_busy || base_clock_mono_ms(&role->ledger.clock) > role->drain_until_mono_ms;
}

static void
wait_and_serve(struct role *role)
{
    struct pollfd entries[5 + LEDGER_CONNECTIONS_MAX] = {{role->link.fd, POLLIN, 0},
        {role->ledger.front_fd, POLLIN, 0}, {role->ledger.signer_fd, POLLIN, 0},
        {role->control_listener, POLLIN, 0}, {role->ledger.notifier_fd, POLLIN, 0}};
    struct base_error err;
    bool is_serving = role->is_confined && role->ledger.settings != NULL;
    for (size_t i = 0; i < LEDGER_CONNECTIONS_MAX; i++) {
        entries[5 + i] = (struct pollfd){role->connections.list[i].fd, POLLIN, 0};
    }
    if (!is_serving || !role->is_described) {
        entries[1].fd = -1; /* nothing is answered before what is missing was signed */
        entries[3].fd = -1;
        entries[4].fd = -1;
    }
    if (!role->is_confined) {
        entries[2].fd = -1;
    }
    if (poll(entries, sizeof(entries) / sizeof(entries[0]), poll_timeout_ms(role)) <= 0) {
        commit_when_due(role);
        look_around(role);
        if (is_serving && role->is_described) {
            ledger_outbox_run(&role->ledger);
        }
        return;
    }
    if (entries[0].revents != 0 && ipc_role_receive(&role->link, &err) != BASE_OK) {
        exit(1); /* the reason is in the log */
    }
    if (entries[2].revents != 0) {
        ledger_peers_drain_signer(&role->ledger, &role->frame);
        say_ready_when_due(role);
    }
    if (entries[1].revents != 0) {
        ledger_peers_drain_front(&role->ledger, &role->frame);
    }
    if (entries[4].revents != 0) {
        ledger_peers_drain_notifier(&role->ledger, &role->frame);
    }
    commit_when_due(role);
    if (is_serving && role->is_described) {
        ledger_outbox_run(&role->ledger);
        look_around(role);
    }
    if (entries[3].revents != 0) {
        ledger_connections_accept(&role->connections, role->control_listener);
    }
    for (size_t i = 0; i < LEDGER_CONNECTIONS_MAX; i++) {
        struct ledger_connection *connection = &role->connections.list[i];
        if (entries[5 + i].revents != 0 && connection->fd >= 0) {
            commit(role); /* administration sees all that was done */
            ledger_connection_serve(&role->ledger, connection, &role->frame);
            commit(role);
        }
    }
}

int
main(void)
{
    static const struct ipc_role_handlers handlers = {.on_config_general = on_general,
        .on_config_endpoint = on_endpoint,
        .on_config_profile = on_profile,
        .on_config_policy = on_policy,
        .on_config_ca = on_ca,
        .on_config_admin = on_admin,
        .on_config_end = on_end,
        .on_peer = on_peer,
        .on_listener = on_listener,
        .on_drain = on_drain};
    static struct role role;
    size_t json_seed = 0;
    struct base_error err;
    struct ledger *ledger = &role.ledger;
    if (ipc_role_start(&role.link, IPC_LEDGER, &handlers, &role, &err) != BASE_OK) {
        return 1;
    }
    pki_memory_need(&role.link.log);
    ledger->link = &role.link;
    ledger->log = &role.link.log;
    ledger->clock = base_clock_system();
    ledger->random = base_random_system();
    if (base_random_fill(&ledger->random, (uint8_t *)&json_seed, sizeof(json_seed), &err) !=
        BASE_OK) {
        return 1;
    }
    json_object_seed(json_seed | 1); /* else jansson opens /dev/urandom, which is closed to us */
    ledger->front_fd = -1;
    ledger->signer_fd = -1;
    ledger->notifier_fd = -1;
    role.control_listener = -1;
    role.frame.fd = -1;
    ledger_connections_init(&role.connections);
    ledger->batch = ledger_batch_new();
    ledger->flights = ledger_flights_new();
    ledger->limits = ledger_limits_new();
    ledger->questions = ledger_questions_new();
    ledger->outbox = ledger_outbox_new();
    ledger->outstanding = ledger_outstanding_new();
    if (ledger->batch == NULL || ledger->flights == NULL || ledger->limits == NULL ||
        ledger->questions == NULL || ledger->outbox == NULL || ledger->outstanding == NULL) {
        return 1;
    }
    while (!is_drained(&role)) {
        wait_and_serve(&role);
        say_ready_when_due(&role);
    }
    commit(&role);
    ledger_flights_free(ledger->flights);
    ledger_batch_free(ledger->batch);
    ledger_limits_free(ledger->limits);
    ledger_questions_free(ledger->questions);
    ledger_outbox_free(ledger->outbox);
    ledger_outstanding_free(ledger->outstanding);
    ledger_settings_free(ledger->settings);
    ledger_settings_free(role.incoming);
    ledger_authorities_clear(&ledger->authorities);
    store_free(ledger->store);
    return 0;
}
