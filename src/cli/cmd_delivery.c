/*
 * kurier delivery list: deliveries, newest first.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/delivery_view.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"

#include "base/banned.h"

struct list_printer {
    bool is_json;
    uint64_t left;
};

static enum base_code
print_delivery(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct list_printer *printer = arg;
    struct ipc_delivery row;
    TRY(ipc_decode(&ipc_delivery_spec, frame, &row, err));
    if (printer->left == 0) {
        return BASE_OK;
    }
    printer->left--;
    if (printer->is_json) {
        cli_json_print(cli_delivery_json(&row));
    } else {
        cli_delivery_line(&row);
    }
    return BASE_OK;
}

static int
delivery_list(int argc, char **argv)
{
    struct cli_place place = {NULL, NULL};
    const char *state = "";
    const char *limit = "1000000000";
    struct list_printer printer = {false, 0};
    const struct cli_option table[] = {
        {"state", "STATE", "only those that stand so: offered, waiting, answered, refused, ...",
            NULL, &state, NULL},
        {"limit", "N", "at most so many", NULL, &limit, NULL},
        {"json", NULL, "one JSON object a line", &printer.is_json, NULL, NULL},
        CLI_PLACE_OPTIONS(place),
    };
    const struct cli_usage usage = {"delivery list [OPTION]...", "Lists deliveries, newest first.",
        table, sizeof(table) / sizeof(table[0]), 0, 0};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    struct base_error err;
    struct cli_session session;
    if (base_parse_number(bytes_from_text(limit), 1000000000, &printer.left, &err) != BASE_OK ||
        cli_session_open(&place, &session, &err) != BASE_OK) {
        return cli_report(&err);
    }
    if (!printer.is_json) {
        cli_delivery_heading();
    }
    struct cli_page page = {.is_more = true};
    enum base_code code = BASE_OK;
    while (code == BASE_OK && page.is_more && printer.left > 0) {
        struct ipc_delivery_list question = {bytes_from_text(page.cursor), bytes_from_text(state)};
        struct cli_page next;
        code = cli_ask(
            &session, &ipc_delivery_list_spec, &question, print_delivery, &printer, &next, &err);
        page = next;
    }
    cli_session_close(&session);
    return code == BASE_OK ? CLI_OK : cli_report(&err);
}

int
cli_delivery(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "list") == 0) {
        return delivery_list(argc - 1, argv + 1);
    }
    bool is_help = argc >= 2 && strcmp(argv[1], "--help") == 0;
    (void)fprintf(is_help ? stdout : stderr, "usage: kurier delivery list [OPTION]...\n");
    return is_help ? CLI_OK : CLI_USAGE;
}
