/*
 * kurier-front: puts the parts together, and hears the supervisor.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/ssl.h>

#include "base/need.h"
#include "front/admin.h"
#include "front/auth.h"
#include "front/calls.h"
#include "front/enrolment.h"
#include "front/front.h"
#include "front/own_tls.h"
#include "front/route.h"
#include "ipc/confine.h"
#include "ipc/role.h"
#include "pki/memory.h"

#include "base/banned.h"

#define FLUSH_CONTACTS_MS 1000
#define TRIM_AFTER 256 /* connections; fewer leave too little behind to be worth it */
#define TRIM_BELOW 8   /* of them still there */
/* The signer makes a certificate in milliseconds; it may have to take its configuration first. */
#define READY_WITHIN_MS 10000
#define WARN_EVERY_MS ((int64_t)86400 * 1000)
#define DESCRIPTORS_KEPT 32 /* for sockets to other roles, listeners, messages */

struct role {
    struct front front;
    struct ipc_role_link link;
    struct event *supervisor;
    struct event *ticker;
    struct front_settings *incoming; /* owned: the configuration that is coming in */
    bool is_strict;
    bool is_confined;
    bool is_described;   /* the signer has said which certificates there are */
    bool is_ready_due;   /* READY waits for that */
    int64_t ready_by_ms; /* monotonic: the configuration is refused when it is not ready by then */
    int64_t warned_ms;   /* when certificates were looked at last */
    uint64_t trimmed_at; /* connections that had come when memory was given back last */
    uint64_t descriptors_max; /* RLIMIT_NOFILE; 0: unknown */
};

/* ---- the peers
 * --------------------------------------------------------------------------------------------------
 */

static void
describe_again(struct role *role)
{
    struct ipc_describe question = {0};
    struct base_error err;
    if (front_peer_ask(role->front.signer, &ipc_describe_spec, &question, &err) != BASE_OK) {
        base_log_error(role->front.log, BASE_LOG_ERROR, "describe_failed", &err);
    }
}

static void
signer_restarted(void *arg)
{
    struct role *role = arg;
    describe_again(role);
    front_own_tls_ask_again(role->front.own_tls);
    front_enrolment_ask_signer_again(&role->front);
}

static void
ledger_restarted(void *arg)
{
    struct role *role = arg;
    front_calls_lost(role->front.calls);
    front_enrolment_ask_ledger_again(&role->front);
}

static void
signer_lost(void *arg, const struct base_error *why)
{
    ipc_role_lost_peer(&((struct role *)arg)->link, IPC_SIGNER, why);
}

static void
ledger_lost(void *arg, const struct base_error *why)
{
    ipc_role_lost_peer(&((struct role *)arg)->link, IPC_LEDGER, why);
}

/* Nobody can go on without the supervisor hearing this. */
static void
check_said(struct role *role, enum base_code code, const struct base_error *err)
{
    if (code != BASE_OK) {
        base_log_error(role->front.log, BASE_LOG_ERROR, "ready_failed", err);
        (void)event_base_loopbreak(role->front.base);
    }
}

static void
say_ready_when_due(struct role *role)
{
    struct base_error err;
    struct base_error why = {0};
    if (!role->is_ready_due || !role->is_described) {
        return;
    }
    if (front_own_tls_is_ready(role->front.own_tls, &why)) {
        enum base_code code = front_listeners_apply(role->front.listeners, &err);
        role->is_ready_due = false;
        if (code == BASE_OK) {
            check_said(role, ipc_role_ready(&role->link, &err), &err);
        } else {
            why = err;
            check_said(role, ipc_role_refuse(&role->link, &why, &err), &err);
        }
    } else if (base_clock_mono_ms(&role->front.clock) > role->ready_by_ms) {
        role->is_ready_due = false;
        if (why.code == BASE_OK) {
            (void)base_fail(&why, E_TLS_CERTIFICATE, "the signer has made none yet");
        }
        check_said(role, ipc_role_refuse(&role->link, &why, &err), &err);
    }
}

