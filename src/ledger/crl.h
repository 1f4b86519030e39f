/*
 * crl.h - the revocation list of a CA: rebuilt at once after a revocation, and before its
 * nextUpdate; pushed to the front.
 */
#ifndef LEDGER_CRL_H
#define LEDGER_CRL_H

#include "ledger/ledger.h"

#define LEDGER_CRL_MAX ((size_t)64 * 1024 * 1024)

/* Make a new one, have it signed, store it, hand it to the front. Errors: E_SIGNER_GONE,
 * E_CA_MISSING, the store's. */
MUST_CHECK enum base_code ledger_crl_rebuild(
    struct ledger *ledger, const struct ledger_ca *ca, struct base_error *err);
/* Every CA's: something was revoked. What fails is logged, and tried again before nextUpdate. */
void ledger_crl_rebuild_all(struct ledger *ledger);
/* Every CA's, where it is missing or near its nextUpdate; and the front gets what there is. */
void ledger_crl_refresh(struct ledger *ledger);
/* To a front that has just come. */
void ledger_crl_push(struct ledger *ledger);

#endif
