/*
 * bound_case.h - what is known of the bound challenge that a request presents.
 */
#ifndef LEDGER_BOUND_CASE_H
#define LEDGER_BOUND_CASE_H

#include "ledger/bound.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

#define LEDGER_BOUND_NAME_LEN 160

struct ledger_bound_case {
    bool is_opened; /* authentic and in form; what follows is set then only */
    struct buffer json;
    struct arena memory;
    struct ledger_statement statement;
    uint8_t key_id[LEDGER_BOUND_KEY_ID_LEN];
    uint8_t authority_id[32];         /* SHA-256 of key id and id */
    char name[LEDGER_BOUND_NAME_LEN]; /* "bound challenge ID of key NAME", for people */
    bool is_used;                     /* by whom: */
    struct store_row used_row;
    struct store_bound used;
    char detail[BASE_DETAIL_MAX]; /* why it could not be opened; empty: it could */
};

void ledger_bound_case_init(struct ledger_bound_case *it);
void ledger_bound_case_clear(struct ledger_bound_case *it);

/*
 * Open what the request presents and judge it: fills *it and what @facts say of a challenge.
 * Refusals are facts, not errors. @inherited: what authorised the certificate that signed the
 * request; the challenge that it was given for counts as absent. Errors: the store's.
 */
MUST_CHECK enum base_code ledger_bound_case_gather(struct ledger *ledger,
    const struct ipc_request *request, const struct ledger_profile *profile,
    struct bytes inherited_key_id, struct bytes inherited_id, struct ledger_bound_case *it,
    struct policy_facts *facts, struct base_error *err);

#endif
