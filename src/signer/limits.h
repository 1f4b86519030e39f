/*
 * limits.h - how much of everything the signer takes, and how far clocks may differ.
 */
#ifndef SIGNER_LIMITS_H
#define SIGNER_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#define SIGNER_CA_MAX 16       /* CAs of one home. Beyond: the configuration is refused */
#define SIGNER_PROFILE_MAX 256 /* profiles. Beyond: the configuration is refused */
#define SIGNER_CHAIN_MAX 7 /* certificates above a CA; GetCACert has 8 in all. Beyond: refused */
#define SIGNER_FILE_MAX ((size_t)64 * 1024)       /* octets of a key or certificate file */
#define SIGNER_FILE_NAME_MAX 128                  /* octets of a file's name, with its NUL */
#define SIGNER_PASSPHRASE_MAX ((size_t)4096)      /* octets. Beyond: the start is refused */
#define SIGNER_CRL_MAX ((size_t)64 * 1024 * 1024) /* octets of a CRL: about 1.5 million entries */
#define SIGNER_WORKER_MAX 64 /* threads for each peer, whatever the machine has */

/*
 * A thread's stack: a frame being encoded (64 KiB) and a verb's own locals. Locked memory counts
 * each whole; sanitizers need more.
 */
#ifdef KURIER_SANITIZED
#define SIGNER_STACK_OCTETS ((size_t)4 * 1024 * 1024)
#else
#define SIGNER_STACK_OCTETS ((size_t)512 * 1024)
#endif
/* Address space of the largest signer that works: stacks, heaps, a CRL of SIGNER_CRL_MAX twice.
 * With a smaller limit of locked memory, none is locked: later allocations would fail. */
#define SIGNER_LOCKED_NEED ((size_t)512 * 1024 * 1024)

/* The profile's back-dating plus what a body may have waited for: a machine that was down over a
 * weekend signs on Monday what was committed on Friday. */
#define SIGNER_WAIT_MAX_S ((int64_t)72 * 3600)
/* How far the ledger's idea of now may be ahead of ours: both read the same clock. */
#define SIGNER_AHEAD_MAX_S ((int64_t)600)
/* A clock that was set back further than this stops signing. */
#define SIGNER_BACK_MAX_S ((int64_t)300)
/* No signature was ever made before this program was written: 2026-11-01. A constant, so that the
 * same source gives the same program. */
#define SIGNER_NOT_BEFORE_S ((int64_t)1793491200)

#define SIGNER_BACKDATE_MAX_S                                                                      \
    ((int64_t)24 * 3600) /* of profiles; of CA and RA certificates always */
#define SIGNER_VALID_MAX_S ((int64_t)50 * 366 * 86400) /* of any certificate */
#define SIGNER_WARN_BEFORE_S ((int64_t)90 * 86400) /* CA or RA certificate ends soon: a warning */

/* A listener's own TLS certificate is valid for so long; the front asks for the next one when two
 * thirds have passed. Beyond the count: that listener is refused, and within an hour no more than
 * that many certificates are made. */
#define SIGNER_TLS_VALID_S ((int64_t)90 * 86400)
#define SIGNER_TLS_MAX 16
#define SIGNER_TLS_PER_HOUR 64

/* A serial is 48 bits of milliseconds and 96 random bits. */
#define SIGNER_SERIAL_LEN 18
#define SIGNER_SERIAL_TIME_LEN 6

#endif
