/*
 * sid.h - the security identifier of a Windows user or computer in a certificate ([MS-WCCE],
 * section 2.2.2.7.7.4: szOID_NTDS_CA_SECURITY_EXT).
 *
 * A domain controller takes a certificate for the account that it names, so nothing but the one
 * documented form is ever copied into one.
 */
#ifndef PKI_SID_H
#define PKI_SID_H

#include "base/bytes.h"

#define PKI_SID_EXTENSION "1.3.6.1.4.1.311.25.2"
#define PKI_SID_TEXT_MAX 184 /* S-1, an authority, 15 parts of ten digits */

/* Content octets of the extension's OID. */
extern const struct bytes pki_sid_oid;

/*
 * @value: what the extension's OCTET STRING holds: a SEQUENCE of one otherName of
 * 1.3.6.1.4.1.311.25.2.1, which holds one OCTET STRING, which is "S-1-5-21-..." in ASCII.
 * *out_text (may be NULL) is that text. Errors: E_SID_FORMAT.
 */
MUST_CHECK enum base_code pki_sid_check(
    struct bytes value, struct bytes *out_text, struct base_error *err);

#endif
