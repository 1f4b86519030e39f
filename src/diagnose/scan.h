/*
 * scan.h - pieces of a line: what the readers are made of. Nothing here allocates; slices point
 * into the line.
 */
#ifndef DIAGNOSE_SCAN_H
#define DIAGNOSE_SCAN_H

#include "base/bytes.h"
#include "diagnose/observation.h"

/* Does the line contain @literal (as it is written, or in any case)? */
bool diag_has(struct bytes line, const char *literal);
bool diag_has_any_case(struct bytes line, const char *literal);
/* What follows the first @literal; empty when it is not there. */
struct bytes diag_after(struct bytes line, const char *literal);
/* What stands between @before and the next @end (to the line's end without one). */
struct bytes diag_between(struct bytes line, const char *before, const char *end);
/* Blanks, quotes and full stops at both ends taken off. */
struct bytes diag_trim(struct bytes text);
/* The next token of @line, which is moved behind it; blanks and tabs separate. Empty at the end. */
struct bytes diag_token(struct bytes *line);
/* A decimal number from the beginning; -1 when there is none. */
int64_t diag_number(struct bytes text);
void diag_copy(char *out, size_t size, struct bytes text);

/*
 * ModelName/LogicalName/Hash in any of its spellings (SyncML, OMADM, iOS, Windows) to one: lower
 * case, percent-decoded, GUIDs with hyphens. False when there is none.
 */
bool diag_model_id(struct bytes line, char out[DIAG_ID_MAX]);
/* A transactionID in a line: transId=, transactionId :, transaction_id=, transaction id: ... */
bool diag_transaction_id(struct bytes line, char out[DIAG_ID_MAX]);
/*
 * The instant that a line begins with (or has near its beginning): ISO 8601, "2018-02-27 05:16:08",
 * "7/2/2025 12:51:06 PM", "May 23 14:15:36", "18:30:53.691033 -0500". False when there is none.
 */
bool diag_time(struct bytes line, int64_t *out_ms, bool *out_has_date);

#endif
