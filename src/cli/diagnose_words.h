/*
 * diagnose_words.h - a verdict and the six steps in words, for the terminal and the page.
 *
 * Slugs and JSON are never translated; this is for people.
 */
#ifndef CLI_DIAGNOSE_WORDS_H
#define CLI_DIAGNOSE_WORDS_H

#include "cli/output.h"
#include "diagnose/diagnosis.h"

#define CLI_CODE_LEN 80

/* "stopped", "angehalten" */
const char *cli_verdict_word(enum diag_verdict verdict, enum diag_language language);
/* "request", "Anforderung"; @step 0 to 6 */
const char *cli_step_word(unsigned step, enum diag_language language);
/* The line at which a delivery's @step was seen last; NULL: not at all. */
const struct diag_evidence *cli_last_of_step(const struct diag_delivery *delivery, unsigned step);
/* When it was: with its date, or the time of day alone; "" without either. */
void cli_evidence_time(const struct diag_evidence *evidence, char out[CLI_TIME_LEN]);
/* The code of Windows in a line, with its name: "0x80072f8f ERROR_WINHTTP_SECURE_FAILURE"; false
 * when there is none. */
bool cli_code_of(const char *text, char out[CLI_CODE_LEN]);

#endif
