#include "signer/profile.h"

#include <string.h>

#include "pki/certificate.h"
#include "signer/folder.h"

#include "base/banned.h"

#define RSA_BITS_MIN 2048U
#define RSA_BITS_MAX 8192U
#define KEY_USAGES_NEVER (PKI_KEY_CERT_SIGN | PKI_CRL_SIGN)

/* id-kp-OCSPSigning would let a device answer for the CA; anyExtendedKeyUsage includes it. */
static const char *const ekus_never[] = {"1.3.6.1.5.5.7.3.9", "2.5.29.37.0"};

bool
signer_profile_has_eku(const struct signer_profile *profile, const char *dotted)
{
    const char *line = profile->ekus;
    size_t wanted = strlen(dotted);
    while (*line != '\0') {
        size_t len = strcspn(line, "\n");
        if (len == wanted && memcmp(line, dotted, len) == 0) {
            return true;
        }
        line += len;
        line += *line == '\n' ? 1 : 0;
    }
    return false;
}

static void
copy_text(char *out, struct bytes text)
{
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

/* The name of the first limit that the profile itself breaks; NULL: none. */
static const char *
find_fault(const struct signer_profile *profile)
{
    if (profile->valid_s <= 0 || profile->valid_s > SIGNER_VALID_MAX_S) {
        return "validity";
    }
    if (profile->backdate_s < 0 || profile->backdate_s > SIGNER_BACKDATE_MAX_S) {
        return "back-dating beyond 24 hours";
    }
    if ((profile->key_usage & KEY_USAGES_NEVER) != 0) {
        return "a key usage of CAs";
    }
    for (size_t i = 0; i < sizeof(ekus_never) / sizeof(ekus_never[0]); i++) {
        if (signer_profile_has_eku(profile, ekus_never[i])) {
            return "the extended key usage OCSPSigning or any";
        }
    }
    if (profile->allow_rsa &&
        (profile->min_rsa_bits < RSA_BITS_MIN || profile->max_rsa_bits > RSA_BITS_MAX ||
            profile->min_rsa_bits > profile->max_rsa_bits)) {
        return "RSA keys below 2048 or above 8192 bits";
    }
    return NULL;
}

enum base_code
signer_profile_read(
    const struct ipc_config_profile *message, struct signer_profile *out, struct base_error *err)
{
    if (!signer_name_is_valid(message->name)) {
        return base_fail(err, E_SIGNER_PROFILE, "a profile's name has a-z, 0-9 and '-' only");
    }
    struct signer_profile profile = {.valid_s = message->valid_s,
        .backdate_s = message->backdate_s,
        .key_usage = message->key_usage,
        .san_types = message->san_types,
        .allow_empty_subject = message->allow_empty_subject != 0,
        .allow_rsa = message->allow_rsa != 0,
        .allow_ec = message->allow_ec != 0,
        .allow_sid = message->allow_sid != 0,
        .min_rsa_bits = message->min_rsa_bits,
        .max_rsa_bits = message->max_rsa_bits};
    copy_text(profile.name, message->name);
    if (message->ekus.len > 0) {
        copy_text(profile.ekus, message->ekus);
    }
    const char *fault = find_fault(&profile);
    if (fault != NULL) {
        return base_fail(
            err, E_SIGNER_PROFILE, "profile %s: %s is never signed", profile.name, fault);
    }
    *out = profile;
    return BASE_OK;
}
