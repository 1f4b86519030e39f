/*
 * oid.h - object identifiers of CMS (RFC 5652) and SCEP (RFC 8894, section 3.2.1), as content
 * octets.
 */
#ifndef SCEP_OID_H
#define SCEP_OID_H

#include "base/bytes.h"

extern const struct bytes scep_oid_data;
extern const struct bytes scep_oid_signed_data;
extern const struct bytes scep_oid_enveloped_data;
extern const struct bytes scep_oid_content_type;
extern const struct bytes scep_oid_message_digest;
extern const struct bytes scep_oid_message_type;
extern const struct bytes scep_oid_pki_status;
extern const struct bytes scep_oid_fail_info;
extern const struct bytes scep_oid_sender_nonce;
extern const struct bytes scep_oid_recipient_nonce;
extern const struct bytes scep_oid_transaction_id;
extern const struct bytes scep_oid_fail_info_text;
/* Microsoft's HRESULT of a refused request, 1.3.6.1.4.1.311.21.33. */
extern const struct bytes scep_oid_hresult;

#endif
