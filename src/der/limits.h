/*
 * limits.h - how much DER is read. Beyond: E_DER_DEPTH, E_TOO_LARGE or E_DER_VALUE.
 */
#ifndef DER_LIMITS_H
#define DER_LIMITS_H

#define DER_DEPTH_MAX 32 /* levels of nesting; a CertRep has 14 */
#define DER_OID_MAX 64   /* octets of an OID's content */
#define DER_INTEGER_MAX                                                                            \
    ((size_t)4097) /* octets: keys that are too large are told so, not "malformed" */
#define DER_ELEMENT_COUNT_MAX 20000 /* elements in one BER message that is brought into DER */

#endif
