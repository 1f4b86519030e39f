/*
 * kurier account hash, kurier account token: what stands in kurier.yaml for a password or a token.
 * Neither needs a home.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "pki/algorithm.h"
#include "pki/password.h"

#include "base/banned.h"

#define TOKEN_PREFIX "kurier_"
#define TOKEN_OCTETS 32

/* One line, without its end; what is too long is told by pki_password_hash(). */
static enum base_code
read_line(struct buffer *out, struct base_error *err)
{
    for (;;) {
        uint8_t octet = 0;
        ssize_t got = read(STDIN_FILENO, &octet, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return base_fail_errno(err, E_SYSTEM, errno, "reading a password");
        }
        if (got == 0 || octet == '\n') {
            out->len -= out->len > 0 && out->ptr[out->len - 1] == '\r' ? 1 : 0;
            return BASE_OK;
        }
        TRY(buffer_append_octet(out, octet, err));
    }
}

/* At a terminal, without showing it. */
static enum base_code
prompt(const char *text, struct buffer *out, struct base_error *err)
{
    struct termios before;
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return read_line(out, err);
    }
    struct termios quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)fprintf(stderr, "%s: ", text);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    enum base_code code = read_line(out, err);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fprintf(stderr, "\n");
    return code;
}

static enum base_code
make_hash(char out[PKI_PASSWORD_TEXT_LEN], struct base_error *err)
{
    const struct base_random random = base_random_system();
    BUFFER_LOCAL(first, 2 * PKI_PASSWORD_MAX);
    BUFFER_LOCAL(second, 2 * PKI_PASSWORD_MAX);
    TRY(prompt("Password", &first, err));
    if (isatty(STDIN_FILENO) != 0) {
        TRY(prompt("The same again", &second, err));
        if (!bytes_equal(buffer_bytes(&first), buffer_bytes(&second))) {
            return base_fail(err, E_USAGE, "the two are not the same");
        }
    }
    return pki_password_hash(buffer_bytes(&first), &random, out, err);
}

static int
account_hash(int argc, char **argv)
{
    const struct cli_usage usage = {"account hash",
        "Reads a password, from a terminal twice and without showing it, else one line of standard "
        "input,\nand prints what stands for it in kurier.yaml, as accounts.NAME.password.",
        NULL, 0, 0, 0};
    struct cli_list words;
    int status = CLI_OK;
    char text[PKI_PASSWORD_TEXT_LEN] = "";
    struct base_error err;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    if (make_hash(text, &err) != BASE_OK) {
        return cli_report(&err);
    }
    (void)printf("%s\n", text);
    return CLI_OK;
}

static enum base_code
make_token(char token[128], char hash[65], struct base_error *err)
{
    const struct base_random random = base_random_system();
    uint8_t octets[TOKEN_OCTETS];
    uint8_t sha256[PKI_DIGEST_MAX];
    char text[64] = "";
    TRY(base_random_fill(&random, octets, sizeof(octets), err));
    base_base32(BYTES_ARRAY(octets), text);
    explicit_bzero(octets, sizeof(octets));
    (void)snprintf(token, 128, TOKEN_PREFIX "%s", text);
    TRY(pki_digest(PKI_SHA256, bytes_from_text(token), sha256, err));
    base_hex((struct bytes){sha256, 32}, hash);
    return BASE_OK;
}

static int
account_token(int argc, char **argv)
{
    bool is_json = false;
    const struct cli_option table[] = {
        {"json", NULL, "one JSON object", &is_json, NULL, NULL},
    };
    const struct cli_usage usage = {"account token",
        "Makes a bearer token and prints it, once, with the hash that stands for it in "
        "kurier.yaml, "
        "as accounts.NAME.token.",
        table, sizeof(table) / sizeof(table[0]), 0, 0};
    struct cli_list words;
    int status = CLI_OK;
    char token[128] = "";
    char hash[65] = "";
    struct base_error err;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    if (make_token(token, hash, &err) != BASE_OK) {
        return cli_report(&err);
    }
    if (is_json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "token", json_string(token));
        (void)json_object_set_new(object, "hash", json_string(hash));
        cli_json_print(object);
    } else {
        (void)printf("token  %s\nhash   %s\n", token, hash);
    }
    explicit_bzero(token, sizeof(token));
    return CLI_OK;
}

int
cli_account(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "hash") == 0) {
        return account_hash(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "token") == 0) {
        return account_token(argc - 1, argv + 1);
    }
    bool is_help = argc >= 2 && strcmp(argv[1], "--help") == 0;
    (void)fprintf(is_help ? stdout : stderr, "usage: kurier account hash|token [OPTION]...\n");
    return is_help ? CLI_OK : CLI_USAGE;
}
