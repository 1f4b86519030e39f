/*
 * warrant.h - what authorises a request, as a delivery's row keeps it: while it waits for
 * approval, and for good what a bound challenge stated, because its renewals are held to that too.
 */
#ifndef LEDGER_WARRANT_H
#define LEDGER_WARRANT_H

#include "ledger/bound.h"
#include "policy/policy.h"

struct ledger_warrant {
    enum policy_authority kind;
    struct bytes id;        /* of a challenge; a renewal's: the serial of what is renewed */
    struct bytes sid;       /* value of the SID extension that was asked for; empty: none */
    struct bytes key_id;    /* of a bound challenge's key; empty: none */
    struct bytes statement; /* its JSON */
};

#define LEDGER_WARRANT_MAX (LEDGER_BOUND_JSON_MAX + 1024)

MUST_CHECK enum base_code ledger_warrant_write(
    const struct ledger_warrant *authority, struct buffer *out, struct base_error *err);
/* Slices into @octets. An empty text is POLICY_BY_NOTHING. Errors: E_STORE_CORRUPT. */
MUST_CHECK enum base_code ledger_warrant_read(
    struct bytes octets, struct ledger_warrant *out, struct base_error *err);

/* What its statement says, slices in @arena; nothing at all when it has none. */
MUST_CHECK enum base_code ledger_warrant_statement(const struct ledger_warrant *authority,
    struct arena *arena, struct ledger_statement *out, struct base_error *err);
/* The id of the bound challenge that a delivery came by (also of one that renews such a one's
 * certificate); an empty text: none. */
MUST_CHECK enum base_code ledger_warrant_bound_id(
    struct bytes octets, char out[LEDGER_BOUND_ID_MAX + 1], struct base_error *err);

#endif
