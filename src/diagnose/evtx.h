/*
 * evtx.h - Windows' binary event logs (.evtx) as event XML, through libevtx.
 *
 * Such a file has the ids and data of its events and no text. What a stranger's file may do to the
 * library that reads it, it does to a process of its own with bounds on time and memory: here only
 * XML arrives, or the end.
 */
#ifndef DIAGNOSE_EVTX_H
#define DIAGNOSE_EVTX_H

#include <sys/types.h>

#include "base/bytes.h"
#include "base/error.h"

struct diag_evtx {
    int fd; /* <Event>...</Event> in UTF-8, until the end */
    pid_t pid;
};

bool diag_is_evtx(struct bytes beginning);
/* @fd: a regular file, borrowed until diag_evtx_end(). Errors: E_SYSTEM. */
MUST_CHECK enum base_code diag_evtx_begin(int fd, struct diag_evtx *out, struct base_error *err);
/* After the last octet, or before it. */
void diag_evtx_end(struct diag_evtx *evtx);

#endif
