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
        .at_ms = -1};
    (void)diag_time(line, &observation.at_ms, &observation.has_date);
    (void)diag_model_id(line, observation.ids.model);
    (void)diag_transaction_id(line, observation.ids.transaction);
    diag_copy(observation.text, sizeof(observation.text), line);
    return observation;
}

void
diag_say(struct diag_file *file, const struct diag_observation *observation)
{
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
        struct diag_observation observation =
            diag_observe(file, source, DIAG_CAUSE, diag_cause_first_stage(causes[i]), text);
        observation.cause = causes[i];
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
        diag_read_svclog, diag_read_android, diag_read_windows, diag_read_iis, diag_read_apple,
        diag_read_ndes_plugin, diag_read_client, diag_read_server};
    bool is_between = file->event.is_open || file->held_len > 0 || file->is_in_block;
    file->line++;
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
    free(file->block);
    file->block = NULL;
}
