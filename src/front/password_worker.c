#include "front/password_worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/own.h"
#include "pki/password.h"

#include "base/banned.h"

#ifdef KURIER_SANITIZED
#define STACK_OCTETS ((size_t)2 * 1024 * 1024)
#else
#define STACK_OCTETS ((size_t)256 * 1024)
#endif

struct job {
    STAILQ_ENTRY(job) next;
    uint64_t id;
    struct bytes text;
    struct bytes password;
    bool is_right;
    size_t len;
    uint8_t octets[]; /* of both */
};
STAILQ_HEAD(job_list, job);

struct front_password_worker {
    void (*done)(void *arg, uint64_t id, bool is_right);
    void *arg;
    struct event *woken;
    int wake_fd; /* an eventfd: written by the thread, read by the loop */
    bool is_started;
    pthread_t thread;
    pthread_mutex_t lock; /* the rest */
    pthread_cond_t changed;
    struct job_list waiting;
    struct job_list finished;
    size_t count; /* waiting, in hand and finished */
    bool is_ending;
};

static void
job_free(struct job *job)
{
    if (job != NULL) {
        explicit_bzero(job->octets, job->len);
        free(job);
    }
}

static void *
work(void *arg)
{
    struct front_password_worker *worker = arg;
    const uint64_t one = 1;
    (void)pthread_mutex_lock(&worker->lock);
    while (!worker->is_ending) {
        struct job *job = STAILQ_FIRST(&worker->waiting);
        if (job == NULL) {
            (void)pthread_cond_wait(&worker->changed, &worker->lock);
            continue;
        }
        STAILQ_REMOVE_HEAD(&worker->waiting, next);
        (void)pthread_mutex_unlock(&worker->lock);
        bool is_right = false;
        job->is_right =
            pki_password_check(job->text, job->password, &is_right, NULL) == BASE_OK && is_right;
        (void)pthread_mutex_lock(&worker->lock);
        STAILQ_INSERT_TAIL(&worker->finished, job, next);
        ssize_t written = write(worker->wake_fd, &one, sizeof(one));
        (void)written; /* full means that the loop will be woken anyway */
    }
    (void)pthread_mutex_unlock(&worker->lock);
    return NULL;
}

static void
on_woken(evutil_socket_t fd, short what, void *arg)
{
    struct front_password_worker *worker = arg;
    uint64_t count = 0;
    ssize_t got = read(fd, &count, sizeof(count));
    (void)got;
    (void)what;
    for (;;) {
        (void)pthread_mutex_lock(&worker->lock);
        struct job *job = STAILQ_FIRST(&worker->finished);
        if (job != NULL) {
            STAILQ_REMOVE_HEAD(&worker->finished, next);
            worker->count--;
        }
        (void)pthread_mutex_unlock(&worker->lock);
        if (job == NULL) {
            return;
        }
        uint64_t id = job->id;
        bool is_right = job->is_right;
        job_free(job);
        worker->done(worker->arg, id, is_right);
    }
}

struct front_password_worker *
front_password_worker_new(
    struct event_base *base, void (*done)(void *arg, uint64_t id, bool is_right), void *arg)
{
    struct front_password_worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL) {
        return NULL;
    }
    worker->done = done;
    worker->arg = arg;
    STAILQ_INIT(&worker->waiting);
    STAILQ_INIT(&worker->finished);
    (void)pthread_mutex_init(&worker->lock, NULL);
    (void)pthread_cond_init(&worker->changed, NULL);
    worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->woken = worker->wake_fd < 0
                        ? NULL
                        : event_new(base, worker->wake_fd, EV_READ | EV_PERSIST, on_woken, worker);
    if (worker->woken == NULL || event_add(worker->woken, NULL) != 0) {
        front_password_worker_free(worker);
        return NULL;
    }
    return worker;
}

static void
free_all(struct job_list *list)
{
    while (!STAILQ_EMPTY(list)) {
        struct job *job = STAILQ_FIRST(list);
        STAILQ_REMOVE_HEAD(list, next);
        job_free(job);
    }
}

void
front_password_worker_free(struct front_password_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    if (worker->is_started) {
        (void)pthread_mutex_lock(&worker->lock);
        worker->is_ending = true;
        (void)pthread_cond_signal(&worker->changed);
        (void)pthread_mutex_unlock(&worker->lock);
        (void)pthread_join(worker->thread, NULL);
    }
    free_all(&worker->waiting);
    free_all(&worker->finished);
    if (worker->woken != NULL) {
        event_free(worker->woken);
    }
    if (worker->wake_fd >= 0) {
        (void)close(worker->wake_fd);
    }
    (void)pthread_cond_destroy(&worker->changed);
    (void)pthread_mutex_destroy(&worker->lock);
    free(worker);
}

MUST_CHECK static enum base_code
start(struct front_password_worker *worker, struct base_error *err)
{
    pthread_attr_t attributes;
    if (worker->is_started) {
        return BASE_OK;
    }
    if (pthread_attr_init(&attributes) != 0) {
        return base_fail(err, E_NO_MEMORY, "thread for passwords");
    }
    (void)pthread_attr_setstacksize(&attributes, STACK_OCTETS);
    int status = pthread_create(&worker->thread, &attributes, work, worker);
    (void)pthread_attr_destroy(&attributes);
    if (status != 0) {
        return base_fail_errno(err, E_SYSTEM, status, "thread for passwords");
    }
    worker->is_started = true;
    return BASE_OK;
}

enum base_code
front_password_worker_ask(struct front_password_worker *worker, uint64_t id, struct bytes text,
    struct bytes password, struct base_error *err)
{
    TRY(start(worker, err));
    struct job *job = calloc(1, sizeof(*job) + text.len + password.len);
    if (job == NULL) {
        return base_fail(err, E_NO_MEMORY, "password");
    }
    job->id = id;
    job->len = text.len + password.len;
    job->text = (struct bytes){job->octets, text.len};
    job->password = (struct bytes){job->octets + text.len, password.len};
    memcpy(job->octets, text.ptr, text.len);
    if (password.len > 0) {
        memcpy(job->octets + text.len, password.ptr, password.len);
    }
    (void)pthread_mutex_lock(&worker->lock);
    bool is_full = worker->count >= FRONT_PASSWORD_QUEUE_MAX;
    if (!is_full) {
        worker->count++;
        STAILQ_INSERT_TAIL(&worker->waiting, job, next);
        (void)pthread_cond_signal(&worker->changed);
    }
    (void)pthread_mutex_unlock(&worker->lock);
    if (is_full) {
        job_free(job);
        return base_fail(
            err, E_PEER_BUSY, "%d passwords are being checked", FRONT_PASSWORD_QUEUE_MAX);
    }
    return BASE_OK;
}
