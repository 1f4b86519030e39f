#include "diagnose/hresult.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

static const struct {
    uint32_t code;
    const char *name;
} names[] = {
    {0x8000FFFF, "E_UNEXPECTED"},
    {0x80004003, "E_POINTER"},
    {0x80004005, "E_FAIL"},
    {0x80070002, "ERROR_FILE_NOT_FOUND"},
    {0x80070005, "E_ACCESSDENIED"},
    {0x80070057, "E_INVALIDARG"},
    {0x800700EA, "ERROR_MORE_DATA"},
    {0x800706BA, "RPC_S_SERVER_UNAVAILABLE"},
    {0x80072EE2, "ERROR_WINHTTP_TIMEOUT"},
    {0x80072EE7, "ERROR_WINHTTP_NAME_NOT_RESOLVED"},
    {0x80072EFD, "ERROR_WINHTTP_CANNOT_CONNECT"},
    {0x80072EFE, "ERROR_WINHTTP_CONNECTION_ERROR"},
    {0x80072F05, "ERROR_WINHTTP_SECURE_CERT_DATE_INVALID"},
    {0x80072F06, "ERROR_WINHTTP_SECURE_CERT_CN_INVALID"},
    {0x80072F0D, "ERROR_WINHTTP_SECURE_INVALID_CA"},
    {0x80072F78, "ERROR_WINHTTP_INVALID_SERVER_RESPONSE"},
    {0x80072F8F, "ERROR_WINHTTP_SECURE_FAILURE"},
    {0x80090005, "NTE_BAD_DATA"},
    {0x8009000B, "NTE_BAD_KEY_STATE"},
    {0x80090014, "NTE_BAD_PROV_TYPE"},
    {0x80090016, "NTE_BAD_KEYSET"},
    {0x80090022, "NTE_SILENT_CONTEXT"},
    {0x80090030, "NTE_DEVICE_NOT_READY"},
    {0x8010002C, "SCARD_E_NO_SUCH_CERTIFICATE"},
    {0x80091006, "CRYPT_E_AUTH_ATTR_MISSING"},
    {0x80091007, "CRYPT_E_HASH_VALUE"},
    {0x80092010, "CRYPT_E_REVOKED"},
    {0x80092012, "CRYPT_E_NO_REVOCATION_CHECK"},
    {0x80092013, "CRYPT_E_REVOCATION_OFFLINE"},
    {0x80092021, "CRYPT_E_INVALID_PRINTABLE_STRING"},
    {0x80094001, "CERTSRV_E_BAD_REQUESTSUBJECT"},
    {0x80094800, "CERTSRV_E_UNSUPPORTED_CERT_TYPE"},
    {0x8009480A, "CERTSRV_E_SIGNATURE_POLICY_REQUIRED"},
    {0x8009480B, "CERTSRV_E_SIGNATURE_COUNT"},
    {0x80094811, "CERTSRV_E_KEY_LENGTH"},
    {0x80094012, "CERTSRV_E_TEMPLATE_DENIED"},
    {0x800B0101, "CERT_E_EXPIRED"},
    {0x800B0109, "CERT_E_UNTRUSTEDROOT"},
    {0x800B010A, "CERT_E_CHAINING"},
    {0x800B010C, "CERT_E_REVOKED"},
    {0x800B0110, "CERT_E_WRONG_USAGE"},
    {0x800B0114, "CERT_E_INVALID_NAME"},
    {0x87D11388, "device busy or locked"},
    {0xC00000BB, "STATUS_NOT_SUPPORTED"},
};

static bool
is_failure(uint64_t code)
{
    return code <= UINT32_MAX && (code >> 30 == 2 || code >> 30 == 3);
}

bool
diag_hresult_parse(struct bytes text, uint32_t *out)
{
    char digits[24] = "";
    char *end = NULL;
    if (text.len == 0 || text.len >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, text.ptr, text.len);
    bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    bool is_signed = digits[0] == '-';
    bool is_bare_hex =
        !is_hex && !is_signed && text.len == 8 && strspn(digits, "0123456789abcdefABCDEF") == 8;
    long long value = strtoll(digits, &end, is_hex || is_bare_hex ? 16 : 10);
    if (*end != '\0' || (is_hex && text.len > 10)) {
        return false;
    }
    uint64_t code = is_signed ? (uint32_t)(int32_t)value : (uint64_t)value;
    if ((is_signed && (value < INT32_MIN || value >= 0)) || !is_failure(code)) {
        return false;
    }
    *out = (uint32_t)code;
    return true;
}