/* Certificates of our own: what is missing is asked for, what has come is used. */
static void
look_after_tls(struct role *role)
{
    struct base_error err;
    front_own_tls_want(role->front.own_tls);
    if (front_listeners_apply(role->front.listeners, &err) != BASE_OK) {
        base_log_error(role->front.log, BASE_LOG_ERROR, "listener_failed", &err);
    }
    say_ready_when_due(role);
}

/* The CA certificates are documents too. */
static enum base_code
take_description(struct role *role, struct base_error *err)
{
    struct front *front = &role->front;
    TRY(front_authorities_end(front->authorities, err));
    for (size_t i = 0; i < front_authorities_count(front->authorities); i++) {
        const struct front_ca *ca = front_authorities_peek(front->authorities, i);
        TRY(front_documents_put_ca(front->documents, ca->name, ca->certificate.whole, err));
    }
    role->is_described = true;
    look_after_tls(role);
    return BASE_OK;
}

static enum base_code
take_authority_frame(struct role *role, const struct ipc_frame *frame, struct base_error *err)
{
    if (ipc_frame_type(frame) == IPC_TYPE_DESCRIBED) {
        front_peer_answered(role->front.signer);
        return take_description(role, err);
    }
    struct ipc_authority message;
    TRY(ipc_decode(&ipc_authority_spec, frame, &message, err));
    return front_authorities_add(role->front.authorities, &message, err);
}

static void
signer_frame(void *arg, const struct ipc_frame *frame)
{
    struct role *role = arg;
    struct base_error err;
    uint16_t type = ipc_frame_type(frame);
    if (type == IPC_TYPE_TLS_SIGNED) {
        front_own_tls_take(role->front.own_tls, frame);
        look_after_tls(role);
    } else if (type != IPC_TYPE_AUTHORITY && type != IPC_TYPE_DESCRIBED) {
        front_enrolment_signer_frame(&role->front, frame);
    } else if (take_authority_frame(role, frame, &err) != BASE_OK) {
        base_log_error(role->front.log, BASE_LOG_ERROR, "authority_refused", &err);
    }
}

static void
ledger_frame(void *arg, const struct ipc_frame *frame)
{
    struct role *role = arg;
    struct ipc_crl message;
    struct base_error err;
    if (front_calls_take(role->front.calls, frame)) {
        return;
    }
    if (ipc_frame_type(frame) != IPC_TYPE_CRL) {
        front_enrolment_ledger_frame(&role->front, frame);
    } else if (ipc_decode(&ipc_crl_spec, frame, &message, &err) != BASE_OK ||
               front_documents_take_crl(role->front.documents, message.ca, frame->fd, &err) !=
                   BASE_OK) {
        base_log_error(role->front.log, BASE_LOG_ERROR, "crl_refused", &err);
    }
}

/* ---- the supervisor
 * --------------------------------------------------------------------------------------------- */

static enum base_code
on_general(void *arg, const struct ipc_config_general *message, struct base_error *err)
{
    struct role *role = arg;
    front_settings_free(role->incoming);
    role->incoming = front_settings_new();
    role->is_strict = message->is_strict != 0;
    return role->incoming == NULL ? base_fail(err, E_NO_MEMORY, "settings")
                                  : front_settings_set_general(role->incoming, message, err);
}

static enum base_code
on_endpoint(void *arg, const struct ipc_config_endpoint *message, struct base_error *err)
{
    struct role *role = arg;
    return front_settings_add_endpoint(role->incoming, message, err);
}

static enum base_code
on_proxy(void *arg, const struct ipc_config_proxy *message, struct base_error *err)
{
    struct role *role = arg;
    return front_settings_add_proxy(role->incoming, message, err);
}

