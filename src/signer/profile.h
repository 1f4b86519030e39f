/*
 * profile.h - what a profile allows at most, as the signer enforces it.
 *
 * The ledger builds bodies from the same settings; the signer keeps its own copy and never takes
 * the ledger's word. Some limits are the signer's alone and no profile can lift them: no CA, no key
 * usage that signs certificates or CRLs, no usage for OCSP answers, no "any" usage.
 */
#ifndef SIGNER_PROFILE_H
#define SIGNER_PROFILE_H

#include "ipc/to_role.h"

struct signer_profile {
    char name[IPC_NAME_MAX + 1];
    int64_t valid_s;
    int64_t backdate_s;
    uint8_t key_usage;           /* bits that may be set; 0: no such extension */
    char ekus[IPC_TEXT_MAX + 1]; /* dotted OIDs, newline-separated; empty: no such extension */
    uint8_t san_types;           /* 1 << GeneralName tag */
    bool allow_empty_subject;
    bool allow_rsa;
    bool allow_ec;
    bool allow_sid; /* a SID extension may be there, in its one form */
    unsigned min_rsa_bits;
    unsigned max_rsa_bits;
};

/* Errors: E_SIGNER_PROFILE when the profile asks for what the signer never signs. */
MUST_CHECK enum base_code signer_profile_read(
    const struct ipc_config_profile *message, struct signer_profile *out, struct base_error *err);
/* Is this dotted OID among the profile's? */
bool signer_profile_has_eku(const struct signer_profile *profile, const char *dotted);

#endif
