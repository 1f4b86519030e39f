/*
 * list.h - commands that list: their options, the session, and one page of rows after the other;
 * and those that ask one question.
 */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli/options.h"
#include "cli/session.h"

/* A question that is asked until its answer has no more pages. */
struct cli_pages {
    const struct ipc_spec *spec;
    const void *question;
    struct bytes *cursor; /* the question's own, set before it is asked; NULL: there is one page */
    cli_on_row on_row;
    void *arg;
    const bool *is_enough; /* true: no further page is wanted; NULL: all are */
};
MUST_CHECK enum base_code cli_ask_pages(
    const struct cli_session *session, const struct cli_pages *pages, struct base_error *err);
/* The same in a session of its own; @heading: printed once there is one, NULL: none. Returns the
 * exit status, an error is reported. */
int cli_show_pages(
    const struct cli_place *place, const struct cli_pages *pages, void (*heading)(void));

/* One question with an answer of one page; @on_row NULL: of no rows. The same status. */
int cli_ask_once(const struct cli_place *place, const struct ipc_spec *spec, const void *question,
    cli_on_row on_row, void *arg);

/* A whole command without words. Its options come before --json and those of the place. */
struct cli_listing {
    const char *synopsis;
    const char *story;
    const struct cli_option *options; /* CLI_LISTING_OPTIONS_MAX at most */
    size_t option_count;
    const char *json_help; /* NULL: "one JSON object a line" */
    bool *is_json;
    void (*heading)(void); /* for people only */
    /* What the options say, brought into the question, with the pages' arg; NULL: nothing. */
    enum base_code (*prepare)(void *arg, struct base_error *err);
    struct cli_pages pages;
    int (*finish)(void *arg); /* when all rows have come: the exit status; NULL: CLI_OK */
};
#define CLI_LISTING_OPTIONS_MAX 4
int cli_list_command(int argc, char **argv, const struct cli_listing *listing);

#endif
