/*
 * kurier cert list|show|revoke: the certificates of the ledger.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cert_authority.h"
#include "cli/cli.h"
#include "cli/delivery_view.h"
#include "cli/list.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"
#include "pki/certificate.h"

#include "base/banned.h"

struct cert_printer {
    bool is_json;
    bool is_pem;
    uint8_t serial[IPC_SERIAL_MAX]; /* of the last row */
    size_t serial_len;
    size_t count;
};

static enum base_code
list_row(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct cert_printer *printer = arg;
    struct ipc_cert_row row;
    TRY(ipc_decode(&ipc_cert_row_spec, frame, &row, err));
    if (printer->is_json) {
        cli_json_print(cli_cert_json(&row));
    } else {
        cli_cert_line(&row);
    }
    return BASE_OK;
}

static int
cert_list(int argc, char **argv)
{
    struct cert_printer printer = {.is_json = false};
    struct ipc_cert_list question = {BYTES_NONE};
    const struct cli_listing listing = {.synopsis = "cert list [OPTION]...",
        .story = "Lists the certificates that were issued, oldest first.",
        .is_json = &printer.is_json,
        .heading = cli_cert_heading,
        .pages = {&ipc_cert_list_spec, &question, &question.cursor, list_row, &printer, NULL}};
    return cli_list_command(argc, argv, &listing);
}

static void
show_line(const char *name, struct bytes value)
{
    char clean[2048] = "";
    (void)printf("%-15s %s\n", name, value.len == 0 ? "-" : cli_clean(value, clean, sizeof(clean)));
}

static void
show_hex(const char *name, struct bytes value)
{
    char hex[2 * 64 + 1] = "";
    if (value.len <= 64) {
        base_hex(value, hex);
    }
    (void)printf("%-15s %s\n", name, hex[0] == '\0' ? "-" : hex);
}

static void
show_text(const struct ipc_cert_row *row)
{
    char from[CLI_TIME_LEN] = "";
    char until[CLI_TIME_LEN] = "";
    char revoked[CLI_TIME_LEN] = "";
    show_hex("serial", row->serial);
    show_line("subject", row->subject);
    show_line("names", row->sans);
    show_line("status", row->status);
    (void)printf("%-15s %s to %s\n", "valid", cli_time(row->not_before_s * 1000, from),
        cli_time(row->not_after_s * 1000, until));
    if (row->revoked_ms != 0) {
        (void)printf("%-15s %s, %s\n", "revoked", cli_time(row->revoked_ms, revoked),
            cli_reason_name(row->reason));
    }
    show_hex("sha256", row->sha256);
    show_hex("sha1", row->sha1);
    show_line("transactionID", row->transaction_id);
    show_line("profile", row->profile);
    (void)printf("%-15s %llu\n", "delivery", (unsigned long long)row->delivery_id);
}

static enum base_code
show_row(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct cert_printer *printer = arg;
    struct ipc_cert_row row;
    TRY(ipc_decode(&ipc_cert_row_spec, frame, &row, err));
    BUFFER_LOCAL(pem, 65536);
    if (row.certificate.len > 0) {
        TRY(pki_der_to_pem(row.certificate, "CERTIFICATE", &pem, err));
        TRY(buffer_append_octet(&pem, 0, err));
    }
    const char *pem_text = pem.len == 0 ? "" : (const char *)pem.ptr;
    printer->count++;
    if (printer->is_pem) {
        (void)fputs(pem_text, stdout);
    } else if (printer->is_json) {
        json_t *object = cli_cert_json(&row);
        (void)json_object_set_new(object, "names", cli_json_text(row.sans));
        (void)json_object_set_new(object, "pem", json_string(pem_text));
        cli_json_print(object);
    } else {
        if (printer->count > 1) {
            (void)printf("\n");
        }
        show_text(&row);
    }
    return BASE_OK;
}

static int
cert_show(int argc, char **argv)
{
    struct cli_place place = {NULL, NULL};
    struct cert_printer printer = {.is_json = false};
    const struct cli_option table[] = {
        {"json", NULL, "one JSON object a line", &printer.is_json, NULL, NULL},
        {"pem", NULL, "the certificate itself", &printer.is_pem, NULL, NULL},
        CLI_PLACE_OPTIONS(place),
    };
    const struct cli_usage usage = {"cert show WHAT",
        "Shows a certificate. WHAT: serial, thumbprint, subject or transactionID.", table,
        sizeof(table) / sizeof(table[0]), 1, 1};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    struct ipc_cert_show question = {bytes_from_text(words.item[0])};
    return cli_ask_once(&place, &ipc_cert_show_spec, &question, show_row, &printer);
}

/* CRLReason by its name in RFC 5280, section 5.3.1. */
static enum base_code
parse_reason(const char *text, uint8_t *out_reason, struct base_error *err)
{
    static const uint8_t taken[] = {0, 1, 2, 3, 4, 5, 9, 10};
    for (size_t i = 0; i < sizeof(taken); i++) {
        if (strcasecmp(text, cli_reason_name(taken[i])) == 0) {
            *out_reason = taken[i];
            return BASE_OK;
        }
    }
    return base_fail(err, E_USAGE,
        "'%s' is no reason: unspecified, keyCompromise, cACompromise, affiliationChanged, "
        "superseded, "
        "cessationOfOperation, privilegeWithdrawn, aACompromise",
        text);
}

static int
cert_revoke(int argc, char **argv)
{
    struct cli_place place = {NULL, NULL};
    const char *reason = "unspecified";
    const struct cli_option table[] = {
        {"reason", "R", "unspecified, keyCompromise, superseded, cessationOfOperation, ...", NULL,
            &reason, NULL},
        CLI_PLACE_OPTIONS(place),
    };
    const struct cli_usage usage = {"cert revoke SERIAL [--reason R]",
        "Revokes a certificate; the new CRL is out when the command returns.", table,
        sizeof(table) / sizeof(table[0]), 1, 1};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    struct base_error err;
    BUFFER_LOCAL(serial, IPC_SERIAL_MAX);
    struct ipc_cert_revoke question = {BYTES_NONE, 0};
    if (base_hex_decode(bytes_from_text(words.item[0]), &serial, &err) != BASE_OK ||
        parse_reason(reason, &question.reason, &err) != BASE_OK) {
        return cli_report(&err);
    }
    question.serial = buffer_bytes(&serial);
    status = cli_ask_once(&place, &ipc_cert_revoke_spec, &question, NULL, NULL);
    if (status == CLI_OK) {
        (void)printf("revoked %s\n", words.item[0]);
    }
    return status;
}

int
cli_cert(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{"list", cert_list}, {"show", cert_show}, {"revoke", cert_revoke},
        {"authority", cli_cert_authority}};
    for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    bool is_help = argc >= 2 && strcmp(argv[1], "--help") == 0;
    (void)fprintf(
        is_help ? stdout : stderr, "usage: kurier cert list|show|revoke|authority [OPTION]...\n");
    return is_help ? CLI_OK : CLI_USAGE;
}
