/*
 * password_worker.h - the one thread beside the event loop: it checks passwords, which takes a
 * quarter of a second each by design.
 *
 * It is made after the process has confined itself, touches nothing but its queue, and is asked and
 * answers on the event loop's thread.
 */
#ifndef FRONT_PASSWORD_WORKER_H
#define FRONT_PASSWORD_WORKER_H

#include "base/bytes.h"

struct event_base;
struct front_password_worker;

#define FRONT_PASSWORD_QUEUE_MAX 32 /* eight seconds of work; beyond: a 503 */

/* @done is called on the loop's thread, once for each id that was taken. NULL without memory. */
struct front_password_worker *front_password_worker_new(
    struct event_base *base, void (*done)(void *arg, uint64_t id, bool is_right), void *arg);
/* Waits for the check in hand. */
void front_password_worker_free(struct front_password_worker *worker);

/* Check @password against the scrypt text @text; both are copied. The thread begins with the first.
 * Errors: E_PEER_BUSY (the queue is full), E_NO_MEMORY, E_SYSTEM. */
MUST_CHECK enum base_code front_password_worker_ask(struct front_password_worker *worker,
    uint64_t id, struct bytes text, struct bytes password, struct base_error *err);

#endif
