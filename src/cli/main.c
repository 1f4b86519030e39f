/*
 * kurier: one command; each of its verbs is a file of this room.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#include "base/banned.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    {"init", cli_init, "make a home: configuration, CA, RA, ledger"},
    {"serve", cli_serve, "run the server (makes the home first when there is none)"},
    {"reload", cli_reload, "have a running server read its configuration again"},
    {"challenge", cli_challenge,
        "challenge new: make challenges, one a line; key: keys for bound ones"},
    {"account", cli_account, "account hash, token: passwords and tokens for kurier.yaml"},
    {"delivery", cli_delivery, "delivery list: deliveries, newest first"},
    {"trace", cli_trace, "one delivery, step by step: where it stands, and why"},
    {"cert", cli_cert, "cert list, show, revoke, authority"},
    {"request", cli_request, "request list, approve, deny: what waits for approval"},
    {"outbox", cli_outbox, "outbox list, send, status: what is to be reported and was not yet"},
    {"crl", cli_crl, "show or write the CRL"},
    {"profile", cli_profile, "profile list, show, export: for Apple, Windows, Android, Linux"},
    {"secret", cli_secret, "secret set, list, remove: what webhooks and Intune know us by"},
    {"audit", cli_audit, "verify both journals against the certificates"},
    {"diagnose", cli_diagnose, "read logs of any side and say where a delivery stopped, and why"},
    {"check", cli_check, "probe any SCEP server and explain what is wrong with it"},
    {"inspect", cli_inspect, "decode any SCEP message, whole, damaged or cut off"},
    {"enroll", cli_enroll, "the device side: get a certificate from any SCEP server"},
};

static void
print_usage(FILE *to)
{
    (void)fprintf(to, "Kurier delivers certificates to devices over SCEP, and says where each "
                      "delivery stands.\n\n"
                      "usage: kurier COMMAND [OPTION]...\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        (void)fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
    }
    (void)fprintf(to,
        "\nkurier help COMMAND and kurier COMMAND --help say more. --home DIR names the home (else "
        "KURIER_HOME, /var/lib/kurier when it exists, ./kurier-home).\n"
        "Exit status: 0 yes or done, 1 the answer is no, 2 wrong usage, 3 something broke.\n");
}

/* argv[1 .. 1+count) goes to the end, in its order. */
static void
move_to_the_end(int argc, char **argv, int count)
{
    for (int i = 0; i < count; i++) {
        char *word = argv[1];
        memmove(&argv[1], &argv[2], (size_t)(argc - 2) * sizeof(argv[0]));
        argv[argc - 1] = word;
    }
}

/* `kurier --home DIR COMMAND ...` is `kurier COMMAND ... --home DIR`, and `kurier help COMMAND ...`
 * is `kurier COMMAND ... --help`. */
static void
put_command_first(int argc, char **argv)
{
    static char help[] = "--help";
    if (argc >= 4 && strcmp(argv[1], "--home") == 0) {
        move_to_the_end(argc, argv, 2);
    } else if (argc >= 3 && strcmp(argv[1], "help") == 0) {
        argv[1] = help;
        move_to_the_end(argc, argv, 1);
    }
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    put_command_first(argc, argv);
    if (argc < 2) {
        print_usage(stderr);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            int status = commands[i].run(argc - 1, argv + 1);
            /* What was printed must have arrived: a full disk behind `>` is a failure. */
            return fflush(stdout) == 0 || status != CLI_OK ? status : CLI_BROKEN;
        }
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("kurier %s\n", KURIER_VERSION);
        return CLI_OK;
    }
    (void)fprintf(
        stderr, "kurier: there is no command '%s'; see kurier help [KUR-1006]\n", argv[1]);
    return CLI_USAGE;
}
