#include "cli/list.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"

#include "base/banned.h"

enum base_code
cli_ask_pages(
    const struct cli_session *session, const struct cli_pages *pages, struct base_error *err)
{
    struct cli_page page = {.is_more = true};
    enum base_code code = BASE_OK;
    while (code == BASE_OK && page.is_more && (pages->is_enough == NULL || !*pages->is_enough)) {
        const struct cli_page last = page;
        if (pages->cursor != NULL) {
            *pages->cursor = bytes_from_text(last.cursor);
        }
        code =
            cli_ask(session, pages->spec, pages->question, pages->on_row, pages->arg, &page, err);
    }
    if (pages->cursor != NULL) {
        *pages->cursor = BYTES_NONE;
    }
    return code;
}

int
cli_show_pages(const struct cli_place *place, const struct cli_pages *pages, void (*heading)(void))
{
    struct base_error err;
    struct cli_session session;
    if (cli_session_open(place, &session, &err) != BASE_OK) {
        return cli_report(&err);
    }
    if (heading != NULL) {
        heading();
    }
    enum base_code code = cli_ask_pages(&session, pages, &err);
    cli_session_close(&session);
    return code == BASE_OK ? CLI_OK : cli_report(&err);
}

int
cli_ask_once(const struct cli_place *place, const struct ipc_spec *spec, const void *question,
    cli_on_row on_row, void *arg)
{
    const struct cli_pages page = {
        .spec = spec, .question = question, .on_row = on_row, .arg = arg};
    return cli_show_pages(place, &page, NULL);
}

int
cli_list_command(int argc, char **argv, const struct cli_listing *listing)
{
    struct cli_place place = {NULL, NULL};
    const struct cli_option common[] = {
        {"json", NULL, listing->json_help == NULL ? "one JSON object a line" : listing->json_help,
            listing->is_json, NULL, NULL},
        CLI_PLACE_OPTIONS(place),
    };
    struct cli_option table[CLI_LISTING_OPTIONS_MAX + sizeof(common) / sizeof(common[0])];
    size_t count = 0;
    while (count < listing->option_count && count < CLI_LISTING_OPTIONS_MAX) {
        table[count] = listing->options[count];
        count++;
    }
    memcpy(table + count, common, sizeof(common));
    count += sizeof(common) / sizeof(common[0]);
    const struct cli_usage usage = {listing->synopsis, listing->story, table, count, 0, 0};
    struct cli_list words;
    struct base_error err;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    if (listing->prepare != NULL && listing->prepare(listing->pages.arg, &err) != BASE_OK) {
        return cli_report(&err);
    }
    status = cli_show_pages(&place, &listing->pages, *listing->is_json ? NULL : listing->heading);
    return status == CLI_OK && listing->finish != NULL ? listing->finish(listing->pages.arg)
                                                       : status;
}
