/* What the tests of this room export: a CA made for them, and texts that break careless writers. */
#ifndef TESTS_UNIT_PROFILE_FACTS_H
#define TESTS_UNIT_PROFILE_FACTS_H

#include <string.h>

#include "pki/certificate.h"
#include "pki/name.h"
#include "profile/profile.h"

struct facts {
    struct buffer root;
    struct buffer ca;
    struct buffer subject;
    struct buffer sans;
    struct buffer out;
    struct bytes cas[2];
    struct base_random random;
    struct profile_spec spec;
};

static inline enum base_code
facts_octets(void *arg, uint8_t *out, size_t len, struct base_error *err)
{
    (void)arg;
    (void)err;
    memset(out, 0x5a, len);
    return BASE_OK;
}

static inline void
facts_certificate(struct buffer *out, const struct pki_private_key *key, const char *subject,
    const char *issuer, const struct pki_private_key *issuer_key)
{
    static const uint8_t serial[] = {1, 2, 3};
    struct base_error err = {0};
    BUFFER_LOCAL(subject_der, 4096);
    BUFFER_LOCAL(issuer_der, 4096);
    BUFFER_LOCAL(body, 8192);
    assert_int_equal(pki_name_from_text(bytes_from_text(subject), &subject_der, &err), BASE_OK);
    assert_int_equal(pki_name_from_text(bytes_from_text(issuer), &issuer_der, &err), BASE_OK);
    const struct pki_body_spec spec = {.serial = BYTES_ARRAY(serial),
        .signature = PKI_RSA_PKCS1,
        .digest = PKI_SHA256,
        .issuer_der = buffer_bytes(&issuer_der),
        .not_before_s = 1793491200,
        .not_after_s = 1893491200,
        .subject_der = buffer_bytes(&subject_der),
        .spki_der = pki_private_key_peek_spki(key),
        .is_ca = true,
        .path_len = -1,
        .key_usage = PKI_KEY_CERT_SIGN | PKI_CRL_SIGN};
    assert_int_equal(pki_body_build(&spec, &body, &err), BASE_OK);
    buffer_init(out, 8192);
    assert_int_equal(
        pki_certificate_sign(issuer_key, PKI_SHA256, buffer_bytes(&body), out, &err), BASE_OK);
}

/* An issuing CA under a root. */
static inline void
facts_init(struct facts *facts, const char *subject, const char *sans)
{
    struct base_error err = {0};
    OWN_STRUCT(pki_private_key) key = NULL;
    assert_int_equal(pki_private_key_generate(BYTES_LITERAL("rsa:2048"), &key, &err), BASE_OK);
    facts_certificate(&facts->root, key, "CN=Root", "CN=Root", key);
    facts_certificate(&facts->ca, key, "CN=Issuing \\, 1,O=Ex", "CN=Root", key);
    buffer_init(&facts->subject, 8192);
    buffer_init(&facts->sans, 8192);
    buffer_init(&facts->out, (size_t)1024 * 1024);
    assert_int_equal(pki_name_from_text(bytes_from_text(subject), &facts->subject, &err), BASE_OK);
    assert_int_equal(pki_sans_from_text(bytes_from_text(sans), &facts->sans, &err), BASE_OK);
    facts->cas[0] = buffer_bytes(&facts->ca);
    facts->cas[1] = buffer_bytes(&facts->root);
    facts->random = (struct base_random){facts_octets, NULL};
    facts->spec = (struct profile_spec){.device = BYTES_LITERAL("dev<i>&'ce"),
        .profile = BYTES_LITERAL("default"),
        .url = BYTES_LITERAL("http://scep.example/scep?a&b"),
        .challenge = BYTES_LITERAL("SECRET"),
        .subject_der = buffer_bytes(&facts->subject),
        .sans_der = buffer_bytes(&facts->sans),
        .key_bits = 2048,
        .key_usage = PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT,
        .ekus = BYTES_LITERAL("1.3.6.1.5.5.7.3.2\n1.2.3.4"),
        .valid_s = 86400,
        .renew_before_s = 86400,
        .cas = facts->cas,
        .ca_count = 2,
        .random = &facts->random};
}

static inline void
facts_clear(struct facts *facts)
{
    buffer_clear(&facts->root);
    buffer_clear(&facts->ca);
    buffer_clear(&facts->subject);
    buffer_clear(&facts->sans);
    buffer_clear(&facts->out);
}

/* The document as text. */
static inline const char *
facts_write(struct facts *facts, enum profile_format format)
{
    struct base_error err = {0};
    buffer_reset(&facts->out);
    assert_int_equal(profile_write(format, &facts->spec, &facts->out, &err), BASE_OK);
    assert_int_equal(buffer_append_octet(&facts->out, 0, &err), BASE_OK);
    return (const char *)facts->out.ptr;
}

#define assert_contains(text, part) assert_non_null(strstr((text), (part)))

#endif
