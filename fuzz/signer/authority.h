/*
 * authority.h - a CA that is the same in every run, so that seeds reach all checks.
 */
#ifndef FUZZ_SIGNER_AUTHORITY_H
#define FUZZ_SIGNER_AUTHORITY_H

#include <stdlib.h>

#include "pki/name.h"
#include "signer/body_check.h"
#include "signer/crl_check.h"

#define FUZZ_NOW_S ((int64_t)1796000000) /* 2026-11-30 */

/* Made for these targets; it protects nothing. */
static const char fuzz_key_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgK+kxyWsQVWKsDtEO\n"
    "IEvFR0pLVoG6Q1M+NTb54zu9dQShRANCAASyfVYzaHRFdmIN573EFB6XaQrInzhw\n"
    "6dL/qQgSeCtUuNIpN+LJVF5xsrhYP6LKoe8qjXTJvCcrIDFqdb6Xv5kD\n"
    "-----END PRIVATE KEY-----\n";

static void
fuzz_must(enum base_code code)
{
    if (code != BASE_OK) {
        abort();
    }
}

/* Built at the first call; its RA is the CA itself, which these checks do not mind. */
__attribute__((unused)) static const struct signer_authority *
fuzz_authority(void)
{
    static struct signer_authority *authority;
    static const uint8_t serial[] = {1};
    struct pki_private_key *key = NULL;
    struct base_error err = {0};
    BUFFER_LOCAL(name, 1024);
    BUFFER_LOCAL(body, 4096);
    BUFFER_LOCAL(der, 8192);
    if (authority != NULL) {
        return authority;
    }
    fuzz_must(signer_authority_new(BYTES_LITERAL("default"), &authority, &err));
    fuzz_must(pki_private_key_load(bytes_from_text(fuzz_key_pem), BYTES_NONE, &key, &err));
    fuzz_must(signer_authority_set_key(authority, MOVE(key), &err));
    fuzz_must(pki_name_from_text(BYTES_LITERAL("CN=Fuzz CA,O=Example"), &name, &err));
    const struct pki_body_spec spec = {.serial = BYTES_ARRAY(serial),
        .signature = authority->signature,
        .digest = authority->digest,
        .issuer_der = buffer_bytes(&name),
        .not_before_s = FUZZ_NOW_S - 86400,
        .not_after_s = FUZZ_NOW_S + (int64_t)3650 * 86400,
        .subject_der = buffer_bytes(&name),
        .spki_der = pki_private_key_peek_spki(authority->key),
        .is_ca = true,
        .path_len = 0,
        .key_usage = PKI_KEY_CERT_SIGN | PKI_CRL_SIGN};
    fuzz_must(pki_body_build(&spec, &body, &err));
    fuzz_must(
        pki_certificate_sign(authority->key, authority->digest, buffer_bytes(&body), &der, &err));
    fuzz_must(signer_certificate_set(&authority->ca, buffer_bytes(&der), &err));
    fuzz_must(signer_certificate_set(&authority->ra, buffer_bytes(&der), &err));
    return authority;
}

#endif
