/*
 * delivery_view.h - deliveries, their events and certificates as a person reads them, and as JSON.
 */
#ifndef CLI_DELIVERY_VIEW_H
#define CLI_DELIVERY_VIEW_H

#include <jansson.h>

#include "ipc/control.h"

/* The workflow's steps 1 to 6: "profile", "request", "policy", "issue", "delivery", "report". */
const char *cli_step_name(unsigned step);

/* "keyCompromise": a CRLReason as RFC 5280, section 5.3.1 names it. */
const char *cli_reason_name(unsigned reason);
/* What an event of the ledger means; one without words is shown by its name, in @storage. */
const char *cli_event_words(struct bytes event, char *storage, size_t storage_size);

/* One line of a list, and its heading. */
void cli_delivery_heading(void);
void cli_delivery_line(const struct ipc_delivery *row);
json_t *cli_delivery_json(const struct ipc_delivery *row);

/* A trace, like parcel tracking: the head of a delivery, one line a step, and how it stands. */
void cli_trace_head(const struct ipc_delivery *row);
void cli_trace_event(const struct ipc_event *row);
void cli_trace_contact(const struct ipc_contact_row *row);
void cli_trace_notice(const struct ipc_outbox_row *row);
json_t *cli_notice_json(const struct ipc_outbox_row *row);
void cli_trace_certificate(const struct ipc_cert_row *row);
/* @arrival as cli_arrival() says. */
void cli_trace_standing(const char *state, unsigned step, uint32_t code, const char *arrival);
/*
 * What is known of the certificate's arrival: "confirmed" by device or management, "delivered" (the
 * device took every octet of it), "unconfirmed" (it was issued, and nobody knows), NULL: there is
 * none.
 */
const char *cli_arrival(const char *state, bool has_certificate, bool is_confirmed);
json_t *cli_event_json(const struct ipc_event *row);
json_t *cli_contact_json(const struct ipc_contact_row *row);

/* Certificates. The JSON fields serial, sha256, subject, not_before, not_after, status,
 * transaction_id, profile are relied on. */
void cli_cert_heading(void);
void cli_cert_line(const struct ipc_cert_row *row);
json_t *cli_cert_json(const struct ipc_cert_row *row);

#endif
