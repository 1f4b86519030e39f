/*
 * verdict.h - where a delivery stands, and why.
 *
 * A certain answer needs a line that shows it. Where the logs do not reach, the answer is
 * inconclusive.
 */
#ifndef DIAGNOSE_VERDICT_H
#define DIAGNOSE_VERDICT_H

#include "diagnose/delivery.h"

struct diag_judgement {
    enum diag_verdict verdict;
    unsigned stage;
    const struct diag_cause *cause; /* NULL: nothing is known */
    uint64_t order;                 /* of the line that decided */
    bool has_date;                  /* of that line, and when it was */
    int64_t at_ms;
};

struct diag_judgement diag_judge(const struct diag_delivery *delivery);
/* Of all: the unfinished one furthest from success; the latest of several that stopped. @out_index:
 * which. False when there is none. */
bool diag_judge_all(
    const struct diag_deliveries *deliveries, struct diag_judgement *out, size_t *out_index);

#endif
