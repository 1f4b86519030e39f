/*
 * refusal.h - a request is refused, and the ledger remembers it; and what every other path of a
 * request shares with that: the delivery that it belongs to.
 *
 * For the files of the path of a request only.
 */
#ifndef LEDGER_REFUSAL_H
#define LEDGER_REFUSAL_H

#include "base/arena.h"
#include "ledger/facts.h"

/* The delivery as this request makes it, in state received; slices borrowed from the request and
 * the case. */
struct store_delivery ledger_delivery_of(struct ledger *ledger, const struct ledger_case *it);
/* The id, birth and state of the delivery that this request belongs to, when there is one already.
 */
MUST_CHECK enum base_code ledger_delivery_adopt(struct ledger *ledger, const struct ledger_case *it,
    struct store_delivery *delivery, struct base_error *err);
/* A copy with all that it borrows. */
MUST_CHECK enum base_code ledger_delivery_copy(struct arena *arena,
    const struct store_delivery *from, struct store_delivery **out, struct base_error *err);
MUST_CHECK enum base_code ledger_note_received(struct ledger *ledger, const struct ledger_case *it,
    uint64_t delivery_id, struct base_error *err);

/* Refuse it: into the batch, with its verdict. @detail, @hresult: what a policy outside said;
 * otherwise empty and 0. */
MUST_CHECK enum base_code ledger_refuse(struct ledger *ledger, const struct ledger_case *it,
    const struct policy_verdict *verdict, struct bytes detail, uint32_t hresult,
    struct base_error *err);
/*
 * A delivery of its own for what was not decided in favour, in state refused, with @event; no
 * verdict. A stranger cannot make more than so many a minute: *out_delivery_id is 0 then.
 */
MUST_CHECK enum base_code ledger_record_refusal(struct ledger *ledger, const struct ledger_case *it,
    const char *event, enum base_code code, struct bytes detail, uint64_t *out_delivery_id,
    struct base_error *err);

#endif
