/*
 * cert_rep.h - the CA's answer to an enrolment (RFC 8894, section 3.3.2), written in two steps
 * around the RA key.
 *
 * SUCCESS carries certificates sealed to exactly the request's signer, PENDING and FAILURE carry
 * nothing, as an empty OCTET STRING (certmonger needs it) or not at all. Cipher, digest and key
 * transport are the request's own.
 */
#ifndef SCEP_CERT_REP_H
#define SCEP_CERT_REP_H

#include "scep/request.h"

struct scep_cert_rep_spec {
    enum scep_pki_status status;
    enum base_fail_info fail_info;    /* FAILURE */
    struct bytes fail_info_text;      /* FAILURE; empty: none */
    struct bytes hresult;             /* FAILURE on NDES's paths: decimal text; empty: none */
    const struct bytes *certificates; /* SUCCESS: DER, the issued one first */
    size_t certificate_count;
    bool is_content_absent; /* PENDING and FAILURE without an OCTET STRING */
    const struct base_random *random;
};

struct scep_cert_rep {
    enum pki_digest digest;
    struct buffer content;
    struct buffer attributes; /* the DER SET that the RA key signs */
    bool is_content_absent;
};

void scep_cert_rep_init(struct scep_cert_rep *rep);
void scep_cert_rep_clear(struct scep_cert_rep *rep);

/* @request may be one whose reading failed, when it is_answerable. Errors: E_CRYPTO, E_KEY_*,
 * E_NO_MEMORY. */
MUST_CHECK enum base_code scep_cert_rep_prepare(struct scep_cert_rep *rep,
    const struct scep_request *request, const struct scep_cert_rep_spec *spec,
    struct base_error *err);
/* The whole message, with the RA's RSA signature over rep->attributes. */
MUST_CHECK enum base_code scep_cert_rep_finish(const struct scep_cert_rep *rep,
    struct bytes signature, struct bytes ra_certificate, struct buffer *out,
    struct base_error *err);

/* Microsoft's HRESULT for a failInfo, as decimal text; static. */
const char *scep_hresult_text(enum base_fail_info fail_info);

#endif
