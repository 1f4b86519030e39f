/*
 * facts.h - everything that is known of a request when it is judged, looked up in one place.
 */
#ifndef LEDGER_FACTS_H
#define LEDGER_FACTS_H

#include "ledger/bound_case.h"
#include "ledger/ledger.h"
#include "ledger/warrant.h"
#include "policy/policy.h"

struct ledger_case {
    const struct ipc_request *request; /* borrowed */
    const struct ledger_endpoint *endpoint;
    const struct ledger_profile *profile;
    const struct ledger_ca *ca;
    uint8_t key_sha256[32];
    uint8_t transaction_key[32];
    struct policy_facts facts;
    /* The challenge that was presented, when it is a real one. */
    bool has_challenge;
    struct store_row challenge_row;
    struct store_challenge challenge;
    struct ledger_bound_case bound; /* the same of a bound challenge */
    /* The certificate that signed the message, when it is ours. */
    bool has_signer;
    struct store_row signer_row;
    struct store_certificate signer;
    struct bytes signer_sid;              /* its SID extension's value; empty: none */
    struct store_row signer_delivery_row; /* into which point: */
    struct ledger_warrant signer_warrant; /* what authorised it, if that is to be kept */
    struct bytes signer_device;           /* whose it is; empty: not known */
    struct arena signer_memory;
    struct ledger_statement signer_statement;
    struct bytes sid; /* to be copied into the certificate; empty: none */
    /* What makes a retry one. */
    enum policy_authority authority;
    uint8_t authority_id[32];
    size_t authority_id_len;
    uint8_t identity[32];
    bool has_identity;
    bool is_identity_old; /* a delivery of the challenge has it, beyond its window */
    /* The certificate that had this identity, when its time is over: revoked, or too old to be
     * served again. */
    uint8_t identity_over[20];
    size_t identity_over_len;
};

void ledger_case_init(struct ledger_case *it, const struct ipc_request *request);
void ledger_case_clear(struct ledger_case *it);

/* Endpoint, profile, CA, hashes. Errors: E_PROFILE_UNKNOWN, E_CA_MISSING. */
MUST_CHECK enum base_code ledger_case_open(
    struct ledger *ledger, struct ledger_case *it, struct base_error *err);
/* Signer, challenge, names: the facts, and the identity when something would authorise. Errors: the
 * store's. */
MUST_CHECK enum base_code ledger_case_gather(
    struct ledger *ledger, struct ledger_case *it, struct base_error *err);

/* The device's name: of the challenge, or of the certificate that is renewed; empty: not known. */
struct bytes ledger_case_device(const struct ledger_case *it);
/* What is stated of the certificate beyond its profile: by a bound challenge, or by that of the
 * certificate that is renewed. */
const struct ledger_statement *ledger_case_narrowing_peek(const struct ledger_case *it);
/* What the delivery's row keeps of what authorises it: all, while it waits, else the statement
 * alone. Appended to @out. */
MUST_CHECK enum base_code ledger_case_warrant(
    const struct ledger_case *it, bool is_waiting, struct buffer *out, struct base_error *err);

#endif
