/*
 * authorities.h - the CAs' certificates, as the signer describes them: what bodies and CRLs are
 * made from.
 */
#ifndef LEDGER_AUTHORITIES_H
#define LEDGER_AUTHORITIES_H

#include "ipc/to_signer.h"
#include "pki/certificate.h"

#define LEDGER_CAS_MAX 16
#define LEDGER_CERTIFICATES_MAX 96

struct ledger_ca {
    uint8_t name[IPC_NAME_MAX];
    size_t name_len;
    struct pki_certificate certificate;
    enum pki_signature signature; /* how this CA signs */
    enum pki_digest digest;
};

/* One row of what `kurier cert authority` shows. */
struct ledger_authority {
    uint8_t ca[IPC_NAME_MAX];
    size_t ca_len;
    uint8_t kind; /* enum ipc_authority_kind */
    uint8_t index;
    uint8_t *der; /* owned */
    size_t der_len;
};

struct ledger_authorities {
    struct ledger_ca cas[LEDGER_CAS_MAX];
    size_t ca_count;
    struct ledger_authority rows[LEDGER_CERTIFICATES_MAX];
    size_t row_count;
    bool is_complete;
};

void ledger_authorities_clear(struct ledger_authorities *authorities);
/* After a DESCRIBED the next AUTHORITY begins anew. */
MUST_CHECK enum base_code ledger_authorities_add(struct ledger_authorities *authorities,
    const struct ipc_authority *message, struct base_error *err);
bool ledger_authorities_has_ra(
    const struct ledger_authorities *authorities, struct bytes ca, uint8_t index);
const struct ledger_ca *ledger_authorities_find(
    const struct ledger_authorities *authorities, struct bytes name);

#endif
