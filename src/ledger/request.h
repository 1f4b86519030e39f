/*
 * request.h - the path of a request in the ledger: is it a retry? May it? Then it is issued, waits,
 * or is refused.
 */
#ifndef LEDGER_REQUEST_H
#define LEDGER_REQUEST_H

#include "ipc/to_notifier.h"
#include "ledger/ledger.h"

/* What policies outside said; all is borrowed. */
struct ledger_policy_answer {
    enum ipc_verify_outcome outcome;
    enum base_code code;
    struct bytes policy; /* which one, when not all agreed */
    struct bytes reason; /* its own word */
    struct bytes detail;
    uint32_t hresult;
    uint32_t retry_after_s;
};

void ledger_take_request(struct ledger *ledger, const struct ipc_request *request);
/*
 * The policies of its endpoint were asked: judge it again and go on. @is_first: of several that
 * wait for one answer, the one that the trace tells of.
 */
void ledger_request_go_on(struct ledger *ledger, const struct ipc_request *request,
    const struct ledger_policy_answer *answer, bool is_first);
/* What the front refused by itself, kept for the trace. */
void ledger_take_refusal(struct ledger *ledger, const struct ipc_refusal *refusal);
void ledger_take_contact(struct ledger *ledger, const struct ipc_contact *contact);
/* How an answer fared. */
void ledger_take_answered(struct ledger *ledger, const struct ipc_answered *answered);

#endif
