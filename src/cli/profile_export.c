#include "cli/profile_export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "pki/certificate.h"
#include "pki/name.h"
#include "profile/signed.h"

#include "base/banned.h"

#define CERTIFICATES_MAX 96 /* of all CAs of a home */
#define OUTPUT_MAX ((size_t)4 * 1024 * 1024)

/* What one export gathers; all of it is owned here. */
struct export
{
    const struct cli_export_options *options;
    struct cli_session session;
    enum profile_format format;
    struct ipc_frame profile_frame; /* row points into it */
    struct ipc_profile_row row;
    struct buffer certificates; /* the CA's, its chain, its RA's: DER, back to back */
    size_t ends[CERTIFICATES_MAX];
    uint8_t kinds[CERTIFICATES_MAX];
    size_t certificate_count;
    struct bytes cas[PROFILE_CA_MAX];
    struct buffer subject_der;
    struct buffer subject_text;
    struct buffer san_text;
    struct buffer sans_der;
    struct buffer url;
    struct buffer challenge;
    struct buffer document;
    struct profile_setting settings[PROFILE_SETTING_MAX];
    struct base_random random;
    struct profile_spec spec;
    struct ipc_challenge made; /* challenge_id is not kept */
};

/* ---- what the ledger says
 * ---------------------------------------------------------------------------------------
 */

static enum base_code
take_profile(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct export *export = arg;
    export->profile_frame = *frame;
    export->profile_frame.fd = -1;
    return ipc_decode(&ipc_profile_row_spec, &export->profile_frame, &export->row, err);
}

static enum base_code
take_authority(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct export *export = arg;
    struct ipc_authority_row row;
    TRY(ipc_decode(&ipc_authority_row_spec, frame, &row, err));
    if (!bytes_equal(row.ca, export->row.ca)) {
        return BASE_OK;
    }
    if (export->certificate_count == CERTIFICATES_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d certificates", CERTIFICATES_MAX);
    }
    TRY(buffer_append(&export->certificates, row.certificate, err));
    export->kinds[export->certificate_count] = row.kind;
    export->ends[export->certificate_count++] = export->certificates.len;
    return BASE_OK;
}

static struct bytes
certificate_at(const struct export *export, size_t index)
{
    size_t begin = index == 0 ? 0 : export->ends[index - 1];
    return (struct bytes){export->certificates.ptr + begin, export->ends[index] - begin};
}

/* All of @kind, as the ledger sent them: the chain goes up to the root. */
static size_t
find_certificates(const struct export *export, uint8_t kind, struct bytes *out, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < export->certificate_count && count < max; i++) {
        if (export->kinds[i] == kind) {
            out[count++] = certificate_at(export, i);
        }
    }
    return count;
}

static enum base_code
ask_ledger(struct export *export, struct base_error *err)
{
    struct cli_page page;
    const struct ipc_profile_list list = {bytes_from_text(export->options->profile), BYTES_NONE};
    const struct ipc_authority_list authorities = {0};
    TRY(cli_ask(&export->session, &ipc_profile_list_spec, &list, take_profile, export, &page, err));
    TRY(cli_ask(&export->session, &ipc_authority_list_spec, &authorities, take_authority, export,
        &page, err));
    size_t count = find_certificates(export, IPC_AUTHORITY_CA, export->cas, 1);
    count +=
        find_certificates(export, IPC_AUTHORITY_CHAIN, export->cas + count, PROFILE_CA_MAX - count);
    export->spec.cas = export->cas;
    export->spec.ca_count = count;
    return BASE_OK;
}

/*
 * The one place where an export gets its challenge: for this device and exactly these names, one
 * use.
 */
static enum base_code
take_challenge(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct export *export = arg;
    TRY(ipc_decode(&ipc_challenge_spec, frame, &export->made, err));
    TRY(buffer_append(&export->challenge, export->made.challenge, err));
    export->made.challenge = BYTES_NONE;
    export->made.challenge_id = BYTES_NONE;
    return BASE_OK;
}

