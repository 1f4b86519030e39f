/*
 * enrolment.h - one PKIOperation from its octets to its answer, around the questions to signer and
 * ledger.
 *
 *   parse, verify, find our RecipientInfo      here, at once; cheap refusals first
 *   OPENING    the signer opens the content key; then CSR and keys are checked here
 *   JUDGING    the ledger decides; the certificate comes from the signer or in the ledger's verdict
 *   SIGNING    the RA key signs the CertRep's attributes
 *   answered   and the ledger is told whether the peer took every octet
 *
 * When signer or ledger die the question is asked again of their successor, once: the same request
 * gets the same certificate, so asking twice does no harm, but one that kills whoever looks at it
 * must not do so again and again. After that, and for what takes too long, it is a 503 with
 * Retry-After.
 */
#ifndef FRONT_ENROLMENT_H
#define FRONT_ENROLMENT_H

#include "front/front.h"
#include "scep/capabilities.h"

struct front_enrolments;

/* @front borrowed for life. NULL without memory. */
struct front_enrolments *front_enrolments_new(struct front *front);
void front_enrolments_free(struct front_enrolments *enrolments);

/* What GetCACaps of an endpoint lists: what works there. */
struct scep_capabilities front_endpoint_capabilities(const struct front_endpoint *endpoint);

/*
 * Take a PKIOperation. @take_request is answered now or later, always. @message is copied; @profile
 * is of the path, may be empty.
 */
void front_enrolment_begin(struct front *front, struct front_http_request *take_request,
    const struct front_endpoint *endpoint, struct bytes profile, bool is_ndes, struct bytes message,
    bool is_decoded_twice);

/* The client left: no answer can be delivered; what the ledger decided stays decided. */
void front_enrolment_client_gone(struct front *front, struct front_http_request *request);

/* Frames of the peers, and their new sockets. */
void front_enrolment_signer_frame(struct front *front, const struct ipc_frame *frame);
void front_enrolment_ledger_frame(struct front *front, const struct ipc_frame *frame);
void front_enrolment_ask_signer_again(struct front *front);
void front_enrolment_ask_ledger_again(struct front *front);

#endif
