/*
 * kurier crl: write or show the newest CRL.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"
#include "ipc/channel.h"
#include "pki/certificate.h"

#include "base/banned.h"

#define CRL_MAX ((size_t)64 * 1024 * 1024)

struct crl_printer {
    const char *out_path;
    bool is_der;
    bool is_json;
};

static enum base_code
write_file(const char *path, struct bytes content, struct base_error *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
    if (file == NULL) {
        return base_fail(err, E_SYSTEM, "cannot write '%s'", path);
    }
    bool is_written = fwrite(content.ptr, 1, content.len, file) == content.len;
    bool is_flushed = (file == stdout ? fflush(file) : fclose(file)) == 0;
    return is_written && is_flushed ? BASE_OK : base_fail(err, E_SYSTEM, "cannot write '%s'", path);
}

static void
print_facts(const struct crl_printer *printer, const struct ipc_crl_row *row, size_t len)
{
    if (printer->is_json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "ca", cli_json_text(row->ca));
        (void)json_object_set_new(object, "number", json_integer((json_int_t)row->number));
        (void)json_object_set_new(object, "this_update", cli_json_time_s(row->this_update_s));
        (void)json_object_set_new(object, "next_update", cli_json_time_s(row->next_update_s));
        (void)json_object_set_new(object, "length", json_integer((json_int_t)len));
        cli_json_print(object);
        return;
    }
    char ca[IPC_NAME_MAX + 1] = "";
    char this_update[CLI_TIME_LEN] = "";
    char next_update[CLI_TIME_LEN] = "";
    (void)printf("CRL of CA %s: number %llu, %s to %s, %zu octets\n",
        cli_clean(row->ca, ca, sizeof(ca)), (unsigned long long)row->number,
        cli_time(row->this_update_s * 1000, this_update),
        cli_time(row->next_update_s * 1000, next_update), len);
}

static enum base_code
crl_row(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    const struct crl_printer *printer = arg;
    struct ipc_crl_row row;
    BUFFER_LOCAL(der, CRL_MAX);
    BUFFER_LOCAL(pem, 2 * CRL_MAX);
    TRY(ipc_decode(&ipc_crl_row_spec, frame, &row, err));
    TRY(ipc_blob_read(frame->fd, &der, err));
    if (printer->out_path == NULL) {
        print_facts(printer, &row, der.len);
        return BASE_OK;
    }
    if (printer->is_der) {
        return write_file(printer->out_path, buffer_bytes(&der), err);
    }
    TRY(pki_der_to_pem(buffer_bytes(&der), "X509 CRL", &pem, err));
    return write_file(printer->out_path, buffer_bytes(&pem), err);
}

int
cli_crl(int argc, char **argv)
{
    struct cli_place place = {NULL, NULL};
    const char *ca = "";
    bool is_rebuilt = false;
    struct crl_printer printer = {NULL, false, false};
    const struct cli_option table[] = {
        {"out", "FILE", "write it there ('-': standard output), in PEM", NULL, &printer.out_path,
            NULL},
        {"der", NULL, "with --out: in DER", &printer.is_der, NULL, NULL},
        {"rebuild", NULL, "make a new one first", &is_rebuilt, NULL, NULL},
        {"ca", "NAME", "of this CA, when there are several", NULL, &ca, NULL},
        {"json", NULL, "one JSON object", &printer.is_json, NULL, NULL},
        CLI_PLACE_OPTIONS(place),
    };
    const struct cli_usage usage = {"crl [OPTION]...",
        "Shows or writes the newest certificate revocation list.", table,
        sizeof(table) / sizeof(table[0]), 0, 0};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    struct base_error err;
    struct cli_session session;
    struct cli_page page;
    if (cli_session_open(&place, &session, &err) != BASE_OK) {
        return cli_report(&err);
    }
    struct ipc_crl_show question = {bytes_from_text(ca), is_rebuilt};
    enum base_code code =
        cli_ask(&session, &ipc_crl_show_spec, &question, crl_row, &printer, &page, &err);
    cli_session_close(&session);
    return code == BASE_OK ? CLI_OK : cli_report(&err);
}
