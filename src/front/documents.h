/*
 * documents.h - what anybody may fetch: the newest CRL and the CA certificate of each CA.
 *
 * Paths: /crl/<ca>.crl (application/pkix-crl) and /ca/<ca>.crt (application/pkix-cert), both DER
 * (RFC 2585, section 4).
 */
#ifndef FRONT_DOCUMENTS_H
#define FRONT_DOCUMENTS_H

#include "base/bytes.h"
#include "base/error.h"

struct front_documents;

struct front_documents *front_documents_new(void); /* NULL without memory */
void front_documents_free(struct front_documents *documents);

/* Both replace what was there. Errors: E_NO_MEMORY, E_TOO_LARGE (more than 16 CAs). */
MUST_CHECK enum base_code front_documents_take_crl(
    struct front_documents *documents, struct bytes ca, int crl_fd, struct base_error *err);
MUST_CHECK enum base_code front_documents_put_ca(struct front_documents *documents, struct bytes ca,
    struct bytes certificate, struct base_error *err);

/* What a path names; false: nothing. The octets live until the next take or put. */
bool front_documents_find(const struct front_documents *documents, struct bytes path,
    struct bytes *out_content, const char **out_type);

#endif
