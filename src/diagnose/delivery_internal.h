/*
 * delivery_internal.h - what delivery.c and join.c share.
 */
#ifndef DIAGNOSE_DELIVERY_INTERNAL_H
#define DIAGNOSE_DELIVERY_INTERNAL_H

#include "diagnose/delivery.h"

#define DIAG_NONE SIZE_MAX

struct diag_deliveries {
    struct diag_delivery **all; /* owned */
    size_t count;
    size_t capacity;
    size_t current;    /* of the present file; DIAG_NONE: none yet */
    size_t file_begin; /* deliveries from here on began in the present file */
    uint64_t order;
    size_t left_out;
};

/* May what has these ids belong to what has those? */
bool diag_ids_agree(const struct diag_ids *ids, const struct diag_ids *known);
void diag_delivery_keep_ids(struct diag_delivery *delivery, const struct diag_ids *ids);
void diag_delivery_keep_evidence(
    struct diag_delivery *delivery, const struct diag_evidence *evidence);
void diag_delivery_note_failure(
    struct diag_delivery *delivery, const struct diag_observation *observation, uint64_t order);
/* @from becomes a part of @into. */
void diag_delivery_join(struct diag_delivery *into, struct diag_delivery *from);
/* The web server tells of a request that has ended: what it did for it is a part of it. */
void diag_deliveries_claim(struct diag_deliveries *deliveries, struct diag_delivery *into,
    const struct diag_observation *answer);

#endif
