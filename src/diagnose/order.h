/*
 * order.h - observations of one file in the order in which things happened.
 *
 * Event viewers and Get-WinEvent show the newest first. A file whose times go down is turned round
 * before anything is made of it; one whose times go up, or that has none, passes through.
 */
#ifndef DIAGNOSE_ORDER_H
#define DIAGNOSE_ORDER_H

#include "base/own.h"
#include "diagnose/observation.h"

struct diag_order;

struct diag_order *diag_order_new(void); /* NULL without memory */
void diag_order_free(struct diag_order *order);
OWNER_STRUCT(diag_order)

/* A file begins; what is ready goes to @on_observation from now on. */
void diag_order_begin(struct diag_order *order, diag_on_observation on_observation, void *arg);
void diag_order_take(struct diag_order *order, const struct diag_observation *observation);
/* The file ends: what was held back is given. */
void diag_order_end(struct diag_order *order);

#endif
