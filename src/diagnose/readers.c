#include "diagnose/readers.h"

#include <stdlib.h>
#include <string.h>

#include "diagnose/scan.h"

#include "base/banned.h"

#define CAUSES_MAX 6

void
diag_file_init(struct diag_file *file, const char *name, const struct diag_catalogue *catalogue,
    const struct diag_anchors *anchors, diag_on_observation on_observation, void *arg)
{
    memset(file, 0, sizeof(*file));
    file->name = name;
    file->catalogue = catalogue;
    file->anchors = anchors;
    file->on_observation = on_observation;
    file->arg = arg;
    file->contact = diag_cause_find("contact-ok-no-pkioperation");
}

struct diag_observation
diag_observe(const struct diag_file *file, enum diag_source source, enum diag_mark mark,
    unsigned step, struct bytes line)
{
    struct diag_observation observation = {.source = source,
        .mark = mark,
        .step = (uint8_t)step,
        .file = file->name,
        .line = file->line,
        .at_ms = -1,
        .taken_ms = -1};
    (void)diag_time(line, &observation.at_ms, &observation.has_date);
    (void)diag_model_id(line, observation.ids.model);
    (void)diag_transaction_id(line, observation.ids.transaction);
    diag_copy(observation.text, sizeof(observation.text), line);
    return observation;
}

void
diag_say(struct diag_file *file, const struct diag_observation *observation)
{
    file->unknown_count = 0;
    file->on_observation(file->arg, observation);
}

void
diag_mark_line(struct diag_file *file, enum diag_source source, enum diag_mark mark, unsigned step,
    const char *slug, struct bytes line)
{
    struct diag_observation observation = diag_observe(file, source, mark, step, line);
    observation.cause = slug == NULL ? NULL : diag_cause_find(slug);
    diag_say(file, &observation);
}

void
diag_keep_unknown(struct diag_file *file, enum diag_source source, struct bytes line)
{
    if (line.len == 0) {
        return;
    }
    if (file->unknown_count == DIAG_UNKNOWN_MAX) {
        memmove(&file->unknown[0], &file->unknown[1],
            (DIAG_UNKNOWN_MAX - 1) * sizeof(file->unknown[0]));
        file->unknown_count--;
    }
    struct diag_unknown *unknown = &file->unknown[file->unknown_count++];
    unknown->source = source;
    unknown->line = file->line;
    diag_copy(unknown->text, sizeof(unknown->text), line);
}

static void
say_unknown(struct diag_file *file)
{
    size_t count = file->unknown_count;
    for (size_t i = 0; i < count; i++) {
        const struct diag_unknown *unknown = &file->unknown[i];
        struct diag_observation observation =
            diag_observe(file, unknown->source, DIAG_CONTEXT, 0, bytes_from_text(unknown->text));
        observation.line = unknown->line;
        file->on_observation(file->arg, &observation);
    }
    file->unknown_count = 0;
}

unsigned
diag_stage_of(enum diag_source source, const struct diag_cause *cause)
{
    static const struct {
        enum diag_source source;
        unsigned step;
    } rows[] = {{DIAG_ANDROID, 2}, {DIAG_APPLE, 2}, {DIAG_WINDOWS, 2}, {DIAG_CLIENT, 2},
        {DIAG_IIS, 2}, {DIAG_NDES_PLUGIN, 3}, {DIAG_CRP, 3}, {DIAG_INTUNE, 3}, {DIAG_CA, 4}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].source == source) {
            return diag_cause_stage_at(cause, rows[i].step);
        }
    }
    return diag_cause_first_stage(cause);
}

const char *
diag_slug_of_status(int64_t status)
{
    static const struct {
        int64_t status;
        const char *slug;
    } rows[] = {{400, "http-400"}, {401, "http-401"}, {403, "http-403"}, {404, "http-404"},
        {414, "http-414"}, {500, "http-500"}, {502, "proxy-502"}, {503, "http-503"},
        {504, "proxy-504"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].status == status) {
            return rows[i].slug;
        }
    }
    return "http-other";
}

/* A code that no reader knows the source of counts in a short paste, or where the line speaks of
 * certificates; in a long log it may be about anything. */
#define PASTE_LINES 60

static bool
is_about_scep(struct bytes text)
{
    static const char *const words[] = {
        "scep", "ndes", "pki", "certsrv", "certificateregistration", "enroll", "certificate"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (diag_has_any_case(text, words[i])) {
            return true;
        }
    }
    return false;
}

size_t
diag_say_causes(
    struct diag_file *file, enum diag_source source, struct bytes text, const char *skip)
{
    const struct diag_cause *causes[CAUSES_MAX];
    size_t count = diag_catalogue_match(file->catalogue, text, causes, CAUSES_MAX);
    size_t said = 0;
    for (size_t i = 0; i < count; i++) {
        if (skip != NULL && strcmp(causes[i]->slug, skip) == 0) {
            continue;
        }
        if (source == DIAG_UNKNOWN && diag_cause_is_general(causes[i]) &&
            file->line > PASTE_LINES && !is_about_scep(text)) {
            continue;
        }
        struct diag_observation observation =
            diag_observe(file, source, DIAG_CAUSE, diag_stage_of(source, causes[i]), text);
        observation.cause = causes[i];
        observation.is_hint = source == DIAG_UNKNOWN && diag_cause_is_general(causes[i]);
        diag_say(file, &observation);
        said++;
    }
    return said;
}

/* RTF's debris: a backslash at the end of each line, \'93 and \'94 for quotes. */
static struct bytes
clean(struct bytes line)
{
    while (line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\\' ||
                               line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\t')) {
        line.len--;
    }
    return line;
}

void
diag_file_line(struct diag_file *file, struct bytes line)
{
    static bool (*const readers[])(struct diag_file *, struct bytes) = {diag_read_message,
        diag_read_svclog, diag_read_android, diag_read_event_table, diag_read_windows,
        diag_read_httperr, diag_read_iis, diag_read_apple, diag_read_ndes_plugin,
        diag_read_certutil_view, diag_read_client, diag_read_server};
    bool is_between = file->event.is_open || file->held_len > 0 || file->is_in_block;
    file->line++;
    if (!is_between && file->field_count > 0 && diag_read_w3c(file, clean(line))) {
        return;
    }
    if (!is_between && !diag_anchors_match(file->anchors, line)) {
        return;
    }
    line = clean(line);
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (readers[i](file, line)) {
            return;
        }
    }
    if (line.len > 0) {
        (void)diag_say_causes(file, DIAG_UNKNOWN, line, NULL);
    }
}

void
diag_file_end(struct diag_file *file)
{
    diag_end_windows(file);
    diag_end_iis(file);
    diag_end_message(file);
    say_unknown(file);
    free(file->block);
    file->block = NULL;
}
