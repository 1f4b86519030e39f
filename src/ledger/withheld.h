/*
 * withheld.h - certificates that exist and may not leave yet: a policy wants to hear of them first.
 *
 * Who waits for one is told 503 when the notice was not taken, and may come again; the notice goes
 * on by itself (outbox.h).
 */
#ifndef LEDGER_WITHHELD_H
#define LEDGER_WITHHELD_H

#include "ledger/ledger.h"

struct ledger_flight;

/* Its signature is stored, or will be with the next commit: wait for @flight->gate_count notices.
 */
MUST_CHECK enum base_code ledger_withheld_begin(struct ledger *ledger, struct ledger_flight *flight,
    struct bytes certificate, struct base_error *err);
/* A device has come again for a certificate with @gate_count notices to be taken: try them now. */
MUST_CHECK enum base_code ledger_withheld_again(struct ledger *ledger,
    const struct store_certificate *certificate, size_t gate_count, uint64_t front_request_id,
    struct base_error *err);

/* One notice of the delivery was taken; when it was the last, everybody has the certificate. */
MUST_CHECK enum base_code ledger_withheld_released(
    struct ledger *ledger, uint64_t delivery_id, struct base_error *err);
/* It was not: later. */
MUST_CHECK enum base_code ledger_withheld_kept(
    struct ledger *ledger, uint64_t delivery_id, uint32_t retry_after_s, struct base_error *err);
/* It will never be: the certificate is revoked. */
MUST_CHECK enum base_code ledger_withheld_expired(
    struct ledger *ledger, uint64_t delivery_id, struct base_error *err);
/* Nobody waits longer than a device does. */
void ledger_withheld_look(struct ledger *ledger);

#endif
