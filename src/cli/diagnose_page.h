/*
 * diagnose_page.h - a diagnosis as one self-contained HTML page, to attach to a ticket.
 */
#ifndef CLI_DIAGNOSE_PAGE_H
#define CLI_DIAGNOSE_PAGE_H

#include <stdio.h>

#include "diagnose/verdict.h"

/* Nothing of a log reaches the page unescaped; it loads nothing and runs nothing. */
void cli_diagnose_page(FILE *out, const struct diag_deliveries *deliveries,
    const struct diag_judgement *overall, size_t index, enum diag_language language);

#endif
