/*
 * kurier request list|approve|deny: requests that wait for a person's decision.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/delivery_view.h"
#include "cli/list.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"

#include "base/banned.h"

static enum base_code
request_row(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    const bool *is_json = arg;
    struct ipc_delivery row;
    TRY(ipc_decode(&ipc_delivery_spec, frame, &row, err));
    if (*is_json) {
        cli_json_print(cli_delivery_json(&row));
    } else {
        cli_delivery_line(&row);
    }
    return BASE_OK;
}

static int
request_list(int argc, char **argv)
{
    bool is_json = false;
    struct ipc_request_list question = {BYTES_NONE};
    const struct cli_listing listing = {.synopsis = "request list [OPTION]...",
        .story = "Lists the requests that wait for approval.",
        .is_json = &is_json,
        .heading = cli_delivery_heading,
        .pages = {
            &ipc_request_list_spec, &question, &question.cursor, request_row, &is_json, NULL}};
    return cli_list_command(argc, argv, &listing);
}

static int
decide(int argc, char **argv, bool is_approved)
{
    struct cli_place place = {NULL, NULL};
    const char *reason = "";
    const struct cli_option table[] = {
        {"reason", "TEXT", "kept with the delivery", NULL, &reason, NULL},
        CLI_PLACE_OPTIONS(place),
    };
    const struct cli_usage usage = {is_approved ? "request approve WHAT" : "request deny WHAT",
        is_approved
            ? "Approves a waiting request: the device gets its certificate when it asks next."
            : "Denies a waiting request: the device is told when it asks next, and its challenge "
              "is dead.",
        table, sizeof(table) / sizeof(table[0]), 1, 1};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    const struct ipc_request_decide question = {
        bytes_from_text(words.item[0]), is_approved, bytes_from_text(reason)};
    status = cli_ask_once(&place, &ipc_request_decide_spec, &question, NULL, NULL);
    if (status == CLI_OK) {
        (void)printf("%s %s\n", is_approved ? "approved" : "denied", words.item[0]);
    }
    return status;
}

int
cli_request(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "list") == 0) {
        return request_list(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "approve") == 0) {
        return decide(argc - 1, argv + 1, true);
    }
    if (argc >= 2 && strcmp(argv[1], "deny") == 0) {
        return decide(argc - 1, argv + 1, false);
    }
    bool is_help = argc >= 2 && strcmp(argv[1], "--help") == 0;
    (void)fprintf(
        is_help ? stdout : stderr, "usage: kurier request list|approve|deny [OPTION]...\n");
    return is_help ? CLI_OK : CLI_USAGE;
}
