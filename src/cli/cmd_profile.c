/*
 * kurier profile list, show, export: what the configuration's profiles issue, and each as something
 * that a device takes in.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/profile_export.h"
#include "pki/certificate.h"
#include "pki/name.h"

#include "base/banned.h"

#define DAY 86400

struct word {
    unsigned bit;
    const char *name;
};
static const struct word usages[] = {{PKI_DIGITAL_SIGNATURE, "digitalSignature"},
    {PKI_CONTENT_COMMITMENT, "nonRepudiation"}, {PKI_KEY_ENCIPHERMENT, "keyEncipherment"},
    {PKI_DATA_ENCIPHERMENT, "dataEncipherment"}, {PKI_KEY_AGREEMENT, "keyAgreement"}, {0, NULL}};
static const struct word san_types[] = {{1U << PKI_SAN_DNS, "dns"}, {1U << PKI_SAN_EMAIL, "email"},
    {1U << PKI_SAN_URI, "uri"}, {1U << PKI_SAN_OTHER, "upn"}, {0, NULL}};

static json_t *
json_words(const struct word *words, unsigned bits)
{
    json_t *array = json_array();
    for (; words->name != NULL; words++) {
        if ((bits & words->bit) != 0) {
            (void)json_array_append_new(array, json_string(words->name));
        }
    }
    return array;
}

static void
show_words(const char *title, const struct word *words, unsigned bits)
{
    const char *separator = "";
    (void)printf("%-20s ", title);
    for (; words->name != NULL; words++) {
        if ((bits & words->bit) != 0) {
            (void)printf("%s%s", separator, words->name);
            separator = ", ";
        }
    }
    (void)printf("%s\n", separator[0] == '\0' ? "-" : "");
}

static json_t *
json_lines(struct bytes list)
{
    json_t *array = json_array();
    while (list.len > 0) {
        const uint8_t *end = memchr(list.ptr, '\n', list.len);
        size_t len = end == NULL ? list.len : (size_t)(end - list.ptr);
        (void)json_array_append_new(array, cli_json_text((struct bytes){list.ptr, len}));
        list = bytes_skip(list, len + 1);
    }
    return array;
}

/* "365d", "36h", "90s" as kurier.yaml has it. */
static const char *
duration(int64_t seconds, char *out, size_t out_size)
{
    static const struct {
        int64_t len;
        char letter;
    } units[] = {{DAY, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (seconds % units[i].len == 0) {
            (void)snprintf(
                out, out_size, "%lld%c", (long long)(seconds / units[i].len), units[i].letter);
            break;
        }
    }
    return out;
}

/* Where devices reach it; empty when they do not. */
static const char *
url_of(const struct ipc_profile_row *row, bool is_microsoft, struct buffer *out)
{
    if (cli_profile_url(row, is_microsoft, out, NULL) != BASE_OK) {
        buffer_reset(out);
    }
    return out->len == 0 ? "" : (const char *)out->ptr;
}

static const char *
authorisation(const struct ipc_profile_row *row)
{
    if (row->path.len > 0 && row->takes_challenge == 0) {
        return row->needs_approval != 0 ? "policies outside, then approval" : "policies outside";
    }
    return row->has_static_challenge != 0
               ? (row->needs_approval != 0 ? "static challenge, then approval" : "static challenge")
           : row->needs_approval != 0 ? "challenge, then approval"
                                      : "challenge";
}

static void
print_json(const struct ipc_profile_row *row)
{
    BUFFER_LOCAL(url, (size_t)2 * IPC_TEXT_MAX + 1);
    json_t *object = json_object();
    (void)json_object_set_new(object, "name", cli_json_text(row->name));
    (void)json_object_set_new(object, "endpoint", cli_json_text(row->endpoint));
    (void)json_object_set_new(object, "ca", cli_json_text(row->ca));
    (void)json_object_set_new(
        object, "url", cli_json_text(bytes_from_text(url_of(row, false, &url))));
    (void)json_object_set_new(object, "authorisation", json_string(authorisation(row)));
    (void)json_object_set_new(object, "valid_s", json_integer(row->valid_s));
    (void)json_object_set_new(object, "renew_before_s", json_integer(row->renew_before_s));
    (void)json_object_set_new(object, "challenge_ttl_s", json_integer(row->challenge_ttl_s));
    (void)json_object_set_new(object, "key_usage", json_words(usages, row->key_usage));
    (void)json_object_set_new(object, "extended_key_usage", json_lines(row->ekus));
    (void)json_object_set_new(object, "san_types", json_words(san_types, row->san_types));
    (void)json_object_set_new(
        object, "allow_empty_subject", json_boolean(row->allow_empty_subject != 0));
    (void)json_object_set_new(object, "rsa", json_boolean(row->allow_rsa != 0));
    (void)json_object_set_new(object, "ec", json_boolean(row->allow_ec != 0));
    (void)json_object_set_new(object, "min_rsa_bits", json_integer(row->min_rsa_bits));
    (void)json_object_set_new(object, "max_rsa_bits", json_integer(row->max_rsa_bits));
    cli_json_print(object);
}

struct profile_printer {
    bool is_json;
};

static enum base_code
list_row(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    const struct profile_printer *printer = arg;
    struct ipc_profile_row row;
    char name[IPC_NAME_MAX + 1] = "";
    char endpoint[IPC_NAME_MAX + 1] = "";
    char valid[32] = "";
    BUFFER_LOCAL(url, (size_t)2 * IPC_TEXT_MAX + 1);
    TRY(ipc_decode(&ipc_profile_row_spec, frame, &row, err));
    if (printer->is_json) {
        print_json(&row);
        return BASE_OK;
    }
    const char *address = url_of(&row, false, &url);
    (void)printf("%-16s %-12s %-8s %-26s %s\n", cli_clean(row.name, name, sizeof(name)),
        row.endpoint.len == 0 ? "-" : cli_clean(row.endpoint, endpoint, sizeof(endpoint)),
        duration(row.valid_s, valid, sizeof(valid)), authorisation(&row),
        address[0] == '\0' ? "-" : address);
    return BASE_OK;
}

static void
show_text(const char *title, const char *text)
{
    (void)printf("%-20s %s\n", title, text[0] == '\0' ? "-" : text);
}

static void
show_duration(const char *title, int64_t seconds)
{
    char text[32] = "";
    show_text(title, duration(seconds, text, sizeof(text)));
}

static enum base_code
show_row(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    const struct profile_printer *printer = arg;
    struct ipc_profile_row row;
    char text[IPC_TEXT_MAX + 1] = "";
    BUFFER_LOCAL(url, (size_t)2 * IPC_TEXT_MAX + 1);
    BUFFER_LOCAL(ndes, (size_t)2 * IPC_TEXT_MAX + 1);
    TRY(ipc_decode(&ipc_profile_row_spec, frame, &row, err));
    if (printer->is_json) {
        print_json(&row);
        return BASE_OK;
    }
    show_text("name", cli_clean(row.name, text, sizeof(text)));
    show_text("endpoint", cli_clean(row.endpoint, text, sizeof(text)));
    show_text("CA", cli_clean(row.ca, text, sizeof(text)));
    show_text("URL", url_of(&row, false, &url));
    if (row.ndes_path.len > 0) {
        show_text("URL as NDES", url_of(&row, true, &ndes));
    }
    show_text("authorisation", authorisation(&row));
    show_duration("valid", row.valid_s);
    show_duration("renew before", row.renew_before_s);
    show_duration("challenge valid", row.challenge_ttl_s);
    show_words("key usage", usages, row.key_usage);
    (void)snprintf(text, sizeof(text), "%.*s", base_size_to_int(row.ekus.len),
        row.ekus.len == 0 ? "" : (const char *)row.ekus.ptr);
    for (char *end = strchr(text, '\n'); end != NULL; end = strchr(end, '\n')) {
        *end = ' ';
    }
    show_text("extended key usage", text);
    show_words("alternative names", san_types, row.san_types);
    (void)snprintf(text, sizeof(text), "%s%s%s", row.allow_rsa != 0 ? "rsa" : "",
        row.allow_rsa != 0 && row.allow_ec != 0 ? ", " : "", row.allow_ec != 0 ? "ec" : "");
    show_text("keys", text);
    (void)printf("%-20s %u to %u\n", "RSA bits", row.min_rsa_bits, row.max_rsa_bits);
    return BASE_OK;
}

static void
print_heading(void)
{
    (void)printf("%s%-16s %-12s %-8s %-26s %s%s\n", cli_bold(), "NAME", "ENDPOINT", "VALID",
        "AUTHORISATION", "URL", cli_plain());
}

static int
profile_list(int argc, char **argv)
{
    struct profile_printer printer = {false};
    struct ipc_profile_list question = {.name = BYTES_NONE};
    const struct cli_listing listing = {.synopsis = "profile list [OPTION]...",
        .story = "Lists the profiles of the configuration, and where devices reach them.",
        .is_json = &printer.is_json,
        .heading = print_heading,
        .pages = {&ipc_profile_list_spec, &question, &question.cursor, list_row, &printer, NULL}};
    return cli_list_command(argc, argv, &listing);
}

static int
profile_show(int argc, char **argv)
{
    struct cli_place place = {NULL, NULL};
    struct profile_printer printer = {false};
    const struct cli_option table[] = {
        {"json", NULL, "one JSON object", &printer.is_json, NULL, NULL},
        CLI_PLACE_OPTIONS(place),
    };
    const struct cli_usage usage = {"profile show NAME [OPTION]...",
        "Shows what a profile issues, to whom, and where.", table, sizeof(table) / sizeof(table[0]),
        1, 1};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    struct ipc_profile_list question = {.name = bytes_from_text(words.item[0])};
    const struct cli_pages pages = {
        &ipc_profile_list_spec, &question, &question.cursor, show_row, &printer, NULL};
    return cli_show_pages(&place, &pages, NULL);
}

static int
print_settings(const char *name)
{
    struct base_error err;
    enum profile_format format = PROFILE_MOBILECONFIG;
    const char *key = "";
    char text[160] = "";
    if (profile_format_find(name, &format, &err) != BASE_OK) {
        return cli_report(&err);
    }
    for (size_t i = 0; profile_describe_setting(format, i, &key, text, sizeof(text)); i++) {
        (void)printf("%-26s %s\n", key, text);
    }
    return CLI_OK;
}

static int
profile_export(int argc, char **argv)
{
    struct cli_export_options options = {.format = "", .device = ""};
    bool is_settings = false;
    const struct cli_option table[] = {
        {"format", "FORMAT", "mobileconfig, syncml-windows, syncml-android, strongswan, certmonger",
            NULL, &options.format, NULL},
        {"device", "NAME", "the device, by which `kurier trace` finds the delivery", NULL,
            &options.device, NULL},
        {"subject", "DN", "the certificate's subject (default: CN=DEVICE)", NULL, &options.subject,
            NULL},
        {"san", "TYPE:VALUE", "a name of it: DNS:, email:, URI:, UPN:; several times", NULL, NULL,
            &options.sans},
        {"url", "URL", "where the device reaches the profile (default: by public_url or listener)",
            NULL, &options.url, NULL},
        {"ttl", "TIME", "how long its challenge is valid: 60m, 24h (default: the profile's)", NULL,
            &options.ttl, NULL},
        {"key", "SPEC", "rsa:2048 (default), rsa:3072, rsa:4096", NULL, &options.key, NULL},
        {"set", "KEY=VALUE", "a key of the format; several times", NULL, NULL, &options.settings},
        {"settings", NULL, "show the keys that --set takes, and end", &is_settings, NULL, NULL},
        {"sign", NULL, "mobileconfig: signed by the RA", &options.is_signed, NULL, NULL},
        {"bound", NULL, "with a challenge that the ledger keeps no row of before it is used",
            &options.is_bound, NULL, NULL},
        {"out", "FILE", "write it there, readable by you alone (default: standard output)", NULL,
            &options.out, NULL},
        CLI_PLACE_OPTIONS(options.place),
    };
    const struct cli_usage usage = {"profile export NAME --format FORMAT --device NAME [OPTION]...",
        "Writes a profile as a device's management takes it in, with a fresh challenge for this "
        "device and exactly these names.",
        table, sizeof(table) / sizeof(table[0]), 0, 1};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    if (is_settings) {
        return print_settings(options.format);
    }
    if (words.count == 0 || options.format[0] == '\0' || options.device[0] == '\0') {
        (void)fprintf(stderr,
            "kurier: NAME, --format and --device are needed; usage: kurier %s [KUR-1006]\n",
            usage.synopsis);
        return CLI_USAGE;
    }
    options.profile = words.item[0];
    return cli_profile_export(&options);
}

int
cli_profile(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{"list", profile_list}, {"show", profile_show}, {"export", profile_export}};
    for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    bool is_help = argc >= 2 && strcmp(argv[1], "--help") == 0;
    (void)fprintf(
        is_help ? stdout : stderr, "usage: kurier profile list|show|export [OPTION]...\n");
    return is_help ? CLI_OK : CLI_USAGE;
}
