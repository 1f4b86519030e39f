/*
 * hresult.h - Windows' error codes in all their spellings: 0x8019019f, -2145844848, 2148204809,
 * 800B0109.
 */
#ifndef DIAGNOSE_HRESULT_H
#define DIAGNOSE_HRESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* The code that a text of digits says; false when it is none that is a failure (0x8....... or
 * 0xC.......). */
bool diag_hresult_parse(struct bytes text, uint32_t *out);
/* The first code in a line, in any spelling; *out_rest is what follows it. */
bool diag_hresult_find(struct bytes line, uint32_t *out, struct bytes *out_rest);
/* The code whose text, as Windows prints it in English or German, stands in @text. */
bool diag_hresult_of_words(struct bytes text, uint32_t *out);
/* Its symbolic name and text, NULL when it is not known. 0x8019xxxx is an HTTP status. */
const char *diag_hresult_name(uint32_t code);

#endif
