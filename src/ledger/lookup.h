/*
 * lookup.h - the keys by which a person finds a delivery: written behind, in the groups that nobody
 * waits for.
 */
#ifndef LEDGER_LOOKUP_H
#define LEDGER_LOOKUP_H

#include "ledger/ledger.h"

/* Into the batch: device, subject, transactionID, key, transaction, and the thumbprints when there
 * is a certificate. */
MUST_CHECK enum base_code ledger_lookup_add(struct ledger *ledger,
    const struct store_delivery *delivery, struct bytes certificate, struct base_error *err);

/* The same for the id of a bound challenge alone. */
MUST_CHECK enum base_code ledger_lookup_add_bound(
    struct ledger *ledger, uint64_t delivery_id, struct bytes bound_id, struct base_error *err);

/*
 * Deliveries that go by @what: a delivery number, challenge id, serial, thumbprint, transactionID,
 * device name or subject. Newest first, each once.
 */
#define LEDGER_FOUND_MAX 32
MUST_CHECK enum base_code ledger_lookup_find(struct ledger *ledger, struct bytes what,
    uint64_t out_ids[LEDGER_FOUND_MAX], size_t *out_count, struct base_error *err);

#endif
