/*
 * kurier enroll URL, or FILE.mobileconfig: the device side, once.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/enroll_profile.h"
#include "cli/options.h"
#include "cli/output.h"
#include "device/enroll.h"
#include "pki/name.h"

#include "base/banned.h"

struct enroll_words {
    const char *challenge;
    const char *subject;
    struct cli_list sans;
    const char *key;
    const char *out;
    const char *fingerprint;
    const char *poll_interval;
    const char *poll_max;
    const char *payload;
    bool is_json;
};

/* What the options mean; the buffers hold what they became. */
struct enroll_memory {
    struct buffer subject;
    struct buffer san_text;
    struct buffer sans;
    struct buffer fingerprint;
    struct profile_scep profile; /* of a file */
};

static void
show_progress(void *arg, const char *text)
{
    (void)arg;
    (void)printf("%s\n", text);
    (void)fflush(stdout);
}

/* What was given beside a URL, or in place of what a file says. */
static enum base_code
take_words(const struct enroll_words *words, struct enroll_memory *memory,
    struct device_enroll_options *options, struct base_error *err)
{
    for (size_t i = 0; i < words->sans.count; i++) {
        TRY(buffer_append_text(&memory->san_text, words->sans.item[i], err));
        TRY(buffer_append_octet(&memory->san_text, '\n', err));
    }
    TRY(pki_sans_from_text(buffer_bytes(&memory->san_text), &memory->sans, err));
    TRY(base_hex_decode(bytes_from_text(words->fingerprint), &memory->fingerprint, err));
    if (memory->fingerprint.len != 0 && memory->fingerprint.len != 20 &&
        memory->fingerprint.len != 32) {
        return base_fail(
            err, E_USAGE, "a fingerprint of %zu octets; SHA-256 has 32", memory->fingerprint.len);
    }
    bool has_poll = words->poll_interval != NULL || words->poll_max != NULL;
    if (!options->is_poll_counted || has_poll) {
        const char *interval = words->poll_interval == NULL ? "10s" : words->poll_interval;
        const char *max = words->poll_max == NULL ? "5m" : words->poll_max;
        TRY(base_duration_parse(bytes_from_text(interval), &options->poll_interval_s, err));
        TRY(base_duration_parse(bytes_from_text(max), &options->poll_max_s, err));
        options->is_poll_counted = false;
    }
    if (words->challenge != NULL) {
        options->challenge = bytes_from_text(words->challenge);
    }
    if (words->subject != NULL || options->subject_der.len == 0) {
        const char *subject = words->subject == NULL ? "" : words->subject;
        TRY(pki_name_from_text(bytes_from_text(subject), &memory->subject, err));
        options->subject_der = buffer_bytes(&memory->subject);
    }
    if (memory->sans.len > 0) {
        options->sans_der = buffer_bytes(&memory->sans);
    }
    if (words->key != NULL || options->key_spec.len == 0) {
        options->key_spec = bytes_from_text(words->key == NULL ? "rsa:2048" : words->key);
    }
    if (memory->fingerprint.len > 0) {
        options->trust.fingerprint = buffer_bytes(&memory->fingerprint);
    }
    options->folder = words->out;
    options->clock = base_clock_system();
    options->random = base_random_system();
    return BASE_OK;
}

static int
report(const struct enroll_words *words, struct bytes signer, const struct device_refusal *refusal,
    enum base_code code, const struct base_error *err)
{
    static const char *const names[] = {
        "badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"};
    bool is_refused = code == E_DEVICE_REFUSED;
    if (words->is_json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "result",
            json_string(code == BASE_OK ? "enrolled"
                        : is_refused    ? "refused"
                                        : "failed"));
        (void)json_object_set_new(object, "code", cli_json_code((uint32_t)code));
        (void)json_object_set_new(
            object, "fail_info", is_refused ? json_string(names[refusal->fail_info]) : json_null());
        (void)json_object_set_new(
            object, "fail_info_text", cli_json_text(bytes_from_text(refusal->text)));
        (void)json_object_set_new(
            object, "hresult", cli_json_text(bytes_from_text(refusal->hresult)));
        (void)json_object_set_new(object, "out", json_string(words->out));
        (void)json_object_set_new(object, "profile_signed_by", cli_json_text(signer));
        cli_json_print(object);
    }
    if (code == BASE_OK) {
        return CLI_OK;
    }
    int status = cli_report(err);
    if (is_refused && refusal->hresult[0] != '\0') {
        (void)fprintf(stderr, "kurier: HRESULT %s\n", refusal->hresult);
    }
    return status;
}