static enum base_code
on_tls(void *arg, const struct ipc_config_tls *message, int take_fd, struct base_error *err)
{
    struct role *role = arg;
    return front_tls_settings_take(front_settings_tls(role->incoming), message, take_fd, err);
}

static enum base_code
on_admin(void *arg, const struct ipc_config_admin *message, struct base_error *err)
{
    struct role *role = arg;
    return front_settings_set_admin(role->incoming, message, err);
}

static enum base_code
on_account(void *arg, const struct ipc_config_account *message, struct base_error *err)
{
    struct role *role = arg;
    return front_accounts_add(front_settings_accounts(role->incoming), message, err);
}

static bool
is_source_exempt(void *arg, const union front_http_address *source)
{
    struct role *role = arg;
    return front_settings_is_trusted(role->front.settings, &source->any);
}

static void
client_gone(void *arg, struct front_http_request *request, const struct base_error *why)
{
    struct role *role = arg;
    (void)why;
    front_enrolment_client_gone(&role->front, request);
}

static void
request_refused(void *arg, const struct front_http_refusal *refusal)
{
    struct role *role = arg;
    struct base_log_record record;
    bool is_http = refusal->status != 0; /* else there was nobody to tell */
    base_log_begin(&record, role->front.log, BASE_LOG_INFO,
        is_http ? "http_refused" : "tls_refused", BYTES_NONE);
    base_log_word(&record, "source", refusal->source_text);
    if (is_http) {
        base_log_number(&record, "status", refusal->status);
        base_log_text(&record, "request", refusal->request_line);
    }
    base_log_code(&record, refusal->error);
    base_log_end(&record);
}

static void
route(void *arg, struct front_http_request *request)
{
    struct role *role = arg;
    front_route_request(&role->front, request);
}

/*
 * Connections beyond the descriptors that there are could not even be turned away, and nothing of
 * ours could be opened: the bound is below, whatever the configuration hopes for.
 */
static void
limit_to_descriptors(const struct role *role, struct front_http_limits *limits)
{
    unsigned most = role->descriptors_max > 2 * DESCRIPTORS_KEPT
                        ? (unsigned)(role->descriptors_max - DESCRIPTORS_KEPT)
                        : DESCRIPTORS_KEPT;
    if (limits->connections_max <= most) {
        return;
    }
    struct base_log_record record;
    base_log_begin(&record, role->front.log, BASE_LOG_WARN, "connections_limited", BYTES_NONE);
    base_log_number(&record, "configured", limits->connections_max);
    base_log_number(&record, "possible", most);
    base_log_end(&record);
    limits->connections_max = most;
}

/* Once, with the first configuration: its limits are the server's for life. */
static enum base_code
start_server(struct role *role, struct base_error *err)
{
    struct front_http_options options = {.base = role->front.base,
        .limits = front_http_limits_default(),
        .handler = {route, client_gone, request_refused, is_source_exempt, role},
        .clock = role->front.clock,
        .random = role->front.random};
    if (front_settings_max_connections(role->front.settings) != 0) {
        options.limits.connections_max = front_settings_max_connections(role->front.settings);
    }
    limit_to_descriptors(role, &options.limits);
    if (front_settings_max_connections_per_source(role->front.settings) != 0) {
        options.limits.per_source_max =
            front_settings_max_connections_per_source(role->front.settings);
    }
    return front_http_server_new(&options, &role->front.server, err);
}

static enum base_code
on_end(void *arg, uint32_t generation, struct base_error *err)
{
    struct role *role = arg;
    (void)generation;
    if (!role->is_confined) {
        const struct ipc_confinement confinement = {
            .role = IPC_FRONT, .is_strict = role->is_strict};
        TRY(ipc_confine(&confinement, role->front.log, err));
        role->is_confined = true;
    }
    struct front_settings *old = role->front.settings;
    role->front.settings = MOVE(role->incoming);
    front_settings_free(old);
    if (role->front.server == NULL) {
        TRY(start_server(role, err));
    }
    TRY(front_listeners_apply(role->front.listeners, err));
    front_auth_forget(role->front.auth);
    front_listeners_warn(role->front.listeners);
    role->warned_ms = base_clock_mono_ms(&role->front.clock);
    role->ready_by_ms = role->warned_ms + READY_WITHIN_MS;
    role->is_ready_due = true;
    look_after_tls(role);
    return BASE_OK;
}

