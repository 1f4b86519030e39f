/*
 * certificate.h - X.509 certificates (RFC 5280): reading what is needed of one, and building bodies
 * and whole ones.
 */
#ifndef PKI_CERTIFICATE_H
#define PKI_CERTIFICATE_H

#include "pki/private_key.h"
#include "pki/public_key.h"

/* KeyUsage bits as in the first octet of its BIT STRING. */
enum pki_key_usage {
    PKI_DIGITAL_SIGNATURE = 0x80,
    PKI_CONTENT_COMMITMENT = 0x40,
    PKI_KEY_ENCIPHERMENT = 0x20,
    PKI_DATA_ENCIPHERMENT = 0x10,
    PKI_KEY_AGREEMENT = 0x08,
    PKI_KEY_CERT_SIGN = 0x04,
    PKI_CRL_SIGN = 0x02,
};

/* What was read; slices are borrowed from the DER. Versions 1 to 3. */
struct pki_certificate {
    struct bytes whole;
    struct bytes body;   /* TBSCertificate with its header: what is signed */
    int version;         /* 1, 2, 3 */
    struct bytes serial; /* content octets as encoded (may have a sign octet) */
    struct bytes issuer; /* Name, DER */
    struct bytes subject;
    int64_t not_before_s;
    int64_t not_after_s;
    struct bytes spki;
    struct pki_signature_algorithm algorithm;
    struct bytes algorithm_der; /* outer AlgorithmIdentifier */
    struct bytes signature;
    bool has_key_usage;
    uint8_t key_usage;
    bool has_basic_constraints;
    bool is_ca;
    int path_len;                /* -1: none */
    struct bytes ekus;           /* content of the EKU SEQUENCE (OIDs); empty: none */
    struct bytes sans;           /* GeneralNames, DER; empty: none */
    struct bytes subject_key_id; /* octets; empty: none */
    struct bytes authority_key_id;
    bool has_sid;
    bool is_sid_critical;
    struct bytes sid; /* value of a SID extension (sid.h), unchecked */
    bool has_unknown_critical;
};
/* Errors: E_CERTIFICATE_FORMAT, E_DER_*. Two extensions of one type are an error. */
MUST_CHECK enum base_code pki_certificate_read(
    struct bytes der, struct pki_certificate *out, struct base_error *err);
/* The same for a body (TBSCertificate) alone; whole, algorithm_der, signature are empty. */
MUST_CHECK enum base_code pki_certificate_read_body(
    struct bytes body_der, struct pki_certificate *out, struct base_error *err);
/* Does @issuer_key verify the signature? Errors: E_SIGNATURE, E_ALGORITHM_UNKNOWN. */
MUST_CHECK enum base_code pki_certificate_verify(const struct pki_certificate *certificate,
    const struct pki_public_key *issuer_key, struct base_error *err);
/* Is @certificate issued by @issuer (names, key identifiers, signature, issuer is a CA)? Errors:
 * E_CHAIN. */
MUST_CHECK enum base_code pki_certificate_check_issuer(const struct pki_certificate *certificate,
    const struct pki_certificate *issuer, struct base_error *err);

/* What a body is built from. Everything borrowed; DER where it says so. */
struct pki_body_spec {
    struct bytes serial; /* octets, most significant first, positive */
    enum pki_signature signature;
    enum pki_digest digest;
    struct bytes issuer_der;
    int64_t not_before_s;
    int64_t not_after_s;
    struct bytes subject_der;
    struct bytes spki_der;
    bool is_ca;   /* basicConstraints CA:TRUE; end entities get CA:FALSE */
    int path_len; /* with is_ca; -1: none */
    uint8_t key_usage;
    struct bytes ekus_text;        /* dotted OIDs, newline-separated; empty: no EKU */
    struct bytes sans_der;         /* critical when the subject is empty */
    struct bytes authority_key_id; /* octets */
    struct bytes
        subject_key_id;   /* octets; empty: SHA-1 of the key bits (RFC 5280, 4.2.1.2 method 1) */
    struct bytes crl_url; /* cRLDistributionPoints; empty: none */
    struct bytes ca_issuers_url; /* authorityInfoAccess caIssuers; empty: none */
    struct bytes sid;            /* value of a SID extension (sid.h); empty: none */
};
MUST_CHECK enum base_code pki_body_build(
    const struct pki_body_spec *spec, struct buffer *out_der, struct base_error *err);
/* Body and signature to a Certificate. */
MUST_CHECK enum base_code pki_certificate_assemble(struct bytes body_der,
    enum pki_signature signature, enum pki_digest digest, struct bytes signature_octets,
    struct buffer *out_der, struct base_error *err);
/* Sign a body and assemble. */
MUST_CHECK enum base_code pki_certificate_sign(const struct pki_private_key *key,
    enum pki_digest digest, struct bytes body_der, struct buffer *out_der, struct base_error *err);

/* Revocation lists (RFC 5280, section 5): the body, version 2, with authorityKeyIdentifier and
 * cRLNumber. */
struct pki_revoked {
    struct bytes serial;
    int64_t at_s;
    uint8_t reason; /* CRLReason; 0 unspecified is left out */
};
struct pki_crl_spec {
    enum pki_signature signature;
    enum pki_digest digest;
    struct bytes issuer_der;
    int64_t this_update_s;
    int64_t next_update_s;
    uint64_t number;
    struct bytes authority_key_id;
    const struct pki_revoked *revoked;
    size_t revoked_count;
};
MUST_CHECK enum base_code pki_crl_body_build(
    const struct pki_crl_spec *spec, struct buffer *out_der, struct base_error *err);
/* The same two wrappers serve a CRL: pki_certificate_assemble(), pki_certificate_sign(). */
struct pki_crl {
    struct bytes body;
    struct bytes issuer;
    int64_t this_update_s;
    int64_t next_update_s;
    struct bytes number; /* octets; empty: none */
    struct bytes authority_key_id;
};
/* Reads a body (TBSCertList) alone: what a signer must know before it signs one. */
MUST_CHECK enum base_code pki_crl_read_body(
    struct bytes body_der, struct pki_crl *out, struct base_error *err);

/* All CERTIFICATE blocks of a PEM text, or one DER certificate: each appended as DER, back to back,
 * to @out_ders. At most 8. */
MUST_CHECK enum base_code pki_pem_to_ders(
    struct bytes text, struct buffer *out_ders, struct base_error *err);
MUST_CHECK enum base_code pki_der_to_pem(
    struct bytes der, const char *label, struct buffer *out_pem, struct base_error *err);

#endif
