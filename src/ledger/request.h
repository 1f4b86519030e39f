/*
 * request.h - the path of a request in the ledger: is it a retry? May it? Then it is issued, waits,
 * or is refused.
 */
#ifndef LEDGER_REQUEST_H
#define LEDGER_REQUEST_H

#include "ledger/ledger.h"

void ledger_take_request(struct ledger *ledger, const struct ipc_request *request);
/* What the front refused by itself, kept for the trace. */
void ledger_take_refusal(struct ledger *ledger, const struct ipc_refusal *refusal);
void ledger_take_contact(struct ledger *ledger, const struct ipc_contact *contact);
/* How an answer fared. */
void ledger_take_answered(struct ledger *ledger, const struct ipc_answered *answered);

#endif
