#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/schema.h"
#include "config/settings.h"
#include "config/value.h"

#include "base/banned.h"

#define LINE_WIDTH 100
#define COMMENT_COLUMN 40

static const char preamble[] =
    "# kurier.yaml - the configuration of this home. kurier.yaml(5) says more about each line.\n"
    "#\n"
    "# What stands here are the defaults; a line that is missing means its default.\n"
    "# After a change: kurier serve --check-config, then kurier reload.\n"
    "# Durations are a number with s, m, h, d, w or y: 90s, 60m, 24h, 365d.\n";

/* @text as comment lines of at most LINE_WIDTH columns, broken at blanks. */
MUST_CHECK static enum base_code
add_comment(struct buffer *out, size_t indent, const char *text, struct base_error *err)
{
    size_t room = LINE_WIDTH - indent - 2;
    struct bytes rest = bytes_from_text(text);
    while (rest.len > 0) {
        size_t len = rest.len;
        if (len > room) {
            len = room;
            while (len > 0 && rest.ptr[len] != ' ') {
                len--;
            }
        }
        char line[LINE_WIDTH + 8] = "";
        (void)snprintf(
            line, sizeof(line), "%*s# %.*s\n", (int)indent, "", (int)len, (const char *)rest.ptr);
        TRY(buffer_append_text(out, line, err));
        rest = bytes_skip(rest, len + 1);
    }
    return BASE_OK;
}

/* A default as YAML: a list in brackets, an empty text in quotes. */
static void
initial_text(const struct config_key *key, char *out, size_t size)
{
    if (key->initial == NULL) {
        (void)snprintf(out, size, "%s", key->words == NULL ? "" : key->words[0].word);
    } else if (config_type_is_list(key->type)) {
        bool is_alias = key->initial[0] == '*'; /* YAML's own sign: quoted */
        (void)snprintf(out, size, is_alias ? "[\"%s\"]" : "[%s]", key->initial);
    } else {
        (void)snprintf(out, size, "%s", key->initial[0] == '\0' ? "\"\"" : key->initial);
    }
}

MUST_CHECK static enum base_code
add_key(struct buffer *out, size_t indent, const char *dash, const struct config_key *key,
    struct base_error *err)
{
    char value[128] = "";
    char head[192] = "";
    char line[256] = "";
    initial_text(key, value, sizeof(value));
    (void)snprintf(head, sizeof(head), "%*s%s%s: %s", (int)indent, "", dash, key->name, value);
    /* Beside the value when it fits, above it otherwise. */
    if (strlen(head) < COMMENT_COLUMN && COMMENT_COLUMN + 2 + strlen(key->comment) <= LINE_WIDTH) {
        (void)snprintf(line, sizeof(line), "%-*s# %s\n", COMMENT_COLUMN, head, key->comment);
        return buffer_append_text(out, line, err);
    }
    TRY(add_comment(out, indent, key->comment, err));
    (void)snprintf(line, sizeof(line), "%s\n", head);
    return buffer_append_text(out, line, err);
}

/* What may be wholly absent stands there as comments, to be made real by hand. */
MUST_CHECK static enum base_code
add_optional(struct buffer *out, const struct config_key *key, struct base_error *err)
{
    char line[256] = "";
    (void)snprintf(line, sizeof(line), "%s:\n#  NAME:\n", key->name);
    TRY(buffer_append_text(out, line, err));
    for (size_t i = 0; i < key->section->count; i++) {
        const struct config_key *inner = &key->section->keys[i];
        char value[128] = "";
        initial_text(inner, value, sizeof(value));
        (void)snprintf(line, sizeof(line), "#    %s: %s\n", inner->name, value);
        TRY(buffer_append_text(out, line, err));
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
add_section(struct buffer *out, const struct config_key *key, struct base_error *err)
{
    char line[256] = "";
    size_t indent = key->type == CONFIG_OBJECTS ? 4 : 2;
    if (key->is_optional) {
        (void)snprintf(line, sizeof(line), "%s: {}\n", key->name);
        return buffer_append_text(out, line, err);
    }
    (void)snprintf(line, sizeof(line), "%s:\n%s", key->name,
        key->type == CONFIG_OBJECTS ? "  default:\n" : "");
    TRY(buffer_append_text(out, line, err));
    for (size_t i = 0; i < key->section->count; i++) {
        const struct config_key *inner = &key->section->keys[i];
        if (key->type != CONFIG_SEQUENCE) {
            TRY(add_key(out, indent, "", inner, err));
            continue;
        }
        /* The comments of a list's element would stand between its lines. */
        char value[128] = "";
        initial_text(inner, value, sizeof(value));
        (void)snprintf(
            line, sizeof(line), "  %s%s: %s\n", i == 0 ? "- " : "  ", inner->name, value);
        TRY(buffer_append_text(out, line, err));
    }
    return BASE_OK;
}

enum base_code
config_default_text(struct buffer *out, struct base_error *err)
{
    const struct config_section *root = config_schema();
    TRY(buffer_append_text(out, preamble, err));
    for (size_t i = 0; i < root->count; i++) {
        const struct config_key *key = &root->keys[i];
        TRY(buffer_append_text(out, "\n", err));
        TRY(add_comment(out, 0, key->comment, err));
        if (key->section != NULL) {
            TRY(key->is_optional ? add_optional(out, key, err) : add_section(out, key, err));
            continue;
        }
        char value[128] = "";
        char line[256] = "";
        initial_text(key, value, sizeof(value));
        (void)snprintf(line, sizeof(line), "%s: %s\n", key->name, value);
        TRY(buffer_append_text(out, line, err));
    }
    return BASE_OK;
}
