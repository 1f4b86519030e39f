/*
 * redact.h - deliveries without what names anybody: for a ticket, a forum, a vendor.
 *
 * Names, hosts, addresses, accounts, ids, keys, challenges and encoded data become host-1, id-2 and
 * so on: the same thing the same word in the whole diagnosis, so that the story can still be
 * followed. What could be a name of somebody's is taken for one; codes, times, dates, products and
 * program names stay.
 */
#ifndef DIAGNOSE_REDACT_H
#define DIAGNOSE_REDACT_H

#include "diagnose/delivery.h"

/* In place, irrevocably. Errors: E_NO_MEMORY; then nothing of it may be shown. */
MUST_CHECK enum base_code diag_redact(struct diag_deliveries *deliveries, struct base_error *err);

#endif