static enum base_code
ask_challenge(struct export *export, struct base_error *err)
{
    struct cli_page page;
    struct ipc_challenge_new question = {.profile = export->row.name,
        .device = bytes_from_text(export->options->device),
        .subject = buffer_bytes(&export->subject_text),
        .sans = buffer_bytes(&export->san_text),
        .is_san_bound = 1,
        .is_bound = export->options->is_bound,
        .uses = 1,
        .count = 1};
    if (export->options->ttl != NULL) {
        TRY(base_duration_parse(bytes_from_text(export->options->ttl), &question.ttl_s, err));
    }
    TRY(cli_ask(
        &export->session, &ipc_challenge_new_spec, &question, take_challenge, export, &page, err));
    export->spec.challenge = buffer_bytes(&export->challenge);
    return BASE_OK;
}

static enum base_code
take_signature(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct buffer *signature = arg;
    struct ipc_profile_signed row;
    TRY(ipc_decode(&ipc_profile_signed_spec, frame, &row, err));
    return buffer_append(signature, row.signature, err);
}

static enum base_code
sign_document(struct export *export, struct buffer *out, struct base_error *err)
{
    struct cli_page page;
    struct bytes certificates[1 + PROFILE_CA_MAX];
    const struct base_clock clock = base_clock_system();
    BUFFER_LOCAL(set, PROFILE_ATTRIBUTES_MAX);
    BUFFER_LOCAL(signature, IPC_SIGNATURE_MAX);
    if (find_certificates(export, IPC_AUTHORITY_RA, certificates, 1) == 0) {
        return base_fail(err, E_NOT_FOUND, "the CA has no RA certificate");
    }
    memcpy(certificates + 1, export->cas, export->spec.ca_count * sizeof(certificates[0]));
    TRY(profile_signed_attributes(
        buffer_bytes(&export->document), base_clock_now_s(&clock), &set, err));
    const struct ipc_profile_sign question = {export->row.ca, buffer_bytes(&set)};
    TRY(cli_ask(&export->session, &ipc_profile_sign_spec, &question, take_signature, &signature,
        &page, err));
    return profile_signed_write(buffer_bytes(&export->document), buffer_bytes(&set),
        buffer_bytes(&signature), certificates, 1 + export->spec.ca_count, out, err);
}

/* ---- what the user says
 * -----------------------------------------------------------------------------------------
 */

static bool
begins_with(struct bytes text, const char *beginning)
{
    size_t len = strlen(beginning);
    return text.len >= len && memcmp(text.ptr, beginning, len) == 0;
}

enum base_code
cli_profile_url(const struct ipc_profile_row *row, bool is_microsoft, struct buffer *out,
    struct base_error *err)
{
    struct bytes base = row->public_url.len > 0 ? row->public_url : row->listener_url;
    if (row->path.len == 0) {
        return base_fail(err, E_PROFILE_URL, "no endpoint has the profile '%.*s'",
            base_size_to_int(row->name.len), (const char *)row->name.ptr);
    }
    if (base.len == 0) {
        return base_fail(err, E_PROFILE_URL, "no public_url, and nothing is listened on");
    }
    if (row->public_url.len == 0 &&
        (begins_with(base, "http://0.0.0.0:") || begins_with(base, "http://[::]:"))) {
        return base_fail(err, E_PROFILE_URL,
            "no public_url, and %.*s is every address of this machine",
            base_size_to_int(base.len - 7), (const char *)base.ptr + 7);
    }
    TRY(buffer_append(out, base, err));
    TRY(buffer_append(
        out, is_microsoft && row->ndes_path.len > 0 ? row->ndes_path : row->path, err));
    return buffer_append_octet(out, 0, err);
}

static enum base_code
choose_url(struct export *export, struct base_error *err)
{
    const char *given = export->options->url;
    bool is_microsoft =
        export->format == PROFILE_SYNCML_WINDOWS || export->format == PROFILE_SYNCML_ANDROID;
    if (given == NULL) {
        TRY(cli_profile_url(&export->row, is_microsoft, &export->url, err));
        export->url.len--; /* its NUL */
    } else if (begins_with(bytes_from_text(given), "http://") ||
               begins_with(bytes_from_text(given), "https://")) {
        TRY(buffer_append_text(&export->url, given, err));
    } else {
        return base_fail(err, E_USAGE, "--url begins with http:// or https://");
    }
    export->spec.url = buffer_bytes(&export->url);
    return BASE_OK;
}

