/*
 * authority.h - the CA as a device sees it: authenticated by fingerprint, its RA certificates
 * chosen by key usage.
 */
#ifndef DEVICE_AUTHORITY_H
#define DEVICE_AUTHORITY_H

#include "pki/certificate.h"
#include "scep/limits.h"

struct device_authority {
    struct buffer message; /* the answer to GetCACert */
    struct buffer storage;
    struct pki_certificate all[SCEP_CERTIFICATES_MAX];
    size_t count;
    struct pki_certificate
        trusted[SCEP_CERTIFICATES_MAX]; /* the CA and those whom it vouches for, valid now */
    size_t trusted_count;
    size_t ca;               /* index of the authenticated CA in trusted */
    size_t recipient;        /* index of the one to encrypt to */
    bool is_recipient_unfit; /* its key usage does not allow that, but there is no other */
};

struct device_trust {
    struct bytes fingerprint; /* octets of SHA-256 or SHA-1; empty: none */
    bool allow_sha1;          /* a fingerprint of 20 octets */
    bool trust_on_first_use;
    struct bytes pinned_root; /* DER of the root that an earlier run installed; empty: none */
};

void device_authority_init(struct device_authority *authority);
void device_authority_clear(struct device_authority *authority);
/*
 * Read GetCACert's answer (authority->message) and authenticate it.
 * Errors: E_DEVICE_FINGERPRINT, E_DEVICE_NO_FINGERPRINT, E_DEVICE_RECIPIENT, E_MESSAGE_FORMAT,
 * E_DER_*.
 */
MUST_CHECK enum base_code device_authority_authenticate(struct device_authority *authority,
    const struct device_trust *trust, int64_t now_s, struct base_error *err);
/* The certificates above one that this CA issued: the CA, and its issuers as far as they were sent;
 * PEM, appended. */
MUST_CHECK enum base_code device_authority_chain_pem(
    const struct device_authority *authority, struct buffer *out, struct base_error *err);
/* The topmost certificate of that chain. */
const struct pki_certificate *device_authority_root(const struct device_authority *authority);

#endif
