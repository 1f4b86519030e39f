/*
 * kurier-notifier: started by the supervisor while the configuration has policies. It reads its
 * configuration and secrets, confines itself, and serves the ledger on one thread.
 */
#include <curl/curl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "ipc/confine.h"
#include "notifier/intune.h"
#include "notifier/notifier.h"
#include "pki/memory.h"

#include "base/banned.h"

#define IDLE_MS 60000
#define TAKEN_AT_ONCE 16 /* messages of the ledger between two looks at the calls */

struct role {
    struct ipc_role_link link;
    struct notifier notifier;
    struct notifier_settings *incoming; /* owned; the configuration that is coming in */
    bool is_confined;
    bool is_draining;
    int64_t drain_until_mono_ms;
    struct ipc_frame frame;
};

MUST_CHECK static enum base_code
on_general(void *arg, const struct ipc_config_general *message, struct base_error *err)
{
    struct role *role = arg;
    notifier_settings_free(role->incoming);
    role->incoming = notifier_settings_new();
    if (role->incoming == NULL) {
        return base_fail(err, E_NO_MEMORY, "settings");
    }
    role->incoming->is_strict = message->is_strict != 0;
    return BASE_OK;
}

MUST_CHECK static enum base_code
on_policy(void *arg, const struct ipc_config_policy *message, struct base_error *err)
{
    struct role *role = arg;
    return role->incoming == NULL
               ? base_fail(err, E_NO_MEMORY, "settings")
               : notifier_settings_add(role->incoming, role->link.home, message, err);
}

/* The resolver's services are libraries, which cannot be loaded later: no executable memory. */
static void
warm_up(void)
{
    struct addrinfo *found = NULL;
    if (getaddrinfo("localhost", NULL, NULL, &found) == 0) {
        freeaddrinfo(found);
    }
}

MUST_CHECK static enum base_code
confine(struct role *role, struct base_error *err)
{
    char folder[IPC_TEXT_MAX + 16] = "";
    (void)snprintf(folder, sizeof(folder), "%s/notifier", role->link.home);
    /* Names, hosts and the system's trust are in /etc; the rest is what its files point to. */
    const struct ipc_confinement confinement = {.role = IPC_NOTIFIER,
        .readable = {folder, "/etc", "/usr/share/ca-certificates",
            "/usr/local/share/ca-certificates", "/usr/lib/ssl", "/run/systemd/resolve",
            "/run/resolvconf", "/run/NetworkManager"},
        .may_connect = true,
        .is_strict = role->incoming->is_strict};
    warm_up();
    return ipc_confine(&confinement, &role->link.log, err);
}

static void
log_ready(const struct role *role)
{
    struct base_log_record record;
    base_log_begin(&record, &role->link.log, BASE_LOG_INFO, "notifier_ready", BYTES_NONE);
    base_log_number(&record, "policies", (int64_t)role->notifier.settings->count);
    base_log_end(&record);
}

MUST_CHECK static enum base_code
on_end(void *arg, uint32_t generation, struct base_error *err)
{
    struct role *role = arg;
    (void)generation; /* the link keeps it for its answer */
    if (!role->is_confined) {
        TRY(confine(role, err));
        role->is_confined = true;
    }
    TRY(notifier_intune_prepare(&role->notifier, role->incoming, err));
    notifier_settings_free(role->notifier.settings);
    role->notifier.settings = MOVE(role->incoming);
    log_ready(role);
    return ipc_role_ready(&role->link, err);
}

MUST_CHECK static enum base_code
on_peer(void *arg, enum ipc_role peer, int take_fd, struct base_error *err)
{
    struct notifier *notifier = &((struct role *)arg)->notifier;
    if (peer != IPC_LEDGER) {
        (void)close(take_fd);
        return base_fail(err, E_IPC_UNEXPECTED, "peer %s", ipc_role_name(peer));
    }
    if (notifier->ledger_fd >= 0) {
        (void)close(notifier->ledger_fd);
    }
    /* Whoever asked is gone; its successor asks again. */
    notifier_forget_jobs(notifier);
    notifier_intune_forget_orders(notifier);
    notifier->ledger_fd = take_fd;
    return BASE_OK;
}

