/*
 * kurier serve: run the server; kurier reload: have it read its configuration again.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/home.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"
#include "config/config.h"
#include "supervisor/supervisor.h"

#include "base/banned.h"

static int
check_config(const char *home)
{
    struct base_error err;
    char path[4096] = "";
    (void)snprintf(path, sizeof(path), "%s/%s", home, SUPERVISOR_CONFIG_NAME);
    if (config_check(path, &err) != BASE_OK) {
        (void)cli_report(&err);
        return CLI_NO;
    }
    (void)printf("%s is good\n", path);
    return CLI_OK;
}

static enum base_code
serve(const char *home, const struct cli_list *listen, const char *passphrase_fd,
    struct base_error *err)
{
    const char *addresses[CLI_LIST_MAX + 1] = {NULL};
    for (size_t i = 0; i < listen->count; i++) {
        addresses[i] = listen->item[i];
    }
    struct supervisor_options options = {.home = home,
        .listen = listen->count == 0 ? NULL : addresses,
        .log_fd = STDERR_FILENO,
        .passphrase_fd = -1,
        .session_fd = -1};
    TRY(cli_passphrase(passphrase_fd, &options.passphrase_fd, err));
    if (!cli_home_exists(home)) {
        struct cli_home_options fresh = {.home = home,
            .key_spec = "rsa:3072",
            .ca_subject = "CN=Kurier CA",
            .passphrase_fd = options.passphrase_fd,
            .log_fd = STDERR_FILENO};
        TRY(cli_home_make(&fresh, err));
        (void)fprintf(
            stderr, "Made %s; `kurier cert authority --home %s` shows its CA.\n", home, home);
    }
    return supervisor_run(&options, err);
}

int
cli_serve(int argc, char **argv)
{
    const char *home = NULL;
    const char *passphrase_fd = NULL;
    bool is_checking = false;
    struct cli_list listen = {.count = 0};
    const struct cli_option table[] = {
        {"listen", "ADDR:PORT",
            "listen there instead of where the configuration says; several times", NULL, NULL,
            &listen},
        {"check-config", NULL, "read the configuration, say what is wrong with it, and end",
            &is_checking, NULL, NULL},
        {"passphrase-fd", "N", "keys are decrypted with what is read from this descriptor", NULL,
            &passphrase_fd, NULL},
        {"home", "DIR", "the home", NULL, &home, NULL},
    };
    const struct cli_usage usage = {"serve [OPTION]...",
        "Runs the server until SIGTERM; makes the home first when there is none. SIGHUP reads the "
        "configuration again.",
        table, sizeof(table) / sizeof(table[0]), 0, 0};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    if (is_checking) {
        return check_config(cli_home(home));
    }
    struct base_error err;
    return serve(cli_home(home), &listen, passphrase_fd, &err) == BASE_OK ? CLI_OK
                                                                          : cli_report(&err);
}

int
cli_reload(int argc, char **argv)
{
    const char *home = NULL;
    const struct cli_option table[] = {{"home", "DIR", "the home", NULL, &home, NULL}};
    const struct cli_usage usage = {"reload [OPTION]...",
        "Has the running server read its configuration again; its log says whether it was taken.",
        table, sizeof(table) / sizeof(table[0]), 0, 0};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    struct base_error err;
    pid_t pid = 0;
    if (supervisor_find(cli_home(home), &pid, &err) != BASE_OK) {
        return cli_report(&err);
    }
    if (pid == 0) {
        (void)base_fail(&err, E_NOT_RUNNING, "%s", cli_home(home));
        return cli_report(&err);
    }
    if (check_config(cli_home(home)) != CLI_OK) {
        return CLI_NO;
    }
    return kill(pid, SIGHUP) == 0 ? CLI_OK : CLI_BROKEN;
}
