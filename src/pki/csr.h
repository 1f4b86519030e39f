/*
 * csr.h - PKCS#10 certification requests (RFC 2986).
 */
#ifndef PKI_CSR_H
#define PKI_CSR_H

#include "pki/private_key.h"
#include "pki/public_key.h"

/* A request as it was read: slices borrowed from the DER that was given. Not verified until
 * pki_csr_verify(). */
struct pki_csr {
    struct bytes whole;        /* the request itself, as it was given */
    struct bytes request_info; /* what is signed */
    struct bytes subject;      /* Name, DER */
    struct bytes spki;         /* SubjectPublicKeyInfo, DER */
    struct bytes sans;         /* GeneralNames of the extensionRequest, DER; empty: none */
    bool has_sid;
    struct bytes sid;       /* value of a SID extension in it (sid.h), unchecked */
    bool has_challenge;     /* a challengePassword attribute that is not the empty string */
    struct bytes challenge; /* its text as UTF-8: into the DER, or into challenge_storage */
    struct pki_signature_algorithm algorithm;
    struct bytes signature;
    struct buffer challenge_storage; /* wiped by pki_csr_clear() */
};

/*
 * Read one PKCS#10 request in DER (attributes need not be sorted; unknown attributes and extensions
 * are passed over). challengePassword as PrintableString, UTF8String, T61String, IA5String or
 * BMPString, at most PKI_CHALLENGE_MAX octets; twice is an error. Names are checked for form by the
 * caller. Errors: E_CSR_FORMAT, E_DER_*, E_TOO_LARGE.
 */
#define PKI_CHALLENGE_MAX 8192
MUST_CHECK enum base_code pki_csr_read(
    struct bytes der, struct pki_csr *out, struct base_error *err);
void pki_csr_clear(struct pki_csr *csr);
/* Proof of possession (RFC 2986, section 4.2). @key: the CSR's own key. Errors: E_CSR_SIGNATURE. */
MUST_CHECK enum base_code pki_csr_verify(
    const struct pki_csr *csr, const struct pki_public_key *key, struct base_error *err);

/* Build one, with SAN extension request when @sans is not empty and challengePassword when
 * @challenge is not. */
MUST_CHECK enum base_code pki_csr_build(const struct pki_private_key *key, struct bytes subject_der,
    struct bytes sans_der, struct bytes challenge, enum pki_digest digest, struct buffer *out_der,
    struct base_error *err);

#endif
