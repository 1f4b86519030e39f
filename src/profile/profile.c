#include "profile/profile.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pki/certificate.h"
#include "profile/formats.h"

#include "base/banned.h"

static const struct profile_writer *const writers[] = {&profile_mobileconfig,
    &profile_syncml_windows, &profile_syncml_android, &profile_strongswan, &profile_certmonger};
#define WRITER_COUNT (sizeof(writers) / sizeof(writers[0]))

enum base_code
profile_format_find(const char *name, enum profile_format *out, struct base_error *err)
{
    char names[128] = "";
    for (size_t i = 0; i < WRITER_COUNT; i++) {
        if (strcmp(writers[i]->name, name) == 0) {
            *out = writers[i]->format;
            return BASE_OK;
        }
        size_t len = strlen(names);
        (void)snprintf(
            names + len, sizeof(names) - len, "%s%s", i == 0 ? "" : ", ", writers[i]->name);
    }
    return base_fail(err, E_USAGE, "'%.40s' is no format: %s", name, names);
}

static const struct profile_writer *
find_writer(enum profile_format format)
{
    const struct profile_writer *found = writers[0];
    for (size_t i = 0; i < WRITER_COUNT; i++) {
        found = writers[i]->format == format ? writers[i] : found;
    }
    return found;
}

enum base_code
profile_check(enum profile_format format, const struct profile_spec *spec, struct base_error *err)
{
    const struct profile_writer *writer = find_writer(format);
    if (spec->ca_count == 0) {
        return base_fail(err, E_CA_MISSING, "no certificate of the CA");
    }
    if (!base_is_clean_utf8(spec->device) || !base_is_clean_utf8(spec->url)) {
        return base_fail(err, E_TEXT_FORMAT, "control characters in the device's name or the URL");
    }
    TRY(profile_settings_check(writer->rules, writer->rule_count, spec, err));
    return writer->check(spec, err);
}

enum base_code
profile_write(enum profile_format format, const struct profile_spec *spec, struct buffer *out,
    struct base_error *err)
{
    TRY(profile_check(format, spec, err));
    if (spec->challenge.len == 0) {
        return base_fail(err, E_INTERNAL, "a profile without a challenge");
    }
    return find_writer(format)->write(spec, out, err);
}

bool
profile_describe_setting(
    enum profile_format format, size_t index, const char **out_key, char *out_text, size_t out_size)
{
    const struct profile_writer *writer = find_writer(format);
    if (index >= writer->rule_count) {
        return false;
    }
    *out_key = writer->rules[index].key;
    profile_settings_describe(&writer->rules[index], out_text, out_size);
    return true;
}

enum base_code
profile_check_bits(unsigned bits, struct base_error *err)
{
    if (bits != 1024 && bits != 2048 && bits != 4096) {
        return base_fail(
            err, E_PROFILE_UNFIT, "RSA with %u bits: this format knows 2048 and 4096", bits);
    }
    return BASE_OK;
}

bool
profile_is_root(struct bytes certificate_der)
{
    struct pki_certificate certificate;
    return pki_certificate_read(certificate_der, &certificate, NULL) == BASE_OK &&
           bytes_equal(certificate.issuer, certificate.subject);
}
