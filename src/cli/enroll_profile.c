#include "cli/enroll_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/text.h"
#include "cli/inspect_keys.h"
#include "pki/algorithm.h"
#include "profile/limits.h"

#include "base/banned.h"

#define USAGE_KNOWN 5U /* Apple's Key Usage: 1 signing, 4 encryption */

static enum base_code
read_file(const char *path, struct buffer *out, struct base_error *err)
{
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return base_fail_errno(err, errno == ENOENT ? E_USAGE : E_SYSTEM, errno,
            "'%.150s' is no URL, and as a file", path);
    }
    return cli_read_all(fd, path, out, err);
}

static void
say(const struct device_enroll_options *options, const char *what, const char *value)
{
    char text[1024] = "";
    if (options->progress != NULL) {
        (void)snprintf(text, sizeof(text), "%s%s", what, value);
        options->progress(options->progress_arg, text);
    }
}

static void
tell(const struct profile_scep *profile, const struct device_enroll_options *options)
{
    char signer[900] = "";
    (void)snprintf(signer, sizeof(signer), "%.*s", base_size_to_int(profile->signer.len),
        (const char *)profile->signer.ptr);
    if (profile->signer.len > 0) {
        say(options, "the profile is signed by ", signer);
        say(options, "note: ", "whether to believe that signer is for you to say");
    } else {
        say(options, "note: ", "the profile is not signed");
    }
    if (profile->scep_count > 1) {
        say(options, "note: ", "it has several SCEP payloads; --payload N chooses");
    }
    if (profile->has_key_usage && (profile->key_usage & ~USAGE_KNOWN) != 0) {
        say(options, "note: ", "Apple's devices refuse its Key Usage (error 22000)");
    }
}

/* The anchor is CAFingerprint, else the only root certificate that comes with it. */
static enum base_code
take_trust(
    struct profile_scep *profile, struct device_enroll_options *options, struct base_error *err)
{
    uint8_t digest[PKI_DIGEST_MAX];
    if (profile->fingerprint.len == 0 && profile->root.len > 0) {
        TRY(pki_digest(PKI_SHA256, buffer_bytes(&profile->root), digest, err));
        TRY(buffer_append(
            &profile->fingerprint, (struct bytes){digest, pki_digest_len(PKI_SHA256)}, err));
    }
    if (profile->fingerprint.len == 20) {
        options->trust.allow_sha1 = true; /* whoever made the profile chose it */
    }
    options->trust.fingerprint = buffer_bytes(&profile->fingerprint);
    return BASE_OK;
}

enum base_code
cli_enroll_profile(const char *path, const char *payload, struct profile_scep *profile,
    struct device_enroll_options *options, struct base_error *err)
{
    uint64_t number = 0;
    BUFFER_LOCAL(file, PROFILE_FILE_MAX);
    TRY(base_parse_number(bytes_from_text(payload), PROFILE_PAYLOAD_MAX, &number, err));
    TRY(read_file(path, &file, err));
    TRY(profile_mobileconfig_read(buffer_bytes(&file), (size_t)number, profile, err));
    tell(profile, options);
    TRY(buffer_append_octet(&profile->url, 0, err));
    options->url = (const char *)profile->url.ptr;
    options->ca_identifier = buffer_bytes(&profile->name);
    options->challenge = buffer_bytes(&profile->challenge);
    options->subject_der = buffer_bytes(&profile->subject_der);
    options->sans_der = buffer_bytes(&profile->sans_der);
    options->key_spec = bytes_from_text(profile->key_spec);
    options->is_poll_counted = true;
    options->poll_count = profile->retries;
    options->poll_interval_s = profile->retry_delay;
    return take_trust(profile, options, err);
}
