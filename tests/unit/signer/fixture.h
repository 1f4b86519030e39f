/*
 * fixture.h - what the signer's tests share: a clock that stands still, a CA, a profile, bodies.
 */
#ifndef TESTS_SIGNER_FIXTURE_H
#define TESTS_SIGNER_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pki/name.h"
#include "signer/body_check.h"
#include "signer/make_authority.h"

#define FIXTURE_NOW_S ((int64_t)1796000000) /* 2026-11-30 */
#define FIXTURE_DAY_S ((int64_t)86400)
#define FIXTURE_UNUSED __attribute__((unused))

static int64_t
fixture_clock_ms(void *arg)
{
    return *(const int64_t *)arg * 1000;
}

/* @now_s lives as long as the clock. */
FIXTURE_UNUSED static struct signer_maker
fixture_maker(int64_t *now_s)
{
    return (struct signer_maker){{fixture_clock_ms, fixture_clock_ms, now_s}, base_random_system()};
}

FIXTURE_UNUSED static struct signer_authority *
fixture_authority_at(const char *key_spec, int64_t now_s)
{
    const struct signer_maker maker = fixture_maker(&now_s);
    const struct ipc_create_ca order = {.ca = BYTES_LITERAL("default"),
        .key_spec = bytes_from_text(key_spec),
        .subject = BYTES_LITERAL("CN=Test CA,O=Example"),
        .valid_s = 3650 * FIXTURE_DAY_S};
    struct signer_authority *authority = NULL;
    struct base_error err = {0};
    if (signer_authority_create(&maker, &order, &authority, &err) != BASE_OK) {
        fail_msg("%s", err.detail);
    }
    return authority;
}

FIXTURE_UNUSED static struct signer_authority *
fixture_authority(const char *key_spec)
{
    return fixture_authority_at(key_spec, FIXTURE_NOW_S);
}

FIXTURE_UNUSED static struct signer_profile
fixture_profile(void)
{
    return (struct signer_profile){.name = "device",
        .valid_s = 365 * FIXTURE_DAY_S,
        .backdate_s = 300,
        .key_usage = PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT,
        .ekus = "1.3.6.1.5.5.7.3.2\n1.3.6.1.5.5.7.3.4",
        .san_types = 1U << PKI_SAN_DNS | 1U << PKI_SAN_EMAIL,
        .allow_rsa = true,
        .allow_ec = true,
        .min_rsa_bits = 2048,
        .max_rsa_bits = 4096};
}

/* A body that the profile allows; a test changes the one field that it is about, then builds. */
struct fixture_body {
    struct pki_body_spec spec;
    uint8_t serial[SIGNER_SERIAL_LEN];
    struct buffer subject;
    struct buffer sans;
    struct buffer der;
};

FIXTURE_UNUSED static void
fixture_set_subject(struct fixture_body *body, const char *text)
{
    struct base_error err = {0};
    buffer_reset(&body->subject);
    if (pki_name_from_text(bytes_from_text(text), &body->subject, &err) != BASE_OK) {
        fail_msg("%s", err.detail);
    }
    body->spec.subject_der = buffer_bytes(&body->subject);
}

FIXTURE_UNUSED static void
fixture_set_sans(struct fixture_body *body, const char *text)
{
    struct base_error err = {0};
    buffer_reset(&body->sans);
    if (pki_sans_from_text(bytes_from_text(text), &body->sans, &err) != BASE_OK) {
        fail_msg("%s", err.detail);
    }
    body->spec.sans_der = buffer_bytes(&body->sans);
}

FIXTURE_UNUSED static void
fixture_body_init(struct fixture_body *body, const struct signer_authority *authority,
    const struct pki_private_key *key)
{
    memset(body, 0, sizeof(*body));
    buffer_init(&body->subject, 8192);
    buffer_init(&body->sans, 8192);
    buffer_init(&body->der, 32768);
    uint64_t now_ms = (uint64_t)FIXTURE_NOW_S * 1000;
    for (size_t i = 0; i < 6; i++) {
        body->serial[i] = (uint8_t)(now_ms >> (8 * (5 - i)));
    }
    memset(body->serial + 6, 0x5a, sizeof(body->serial) - 6);
    body->spec = (struct pki_body_spec){.serial = BYTES_ARRAY(body->serial),
        .signature = authority->signature,
        .digest = authority->digest,
        .issuer_der = authority->ca.read.subject,
        .not_before_s = FIXTURE_NOW_S - 300,
        .not_after_s = FIXTURE_NOW_S + 365 * FIXTURE_DAY_S,
        .spki_der = pki_private_key_peek_spki(key),
        .path_len = -1,
        .key_usage = PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT,
        .ekus_text = BYTES_LITERAL("1.3.6.1.5.5.7.3.2"),
        .authority_key_id = authority->ca.read.subject_key_id,
        .crl_url = BYTES_LITERAL("http://pki.example/crl/default.crl"),
        .ca_issuers_url = BYTES_LITERAL("http://pki.example/ca/default.crt")};
    fixture_set_subject(body, "CN=laptop-7,O=Example");
    fixture_set_sans(body, "DNS:laptop-7.example");
}

FIXTURE_UNUSED static void
fixture_body_clear(struct fixture_body *body)
{
    buffer_clear(&body->subject);
    buffer_clear(&body->sans);
    buffer_clear(&body->der);
}

FIXTURE_UNUSED static struct bytes
fixture_build(struct fixture_body *body)
{
    struct base_error err = {0};
    buffer_reset(&body->der);
    if (pki_body_build(&body->spec, &body->der, &err) != BASE_OK) {
        fail_msg("%s", err.detail);
    }
    return buffer_bytes(&body->der);
}

FIXTURE_UNUSED static struct pki_private_key *
fixture_key(const char *spec)
{
    struct pki_private_key *key = NULL;
    struct base_error err = {0};
    if (pki_private_key_generate(bytes_from_text(spec), &key, &err) != BASE_OK) {
        fail_msg("%s", err.detail);
    }
    return key;
}

/* A folder of its own for each test, removed with all that is in it. */
struct fixture_place {
    char home[64];
    char path[80]; /* HOME/signer */
    int fd;        /* of HOME/signer */
};

FIXTURE_UNUSED static int
fixture_make_place(void **state)
{
    struct fixture_place *place = calloc(1, sizeof(*place));
    if (place == NULL) {
        return -1;
    }
    (void)snprintf(place->home, sizeof(place->home), "/tmp/kurier-signer-XXXXXX");
    if (mkdtemp(place->home) == NULL) {
        return -1;
    }
    (void)snprintf(place->path, sizeof(place->path), "%s/signer", place->home);
    struct base_error err = {0};
    if (signer_folder_open(place->home, &place->fd, &err) != BASE_OK) {
        return -1;
    }
    *state = place;
    return 0;
}

FIXTURE_UNUSED static int
fixture_remove_place(void **state)
{
    struct fixture_place *place = *state;
    char command[160];
    (void)close(place->fd);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", place->home);
    int status = system(command);
    free(place);
    return status;
}

#endif
