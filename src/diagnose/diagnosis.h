/*
 * diagnosis.h - logs in, deliveries with verdicts out: all that others see of this room.
 */
#ifndef DIAGNOSE_DIAGNOSIS_H
#define DIAGNOSE_DIAGNOSIS_H

#include "diagnose/verdict.h"

struct diagnosis;

MUST_CHECK enum base_code diagnosis_new(struct diagnosis **out, struct base_error *err);
void diagnosis_free(struct diagnosis *diagnosis);
OWNER_STRUCT(diagnosis)

/* Octets read so far; may be NULL. */
typedef void (*diagnosis_on_progress)(void *arg, size_t octets);

/* Read a file, a folder, an archive, or "-". Errors: E_DIAGNOSE_INPUT, E_TOO_LARGE, E_NO_MEMORY. */
MUST_CHECK enum base_code diagnosis_read(struct diagnosis *diagnosis, const char *path,
    diagnosis_on_progress on_progress, void *arg, struct base_error *err);
/* What is known otherwise: an observation as if a reader had made it from a file of this name.
 * @name: static, or as long-lived as the diagnosis. */
void diagnosis_tell(
    struct diagnosis *diagnosis, const char *name, const struct diag_observation *observation);
/* What Kurier's code means in the catalogue's words; NULL: nothing there. @out_step: where it
 * stopped. */
const struct diag_cause *diagnosis_cause_of_code(const char *code, unsigned *out_step);
/* After the last: what belongs together is joined. */
void diagnosis_finish(struct diagnosis *diagnosis);
/* After diagnosis_finish(): what names anybody is replaced (redact.h). Errors: E_NO_MEMORY. */
MUST_CHECK enum base_code diagnosis_redact(struct diagnosis *diagnosis, struct base_error *err);
/* Lives as long as the diagnosis. */
const struct diag_deliveries *diagnosis_peek_deliveries(const struct diagnosis *diagnosis);

#endif
