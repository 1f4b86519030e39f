#include "scep/oid.h"

#include "base/banned.h"

const struct bytes scep_oid_data = BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
const struct bytes scep_oid_signed_data = BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02");
const struct bytes scep_oid_enveloped_data = BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03");
const struct bytes scep_oid_content_type = BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03");
const struct bytes scep_oid_message_digest = BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04");
/* 2.16.840.1.113733.1.9.N */
const struct bytes scep_oid_message_type = BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x02");
const struct bytes scep_oid_pki_status = BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x03");
const struct bytes scep_oid_fail_info = BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x04");
const struct bytes scep_oid_sender_nonce = BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x05");
const struct bytes scep_oid_recipient_nonce =
    BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x06");
const struct bytes scep_oid_transaction_id = BYTES_INIT("\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x07");
const struct bytes scep_oid_fail_info_text = BYTES_INIT("\x2b\x06\x01\x05\x05\x07\x18\x01");
const struct bytes scep_oid_hresult = BYTES_INIT("\x2b\x06\x01\x04\x01\x82\x37\x15\x21");