static enum base_code
choose_key(struct export *export, struct base_error *err)
{
    static const uint64_t lengths[] = {2048, 3072, 4096};
    const struct ipc_profile_row *row = &export->row;
    const char *given = export->options->key;
    uint64_t bits = 0;
    if (row->allow_rsa == 0) {
        return base_fail(
            err, E_PROFILE_UNFIT, "the profile takes no RSA keys, and SCEP clients make no others");
    }
    if (given != NULL) {
        struct bytes text = bytes_from_text(given);
        if (!begins_with(text, "rsa:") ||
            base_parse_number(bytes_skip(text, 4), 16384, &bits, NULL) != BASE_OK) {
            return base_fail(err, E_USAGE, "--key is rsa:2048, rsa:3072 or rsa:4096");
        }
    }
    for (size_t i = 0; bits == 0 && i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        bits = lengths[i] >= row->min_rsa_bits && lengths[i] <= row->max_rsa_bits ? lengths[i] : 0;
    }
    if (bits < row->min_rsa_bits || bits > row->max_rsa_bits) {
        return base_fail(err, E_PROFILE_UNFIT, "RSA with %llu bits; the profile takes %u to %u",
            (unsigned long long)bits, (unsigned)row->min_rsa_bits, (unsigned)row->max_rsa_bits);
    }
    export->spec.key_bits = (unsigned)bits;
    return BASE_OK;
}

static enum base_code
choose_names(struct export *export, struct base_error *err)
{
    const struct cli_export_options *options = export->options;
    BUFFER_LOCAL(text, IPC_TEXT_MAX * 4);
    if (options->subject != NULL) {
        TRY(buffer_append_text(&text, options->subject, err));
    } else {
        TRY(buffer_append_text(&text, "CN=", err));
        TRY(pki_name_escape(bytes_from_text(options->device), &text, err));
    }
    for (size_t i = 0; i < options->sans.count; i++) {
        if (strchr(options->sans.item[i], '\n') != NULL) {
            return base_fail(err, E_SAN_FORMAT, "a line end in --san");
        }
        TRY(buffer_append_text(&export->san_text, options->sans.item[i], err));
        TRY(buffer_append_octet(&export->san_text, '\n', err));
    }
    TRY(pki_name_from_text(buffer_bytes(&text), &export->subject_der, err));
    TRY(pki_sans_from_text(buffer_bytes(&export->san_text), &export->sans_der, err));
    if (export->sans_der.len > 0) {
        TRY(pki_sans_check(buffer_bytes(&export->sans_der), export->row.san_types, err));
    }
    bool is_empty = pki_name_is_empty(buffer_bytes(&export->subject_der));
    if (is_empty && (export->row.allow_empty_subject == 0 || export->sans_der.len == 0)) {
        return base_fail(err, E_SUBJECT_EMPTY, "give --subject");
    }
    if (!is_empty) {
        TRY(pki_name_check(buffer_bytes(&export->subject_der), err));
    }
    export->spec.subject_der = buffer_bytes(&export->subject_der);
    export->spec.sans_der = buffer_bytes(&export->sans_der);
    return pki_name_text(buffer_bytes(&export->subject_der), &export->subject_text, err);
}

static enum base_code
choose_settings(struct export *export, struct base_error *err)
{
    const struct cli_list *list = &export->options->settings;
    for (size_t i = 0; i < list->count; i++) {
        const char *equals = strchr(list->item[i], '=');
        if (equals == NULL || i == PROFILE_SETTING_MAX) {
            return base_fail(err, E_USAGE,
                "--set takes KEY=VALUE, at most %d times; see --settings", PROFILE_SETTING_MAX);
        }
        export->settings[i] = (struct profile_setting){
            {(const uint8_t *)list->item[i], (size_t)(equals - list->item[i])},
            bytes_from_text(equals + 1)};
    }
    export->spec.settings = export->settings;
    export->spec.setting_count = list->count;
    return BASE_OK;
}

