#include "cli/options.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#include "base/banned.h"

static void
print_help(const struct cli_usage *usage)
{
    (void)printf("kurier %s\n\n%s\n", usage->synopsis, usage->story);
    if (usage->count > 0) {
        (void)printf("\n");
    }
    for (size_t i = 0; i < usage->count; i++) {
        const struct cli_option *option = &usage->options[i];
        char left[64] = "";
        (void)snprintf(left, sizeof(left), "--%s%s%s", option->name,
            option->argument == NULL ? "" : " ", option->argument == NULL ? "" : option->argument);
        (void)printf("  %-28s %s\n", left, option->help);
    }
}

static bool
refuse(const struct cli_usage *usage, const char *what, const char *word, int *out_status)
{
    (void)fprintf(
        stderr, "kurier: %s '%s'; usage: kurier %s [KUR-1006]\n", what, word, usage->synopsis);
    *out_status = CLI_USAGE;
    return false;
}

static const struct cli_option *
find_option(const struct cli_usage *usage, const char *name, size_t len)
{
    for (size_t i = 0; i < usage->count; i++) {
        if (strlen(usage->options[i].name) == len &&
            strncmp(usage->options[i].name, name, len) == 0) {
            return &usage->options[i];
        }
    }
    return NULL;
}

/* One "--name", "--name value" or "--name=value" at argv[*at]. */
static bool
take_option(const struct cli_usage *usage, int argc, char **argv, int *at, int *out_status)
{
    const char *word = argv[*at];
    const char *equals = strchr(word, '=');
    size_t len = equals == NULL ? strlen(word) - 2 : (size_t)(equals - word) - 2;
    const struct cli_option *option = find_option(usage, word + 2, len);
    if (option == NULL) {
        return refuse(usage, "there is no option", word, out_status);
    }
    if (option->flag != NULL) {
        if (equals != NULL) {
            return refuse(usage, "this option takes no value:", word, out_status);
        }
        *option->flag = true;
        return true;
    }
    const char *value = equals == NULL ? NULL : equals + 1;
    if (value == NULL) {
        if (*at + 1 >= argc) {
            return refuse(usage, "a value is missing after", word, out_status);
        }
        value = argv[++*at];
    }
    if (option->value != NULL) {
        *option->value = value;
        return true;
    }
    if (option->list->count == CLI_LIST_MAX) {
        return refuse(usage, "at most 100 times:", word, out_status);
    }
    option->list->item[option->list->count++] = value;
    return true;
}

bool
cli_parse(const struct cli_usage *usage, int argc, char **argv, struct cli_list *out_words,
    int *out_status)
{
    bool is_options_ended = false;
    out_words->count = 0;
    for (int at = 1; at < argc; at++) {
        if (!is_options_ended && strcmp(argv[at], "--help") == 0) {
            print_help(usage);
            *out_status = CLI_OK;
            return false;
        }
        if (!is_options_ended && strcmp(argv[at], "--") == 0) {
            is_options_ended = true;
        } else if (!is_options_ended && strncmp(argv[at], "--", 2) == 0) {
            if (!take_option(usage, argc, argv, &at, out_status)) {
                return false;
            }
        } else if (out_words->count == usage->max_words || out_words->count == CLI_LIST_MAX) {
            return refuse(usage, "one argument too many:", argv[at], out_status);
        } else {
            out_words->item[out_words->count++] = argv[at];
        }
    }
    if (out_words->count < usage->min_words) {
        return refuse(usage, "an argument is missing after", argv[argc - 1], out_status);
    }
    return true;
}
