/*
 * limits.h - how much a diagnosis takes; beyond each, what was left out is told.
 */
#ifndef DIAGNOSE_LIMITS_H
#define DIAGNOSE_LIMITS_H

#include <stddef.h>

#define DIAG_LINE_MAX                                                                              \
    ((size_t)65536)          /* octets of a line; the rest of a longer one is passed over */
#define DIAG_DEPTH_MAX 8     /* folders in folders, archives included */
#define DIAG_FILES_MAX 20000 /* files of one call */
#define DIAG_UNPACKED_MAX ((size_t)8 << 30) /* octets out of one archive */
#define DIAG_DELIVERIES_MAX 2000            /* deliveries that are told apart */
#define DIAG_EVIDENCE_MAX 16                /* lines kept for each: the first and the last ones */

#endif