static void
on_drain(void *arg, uint32_t deadline_ms)
{
    struct role *role = arg;
    role->is_draining = true;
    role->drain_until_mono_ms = notifier_now_ms(&role->notifier) + deadline_ms;
}

static void
lose_ledger(struct notifier *notifier, const struct base_error *why)
{
    (void)close(notifier->ledger_fd);
    notifier->ledger_fd = -1;
    notifier_forget_jobs(notifier);
    notifier_intune_forget_orders(notifier);
    ipc_role_lost_peer(notifier->link, IPC_LEDGER, why);
}

static void
serve_ledger(struct role *role)
{
    struct notifier *notifier = &role->notifier;
    for (int i = 0; i < TAKEN_AT_ONCE && notifier->ledger_fd >= 0; i++) {
        struct base_error err = {0};
        role->frame.fd = -1;
        enum base_code code = ipc_receive_now(notifier->ledger_fd, &role->frame, &err);
        if (code == E_PEER_BUSY) {
            return;
        }
        if (code == BASE_OK) {
            code = notifier_take_frame(notifier, &role->frame, &err);
        }
        if (role->frame.fd >= 0) {
            (void)close(role->frame.fd); /* the ledger has none to send */
        }
        explicit_bzero(role->frame.octets, role->frame.len); /* it may have held a challenge */
        if (code != BASE_OK) {
            lose_ledger(notifier, &err);
        }
    }
}

static bool
is_drained(const struct role *role)
{
    return role->is_draining && (role->notifier.jobs == NULL || role->notifier.ledger_fd < 0 ||
                                    notifier_now_ms(&role->notifier) > role->drain_until_mono_ms);
}

static void
wait_and_serve(struct role *role)
{
    struct notifier *notifier = &role->notifier;
    bool is_serving = role->is_confined && notifier->settings != NULL;
    struct pollfd fds[2] = {{role->link.fd, POLLIN, 0}, {notifier->ledger_fd, POLLIN, 0}};
    struct base_error err = {0};
    if (!is_serving || role->is_draining) {
        fds[1].fd = -1; /* nothing is begun before the configuration, or after DRAIN */
    }
    notifier_bury_jobs(notifier);
    int64_t wait_ms = role->is_draining ? 100 : IDLE_MS;
    wait_ms = notifier_end_late_jobs(notifier, wait_ms);
    if (is_serving && !role->is_draining) {
        wait_ms = notifier_intune_poll(notifier, wait_ms);
    }
    notifier_http_wait(notifier->http, fds, 2, wait_ms);
    if (fds[0].revents != 0 && ipc_role_receive(&role->link, &err) != BASE_OK) {
        _exit(1); /* the reason is in the log */
    }
    notifier_http_step(notifier->http);
    if (fds[1].revents != 0 && fds[1].fd == notifier->ledger_fd) {
        serve_ledger(role);
    }
}

int
main(void)
{
    static const struct ipc_role_handlers handlers = {.on_config_general = on_general,
        .on_config_policy = on_policy,
        .on_config_end = on_end,
        .on_peer = on_peer,
        .on_drain = on_drain};
    static struct role role;
    struct notifier *notifier = &role.notifier;
    struct base_error err = {0};
    if (ipc_role_start(&role.link, IPC_NOTIFIER, &handlers, &role, &err) != BASE_OK) {
        (void)fprintf(stderr, "kurier-notifier: %s\n", err.detail);
        return 2;
    }
    pki_memory_need(&role.link.log);
    notifier->link = &role.link;
    notifier->log = &role.link.log;
    notifier->clock = base_clock_system();
    notifier->random = base_random_system();
    notifier->ledger_fd = -1;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return 1;
    }
    notifier->http = notifier_http_new();
    while (notifier->http != NULL && !is_drained(&role)) {
        wait_and_serve(&role);
    }
    _exit(notifier->http == NULL ? 1
                                 : 0); /* at once: a resolver's thread may still wait for a name */
}
