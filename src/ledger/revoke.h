/*
 * revoke.h - a certificate is revoked: for an administrator, for a policy outside, or because it
 * was withheld for too long.
 */
#ifndef LEDGER_REVOKE_H
#define LEDGER_REVOKE_H

#include "ipc/to_notifier.h"
#include "ledger/ledger.h"

/*
 * Put the revocation into the batch; the CRL is made again soon after the commit (crl.h,
 * ledger->is_crl_wanted). @certificate borrowed for the call. @reason: CRLReason of RFC 5280,
 * section 5.3.1. @detail: who wanted it. Errors: E_REVOKED_ALREADY.
 */
MUST_CHECK enum base_code ledger_revoke(struct ledger *ledger,
    const struct store_certificate *certificate, uint8_t reason, enum base_code code,
    struct bytes detail, struct base_error *err);

/* A policy outside wants it; answered after the commit. */
void ledger_revoke_ordered(struct ledger *ledger, const struct ipc_revoke_order *order);

#endif
