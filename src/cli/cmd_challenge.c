/*
 * kurier challenge new: one challenge a line, and nothing else, on standard output.
 * kurier challenge key: cmd_challenge_key.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/cmd_challenge_key.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"

#include "base/banned.h"

struct challenge_printer {
    bool is_json;
};

static enum base_code
print_challenge(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    const struct challenge_printer *printer = arg;
    struct ipc_challenge row;
    TRY(ipc_decode(&ipc_challenge_spec, frame, &row, err));
    if (!printer->is_json) {
        (void)printf(
            "%.*s\n", base_size_to_int(row.challenge.len), (const char *)row.challenge.ptr);
        return BASE_OK;
    }
    json_t *object = json_object();
    (void)json_object_set_new(object, "challenge", cli_json_text(row.challenge));
    (void)json_object_set_new(object, "challenge_id", cli_json_text(row.challenge_id));
    (void)json_object_set_new(object, "expires", cli_json_time_ms(row.expires_ms));
    (void)json_object_set_new(object, "delivery",
        row.delivery_id == 0 ? json_null() : json_integer((json_int_t)row.delivery_id));
    cli_json_print(object);
    return BASE_OK;
}

struct new_options {
    struct cli_place place;
    const char *profile;
    const char *device;
    const char *subject;
    struct cli_list sans;
    bool is_without_san;
    const char *ttl;
    const char *uses;
    const char *count;
    bool is_bound;
    bool is_json;
};

/* The texts of the command line as a question; the SAN lines go into @sans. */
static enum base_code
make_question(const struct new_options *options, struct buffer *sans, struct ipc_challenge_new *out,
    struct base_error *err)
{
    uint64_t uses = 1;
    uint64_t count = 1;
    TRY(base_parse_number(bytes_from_text(options->uses), 1000000, &uses, err));
    TRY(base_parse_number(bytes_from_text(options->count), 100000, &count, err));
    *out = (struct ipc_challenge_new){.profile = bytes_from_text(options->profile),
        .device = bytes_from_text(options->device),
        .subject = bytes_from_text(options->subject),
        .is_san_bound = options->sans.count > 0 || options->is_without_san,
        .uses = (uint32_t)uses,
        .count = (uint32_t)count,
        .is_bound = options->is_bound};
    if (uses == 0 || count == 0) {
        return base_fail(err, E_USAGE, "--uses and --count begin at 1");
    }
    if (options->ttl[0] != '\0') {
        TRY(base_duration_parse(bytes_from_text(options->ttl), &out->ttl_s, err));
    }
    for (size_t i = 0; i < options->sans.count; i++) {
        TRY(buffer_append_text(sans, options->sans.item[i], err));
        TRY(buffer_append_octet(sans, '\n', err));
    }
    out->sans = buffer_bytes(sans);
    return BASE_OK;
}

/* The ledger makes at most a page of challenges for one question. */
static enum base_code
ask_in_pages(const struct cli_session *session, struct ipc_challenge_new *question,
    struct challenge_printer *printer, struct base_error *err)
{
    uint32_t left = question->count;
    while (left > 0) {
        struct cli_page page;
        question->count = left < IPC_PAGE_MAX ? left : IPC_PAGE_MAX;
        TRY(cli_ask(
            session, &ipc_challenge_new_spec, question, print_challenge, printer, &page, err));
        left -= question->count;
    }
    return BASE_OK;
}

static int
challenge_new(int argc, char **argv)
{
    struct new_options options = {
        .profile = "", .device = "", .subject = "", .ttl = "", .uses = "1", .count = "1"};
    const struct cli_option table[] = {
        {"profile", "NAME", "the profile that it is for (default: the endpoint's first)", NULL,
            &options.profile, NULL},
        {"device", "NAME", "the device's name, by which `kurier trace` finds the delivery", NULL,
            &options.device, NULL},
        {"subject", "DN", "bind the subject: CN=laptop-7,O=Example", NULL, &options.subject, NULL},
        {"san", "TYPE:VALUE", "bind the names: DNS:, email:, URI:, UPN:; several times", NULL, NULL,
            &options.sans},
        {"no-san", NULL, "bind: no subject alternative names at all", &options.is_without_san, NULL,
            NULL},
        {"ttl", "TIME", "valid for: 60m, 24h, 7d (default: the profile's)", NULL, &options.ttl,
            NULL},
        {"uses", "N", "how many enrolments it serves (default 1)", NULL, &options.uses, NULL},
        {"count", "N", "how many challenges to make (default 1)", NULL, &options.count, NULL},
        {"bound", NULL,
            "a bound challenge: it carries what it is for, sealed with Kurier's own key, and "
            "nothing is written down before it is used; needs --device",
            &options.is_bound, NULL, NULL},
        {"json", NULL, "one JSON object a line", &options.is_json, NULL, NULL},
        CLI_PLACE_OPTIONS(options.place),
    };
    const struct cli_usage usage = {"challenge new [OPTION]...",
        "Makes a one-time challenge and prints it, one a line. Kurier keeps only a keyed hash of "
        "it.",
        table, sizeof(table) / sizeof(table[0]), 0, 0};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    struct base_error err;
    BUFFER_LOCAL(sans, 16384);
    struct ipc_challenge_new question;
    struct cli_session session;
    if (make_question(&options, &sans, &question, &err) != BASE_OK ||
        cli_session_open(&options.place, &session, &err) != BASE_OK) {
        return cli_report(&err);
    }
    struct challenge_printer printer = {options.is_json};
    enum base_code code = ask_in_pages(&session, &question, &printer, &err);
    cli_session_close(&session);
    return code == BASE_OK ? CLI_OK : cli_report(&err);
}

int
cli_challenge(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "new") == 0) {
        return challenge_new(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "key") == 0) {
        return cli_challenge_key(argc - 1, argv + 1);
    }
    bool is_help = argc >= 2 && strcmp(argv[1], "--help") == 0;
    (void)fprintf(is_help ? stdout : stderr, "usage: kurier challenge new|key [OPTION]...\n");
    return is_help ? CLI_OK : CLI_USAGE;
}
