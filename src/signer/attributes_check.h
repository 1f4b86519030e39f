/*
 * attributes_check.h - are these the signed attributes of a CertRep, or of a profile? Pure.
 *
 * The RA's key signs nothing else, so a front in wrong hands cannot have it sign a certificate, a
 * CRL, or a request: whatever it gets is a SCEP answer. What the ledger has it sign for an
 * administrator is a CMS message without any attribute of SCEP, which no client takes for an
 * answer. Source: RFC 8894, section 3.2.1; RFC 5652,
 * section 5.4.
 */
#ifndef SIGNER_ATTRIBUTES_CHECK_H
#define SIGNER_ATTRIBUTES_CHECK_H

#include "pki/algorithm.h"

/*
 * @set_der: the DER encoding as a SET OF, sorted, as it is digested. Wanted once each: contentType
 * data, messageDigest of @digest's length, messageType 3, pkiStatus, transactionID, senderNonce;
 * recipientNonce with SUCCESS; failInfo with FAILURE and only then. Others may stand beside them,
 * each once. Errors: E_SIGNER_ATTRIBUTES, E_DER_*.
 */
MUST_CHECK enum base_code signer_attributes_check(
    struct bytes set_der, enum pki_digest digest, struct base_error *err);
/*
 * The same form for a configuration profile: exactly contentType data, messageDigest of @digest's
 * length, and signingTime within SIGNER_BACK_MAX_S of @now_s. Errors: E_SIGNER_ATTRIBUTES, E_DER_*.
 */
MUST_CHECK enum base_code signer_attributes_check_profile(
    struct bytes set_der, enum pki_digest digest, int64_t now_s, struct base_error *err);

#endif
