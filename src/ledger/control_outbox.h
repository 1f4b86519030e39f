/*
 * control_outbox.h - administration of the outbox: what waits, what is dead, send it again.
 */
#ifndef LEDGER_CONTROL_OUTBOX_H
#define LEDGER_CONTROL_OUTBOX_H

#include "ipc/control.h"
#include "ledger/ledger.h"

/* A page of OUTBOX_ROW to @fd; where to go on in @out_cursor. */
MUST_CHECK enum base_code ledger_outbox_list(struct ledger *ledger, int fd,
    const struct ipc_outbox_list *question, bool *out_is_more, char out_cursor[65],
    struct base_error *err);
/* Those of one delivery, in order. */
MUST_CHECK enum base_code ledger_outbox_trace(
    struct ledger *ledger, int fd, uint64_t delivery_id, struct base_error *err);
/* Errors: E_NOT_FOUND. */
MUST_CHECK enum base_code ledger_outbox_send(
    struct ledger *ledger, int fd, uint64_t notice_id, struct base_error *err);
MUST_CHECK enum base_code ledger_outbox_status(
    struct ledger *ledger, int fd, struct base_error *err);

#endif
