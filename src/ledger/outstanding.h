/*
 * outstanding.h - how many challenges of NDES's page are open: made, not used, not expired.
 *
 * NDES keeps its "password cache" in memory and loses it when it is restarted. Here the challenges
 * are rows like all others and survive; only the count of those that came from the page is kept
 * here, and after a start it is found again from what the deliveries say.
 */
#ifndef LEDGER_OUTSTANDING_H
#define LEDGER_OUTSTANDING_H

#include "ledger/ledger.h"

#define LEDGER_OUTSTANDING_MAX 10000 /* as the configuration allows */

/* How the event of such a challenge ends. */
#define LEDGER_PAGE_MARK " on the challenge page"

struct ledger_outstanding;

struct ledger_outstanding *ledger_outstanding_new(void); /* NULL without memory */
void ledger_outstanding_free(struct ledger_outstanding *outstanding);

/* Is there room for one more? Errors: E_PAGE_FULL, the store's. */
MUST_CHECK enum base_code ledger_outstanding_check(struct ledger *ledger, struct base_error *err);
/* One more is open. */
void ledger_outstanding_add(struct ledger *ledger, uint64_t challenge_id, int64_t expires_ms);

#endif
