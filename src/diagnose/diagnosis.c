#include "diagnose/diagnosis.h"

#include <stdlib.h>
#include <string.h>

#include "diagnose/order.h"
#include "diagnose/readers.h"
#include "diagnose/redact.h"
#include "diagnose/text.h"

#include "base/banned.h"

/* Names of files live as long as the evidence that points to them. */
struct name {
    struct name *next;
    char text[];
};

struct diagnosis {
    struct diag_catalogue *catalogue;
    struct diag_anchors *anchors;
    struct diag_deliveries *deliveries;
    struct diag_order *order;
    struct name *names;
    struct diag_file file;
    diagnosis_on_progress on_progress;
    void *progress_arg;
    bool is_out_of_memory;
};

enum base_code
diagnosis_new(struct diagnosis **out, struct base_error *err)
{
    OWN_STRUCT(diagnosis) diagnosis = calloc(1, sizeof(*diagnosis));
    if (diagnosis == NULL || (diagnosis->deliveries = diag_deliveries_new()) == NULL ||
        (diagnosis->order = diag_order_new()) == NULL) {
        return base_fail(err, E_NO_MEMORY, "diagnosis");
    }
    TRY(diag_catalogue_new(&diagnosis->catalogue, err));
    TRY(diag_anchors_new(&diagnosis->anchors, err));
    *out = MOVE(diagnosis);
    return BASE_OK;
}

void
diagnosis_free(struct diagnosis *diagnosis)
{
    if (diagnosis != NULL) {
        diag_catalogue_free(diagnosis->catalogue);
        diag_anchors_free(diagnosis->anchors);
        diag_deliveries_free(diagnosis->deliveries);
        diag_order_free(diagnosis->order);
        while (diagnosis->names != NULL) {
            struct name *next = diagnosis->names->next;
            free(diagnosis->names);
            diagnosis->names = next;
        }
        free(diagnosis);
    }
}

static const char *
keep_name(struct diagnosis *diagnosis, const char *text)
{
    size_t size = strlen(text) + 1;
    struct name *name = malloc(sizeof(*name) + size);
    if (name == NULL) {
        diagnosis->is_out_of_memory = true;
        return "";
    }
    memcpy(name->text, text, size);
    name->next = diagnosis->names;
    diagnosis->names = name;
    return name->text;
}

static void
on_observation(void *arg, const struct diag_observation *observation)
{
    struct diagnosis *diagnosis = arg;
    diag_deliveries_take(diagnosis->deliveries, observation);
}

static void
on_line_said(void *arg, const struct diag_observation *observation)
{
    struct diagnosis *diagnosis = arg;
    diag_order_take(diagnosis->order, observation);
}

static void
on_file(void *arg, const char *name)
{
    struct diagnosis *diagnosis = arg;
    diag_deliveries_begin_file(diagnosis->deliveries);
    diag_order_begin(diagnosis->order, on_observation, diagnosis);
    diag_file_init(&diagnosis->file, keep_name(diagnosis, name), diagnosis->catalogue,
        diagnosis->anchors, on_line_said, diagnosis);
}

static void
on_line(void *arg, struct bytes line)
{
    struct diagnosis *diagnosis = arg;
    diag_file_line(&diagnosis->file, line);
}

static void
on_end(void *arg)
{
    struct diagnosis *diagnosis = arg;
    diag_file_end(&diagnosis->file);
    diag_order_end(diagnosis->order);
    diag_deliveries_end_file(diagnosis->deliveries);
}

static void
on_progress(void *arg, size_t octets)
{
    struct diagnosis *diagnosis = arg;
    if (diagnosis->on_progress != NULL) {
        diagnosis->on_progress(diagnosis->progress_arg, octets);
    }
}

enum base_code
diagnosis_read(struct diagnosis *diagnosis, const char *path, diagnosis_on_progress progress,
    void *arg, struct base_error *err)
{
    const struct diag_text_visitor visitor = {.on_file = on_file,
        .on_line = on_line,
        .on_end = on_end,
        .on_progress = on_progress,
        .arg = diagnosis};
    diagnosis->on_progress = progress;
    diagnosis->progress_arg = arg;
    TRY(diag_text_visit(path, &visitor, err));
    return diagnosis->is_out_of_memory ? base_fail(err, E_NO_MEMORY, "%.200s", path) : BASE_OK;
}

void
diagnosis_tell(
    struct diagnosis *diagnosis, const char *name, const struct diag_observation *observation)
{
    struct diag_observation told = *observation;
    told.file = name;
    told.is_told = true;
    diag_deliveries_take(diagnosis->deliveries, &told);
}

const struct diag_cause *
diagnosis_cause_of_code(const char *code, unsigned *out_step)
{
    return diag_cause_of_code(bytes_from_text(code), out_step);
}

void
diagnosis_finish(struct diagnosis *diagnosis)
{
    diag_deliveries_join(diagnosis->deliveries);
}

enum base_code
diagnosis_redact(struct diagnosis *diagnosis, struct base_error *err)
{
    return diag_redact(diagnosis->deliveries, err);
}

const struct diag_deliveries *
diagnosis_peek_deliveries(const struct diagnosis *diagnosis)
{
    return diagnosis->deliveries;
}
