/*
 * probe.h - any SCEP server, looked at from outside: what is well, what is not, why, and what to
 * do.
 *
 * Nothing is issued by it, unless a challenge is given: else the only enrolment that it tries has a
 * signature that no server may accept.
 */
#ifndef DIAGNOSE_PROBE_H
#define DIAGNOSE_PROBE_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

enum probe_outcome { PROBE_OK, PROBE_WARNING, PROBE_FAILURE };
const char *probe_outcome_name(enum probe_outcome outcome); /* ok, warning, failure */

/* One check. */
struct probe_line {
    enum probe_outcome outcome;
    const char *check; /* a stable name */
    const char *cause; /* a slug of the catalogue, or NULL */
    char text[500];
    char remedy[300]; /* empty: nothing to do */
};

struct probe_options {
    const char *url;
    struct bytes fingerprint; /* SHA-256 or SHA-1 of a CA certificate; empty: none known */
    struct bytes challenge;   /* a real enrolment is tried with it; empty: none */
    const char *subject;      /* of that; NULL: CN=kurier check */
    long timeout_s;
    struct base_clock clock;
    struct base_random random;
};

typedef void (*probe_on_line)(void *arg, const struct probe_line *line);

/* Runs every check that the ones before leave possible. Errors: E_NO_MEMORY, E_CRYPTO. */
MUST_CHECK enum base_code probe_run(
    const struct probe_options *options, probe_on_line on_line, void *arg, struct base_error *err);

#endif