static enum base_code
on_peer(void *arg, enum ipc_role peer, int take_fd, struct base_error *err)
{
    struct role *role = arg;
    if (peer != IPC_SIGNER && peer != IPC_LEDGER) {
        (void)close(take_fd);
        return base_fail(err, E_IPC_UNEXPECTED, "peer %s", ipc_role_name(peer));
    }
    return front_peer_connect(
        peer == IPC_SIGNER ? role->front.signer : role->front.ledger, take_fd, err);
}

static enum base_code
on_listener(void *arg, const struct ipc_listener *message, int take_fd, struct base_error *err)
{
    struct role *role = arg;
    return front_listeners_add(role->front.listeners, message, take_fd, err);
}

static void
on_listener_closed(void *arg, struct bytes address)
{
    struct role *role = arg;
    front_listeners_close(role->front.listeners, address);
}

static void
drained(void *arg, bool was_cut_off)
{
    struct role *role = arg;
    struct base_log_record record;
    base_log_begin(&record, role->front.log, BASE_LOG_INFO, "drained", BYTES_NONE);
    base_log_number(&record, "cut_off", was_cut_off);
    base_log_end(&record);
    (void)event_base_loopexit(role->front.base, NULL);
}

static void
on_drain(void *arg, uint32_t deadline_ms)
{
    struct role *role = arg;
    if (role->front.server == NULL) {
        (void)event_base_loopexit(role->front.base, NULL);
        return;
    }
    front_http_server_drain(role->front.server, deadline_ms, drained, role);
}

static void
on_supervisor(evutil_socket_t fd, short what, void *arg)
{
    struct role *role = arg;
    struct base_error err;
    (void)fd;
    (void)what;
    if (ipc_role_receive(&role->link, &err) != BASE_OK) {
        _exit(1); /* the reason is in the log */
    }
}

/* The buffers of many connections, when nearly all of them have gone. */
static void
give_back_memory(struct role *role)
{
    const struct front_http_counters *counters =
        front_http_server_peek_counters(role->front.server);
    if (counters->connections_open <= TRIM_BELOW &&
        counters->connections_all - role->trimmed_at >= TRIM_AFTER) {
        role->trimmed_at = counters->connections_all;
        (void)malloc_trim(0);
    }
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct role *role = arg;
    (void)fd;
    (void)what;
    front_contacts_tell(role->front.contacts);
    if (role->front.server == NULL || role->front.settings == NULL) {
        return;
    }
    look_after_tls(role);
    give_back_memory(role);
    if (base_clock_mono_ms(&role->front.clock) - role->warned_ms > WARN_EVERY_MS) {
        role->warned_ms = base_clock_mono_ms(&role->front.clock);
        front_listeners_warn(role->front.listeners);
    }
}

/* ---- the whole
 * --------------------------------------------------------------------------------------------------
 */

