/*
 * delivery_internal.h - what delivery.c and join.c share.
 */
#ifndef DIAGNOSE_DELIVERY_INTERNAL_H
#define DIAGNOSE_DELIVERY_INTERNAL_H

#include "diagnose/delivery.h"
#include "diagnose/id_index.h"

#define DIAG_NONE SIZE_MAX
#define DIAG_PARTS_MAX 64

struct diag_deliveries {
    struct diag_delivery **all; /* owned */
    size_t count;
    size_t capacity;
    size_t current;               /* of the present file; DIAG_NONE: none yet */
    uint32_t file;                /* number of the present file */
    size_t evicted;               /* where the search for one that may go went on last */
    size_t parts[DIAG_PARTS_MAX]; /* of the present file, whose request is not known yet */
    size_t part_count;
    struct diag_id_index *index; /* owned */
    uint64_t order;
    size_t left_out;
};

/* May what has these ids belong to what has those? */
bool diag_ids_agree(const struct diag_ids *ids, const struct diag_ids *known);
/* True when it has one now that it had not. */
bool diag_delivery_keep_ids(struct diag_delivery *delivery, const struct diag_ids *ids);
void diag_delivery_keep_evidence(
    struct diag_delivery *delivery, const struct diag_evidence *evidence);
void diag_delivery_note_failure(
    struct diag_delivery *delivery, const struct diag_observation *observation, uint64_t order);
/* Did a device's log tell of it? */
bool diag_delivery_is_of_device(const struct diag_delivery *delivery);
/* @from becomes a part of @into. */
void diag_delivery_join(struct diag_delivery *into, struct diag_delivery *from);
/* The web server tells of a request that has ended: what it did for it is a part of it. */
void diag_deliveries_claim(struct diag_deliveries *deliveries, struct diag_delivery *into,
    const struct diag_observation *answer);

#endif
