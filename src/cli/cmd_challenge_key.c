/*
 * kurier challenge key new|list|remove: the keys with which management systems make bound
 * challenges themselves.
 */
#include "cli/cmd_challenge_key.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"

#include "base/banned.h"

#define KEY_ID_LEN 8
#define KEY_LEN 32

/* "a, b" of lines; "all" of none. */
static const char *
profiles_text(struct bytes lines, char *out, size_t out_size)
{
    uint8_t shown[IPC_TEXT_MAX];
    size_t at = 0;
    if (lines.len == 0) {
        return "all";
    }
    for (size_t i = 0; i < lines.len && i < sizeof(shown); i++) {
        shown[i] = lines.ptr[i] == '\n' ? (uint8_t)',' : lines.ptr[i];
        at = i + 1;
    }
    return cli_clean((struct bytes){shown, at}, out, out_size);
}

static json_t *
profiles_json(struct bytes lines)
{
    json_t *array = json_array();
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        size_t len = end == NULL ? lines.len : (size_t)(end - lines.ptr);
        (void)json_array_append_new(array, cli_json_text((struct bytes){lines.ptr, len}));
        lines = bytes_skip(lines, len + 1);
    }
    return array;
}

static enum base_code
print_key(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    const bool *is_json = arg;
    struct ipc_bound_key_row row;
    char key_id[2 * KEY_ID_LEN + 1] = "";
    char name[IPC_NAME_MAX + 1] = "";
    char profiles[2 * IPC_TEXT_MAX] = "";
    char at[CLI_TIME_LEN] = "";
    BUFFER_LOCAL(key, 64);
    TRY(ipc_decode(&ipc_bound_key_row_spec, frame, &row, err));
    if (row.key_id.len != KEY_ID_LEN || (row.key.len != 0 && row.key.len != KEY_LEN)) {
        return base_fail(err, E_IPC_FIELD, "a key of another length");
    }
    base_hex(row.key_id, key_id);
    TRY(base_base64(row.key, &key, err));
    if (*is_json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "name", cli_json_text(row.name));
        (void)json_object_set_new(object, "key_id", json_string(key_id));
        if (row.key.len > 0) {
            (void)json_object_set_new(object, "key", cli_json_text(buffer_bytes(&key)));
        }
        (void)json_object_set_new(object, "profiles", profiles_json(row.profiles));
        (void)json_object_set_new(object, "created", cli_json_time_ms(row.created_ms));
        cli_json_print(object);
    } else if (row.key.len > 0) {
        (void)printf("%s %.*s\n", key_id, base_size_to_int(key.len), (const char *)key.ptr);
    } else {
        (void)printf("%-24s %-18s %-20s %s\n", cli_clean(row.name, name, sizeof(name)), key_id,
            cli_time(row.created_ms, at), profiles_text(row.profiles, profiles, sizeof(profiles)));
    }
    return BASE_OK;
}

static int
key_new(int argc, char **argv)
{
    struct cli_place place = {NULL, NULL};
    struct cli_list profiles = {.count = 0};
    bool is_json = false;
    const struct cli_option table[] = {
        {"profile", "NAME", "for challenges of this profile only; several times", NULL, NULL,
            &profiles},
        {"json", NULL, "one JSON object", &is_json, NULL, NULL},
        CLI_PLACE_OPTIONS(place),
    };
    const struct cli_usage usage = {"challenge key new NAME [OPTION]...",
        "Makes a key for bound challenges and prints its id and the key in base64: once, now. Who "
        "has it can have certificates made; give it to one management system only.",
        table, sizeof(table) / sizeof(table[0]), 1, 1};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    struct base_error err;
    BUFFER_LOCAL(lines, IPC_TEXT_MAX);
    enum base_code code = BASE_OK;
    for (size_t i = 0; code == BASE_OK && i < profiles.count; i++) {
        code = i > 0 ? buffer_append_octet(&lines, '\n', &err) : BASE_OK;
        code = code == BASE_OK ? buffer_append_text(&lines, profiles.item[i], &err) : code;
    }
    if (code != BASE_OK) {
        return cli_report(&err);
    }
    const struct ipc_bound_key_new question = {
        bytes_from_text(words.item[0]), buffer_bytes(&lines)};
    return cli_ask_once(&place, &ipc_bound_key_new_spec, &question, print_key, &is_json);
}

static void
print_heading(void)
{
    (void)printf("%s%-24s %-18s %-20s %s%s\n", cli_bold(), "NAME", "KEY ID", "MADE", "PROFILES",
        cli_plain());
}

static int
key_list(int argc, char **argv)
{
    bool is_json = false;
    struct ipc_bound_key_list question = {BYTES_NONE};
    const struct cli_listing listing = {.synopsis = "challenge key list [OPTION]...",
        .story = "Lists the keys for bound challenges, never the keys themselves. The one named "
                 "kurier is Kurier's own, for challenge new --bound.",
        .is_json = &is_json,
        .heading = print_heading,
        .pages = {
            &ipc_bound_key_list_spec, &question, &question.cursor, print_key, &is_json, NULL}};
    return cli_list_command(argc, argv, &listing);
}

static int
key_remove(int argc, char **argv)
{
    struct cli_place place = {NULL, NULL};
    const struct cli_option table[] = {
        CLI_PLACE_OPTIONS(place),
    };
    const struct cli_usage usage = {"challenge key remove NAME",
        "Removes a key: challenges made with it are no longer taken, those of certificates that "
        "are renewed included. What was issued stays valid.",
        table, sizeof(table) / sizeof(table[0]), 1, 1};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    const struct ipc_bound_key_remove question = {bytes_from_text(words.item[0])};
    status = cli_ask_once(&place, &ipc_bound_key_remove_spec, &question, NULL, NULL);
    if (status == CLI_OK) {
        (void)printf("removed %s\n", words.item[0]);
    }
    return status;
}

int
cli_challenge_key(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "new") == 0) {
        return key_new(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "list") == 0) {
        return key_list(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "remove") == 0) {
        return key_remove(argc - 1, argv + 1);
    }
    bool is_help = argc >= 2 && strcmp(argv[1], "--help") == 0;
    (void)fprintf(
        is_help ? stdout : stderr, "usage: kurier challenge key new|list|remove [OPTION]...\n");
    return is_help ? CLI_OK : CLI_USAGE;
}
