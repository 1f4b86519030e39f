#include "signer/peers.h"

#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#include "signer/limits.h"

#include "base/banned.h"

/* One socket; lives as long as the peers, a worker or a sender use it. */
struct link {
    struct signer_peers *peers;
    enum ipc_role peer;
    int fd;
    size_t users; /* under peers->lock */
};

struct signer_peers {
    pthread_mutex_t lock;
    pthread_cond_t idle; /* a worker ended */
    signer_on_message on_message;
    void *arg;
    size_t worker_count;
    size_t working; /* threads that are there */
    const struct ipc_role_link *role;
    struct link *links[IPC_NOTIFIER + 1]; /* by role; NULL: none */
    bool is_started;
};

struct signer_peers *
signer_peers_new(
    signer_on_message on_message, void *arg, size_t worker_count, const struct ipc_role_link *role)
{
    struct signer_peers *peers = calloc(1, sizeof(*peers));
    pthread_condattr_t monotonic;
    if (peers == NULL || pthread_mutex_init(&peers->lock, NULL) != 0 ||
        pthread_condattr_init(&monotonic) != 0) {
        free(peers);
        return NULL;
    }
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    if (pthread_cond_init(&peers->idle, &monotonic) != 0) {
        free(peers);
        return NULL;
    }
    (void)pthread_condattr_destroy(&monotonic);
    peers->on_message = on_message;
    peers->arg = arg;
    peers->worker_count = worker_count;
    peers->role = role;
    return peers;
}

/* Under the lock. */
static void
release(struct link *link)
{
    link->users--;
    if (link->users == 0) {
        (void)close(link->fd);
        free(link);
    }
}

/* The other threads of this socket end as well. The first of them says why. */
static void
lose(struct link *link, const struct base_error *why)
{
    struct signer_peers *peers = link->peers;
    (void)pthread_mutex_lock(&peers->lock);
    bool is_first = peers->links[link->peer] == link;
    if (is_first) {
        peers->links[link->peer] = NULL;
        release(link); /* not the last: our thread still uses it */
    }
    (void)pthread_mutex_unlock(&peers->lock);
    (void)shutdown(link->fd, SHUT_RDWR);
    if (is_first) {
        ipc_role_lost_peer(peers->role, link->peer, why);
    }
}

/* Receive and handle until the socket ends. */
static void
serve(struct link *link, struct ipc_frame *frame)
{
    struct base_error err = {0};
    enum base_code code = BASE_OK;
    while (code == BASE_OK) {
        frame->fd = -1;
        code = ipc_receive(link->fd, frame, &err);
        if (code == BASE_OK) {
            code = link->peers->on_message(link->peers->arg, link->peer, link->fd, frame, &err);
            if (frame->fd >= 0) {
                (void)close(frame->fd);
            }
        }
    }
    /* After an end of file the others see it themselves, and what they are about to answer still
     * goes out while draining. */
    if (code != E_PEER_CLOSED) {
        lose(link, &err);
    }
}

static void *
work(void *arg)
{
    struct link *link = arg;
    struct signer_peers *peers = link->peers;
    OWN_MEMORY struct ipc_frame *frame = malloc(sizeof(*frame));
    if (frame != NULL) {
        serve(link, frame);
    }
    (void)pthread_mutex_lock(&peers->lock);
    release(link);
    peers->working--;
    (void)pthread_cond_broadcast(&peers->idle);
    (void)pthread_mutex_unlock(&peers->lock);
    return NULL;
}

MUST_CHECK static enum base_code
start_one(struct link *link, const pthread_attr_t *attributes, struct base_error *err)
{
    pthread_t thread;
    link->users++;
    link->peers->working++;
    int status = pthread_create(&thread, attributes, work, link);
    if (status != 0) {
        link->users--;
        link->peers->working--;
        return base_fail_errno(err, E_SYSTEM, status, "thread for a peer");
    }
    return BASE_OK;
}

/* Under the lock. */
MUST_CHECK static enum base_code
start_workers(struct link *link, struct base_error *err)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return base_fail(err, E_NO_MEMORY, "thread for a peer");
    }
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, SIGNER_STACK_OCTETS);
    enum base_code code = BASE_OK;
    for (size_t i = 0; i < link->peers->worker_count && code == BASE_OK; i++) {
        code = start_one(link, &attributes, err);
    }
    (void)pthread_attr_destroy(&attributes);
    return code;
}

/* Under the lock: forget the present socket of @peer. */
static void
disconnect(struct signer_peers *peers, enum ipc_role peer)
{
    struct link *link = peers->links[peer];
    peers->links[peer] = NULL;
    if (link != NULL) {
        (void)shutdown(link->fd, SHUT_RDWR);
        release(link);
    }
}

enum base_code
signer_peers_connect(
    struct signer_peers *peers, enum ipc_role peer, int take_fd, struct base_error *err)
{
    OWN_FD int fd = take_fd;
    if (peer != IPC_FRONT && peer != IPC_LEDGER) {
        return base_fail(err, E_IPC_UNEXPECTED, "a socket to the role %s", ipc_role_name(peer));
    }
    struct link *link = calloc(1, sizeof(*link));
    if (link == NULL) {
        return base_fail(err, E_NO_MEMORY, "peer");
    }
    link->peers = peers;
    link->peer = peer;
    link->fd = fd;
    link->users = 1;
    fd = -1;
    (void)pthread_mutex_lock(&peers->lock);
    disconnect(peers, peer);
    peers->links[peer] = link;
    enum base_code code = peers->is_started ? start_workers(link, err) : BASE_OK;
    (void)pthread_mutex_unlock(&peers->lock);
    return code;
}

enum base_code
signer_peers_start(struct signer_peers *peers, struct base_error *err)
{
    enum base_code code = BASE_OK;
    (void)pthread_mutex_lock(&peers->lock);
    for (size_t i = 0; i <= IPC_NOTIFIER && !peers->is_started && code == BASE_OK; i++) {
        if (peers->links[i] != NULL) {
            code = start_workers(peers->links[i], err);
        }
    }
    peers->is_started = true;
    (void)pthread_mutex_unlock(&peers->lock);
    return code;
}

enum base_code
signer_peers_send(struct signer_peers *peers, enum ipc_role peer, const struct ipc_spec *spec,
    const void *message, struct base_error *err)
{
    (void)pthread_mutex_lock(&peers->lock);
    struct link *link = peers->links[peer];
    if (link != NULL) {
        link->users++;
    }
    (void)pthread_mutex_unlock(&peers->lock);
    if (link == NULL) {
        return base_fail(err, E_PEER_CLOSED, "no socket to the %s", ipc_role_name(peer));
    }
    enum base_code code = ipc_send(link->fd, spec, message, -1, err);
    (void)pthread_mutex_lock(&peers->lock);
    release(link);
    (void)pthread_mutex_unlock(&peers->lock);
    return code;
}

void
signer_peers_drain(struct signer_peers *peers, uint32_t deadline_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += deadline_ms / 1000;
    until.tv_nsec += (long)(deadline_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_mutex_lock(&peers->lock);
    for (size_t i = 0; i <= IPC_NOTIFIER; i++) {
        if (peers->links[i] != NULL) {
            /* What is queued is still read, then the end is seen. */
            (void)shutdown(peers->links[i]->fd, SHUT_RD);
        }
    }
    int status = 0;
    while (peers->working > 0 && status == 0) {
        status = pthread_cond_timedwait(&peers->idle, &peers->lock, &until);
    }
    (void)pthread_mutex_unlock(&peers->lock);
}