/* The whole but for the challenge, checked. */
static enum base_code
prepare(struct export *export, struct base_error *err)
{
    const struct ipc_profile_row *row = &export->row;
    if (export->options->is_signed && export->format != PROFILE_MOBILECONFIG) {
        return base_fail(err, E_USAGE, "--sign is for mobileconfig");
    }
    if (!base_is_clean_utf8(bytes_from_text(export->options->device))) {
        return base_fail(err, E_TEXT_FORMAT, "a device name with control characters");
    }
    export->random = base_random_system();
    export->spec = (struct profile_spec){
        .device = bytes_from_text(export->options->device), .random = &export->random};
    TRY(ask_ledger(export, err));
    export->spec.profile = row->name;
    export->spec.key_usage = row->key_usage;
    export->spec.ekus = row->ekus;
    export->spec.valid_s = row->valid_s;
    export->spec.renew_before_s = row->renew_before_s;
    export->spec.needs_approval = row->needs_approval != 0;
    if (row->path.len > 0 && row->takes_challenge == 0) {
        return base_fail(err, E_PROFILE_UNFIT,
            "endpoint '%.*s' takes no challenges of Kurier's: its policies give out their own",
            base_size_to_int(row->endpoint.len), (const char *)row->endpoint.ptr);
    }
    TRY(choose_url(export, err));
    TRY(choose_key(export, err));
    TRY(choose_names(export, err));
    TRY(choose_settings(export, err));
    return profile_check(export->format, &export->spec, err);
}

/* ---- the file
 * ---------------------------------------------------------------------------------------------------
 */

static enum base_code
write_all(int fd, struct bytes content, const char *path, struct base_error *err)
{
    while (content.len > 0) {
        ssize_t written = write(fd, content.ptr, content.len);
        if (written < 0 && errno != EINTR) {
            return base_fail_errno(err, E_SYSTEM, errno, "writing %.150s", path);
        }
        content = bytes_skip(content, written < 0 ? 0 : (size_t)written);
    }
    return BASE_OK;
}

/* With a challenge in it, it is for its owner alone. */
static enum base_code
open_output(const char *path, int *out_fd, struct base_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0 || fchmod(fd, 0600) != 0) {
        enum base_code code = base_fail_errno(err, E_SYSTEM, errno, "%.150s", path);
        if (fd >= 0) {
            (void)close(fd);
        }
        return code;
    }
    *out_fd = fd;
    return BASE_OK;
}

static void
print_summary(const struct export *export)
{
    char device[2048] = "";
    char subject[4096] = "";
    char until[CLI_TIME_LEN] = "";
    (void)printf("%s: for %s, %s; its challenge serves one enrolment until %s UTC\n",
        export->options->out,
        cli_clean(bytes_from_text(export->options->device), device, sizeof(device)),
        cli_clean(buffer_bytes(&export->subject_text), subject, sizeof(subject)),
        cli_time(export->made.expires_ms, until));
}

static enum base_code
run(struct export *export, struct base_error *err)
{
    const char *path = export->options->out;
    OWN_FD int fd = -1;
    BUFFER_LOCAL(message, OUTPUT_MAX);
    TRY(prepare(export, err));
    if (path != NULL) {
        TRY(open_output(path, &fd, err)); /* before a challenge is made that nobody would get */
    }
    TRY(ask_challenge(export, err));
    TRY(profile_write(export->format, &export->spec, &export->document, err));
    struct bytes content = buffer_bytes(&export->document);
    if (export->options->is_signed) {
        TRY(sign_document(export, &message, err));
        content = buffer_bytes(&message);
    }
    if (path == NULL) {
        return write_all(STDOUT_FILENO, content, "standard output", err);
    }
    if (ftruncate(fd, 0) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "%.150s", path);
    }
    TRY(write_all(fd, content, path, err));
    print_summary(export);
    return BASE_OK;
}

int
cli_profile_export(const struct cli_export_options *options)
{
    struct base_error err;
    OWN_MEMORY struct export *export = calloc(1, sizeof(*export));
    if (export == NULL) {
        return CLI_BROKEN;
    }
    struct buffer *const buffers[] = {&export->certificates, &export->subject_der,
        &export->subject_text, &export->san_text, &export->sans_der, &export->url,
        &export->challenge, &export->document};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        buffer_init(buffers[i], OUTPUT_MAX);
    }
    export->options = options;
    enum base_code code = profile_format_find(options->format, &export->format, &err);
    if (code == BASE_OK) {
        code = cli_session_open(&options->place, &export->session, &err);
    }
    if (code == BASE_OK) {
        code = run(export, &err);
        cli_session_close(&export->session);
    }
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        buffer_clear(buffers[i]);
    }
    return code == BASE_OK ? CLI_OK : cli_report(&err);
}
