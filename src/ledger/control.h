/*
 * control.h - administration: one question, its rows, its end.
 */
#ifndef LEDGER_CONTROL_H
#define LEDGER_CONTROL_H

#include "ledger/ledger.h"

/*
 * Answer one question that came on @fd. What was gathered for the devices has been committed
 * before. Errors: E_PEER_CLOSED, E_IPC_FIELD, E_IPC_UNEXPECTED: the connection is to be closed.
 */
MUST_CHECK enum base_code ledger_control_take(
    struct ledger *ledger, int fd, const struct ipc_frame *frame, struct base_error *err);

/* The question that a message of this type asks, for the log: "cert_list"; "unknown". */
const char *ledger_control_question_name(uint16_t type);

/* A page of the audit; audit.c. Sends rows and fills in the end. */
struct ipc_control_end;
MUST_CHECK enum base_code ledger_audit_page(struct ledger *ledger, int fd, struct bytes cursor,
    bool *out_is_more, char out_cursor[65], struct base_error *err);

#endif
