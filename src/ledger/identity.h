/*
 * identity.h - what makes two requests the same one, whatever their transactionID, nonce, path,
 * cipher or CSR encoding.
 */
#ifndef LEDGER_IDENTITY_H
#define LEDGER_IDENTITY_H

#include "base/bytes.h"
#include "policy/policy.h"

/*
 * SHA-256 over endpoint, SHA-256 of the SubjectPublicKeyInfo, what authorises the request
 * (challenge id, SHA-256 of the renewed certificate, or SHA-256 of the static or foreign
 * challenge), and the names that would be issued; each with its length before it.
 */
struct ledger_identity_spec {
    struct bytes endpoint;
    struct bytes profile;
    struct bytes key_sha256;
    enum policy_authority authority;
    struct bytes authority_id;
    struct bytes subject_der;
    struct bytes sans_der;
    struct bytes sid; /* value of the SID extension that would be issued; empty: none */
};
MUST_CHECK enum base_code ledger_identity_make(
    const struct ledger_identity_spec *spec, uint8_t out[32], struct base_error *err);

/* A transaction is (endpoint, key hash, transactionID): its key in the store. */
MUST_CHECK enum base_code ledger_transaction_key(struct bytes endpoint, struct bytes key_sha256,
    struct bytes transaction_id, uint8_t out[32], struct base_error *err);

#endif
