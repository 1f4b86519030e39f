/*
 * bound_spend.h - a bound challenge that is used: spent with its certificate, held by a request
 * that waits, dead with one that is denied. Nothing was written down of it before.
 */
#ifndef LEDGER_BOUND_SPEND_H
#define LEDGER_BOUND_SPEND_H

#include "ledger/facts.h"
#include "ledger/flight.h"

/* The row of one, in memory of @arena. */
MUST_CHECK enum base_code ledger_bound_row(struct bytes key_id,
    const struct ledger_statement *statement, uint64_t delivery_id, struct arena *arena,
    struct store_bound *out, struct base_error *err);

/* Into a flight: that it is to be spent, and what it stated; also what the certificate that is
 * renewed was given for. Nothing for any other authority. */
MUST_CHECK enum base_code ledger_bound_load(struct ledger *ledger, const struct ledger_case *it,
    struct ledger_flight *flight, struct base_error *err);
MUST_CHECK enum base_code ledger_bound_hold(struct ledger *ledger, const struct ledger_case *it,
    uint64_t delivery_id, struct base_error *err);
/* Of a delivery that waits; nothing when it is not held by one. */
MUST_CHECK enum base_code ledger_bound_kill(
    struct ledger *ledger, const struct store_delivery *waiting, struct base_error *err);

#endif
