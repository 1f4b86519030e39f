/*
 * kurier secret set, list, remove: the files of HOME/notifier/, which only the notifier reads. A
 * secret goes in, and never comes out again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/own.h"
#include "base/secret.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"
#include "config/accept.h"

#include "base/banned.h"

OWNER(DIR, (void)closedir)

#define SECRET_MAX ((size_t)64 * 1024)
#define NAME_LEN 64

static enum base_code
open_folder(const char *home, int *out_fd, struct base_error *err)
{
    char path[4096] = "";
    (void)snprintf(path, sizeof(path), "%s/notifier", home);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return base_fail_errno(
            err, errno == ENOENT ? E_HOME_MISSING : E_SYSTEM, errno, "%.200s", path);
    }
    *out_fd = fd;
    return BASE_OK;
}

static enum base_code
check_name(const char *name, struct base_error *err)
{
    struct bytes ignored = BYTES_NONE;
    if (name[0] == '\0' || strlen(name) > NAME_LEN ||
        config_accept_secret(bytes_from_text(name), &ignored, err) != BASE_OK) {
        return base_fail(err, E_USAGE,
            "the name of a secret has at most %d letters, digits, hyphens, underscores and dots",
            NAME_LEN);
    }
    return BASE_OK;
}

/* Standard input to its end; on a terminal one line, which is not shown. */
static enum base_code
read_secret(struct buffer *out, struct base_error *err)
{
    bool is_terminal = isatty(STDIN_FILENO) == 1;
    struct termios shown;
    bool is_hidden = is_terminal && tcgetattr(STDIN_FILENO, &shown) == 0;
    if (is_hidden) {
        struct termios hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        (void)fprintf(stderr, "The secret, which is not shown: ");
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    }
    ssize_t got = 1;
    enum base_code code = BASE_OK;
    while (code == BASE_OK && got > 0) {
        uint8_t *to = NULL;
        code = buffer_reserve(out, 1, &to, err);
        got = code == BASE_OK ? read(STDIN_FILENO, to, out->capacity - out->len) : 0;
        out->len += got > 0 ? (size_t)got : 0;
        if (is_terminal && out->len > 0 && out->ptr[out->len - 1] == '\n') {
            break;
        }
    }
    if (is_hidden) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        (void)fprintf(stderr, "\n");
    }
    if (got < 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "standard input");
    }
    if (code == BASE_OK && (out->len == 0 || (out->len == 1 && out->ptr[0] == '\n'))) {
        return base_fail(err, E_USAGE, "nothing came on standard input");
    }
    return code;
}

static enum base_code
write_all(int fd, struct bytes octets, struct base_error *err)
{
    while (octets.len > 0) {
        ssize_t written = write(fd, octets.ptr, octets.len);
        if (written < 0 && errno != EINTR) {
            return base_fail_errno(err, E_SYSTEM, errno, "writing the secret");
        }
        octets = bytes_skip(octets, written > 0 ? (size_t)written : 0);
    }
    return BASE_OK;
}

/* Whole under its name, or not there: with the folder's owner, closed to everybody else. */
static enum base_code
write_secret(int folder_fd, const char *name, struct bytes octets, struct base_error *err)
{
    char coming[NAME_LEN + 8] = "";
    struct stat folder = {0};
    (void)snprintf(coming, sizeof(coming), ".%s.new", name);
    (void)unlinkat(folder_fd, coming, 0); /* of one that was interrupted */
    OWN_FD int fd =
        openat(folder_fd, coming, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "a new file in the notifier's folder");
    }
    enum base_code code = write_all(fd, octets, err);
    if (code == BASE_OK &&
        (fchmod(fd, 0600) != 0 || fstat(folder_fd, &folder) != 0 ||
            (folder.st_uid != geteuid() && fchown(fd, folder.st_uid, folder.st_gid) != 0) ||
            fsync(fd) != 0 || renameat(folder_fd, coming, folder_fd, name) != 0 ||
            fsync(folder_fd) != 0)) {
        code = base_fail_errno(err, E_SYSTEM, errno, "the secret %s", name);
    }
    if (code != BASE_OK) {
        (void)unlinkat(folder_fd, coming, 0);
    }
    return code;
}