static bool
is_part(uint8_t octet)
{
    return isalnum(octet) != 0 || octet == '_';
}

bool
diag_hresult_find(struct bytes line, uint32_t *out, struct bytes *out_rest)
{
    for (size_t i = 0; i < line.len; i++) {
        bool is_start = i == 0 || !is_part(line.ptr[i - 1]);
        if (!is_start || !(isxdigit(line.ptr[i]) != 0 || line.ptr[i] == '-')) {
            continue;
        }
        size_t end = i + 1;
        while (end < line.len && is_part(line.ptr[end])) {
            end++;
        }
        if (end - i >= 8 && diag_hresult_parse((struct bytes){line.ptr + i, end - i}, out)) {
            *out_rest = bytes_skip(line, end);
            return true;
        }
        i = end - 1;
    }
    return false;
}

/* Parts of the texts that no other text has; German without its umlauts, which come in several
 * encodings. */
static const struct {
    uint32_t code;
    const char *words;
} texts[] = {
    {0x80091007, "hash value is not correct"},
    {0x80091007, "Hashwert ist nicht richtig"},
    {0x80091007, "Hashwert ist falsch"},
    {0x8010002C, "requested certificate does not exist"},
    {0x8010002C, "angeforderte Zertifikat ist nicht vorhanden"},
    {0x8010002C, "angeforderte Zertifikat existiert nicht"},
    {0x80091006, "does not contain an expected authenticated attribute"},
    {0x80091006, "erwartetes authentifiziertes Attribut"},
    {0x80092021, "contains a non-printable character"},
    {0x80092021, "nicht druckbares Zeichen"},
    {0x80092013, "revocation server was offline"},
    {0x80092013, "Sperrserver offline"},
    {0x80092012, "unable to check revocation for the certificate"},
    {0x800B0109, "root certificate which is not trusted"},
    {0x800B0109, "einem Stammzertifikat"},
    {0x800B010A, "certificate chain could not be built"},
    {0x800B0101, "not within its validity period"},
    {0x80070002, "cannot find the file specified"},
    {0x80070002, "angegebene Datei nicht finden"},
    {0x80070005, "Access is denied"},
    {0x80070005, "Zugriff verweigert"},
    {0x80070057, "parameter is incorrect"},
    {0x80070057, "Falscher Parameter"},
    {0x80090016, "Keyset does not exist"},
    {0x800706BA, "RPC server is unavailable"},
    {0x800706BA, "RPC-Server ist nicht"},
    {0x80094800, "certificate template is not supported by this CA"},
    {0x80094800, "Zertifikatvorlage wird von dieser Zertifizierungsstelle nicht"},
    {0x80094012, "permissions on the certificate template do not allow"},
    {0x80094012, "Berechtigungen der Zertifikatvorlage"},
    {0x80094811, "does not meet the minimum size required"},
    {0x80094811, "Mindestgr"},
    {0x80094001, "subject name is invalid or too long"},
    {0x80094001, "Antragstellername ist ung"},
    {0x800B0114, "not included in the permitted list"},
};

static bool
has_words(struct bytes text, const char *words)
{
    size_t len = strlen(words);
    for (size_t i = 0; i + len <= text.len; i++) {
        /* the second letter is never the first of a sentence */
        if (text.ptr[i + 1] == (uint8_t)words[1] &&
            strncasecmp((const char *)text.ptr + i, words, len) == 0) {
            return true;
        }
    }
    return false;
}

bool
diag_hresult_of_words(struct bytes text, uint32_t *out)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (has_words(text, texts[i].words)) {
            *out = texts[i].code;
            return true;
        }
    }
    return false;
}

const char *
diag_hresult_name(uint32_t code)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return code >> 16 == 0x8019 ? "an HTTP status" : NULL;
}
