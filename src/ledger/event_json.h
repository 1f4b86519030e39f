/*
 * event_json.h - an event of a delivery as a JSON object, the schema kurier.event.v1
 * (docs/events.md).
 *
 * Built from what the ledger knows when it is sent; the event's own name, time, step, code and
 * detail are the notice's.
 */
#ifndef LEDGER_EVENT_JSON_H
#define LEDGER_EVENT_JSON_H

#include "ledger/ledger.h"

#define LEDGER_EVENT_SCHEMA "kurier.event.v1"

/* *out_is_due is false when there is nothing to tell yet: an issued certificate without its
 * signature. Errors: the store's, E_TOO_LARGE. */
MUST_CHECK enum base_code ledger_event_json(struct ledger *ledger,
    const struct store_notice *notice, struct buffer *out, bool *out_is_due,
    struct base_error *err);

#endif
