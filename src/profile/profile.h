/*
 * profile.h - a SCEP profile as a device's management takes it in: what is to be said, and the
 * formats in which it can be said.
 *
 * The same facts (address, challenge, names, key, usages, CA) go out as an Apple configuration
 * profile, as SyncML for Windows' ClientCertificateInstall CSP or for Android's agent, or as a
 * shell script for strongSwan's pki or for certmonger. A format refuses what it cannot say
 * (E_PROFILE_UNFIT): nothing is left out in silence that the certificate would then lack.
 * XML is written by libxml2 alone, every text through it; shell words are quoted in one place.
 */
#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include "base/bytes.h"
#include "base/random.h"
#include "profile/limits.h"

enum profile_format {
    PROFILE_MOBILECONFIG = 1,
    PROFILE_SYNCML_WINDOWS,
    PROFILE_SYNCML_ANDROID,
    PROFILE_STRONGSWAN,
    PROFILE_CERTMONGER,
};

/* By the name that a user types ("mobileconfig"). Errors: E_USAGE, with all names. */
MUST_CHECK enum base_code profile_format_find(
    const char *name, enum profile_format *out, struct base_error *err);

/* A key of the format that the user gives a value: "Retries=5". */
struct profile_setting {
    struct bytes key;
    struct bytes value;
};

/* What is said. Everything borrowed. */
struct profile_spec {
    struct bytes device;  /* its name, for people; clean UTF-8 */
    struct bytes profile; /* the profile's name in the configuration */
    struct bytes url;
    struct bytes challenge; /* empty only for profile_check() */
    struct bytes subject_der;
    struct bytes sans_der; /* may be empty */
    unsigned key_bits;     /* of an RSA key */
    uint8_t key_usage;     /* enum pki_key_usage */
    struct bytes ekus;     /* dotted OIDs, newline-separated; may be empty */
    int64_t valid_s;
    int64_t renew_before_s;
    bool needs_approval;     /* then a device asks for longer */
    const struct bytes *cas; /* DER: the CA that issues, then those above it up to the root */
    size_t ca_count;         /* at least 1 */
    const struct profile_setting *settings;
    size_t setting_count;
    const struct base_random *random; /* for UUIDs */
};

/*
 * Can this be said in this format? To be asked before a challenge is made. Errors: E_PROFILE_UNFIT,
 * E_USAGE (a setting that the format does not have, or a value that is not allowed).
 */
MUST_CHECK enum base_code profile_check(
    enum profile_format format, const struct profile_spec *spec, struct base_error *err);
/* Appended to @out, which should be cleared after use: it has the challenge. Errors: as above. */
MUST_CHECK enum base_code profile_write(enum profile_format format, const struct profile_spec *spec,
    struct buffer *out, struct base_error *err);
/* "Retries" "number 0 to 1000, default 3" ...: the settings of a format, in turn from @index 0;
 * false at the end. */
bool profile_describe_setting(enum profile_format format, size_t index, const char **out_key,
    char *out_text, size_t out_size);

#endif
