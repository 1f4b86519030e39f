/*
 * kurier outbox list|send|status: what is to be reported to policies outside, and was not yet.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/delivery_view.h"
#include "cli/list.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"

#include "base/banned.h"

static void
print_heading(void)
{
    (void)printf("%-8s  %-16s  %-12s  %-12s  %-19s  %-5s  %s\n", "NOTICE", "DELIVERY", "POLICY",
        "EVENT", "SINCE", "TRIED", "STATE");
}

static void
print_row(const struct ipc_outbox_row *row)
{
    char policy[IPC_NAME_MAX + 1] = "";
    char event[IPC_NAME_MAX + 1] = "";
    char since[CLI_TIME_LEN] = "";
    char next[CLI_TIME_LEN] = "";
    char detail[512] = "";
    char code_text[BASE_CODE_TEXT_LEN] = "";
    base_code_text((enum base_code)row->code, code_text);
    (void)printf("%-8llu  %-16llu  %-12s  %-12s  %-19s  %5u  %s%s%s%s%s%s%s\n",
        (unsigned long long)row->notice_id, (unsigned long long)row->delivery_id,
        cli_clean(row->policy, policy, sizeof(policy)), cli_clean(row->event, event, sizeof(event)),
        cli_time(row->at_ms, since), (unsigned)row->attempts,
        row->is_dead         ? "dead"
        : row->attempts == 0 ? "waits"
                             : "waits, again at ",
        row->is_dead || row->attempts == 0 ? "" : cli_time(row->next_ms, next),
        row->is_gate ? ", its certificate is withheld" : "", row->code != 0 ? ": " : "",
        cli_clean(row->detail, detail, sizeof(detail)), row->code != 0 ? " " : "",
        row->code != 0 ? code_text : "");
}

struct list_printer {
    bool is_json;
    bool is_dead_only;
    struct ipc_outbox_list question;
};

static enum base_code
take_row(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    const struct list_printer *printer = arg;
    struct ipc_outbox_row row;
    TRY(ipc_decode(&ipc_outbox_row_spec, frame, &row, err));
    if (printer->is_json) {
        cli_json_print(cli_notice_json(&row));
    } else {
        print_row(&row);
    }
    return BASE_OK;
}

static enum base_code
prepare_list(void *arg, struct base_error *err)
{
    struct list_printer *printer = arg;
    (void)err;
    printer->question.is_dead_only = printer->is_dead_only;
    return BASE_OK;
}

static int
outbox_list(int argc, char **argv)
{
    struct list_printer printer = {.is_json = false};
    const struct cli_option options[] = {
        {"dead", NULL, "only those that were given up", &printer.is_dead_only, NULL, NULL},
    };
    const struct cli_listing listing = {.synopsis = "outbox list [OPTION]...",
        .story = "Lists what is to be reported and was not taken yet, the oldest first.",
        .options = options,
        .option_count = sizeof(options) / sizeof(options[0]),
        .is_json = &printer.is_json,
        .heading = print_heading,
        .prepare = prepare_list,
        .pages = {&ipc_outbox_list_spec, &printer.question, &printer.question.cursor, take_row,
            &printer, NULL}};
    return cli_list_command(argc, argv, &listing);
}

static int
outbox_send(int argc, char **argv)
{
    struct cli_place place = {NULL, NULL};
    bool is_all = false;
    struct list_printer printer = {.is_json = false};
    const struct cli_option table[] = {
        {"dead", NULL, "every one that was given up (32 at a time)", &is_all, NULL, NULL},
        {"json", NULL, "one JSON object a line", &printer.is_json, NULL, NULL},
        CLI_PLACE_OPTIONS(place),
    };
    const struct cli_usage usage = {"outbox send [NOTICE]",
        "Sends a notice now, also one that was given up; prints what is sent.", table,
        sizeof(table) / sizeof(table[0]), 0, 1};
    struct cli_list words;
    int status = CLI_OK;
    uint64_t id = 0;
    struct base_error err;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    if (is_all == (words.count == 1)) {
        (void)base_fail(&err, E_USAGE, "either the number of a notice, or --dead");
        return cli_report(&err);
    }
    if (words.count == 1 &&
        (base_parse_number(bytes_from_text(words.item[0]), INT64_MAX, &id, &err) != BASE_OK ||
            id == 0)) {
        (void)base_fail(&err, E_USAGE, "'%.40s' is no number of a notice", words.item[0]);
        return cli_report(&err);
    }
    const struct ipc_outbox_send question = {id};
    return cli_ask_once(&place, &ipc_outbox_send_spec, &question, take_row, &printer);
}

static const char *
kind_name(uint8_t kind)
{
    return kind == 2 ? "intune" : "webhook";
}

static enum base_code
take_status(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    const bool *is_json = arg;
    struct ipc_outbox_status_row row;
    char policy[IPC_NAME_MAX + 1] = "";
    char since[CLI_TIME_LEN] = "";
    TRY(ipc_decode(&ipc_outbox_status_row_spec, frame, &row, err));
    if (!*is_json) {
        (void)printf("%-16s  %-8s  %8llu  %6llu  %-19s  %s\n",
            cli_clean(row.policy, policy, sizeof(policy)), kind_name(row.kind),
            (unsigned long long)row.waiting, (unsigned long long)row.dead,
            cli_time(row.oldest_ms, since),
            row.failures == 0 ? "well" : "not taking notices, tried again shortly");
        return BASE_OK;
    }
    json_t *object = json_object();
    (void)json_object_set_new(object, "policy", cli_json_text(row.policy));
    (void)json_object_set_new(object, "type", json_string(kind_name(row.kind)));
    (void)json_object_set_new(object, "waiting", json_integer((json_int_t)row.waiting));
    (void)json_object_set_new(object, "dead", json_integer((json_int_t)row.dead));
    (void)json_object_set_new(object, "oldest", cli_json_time_ms(row.oldest_ms));
    (void)json_object_set_new(object, "failures", json_integer(row.failures));
    (void)json_object_set_new(object, "paused_ms", json_integer((json_int_t)row.paused_ms));
    (void)json_object_set_new(object, "in_flight", json_integer(row.in_flight));
    cli_json_print(object);
    return BASE_OK;
}

static void
print_status_heading(void)
{
    (void)printf("%-16s  %-8s  %8s  %6s  %-19s  %s\n", "POLICY", "TYPE", "WAITING", "DEAD",
        "OLDEST SINCE", "SERVICE");
}

static int
outbox_status(int argc, char **argv)
{
    bool is_json = false;
    struct ipc_outbox_status question = {0};
    const struct cli_listing listing = {.synopsis = "outbox status [OPTION]...",
        .story = "For each policy outside: how much waits to be reported, since when, and whether "
                 "it takes it.",
        .is_json = &is_json,
        .heading = print_status_heading,
        .pages = {&ipc_outbox_status_spec, &question, NULL, take_status, &is_json, NULL}};
    return cli_list_command(argc, argv, &listing);
}

int
cli_outbox(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{"list", outbox_list}, {"send", outbox_send}, {"status", outbox_status}};
    for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    bool is_help = argc >= 2 && strcmp(argv[1], "--help") == 0;
    (void)fprintf(is_help ? stdout : stderr, "usage: kurier outbox list|send|status [OPTION]...\n");
    return is_help ? CLI_OK : CLI_USAGE;
}