static enum base_code
set_secret(const char *home, const char *name, struct base_error *err)
{
    int fd = -1;
    BUFFER_LOCAL(octets, SECRET_MAX);
    TRY(check_name(name, err));
    TRY(open_folder(home, &fd, err));
    OWN_FD int folder_fd = fd;
    TRY(read_secret(&octets, err));
    return write_secret(folder_fd, name, buffer_bytes(&octets), err);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum base_code
list_secrets(const char *home, bool is_json, struct base_error *err)
{
    int fd = -1;
    TRY(open_folder(home, &fd, err));
    OWN(DIR) folder = fdopendir(fd);
    if (folder == NULL) {
        (void)close(fd);
        return base_fail_errno(err, E_SYSTEM, errno, "the notifier's folder");
    }
    char *names[CLI_LIST_MAX] = {NULL};
    size_t count = 0;
    const struct dirent *entry = NULL;
    while ((entry = readdir(folder)) != NULL && count < CLI_LIST_MAX) {
        if (entry->d_name[0] != '.') {
            names[count] = strdup(entry->d_name);
            count += names[count] != NULL ? 1 : 0;
        }
    }
    qsort(names, count, sizeof(names[0]), by_name);
    for (size_t i = 0; i < count; i++) {
        char clean[4 * NAME_LEN] = "";
        if (is_json) {
            json_t *object = json_object();
            (void)json_object_set_new(object, "name", cli_json_text(bytes_from_text(names[i])));
            cli_json_print(object);
        } else {
            (void)printf("%s\n", cli_clean(bytes_from_text(names[i]), clean, sizeof(clean)));
        }
        free(names[i]);
    }
    return BASE_OK;
}

static enum base_code
remove_secret(const char *home, const char *name, struct base_error *err)
{
    int fd = -1;
    TRY(check_name(name, err));
    TRY(open_folder(home, &fd, err));
    OWN_FD int folder_fd = fd;
    if (unlinkat(folder_fd, name, 0) != 0) {
        return errno == ENOENT ? base_fail(err, E_NOT_FOUND, "there is no secret %s", name)
                               : base_fail_errno(err, E_SYSTEM, errno, "the secret %s", name);
    }
    return BASE_OK;
}

enum verb { SECRET_SET, SECRET_LIST, SECRET_REMOVE };

static int
run(enum verb verb, int argc, char **argv)
{
    static const char *const synopses[] = {
        "secret set NAME [OPTION]...", "secret list [OPTION]...", "secret remove NAME [OPTION]..."};
    static const char *const stories[] = {
        ("Reads a secret from standard input and keeps it for the policies of the configuration "
         "that name it. A running server takes it with kurier reload."),
        "Shows the names of the secrets. What is in them is never shown.", "Removes a secret."};
    const char *home = NULL;
    bool is_json = false;
    const struct cli_option table[] = {
        {"home", "DIR", "the home", NULL, &home, NULL},
        {"json", NULL, "one JSON object a line", &is_json, NULL, NULL},
    };
    size_t words_wanted = verb == SECRET_LIST ? 0 : 1;
    const struct cli_usage usage = {synopses[verb], stories[verb], table,
        verb == SECRET_LIST ? 2 : 1, words_wanted, words_wanted};
    struct cli_list words;
    struct base_error err = {0};
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    enum base_code code = verb == SECRET_SET ? set_secret(cli_home(home), words.item[0], &err)
                          : verb == SECRET_LIST
                              ? list_secrets(cli_home(home), is_json, &err)
                              : remove_secret(cli_home(home), words.item[0], &err);
    return code == BASE_OK ? CLI_OK : cli_report(&err);
}

int
cli_secret(int argc, char **argv)
{
    static const char *const verbs[] = {"set", "list", "remove"};
    for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(argv[1], verbs[i]) == 0) {
            return run((enum verb)i, argc - 1, argv + 1);
        }
    }
    bool is_help = argc >= 2 && strcmp(argv[1], "--help") == 0;
    (void)fprintf(is_help ? stdout : stderr, "usage: kurier secret set|list|remove [OPTION]...\n");
    return is_help ? CLI_OK : CLI_USAGE;
}