int
cli_enroll(int argc, char **argv)
{
    struct enroll_words words = {.out = "./kurier-device", .fingerprint = "", .payload = "1"};
    struct device_enroll_options options = {.url = NULL};
    const struct cli_option table[] = {
        {"challenge", "TEXT", "the challenge from the device's profile", NULL, &words.challenge,
            NULL},
        {"subject", "DN", "the certificate's subject: CN=laptop-7,O=Example", NULL, &words.subject,
            NULL},
        {"san", "TYPE:VALUE", "a subject alternative name: DNS:, email:, URI:, UPN:; several times",
            NULL, NULL, &words.sans},
        {"key", "SPEC", "rsa:2048 (default), rsa:3072, rsa:4096", NULL, &words.key, NULL},
        {"out", "DIR", "where key, certificate, chain and log go (default ./kurier-device)", NULL,
            &words.out, NULL},
        {"ca-fingerprint", "HEX", "SHA-256 of the CA certificate, from its administrator", NULL,
            &words.fingerprint, NULL},
        {"allow-sha1-fingerprint", NULL, "a fingerprint of 20 octets will do",
            &options.trust.allow_sha1, NULL, NULL},
        {"trust-on-first-use", NULL, "believe whoever answers the first time",
            &options.trust.trust_on_first_use, NULL, NULL},
        {"renew", NULL, "renew the certificate that is in the folder, with a new key",
            &options.is_renewal, NULL, NULL},
        {"tls-ca", "FILE",
            "PEM of the CAs that an https server is verified with (default: the "
            "system's)",
            NULL, &options.tls_ca_file, NULL},
        {"no-confirm", NULL, "do not tell the server that the certificate is installed",
            &options.is_without_confirmation, NULL, NULL},
        {"get", NULL, "GET even where POST is offered", &options.is_get_forced, NULL, NULL},
        {"poll-interval", "TIME", "between questions while PENDING (default 10s)", NULL,
            &words.poll_interval, NULL},
        {"poll-max", "TIME", "how long to ask in all (default 5m)", NULL, &words.poll_max, NULL},
        {"payload", "N", "of a file: which of its SCEP payloads (default 1)", NULL, &words.payload,
            NULL},
        {"json", NULL, "one JSON object", &words.is_json, NULL, NULL},
    };
    const struct cli_usage usage = {"enroll URL|FILE.mobileconfig [OPTION]...",
        "Gets a certificate from any SCEP server and installs it in a folder. With a URL it needs "
        "--subject, --challenge and --ca-fingerprint; an Apple configuration profile has them. Run "
        "again after it was cut off, it goes on.",
        table, sizeof(table) / sizeof(table[0]), 1, 1};
    struct cli_list positional;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &positional, &status)) {
        return status;
    }
    struct base_error err;
    struct device_refusal refusal = {.fail_info = 0};
    struct enroll_memory memory;
    struct buffer *const buffers[] = {
        &memory.subject, &memory.san_text, &memory.sans, &memory.fingerprint};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        buffer_init(buffers[i], 65536);
    }
    profile_scep_init(&memory.profile);
    options.url = positional.item[0];
    options.progress = words.is_json ? NULL : show_progress;
    enum base_code code = BASE_OK;
    if (strstr(options.url, "://") == NULL) {
        code = cli_enroll_profile(options.url, words.payload, &memory.profile, &options, &err);
    }
    code = code == BASE_OK ? take_words(&words, &memory, &options, &err) : code;
    code = code == BASE_OK ? device_enroll(&options, &refusal, &err) : code;
    status = report(&words, buffer_bytes(&memory.profile.signer), &refusal, code, &err);
    profile_scep_clear(&memory.profile);
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        buffer_clear(buffers[i]);
    }
    return status;
}
