/*
 * catalogue.h - the causes for which deliveries stop, as data: where, why, what to do.
 *
 * One file, catalogue.def, makes this, the remedies of diagnose and check, and docs/causes.md. A
 * slug is for programs and keeps its meaning; the texts are for people, in English and German.
 */
#ifndef DIAGNOSE_CATALOGUE_H
#define DIAGNOSE_CATALOGUE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/own.h"

enum diag_verdict { DIAG_DELIVERED = 1, DIAG_IN_PROGRESS, DIAG_STOPPED, DIAG_INCONCLUSIVE };
const char *diag_verdict_name(enum diag_verdict verdict); /* delivered, in-progress, ... */

enum diag_language { DIAG_ENGLISH, DIAG_GERMAN };

struct diag_cause {
    const char *slug;
    const char *component;
    const char *stages; /* "2,3": steps at which a delivery may stand */
    enum diag_verdict verdict;
    const char *literal;    /* a|b: one of them is in every line that the expression matches */
    const char *expression; /* PCRE2, caseless; empty: recognised otherwise */
    const char *meaning[2]; /* by enum diag_language */
    const char *remedy[2];
    const char *next[2];
};

/* NULL when there is none. */
const struct diag_cause *diag_cause_find(const char *slug);
size_t diag_cause_count(void);
const struct diag_cause *diag_cause_at(size_t index);
/* 1: says only that something failed; 2: a status or class; 3: what it was. */
int diag_cause_weight(const struct diag_cause *cause);
/* Is it a code of Windows or a failure of the network, which may be about anything? */
bool diag_cause_is_general(const struct diag_cause *cause);
unsigned diag_cause_first_stage(const struct diag_cause *cause);
/* @wanted when a delivery may stand there for this cause, else the first. */
unsigned diag_cause_stage_at(const struct diag_cause *cause, unsigned wanted);

/* The expressions, compiled. */
struct diag_catalogue;
MUST_CHECK enum base_code diag_catalogue_new(struct diag_catalogue **out, struct base_error *err);
void diag_catalogue_free(struct diag_catalogue *catalogue);
OWNER_STRUCT(diag_catalogue)

/* The causes that match @line, heaviest first; returns how many, at most @max. */
size_t diag_catalogue_match(const struct diag_catalogue *catalogue, struct bytes line,
    const struct diag_cause **out, size_t max);

#endif
