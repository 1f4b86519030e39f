/*
 * enrolment_internal.h - one PKIOperation, as the two files that carry it see it: enrolment.c asks
 * signer and ledger, enrolment_answer.c answers the client.
 */
#ifndef FRONT_ENROLMENT_INTERNAL_H
#define FRONT_ENROLMENT_INTERNAL_H

#include <sys/queue.h>

#include "front/enrolment.h"
#include "scep/cert_rep.h"

#define FRONT_RETRY_AFTER_S 2 /* of a 503, when nobody says otherwise */

enum front_stage { FRONT_STAGE_OPENING, FRONT_STAGE_JUDGING, FRONT_STAGE_SIGNING };

struct front_enrolment {
    LIST_ENTRY(front_enrolment) in_bucket;
    struct front *front;
    uint64_t id;
    enum front_stage stage;
    struct front_http_request *http; /* released by its answer */
    bool is_client_gone;
    struct event *deadline;
    int64_t received_ms;
    /* The endpoint by value: a reload may replace the settings meanwhile. */
    uint8_t endpoint_name[IPC_NAME_MAX];
    size_t endpoint_name_len;
    uint8_t ca_name[IPC_NAME_MAX];
    size_t ca_name_len;
    uint8_t profile[IPC_NAME_MAX];
    size_t profile_len;
    struct front_endpoint rules; /* its switches only */
    bool is_ndes;
    char source[FRONT_HTTP_SOURCE_LEN];
    bool is_source_exempt;
    struct buffer octets; /* the message; `request` points into it */
    struct scep_request request;
    struct scep_cert_rep rep;
    struct buffer certificate; /* issued; empty until then */
    uint64_t delivery_id;
    enum ipc_outcome outcome;
    enum base_code code;    /* why it is refused */
    uint32_t hresult;       /* of a refusal by a policy outside; 0: the failInfo's */
    uint32_t retry_after_s; /* of a fault; 0: the usual */
    unsigned asked_again;   /* times that a peer died while it was asked */
    unsigned sent_back;     /* times that the ledger wanted to be asked again */
};

/* Out of the table, and freed: its answer is under way. */
void front_enrolment_end(struct front_enrolment *e);
/* Have the RA key sign the CertRep that was prepared. */
void front_enrolment_ask_signature(struct front_enrolment *e);

/* A fault of our own: nothing was spent, the client may come again. Ends it. */
void front_enrolment_fault(struct front_enrolment *e, const struct base_error *err);
/* Refuse what the front itself found: signed, when the message can be answered; else HTTP 400. */
void front_enrolment_refuse(struct front_enrolment *e, const struct base_error *err);
/* Begin the CertRep for what was decided; the RA key's signature comes next. */
void front_enrolment_prepare(struct front_enrolment *e);
/* The finished CertRep goes to the client. Ends it. */
void front_enrolment_answer(struct front_enrolment *e, struct bytes rep);

#endif
