/*
 * control_bound.h - administration of bound challenges: their keys, and those that Kurier makes
 * itself, with a key of its own.
 */
#ifndef LEDGER_CONTROL_BOUND_H
#define LEDGER_CONTROL_BOUND_H

#include "ipc/control.h"
#include "ledger/ledger.h"

#define LEDGER_BOUND_OWN_KEY "kurier" /* the name of our own key: made when it is first needed */
#define LEDGER_BOUND_KEYS_MAX 256

MUST_CHECK enum base_code ledger_control_bound_key_new(struct ledger *ledger, int fd,
    const struct ipc_bound_key_new *question, struct base_error *err);
/* A page; *out_count: rows that were sent, the last one's name in @cursor. */
MUST_CHECK enum base_code ledger_control_bound_key_list(struct ledger *ledger, int fd,
    struct bytes after, size_t *out_count, char cursor[IPC_NAME_MAX + 1], struct base_error *err);
MUST_CHECK enum base_code ledger_control_bound_key_remove(
    struct ledger *ledger, struct bytes name, struct base_error *err);

/* question->count bound challenges, each as a CHALLENGE row. Its texts are well-formed. */
MUST_CHECK enum base_code ledger_control_bound_new(struct ledger *ledger, int fd,
    const struct ipc_challenge_new *question, const struct ledger_profile *profile,
    struct base_error *err);

#endif
