/*
 * anchors.h - does a line contain anything that a reader or the catalogue could want?
 *
 * Most lines of a gigabyte of logs do not. One pass of an Aho-Corasick automaton over all literals,
 * in any case of letters, says so at memory speed.
 */
#ifndef DIAGNOSE_ANCHORS_H
#define DIAGNOSE_ANCHORS_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/own.h"

struct diag_anchors;

/* Of the readers' words and of the catalogue's literals. Errors: E_NO_MEMORY. */
MUST_CHECK enum base_code diag_anchors_new(struct diag_anchors **out, struct base_error *err);
void diag_anchors_free(struct diag_anchors *anchors);
OWNER_STRUCT(diag_anchors)

bool diag_anchors_match(const struct diag_anchors *anchors, struct bytes line);

#endif
