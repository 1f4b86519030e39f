/*
 * kurier check URL: any SCEP server, looked at from outside.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/check_store.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "diagnose/certutil.h"
#include "diagnose/probe.h"

#include "base/banned.h"

struct checker {
    json_t *lines; /* NULL: for people */
    unsigned counts[3];
};

static void
print_line(void *arg, const struct probe_line *line)
{
    struct checker *checker = arg;
    char text[4096];
    checker->counts[line->outcome]++;
    if (checker->lines != NULL) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "check", json_string(line->check));
        (void)json_object_set_new(
            object, "outcome", json_string(probe_outcome_name(line->outcome)));
        (void)json_object_set_new(
            object, "cause", line->cause == NULL ? json_null() : json_string(line->cause));
        (void)json_object_set_new(object, "text", cli_json_text(bytes_from_text(line->text)));
        (void)json_object_set_new(object, "remedy", cli_json_text(bytes_from_text(line->remedy)));
        (void)json_array_append_new(checker->lines, object);
        return;
    }
    const char *colour = line->outcome == PROBE_OK        ? cli_green()
                         : line->outcome == PROBE_WARNING ? cli_bold()
                                                          : cli_red();
    (void)printf("%s%-8s%s %-12s %s\n", colour, probe_outcome_name(line->outcome), cli_plain(),
        line->check, cli_clean(bytes_from_text(line->text), text, sizeof(text)));
    if (line->remedy[0] != '\0') {
        (void)printf("%-21s -> %s\n", "", line->remedy);
    }
    (void)fflush(stdout);
}

static enum base_code
read_fingerprint(const char *text, struct buffer *out, struct base_error *err)
{
    char digits[129] = "";
    size_t len = 0;
    for (const char *c = text; c != NULL && *c != '\0' && len < sizeof(digits) - 1; c++) {
        if (*c != ':' && *c != ' ') {
            digits[len++] = *c;
        }
    }
    TRY(base_hex_decode((struct bytes){(const uint8_t *)digits, len}, out, err));
    return text == NULL || out->len == 32 || out->len == 20
               ? BASE_OK
               : base_fail(err, E_USAGE, "a fingerprint of %zu octets, want 32 or 20", out->len);
}

static int
finish(struct checker *checker)
{
    const unsigned *n = checker->counts;
    unsigned all = n[0] + n[1] + n[2];
    if (checker->lines != NULL) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "ok", json_integer((json_int_t)n[PROBE_OK]));
        (void)json_object_set_new(object, "warnings", json_integer((json_int_t)n[PROBE_WARNING]));
        (void)json_object_set_new(object, "failures", json_integer((json_int_t)n[PROBE_FAILURE]));
        (void)json_object_set_new(object, "checks", checker->lines);
        cli_json_print_pretty(object);
    } else {
        (void)printf("\n%u of %u checks are well, %u warnings, %u failures\n", n[PROBE_OK], all,
            n[PROBE_WARNING], n[PROBE_FAILURE]);
    }
    return n[PROBE_FAILURE] > 0 ? CLI_NO : CLI_OK;
}

/* A folder is what kurier enroll made; files are what certutil printed, all of one device. */
static enum base_code
check_stores(const struct cli_list *stores, struct checker *checker, struct base_error *err)
{
    struct stat about;
    struct base_clock clock = base_clock_system();
    bool is_file = stat(stores->item[0], &about) == 0 && !S_ISDIR(about.st_mode);
    return !is_file ? cli_check_store(
                          stores->item[0], base_clock_now_s(&clock), print_line, checker, err)
                    : certutil_check(stores->item, stores->count, base_clock_now_s(&clock),
                          print_line, checker, err);
}

int
cli_check(int argc, char **argv)
{
    bool is_json = false;
    const char *fingerprint_text = NULL;
    const char *challenge = "";
    const char *subject = NULL;
    struct cli_list stores = {.count = 0};
    struct checker checker = {.lines = NULL};
    struct cli_list words = {.count = 0};
    struct base_error err = {0};
    int status = CLI_OK;
    const struct cli_option options[] = {
        {"ca-fingerprint", "HEX", "SHA-256 or SHA-1 that the CA certificate must have", NULL,
            &fingerprint_text, NULL},
        {"challenge", "TEXT", "enrol with it for real: a certificate is issued", NULL, &challenge,
            NULL},
        {"subject", "DN", "of that certificate (default: CN=kurier check)", NULL, &subject, NULL},
        {"store", "DIR|FILE",
            "instead of a server: what kurier enroll installed there, or what certutil -store "
            "printed",
            NULL, NULL, &stores},
        {"json", NULL, "one JSON object", &is_json, NULL, NULL},
    };
    const struct cli_usage usage = {.synopsis = "check URL|--store DIR|FILE [OPTION]...",
        .story = "Probes any SCEP server and explains what is wrong with it: reachability, TLS, "
                 "clock, GetCACaps, GetCACert, limits, and how it refuses. Nothing is issued "
                 "without --challenge. Exit status 1 when a check fails.",
        .options = options,
        .count = sizeof(options) / sizeof(options[0]),
        .min_words = 0,
        .max_words = 1};
    BUFFER_LOCAL(fingerprint, 64);
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    if (read_fingerprint(fingerprint_text, &fingerprint, &err) != BASE_OK) {
        return cli_report(&err);
    }
    if ((words.count == 0) == (stores.count == 0)) {
        (void)base_fail(&err, E_USAGE, "give a URL or --store");
        return cli_report(&err);
    }
    const struct probe_options probe = {.url = words.item[0],
        .fingerprint = buffer_bytes(&fingerprint),
        .challenge = bytes_from_text(challenge),
        .subject = subject,
        .timeout_s = 10,
        .clock = base_clock_system(),
        .random = base_random_system()};
    checker.lines = is_json ? json_array() : NULL;
    enum base_code code = stores.count > 0 ? check_stores(&stores, &checker, &err)
                                           : probe_run(&probe, print_line, &checker, &err);
    if (code != BASE_OK) {
        return cli_report(&err);
    }
    return finish(&checker);
}
