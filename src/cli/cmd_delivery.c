/*
 * kurier delivery list: deliveries, newest first.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/delivery_view.h"
#include "cli/list.h"
#include "cli/output.h"

#include "base/banned.h"

struct list_printer {
    const char *state;
    const char *limit;
    bool is_json;
    uint64_t left;
    bool is_enough;
    struct ipc_delivery_list question;
};

static enum base_code
print_delivery(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct list_printer *printer = arg;
    struct ipc_delivery row;
    TRY(ipc_decode(&ipc_delivery_spec, frame, &row, err));
    if (printer->is_enough) {
        return BASE_OK;
    }
    printer->is_enough = --printer->left == 0;
    if (printer->is_json) {
        cli_json_print(cli_delivery_json(&row));
    } else {
        cli_delivery_line(&row);
    }
    return BASE_OK;
}

static enum base_code
prepare_list(void *arg, struct base_error *err)
{
    struct list_printer *printer = arg;
    printer->question.state = bytes_from_text(printer->state);
    TRY(base_parse_number(bytes_from_text(printer->limit), 1000000000, &printer->left, err));
    printer->is_enough = printer->left == 0;
    return BASE_OK;
}

static int
delivery_list(int argc, char **argv)
{
    struct list_printer printer = {.state = "", .limit = "1000000000"};
    const struct cli_option options[] = {
        {"state", "STATE", "only those that stand so: offered, waiting, answered, refused, ...",
            NULL, &printer.state, NULL},
        {"limit", "N", "at most so many", NULL, &printer.limit, NULL},
    };
    const struct cli_listing listing = {.synopsis = "delivery list [OPTION]...",
        .story = "Lists deliveries, newest first.",
        .options = options,
        .option_count = sizeof(options) / sizeof(options[0]),
        .is_json = &printer.is_json,
        .heading = cli_delivery_heading,
        .prepare = prepare_list,
        .pages = {&ipc_delivery_list_spec, &printer.question, &printer.question.cursor,
            print_delivery, &printer, &printer.is_enough}};
    return cli_list_command(argc, argv, &listing);
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
