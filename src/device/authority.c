#include "device/authority.h"

#include "base/secret.h"
#include "scep/authorities.h"

#include "base/banned.h"

void
device_authority_init(struct device_authority *authority)
{
    *authority = (struct device_authority){.count = 0};
    buffer_init(&authority->message, SCEP_MESSAGE_MAX);
    buffer_init(&authority->storage, 2 * SCEP_MESSAGE_MAX);
}

void
device_authority_clear(struct device_authority *authority)
{
    buffer_clear(&authority->message);
    buffer_clear(&authority->storage);
}

static bool
has_fingerprint(const struct pki_certificate *certificate, struct bytes fingerprint)
{
    uint8_t digest[PKI_DIGEST_MAX];
    enum pki_digest kind = fingerprint.len == 20 ? PKI_SHA1 : PKI_SHA256;
    return pki_digest(kind, certificate->whole, digest, NULL) == BASE_OK &&
           base_secret_equal((struct bytes){digest, pki_digest_len(kind)}, fingerprint);
}

static bool
is_ca(const struct pki_certificate *certificate)
{
    return certificate->is_ca ||
           (certificate->version == 1 && bytes_equal(certificate->issuer, certificate->subject));
}

static const struct pki_certificate *
find_issuer(const struct device_authority *authority, const struct pki_certificate *of)
{
    for (size_t i = 0; i < authority->count; i++) {
        const struct pki_certificate *candidate = &authority->all[i];
        if (candidate != of && !bytes_equal(candidate->whole, of->whole) &&
            pki_certificate_check_issuer(of, candidate, NULL) == BASE_OK) {
            return candidate;
        }
    }
    return NULL;
}

/* Does this certificate stand at or below the authenticated one? Every link is verified. */
static bool
is_below(const struct device_authority *authority, const struct pki_certificate *certificate,
    const struct pki_certificate *anchor)
{
    for (size_t i = 0; i <= authority->count && certificate != NULL; i++) {
        if (bytes_equal(certificate->whole, anchor->whole)) {
            return true;
        }
        certificate = find_issuer(authority, certificate);
    }
    return false;
}

static enum base_code
find_anchor(const struct device_authority *authority, const struct device_trust *trust,
    const struct pki_certificate **out, struct base_error *err)
{
    if (trust->fingerprint.len == 20 && !trust->allow_sha1) {
        return base_fail(err, E_USAGE, "a SHA-1 fingerprint needs --allow-sha1-fingerprint");
    }
    if (trust->fingerprint.len == 0 && trust->pinned_root.len == 0 && !trust->trust_on_first_use) {
        return base_fail(
            err, E_DEVICE_NO_FINGERPRINT, "the server showed %zu certificates", authority->count);
    }
    for (size_t i = 0; i < authority->count; i++) {
        const struct pki_certificate *candidate = &authority->all[i];
        bool is_it = trust->fingerprint.len > 0 ? has_fingerprint(candidate, trust->fingerprint)
                     : trust->pinned_root.len > 0
                         ? bytes_equal(candidate->whole, trust->pinned_root)
                         : is_ca(candidate);
        if (is_it && is_ca(candidate)) {
            *out = candidate;
            return BASE_OK;
        }
    }
    return base_fail(err, E_DEVICE_FINGERPRINT, "none of %zu certificates", authority->count);
}

static bool
is_rsa(const struct pki_certificate *certificate)
{
    OWN_STRUCT(pki_public_key) key = NULL;
    return pki_public_key_read(certificate->spki, &key, NULL) == BASE_OK &&
           pki_public_key_type(key) == PKI_KEY_RSA;
}

static bool
has_encipherment(const struct pki_certificate *certificate)
{
    return !certificate->has_key_usage ||
           (certificate->key_usage & (PKI_KEY_ENCIPHERMENT | PKI_DATA_ENCIPHERMENT)) != 0;
}

/* An RA with keyEncipherment first, then a CA with it. A server whose only certificate is a CA's
 * without (micromdm's scepserver) is asked all the same, and the choice is told. */
static enum base_code
choose_recipient(struct device_authority *authority, struct base_error *err)
{
    for (int pass = 0; pass < 3; pass++) {
        for (size_t i = 0; i < authority->trusted_count; i++) {
            const struct pki_certificate *candidate = &authority->trusted[i];
            bool is_wanted = pass == 0   ? !is_ca(candidate) && has_encipherment(candidate)
                             : pass == 1 ? is_ca(candidate) && has_encipherment(candidate)
                                         : authority->count == 1;
            if (is_wanted && is_rsa(candidate)) {
                authority->recipient = i;
                authority->is_recipient_unfit = pass == 2;
                return BASE_OK;
            }
        }
    }
    return base_fail(err, E_DEVICE_RECIPIENT, "none of %zu", authority->trusted_count);
}

/* The CA that issues: the trusted CA that issued the recipient, or the recipient itself. */
static void
choose_ca(struct device_authority *authority)
{
    const struct pki_certificate *recipient = &authority->trusted[authority->recipient];
    authority->ca = authority->recipient;
    for (size_t i = 0; i < authority->trusted_count; i++) {
        if (i != authority->recipient && !is_ca(recipient) &&
            pki_certificate_check_issuer(recipient, &authority->trusted[i], NULL) == BASE_OK) {
            authority->ca = i;
        }
    }
}

enum base_code
device_authority_authenticate(struct device_authority *authority, const struct device_trust *trust,
    int64_t now_s, struct base_error *err)
{
    struct bytes ders[SCEP_CERTIFICATES_MAX];
    const struct pki_certificate *anchor = NULL;
    TRY(scep_authorities_read(
        buffer_bytes(&authority->message), &authority->storage, ders, &authority->count, err));
    for (size_t i = 0; i < authority->count; i++) {
        TRY(pki_certificate_read(ders[i], &authority->all[i], err));
    }
    TRY(find_anchor(authority, trust, &anchor, err));
    authority->trusted_count = 0;
    for (size_t i = 0; i < authority->count; i++) {
        const struct pki_certificate *candidate = &authority->all[i];
        bool is_current = now_s >= candidate->not_before_s && now_s <= candidate->not_after_s;
        if (is_current && is_below(authority, candidate, anchor)) {
            authority->trusted[authority->trusted_count++] = *candidate;
        }
    }
    TRY(choose_recipient(authority, err));
    choose_ca(authority);
    return BASE_OK;
}

enum base_code
device_authority_chain_pem(
    const struct device_authority *authority, struct buffer *out, struct base_error *err)
{
    const struct pki_certificate *at = &authority->trusted[authority->ca];
    for (size_t i = 0; i < SCEP_CERTIFICATES_MAX && at != NULL; i++) {
        TRY(pki_der_to_pem(at->whole, "CERTIFICATE", out, err));
        at = bytes_equal(at->issuer, at->subject) ? NULL : find_issuer(authority, at);
    }
    return BASE_OK;
}

const struct pki_certificate *
device_authority_root(const struct device_authority *authority)
{
    const struct pki_certificate *at = &authority->trusted[authority->ca];
    for (size_t i = 0; i < SCEP_CERTIFICATES_MAX; i++) {
        const struct pki_certificate *above =
            bytes_equal(at->issuer, at->subject) ? NULL : find_issuer(authority, at);
        if (above == NULL) {
            break;
        }
        at = above;
    }
    return at;
}
