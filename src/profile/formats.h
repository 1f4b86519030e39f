/*
 * formats.h - what a format is: its settings, what it refuses, how it is written. Not for others.
 */
#ifndef PROFILE_FORMATS_H
#define PROFILE_FORMATS_H

#include "profile/profile.h"
#include "profile/settings.h"

struct profile_writer {
    enum profile_format format;
    const char *name; /* as a user types it */
    const struct profile_rule *rules;
    size_t rule_count;
    /* What this format cannot say. */
    enum base_code (*check)(const struct profile_spec *spec, struct base_error *err);
    enum base_code (*write)(
        const struct profile_spec *spec, struct buffer *out, struct base_error *err);
};

extern const struct profile_writer profile_mobileconfig;
extern const struct profile_writer profile_syncml_windows;
extern const struct profile_writer profile_syncml_android;
extern const struct profile_writer profile_strongswan;
extern const struct profile_writer profile_certmonger;

/* Key lengths that Apple's and Microsoft's formats know. Errors: E_PROFILE_UNFIT. */
MUST_CHECK enum base_code profile_check_bits(unsigned bits, struct base_error *err);
/* Is this certificate its own issuer? */
bool profile_is_root(struct bytes certificate_der);

#endif
