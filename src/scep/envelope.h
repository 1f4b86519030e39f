/*
 * envelope.h - the inner layer of a pkiMessage: EnvelopedData around the messageData (RFC 8894,
 * section 3.2.2; RFC 5652, section 6).
 */
#ifndef SCEP_ENVELOPE_H
#define SCEP_ENVELOPE_H

#include "pki/certificate.h"
#include "scep/limits.h"

struct scep_recipient {
    struct bytes issuer; /* Name, DER; empty when it is named by a key identifier */
    struct bytes serial; /* INTEGER's content */
    struct bytes key_id;
    enum pki_transport transport; /* PKI_TRANSPORT_NONE: an algorithm that is not known */
    struct bytes encrypted_key;
};

/* Slices point into the envelope or into the storage. */
struct scep_envelope {
    struct scep_recipient recipients[SCEP_RECIPIENTS_MAX];
    size_t recipient_count;
    enum pki_cipher cipher;
    struct bytes iv;
    struct bytes encrypted_content;
};

/* Errors: E_ENVELOPE_FORMAT, E_DER_*, E_TOO_LARGE, E_ALGORITHM_*. */
MUST_CHECK enum base_code scep_envelope_read(struct bytes content, struct buffer *storage,
    struct scep_envelope *out, struct base_error *err);

/*
 * The one recipient that names one of @certificates; *out_index says which. Errors: E_RECIPIENT
 * (none, or two).
 */
MUST_CHECK enum base_code scep_envelope_find_recipient(const struct scep_envelope *envelope,
    const struct pki_certificate *certificates, size_t count, const struct scep_recipient **out,
    size_t *out_index, struct base_error *err);

/*
 * Seal @plain for one certificate: KeyTransRecipientInfo by issuer and serial. Content key and IV
 * from @random. Appended to @out.
 */
MUST_CHECK enum base_code scep_envelope_seal(struct bytes plain,
    const struct pki_certificate *recipient, const struct pki_public_key *recipient_key,
    enum pki_transport transport, enum pki_cipher cipher, const struct base_random *random,
    struct buffer *out, struct base_error *err);

#endif
