/*
 * approval.h - what a person decides of a request that waits.
 */
#ifndef LEDGER_APPROVAL_H
#define LEDGER_APPROVAL_H

#include "ledger/ledger.h"

/*
 * The waiting request that goes by @what. Approved: its certificate is reserved now and signed, and
 * the device gets it when it asks next. Denied: the device is told when it asks next, and its
 * challenge is dead. Errors: E_NOT_FOUND (nothing waits by that name), E_AMBIGUOUS, the signer's
 * and the store's.
 */
MUST_CHECK enum base_code ledger_approval_decide(struct ledger *ledger, struct bytes what,
    bool is_approved, struct bytes reason, struct base_error *err);

#endif