static enum base_code
make_parts(struct role *role, struct base_error *err)
{
    struct front *front = &role->front;
    const struct front_peer_handlers signer = {signer_frame, signer_restarted, signer_lost, role};
    const struct front_peer_handlers ledger = {ledger_frame, ledger_restarted, ledger_lost, role};
    front->base = event_base_new();
    if (front->base == NULL) {
        return base_fail(err, E_NO_MEMORY, "event loop");
    }
    front->log = &role->link.log;
    front->clock = base_clock_system();
    front->random = base_random_system();
    front->signer = front_peer_new(front->base, "signer", &signer);
    front->ledger = front_peer_new(front->base, "ledger", &ledger);
    front->authorities = front_authorities_new();
    front->documents = front_documents_new();
    front->enrolments = front_enrolments_new(front);
    if (front->signer == NULL || front->ledger == NULL || front->authorities == NULL ||
        front->documents == NULL || front->enrolments == NULL) {
        return base_fail(err, E_NO_MEMORY, "front");
    }
    front->contacts = front_contacts_new(front->ledger, &front->clock);
    front->listeners = front_listeners_new(front);
    front->own_tls = front_own_tls_new(front);
    front->auth = front_auth_new(front);
    front->calls = front_calls_new(front);
    front->admin = front_admin_new(front);
    if (front->listeners == NULL || front->own_tls == NULL || front->auth == NULL ||
        front->calls == NULL || front->admin == NULL) {
        return base_fail(err, E_NO_MEMORY, "front");
    }
    role->supervisor =
        event_new(front->base, role->link.fd, EV_READ | EV_PERSIST, on_supervisor, role);
    role->ticker = event_new(front->base, -1, EV_PERSIST, on_tick, role);
    struct timeval second = {FLUSH_CONTACTS_MS / 1000, FLUSH_CONTACTS_MS % 1000 * 1000L};
    if (front->contacts == NULL || role->supervisor == NULL || role->ticker == NULL ||
        event_add(role->supervisor, NULL) != 0 || event_add(role->ticker, &second) != 0) {
        return base_fail(err, E_NO_MEMORY, "front");
    }
    return BASE_OK;
}

static void
free_parts(struct role *role)
{
    struct front *front = &role->front;
    front_http_server_free(front->server);
    front_auth_free(front->auth);
    front_calls_free(front->calls);
    front_admin_free(front->admin);
    front_listeners_free(front->listeners);
    front_own_tls_free(front->own_tls);
    front_enrolments_free(front->enrolments);
    front_contacts_free(front->contacts);
    front_peer_free(front->signer);
    front_peer_free(front->ledger);
    front_authorities_free(front->authorities);
    front_documents_free(front->documents);
    front_settings_free(front->settings);
    front_settings_free(role->incoming);
    if (role->supervisor != NULL) {
        event_free(role->supervisor);
    }
    if (role->ticker != NULL) {
        event_free(role->ticker);
    }
    if (front->base != NULL) {
        event_base_free(front->base);
    }
}

int
main(void)
{
    static const struct ipc_role_handlers handlers = {.on_config_general = on_general,
        .on_config_endpoint = on_endpoint,
        .on_config_proxy = on_proxy,
        .on_config_tls = on_tls,
        .on_config_admin = on_admin,
        .on_config_account = on_account,
        .on_config_end = on_end,
        .on_peer = on_peer,
        .on_listener = on_listener,
        .on_listener_closed = on_listener_closed,
        .on_drain = on_drain};
    static struct role role;
    struct base_error err;
    if (ipc_role_start(&role.link, IPC_FRONT, &handlers, &role, &err) != BASE_OK) {
        return 1;
    }
    pki_memory_need(&role.link.log);
    event_set_mem_functions(base_need, base_need_again, free);
    json_set_alloc_funcs(base_need, free);
    /* Both libraries look at files once, which is still allowed now. */
    json_object_seed(0);
    (void)OPENSSL_init_ssl(0, NULL);
    struct rlimit files = {0};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        role.descriptors_max = files.rlim_cur < UINT32_MAX ? files.rlim_cur : UINT32_MAX;
    }
    enum base_code code = make_parts(&role, &err);
    if (code == BASE_OK) {
        (void)event_base_dispatch(role.front.base);
    } else {
        base_log_error(&role.link.log, BASE_LOG_ERROR, "start_failed", &err);
    }
    free_parts(&role);
    return code == BASE_OK ? 0 : 1;
}
