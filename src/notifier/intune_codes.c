#include "notifier/intune_codes.h"

#include "base/banned.h"

/* The names of the codes are Windows'. The order is that of Microsoft's enumeration; the last two
 * rows are not in it. */
static const struct notifier_intune_code table[] = {
    /* E_UNEXPECTED */
    {"Unknown", E_INTUNE_UNKNOWN, 0x8000FFFF, 3, "intune-unknown", false},
    /* CRYPT_E_ASN1_BADTAG */
    {"CertificateRequestDecodingFailed", E_INTUNE_CSR_DECODING, 0x8009310B, 3,
        "intune-certificate-request-decoding-failed", true},
    /* ERROR_INVALID_PASSWORD */
    {"ChallengePasswordMissing", E_INTUNE_CHALLENGE_MISSING, 0x80070056, 3, "challenge-missing",
        true},
    /* ERROR_ILL_FORMED_PASSWORD */
    {"ChallengeDeserializationError", E_INTUNE_CHALLENGE_FORMAT, 0x8007052C, 3,
        "intune-challenge-deserialization-error", true},
    /* NTE_BAD_DATA */
    {"ChallengeDecryptionError", E_INTUNE_CHALLENGE_DECRYPTION, 0x80090005, 3,
        "intune-challenge-decryption-error", true},
    /* ERROR_ILL_FORMED_PASSWORD */
    {"ChallengeDecodingError", E_INTUNE_CHALLENGE_DECODING, 0x8007052C, 3,
        "intune-challenge-decoding-error", true},
    /* ERROR_TIME_SKEW */
    {"ChallengeInvalidTimestamp", E_INTUNE_CHALLENGE_TIMESTAMP, 0x80070576, 3,
        "intune-challenge-invalid-timestamp", true},
    /* ERROR_PASSWORD_EXPIRED */
    {"ChallengeExpired", E_INTUNE_CHALLENGE_EXPIRED, 0x80070532, 3, "intune-challenge-expired",
        true},
    /* CERTSRV_E_BAD_REQUESTSUBJECT */
    {"SubjectNameMissing", E_INTUNE_SUBJECT_MISSING, 0x80094001, 3, "intune-subject-name-missing",
        true},
    {"SubjectNameMismatch", E_INTUNE_SUBJECT_MISMATCH, 0x80094001, 3,
        "intune-subject-name-mismatch", true},
    /* CERT_E_INVALID_NAME */
    {"SubjectAltNameMissing", E_INTUNE_SAN_MISSING, 0x800B0114, 3,
        "intune-subject-alt-name-missing", true},
    {"SubjectAltNameMismatch", E_INTUNE_SAN_MISMATCH, 0x800B0114, 3,
        "intune-subject-alt-name-mismatch", true},
    /* CERT_E_WRONG_USAGE */
    {"KeyUsageMismatch", E_INTUNE_KEY_USAGE, 0x800B0110, 3, "intune-key-usage-mismatch", true},
    /* CERTSRV_E_KEY_LENGTH */
    {"KeyLengthMismatch", E_INTUNE_KEY_LENGTH, 0x80094811, 3, "intune-key-length-mismatch", true},
    /* CERT_E_WRONG_USAGE */
    {"EnhancedKeyUsageMissing", E_INTUNE_EKU_MISSING, 0x800B0110, 3,
        "intune-enhanced-key-usage-missing", true},
    {"EnhancedKeyUsageMismatch", E_INTUNE_EKU_MISMATCH, 0x800B0110, 3,
        "intune-enhanced-key-usage-mismatch", true},
    /* NTE_NOT_FOUND */
    {"AadKeyIdentifierListMissing", E_INTUNE_KEY_LIST_MISSING, 0x80090011, 3,
        "intune-aad-key-identifier-list-missing", true},
    /* NTE_BAD_KEY */
    {"RegisteredKeyMismatch", E_INTUNE_REGISTERED_KEY, 0x80090003, 3,
        "intune-registered-key-mismatch", true},
    /* CRYPT_E_HASH_VALUE */
    {"SigningCertThumbprintMismatch", E_INTUNE_SIGNING_CERTIFICATE, 0x80091007, 3,
        "intune-signing-cert-thumbprint-mismatch", true},
    /* CERTSRV_E_TEMPLATE_DENIED */
    {"ScepProfileNoLongerTargetedToTheClient", E_INTUNE_NOT_TARGETED, 0x80094012, 3,
        "intune-scep-profile-no-longer-targeted-to-the-client", true},
    /* ERROR_NOT_FOUND */
    {"BadCertificateRequestIdInChallenge", E_INTUNE_REQUEST_ID, 0x80070490, 3,
        "intune-bad-certificate-request-id-in-challenge", true},
    {"BadDeviceIdInChallenge", E_INTUNE_DEVICE_ID, 0x80070490, 3,
        "intune-bad-device-id-in-challenge", true},
    /* ERROR_NO_SUCH_USER */
    {"BadUserIdInChallenge", E_INTUNE_USER_ID, 0x80070525, 3, "intune-bad-user-id-in-challenge",
        true},
    /* NTE_BAD_SIGNATURE */
    {"SignatureValidationFailed", E_INTUNE_SIGNATURE, 0x80090006, 3,
        "intune-signature-validation-failed", true},
    /* ERROR_NO_SUCH_DOMAIN */
    {"BadTenantIdInChallenge", E_INTUNE_TENANT_ID, 0x8007054B, 3, "intune-bad-tenant-in-challenge",
        true},
    /* E_FAIL */
    {"", E_INTUNE_OTHER, 0x80004005, 3, "intune-unknown", false},
};
#define COUNT (sizeof(table) / sizeof(table[0]))

const struct notifier_intune_code *
notifier_intune_code_find(struct bytes text)
{
    for (size_t i = 0; i < COUNT - 1; i++) {
        if (bytes_equal_text(text, table[i].text)) {
            return &table[i];
        }
    }
    return &table[COUNT - 1];
}

const struct notifier_intune_code *
notifier_intune_code_table(size_t *out_count)
{
    *out_count = COUNT;
    return table;
}
