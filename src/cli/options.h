/*
 * options.h - one table per command: it drives parsing, --help and the error for what is not
 * understood.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define CLI_LIST_MAX 100

struct cli_list {
    const char *item[CLI_LIST_MAX]; /* borrowed from argv */
    size_t count;
};

/* Exactly one of flag, value, list is set. argument: what --help calls the value. */
struct cli_option {
    const char *name; /* without the dashes */
    const char *argument;
    const char *help;
    bool *flag;
    const char **value;
    struct cli_list *list;
};

struct cli_usage {
    const char *synopsis; /* "challenge new [OPTION]..." */
    const char *story;    /* a paragraph for --help */
    const struct cli_option *options;
    size_t count;
    size_t min_words; /* positional arguments */
    size_t max_words;
};

/*
 * Parse argv[1..]. Returns true when the command may go on; else *out_status is the exit status (0
 * after --help, 2 with an error line). @out_words is filled with the positional arguments.
 */
bool cli_parse(const struct cli_usage *usage, int argc, char **argv, struct cli_list *out_words,
    int *out_status);

#endif
