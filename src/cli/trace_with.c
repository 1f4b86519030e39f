#include "cli/trace_with.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/delivery_view.h"
#include "cli/output.h"
#include "diagnose/diagnosis.h"
#include "diagnose/verdict.h"

#include "base/banned.h"

#define LEDGER "ledger"

struct trace_with {
    struct diagnosis *diagnosis;
    struct diag_ids ids;
    bool is_joined;
    const struct diag_delivery *delivery; /* the one that was told, with what joined it */
    struct diag_judgement judgement;
    const struct diag_evidence *line[DIAG_EVIDENCE_MAX]; /* by time */
    size_t line_len;
};

enum base_code
trace_with_new(struct trace_with **out, struct base_error *err)
{
    OWN_STRUCT(trace_with) with = calloc(1, sizeof(*with));
    if (with == NULL) {
        return base_fail(err, E_NO_MEMORY, "time line");
    }
    TRY(diagnosis_new(&with->diagnosis, err));
    *out = MOVE(with);
    return BASE_OK;
}

void
trace_with_free(struct trace_with *with)
{
    if (with != NULL) {
        diagnosis_free(with->diagnosis);
        free(with);
    }
}

/* ---- the ledger's part
 * -------------------------------------------------------------------------------------------- */

static void
tell(struct trace_with *with, enum diag_mark mark, unsigned step, int64_t at_ms,
    const struct diag_cause *cause, const char *text)
{
    struct diag_observation told = {.source = DIAG_SERVER,
        .mark = mark,
        .cause = cause,
        .step = (uint8_t)step,
        .at_ms = at_ms,
        .has_date = true,
        .ids = with->ids};
    (void)snprintf(told.text, sizeof(told.text), "%s", text);
    diagnosis_tell(with->diagnosis, LEDGER, &told);
}

static void
copy_id(char out[DIAG_ID_MAX], struct bytes text)
{
    (void)cli_clean(text, out, DIAG_ID_MAX);
}

void
trace_with_delivery(struct trace_with *with, const struct ipc_delivery *row)
{
    copy_id(with->ids.transaction, row->transaction_id);
    for (char *c = with->ids.transaction; *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'F' ? *c + 32 : *c);
    }
    copy_id(with->ids.subject, row->subject);
    if (row->serial.len > 0 && row->serial.len <= IPC_SERIAL_MAX) {
        base_hex(row->serial, with->ids.serial);
    }
}

void
trace_with_event(struct trace_with *with, const struct ipc_event *row)
{
    static const struct {
        const char *event;
        enum diag_mark mark;
    } marks[] = {{"request_received", DIAG_REQUEST_SENT}, {"authorised", DIAG_VERIFIED},
        {"signed", DIAG_ISSUED}, {"answered", DIAG_SERVED}};
    char text[DIAG_TEXT_MAX];
    char detail[DIAG_TEXT_MAX / 2];
    char storage[128];
    char code[BASE_CODE_TEXT_LEN] = "";
    enum diag_mark mark = DIAG_CONTEXT;
    const struct diag_cause *cause = NULL;
    unsigned step = row->step;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        mark = bytes_equal_text(row->event, marks[i].event) ? marks[i].mark : mark;
    }
    if (row->code != 0) {
        base_code_text((enum base_code)row->code, code);
        cause = diagnosis_cause_of_code(code, &step);
        cause = cause != NULL ? cause : diag_cause_find("scep-fail-badrequest");
        mark = DIAG_CAUSE;
    } else if (bytes_equal_text(row->event, "waiting")) {
        cause = diag_cause_find("ca-pending");
        mark = DIAG_CAUSE;
    }
    (void)snprintf(text, sizeof(text), "%s%s%s%s%s",
        cli_event_words(row->event, storage, sizeof(storage)), row->detail.len == 0 ? "" : ": ",
        cli_clean(row->detail, detail, sizeof(detail)), code[0] == '\0' ? "" : " ", code);
    tell(with, mark, step, row->at_ms, cause, text);
}

void
trace_with_contact(struct trace_with *with, const struct ipc_contact_row *row)
{
    char text[DIAG_TEXT_MAX];
    char source[128];
    (void)snprintf(text, sizeof(text), "%s from %s, probably this device",
        row->operation == IPC_GET_CA_CAPS ? "GetCACaps" : "GetCACert",
        cli_clean(row->source, source, sizeof(source)));
    tell(with, DIAG_CONTEXT, 2, row->at_ms, NULL, text);
}

enum base_code
trace_with_read(struct trace_with *with, const char *path, struct base_error *err)
{
    return diagnosis_read(with->diagnosis, path, NULL, NULL, err);
}

/* ---- both
 * -------------------------------------------------------------------------------------------------
 */

/* What has no date of its own stays behind what its file said before. */
static int64_t
instant_of(const struct diag_delivery *delivery, size_t index)
{
    int64_t at_ms = INT64_MIN;
    for (size_t i = 0; i <= index; i++) {
        const struct diag_evidence *it = &delivery->evidence[i];
        at_ms = it->has_date && it->file == delivery->evidence[index].file ? it->at_ms : at_ms;
    }
    return at_ms;
}

static void
sort_by_time(struct trace_with *with)
{
    int64_t instants[DIAG_EVIDENCE_MAX];
    for (size_t i = 0; i < with->delivery->evidence_count; i++) {
        int64_t at_ms = instant_of(with->delivery, i);
        size_t at = with->line_len++;
        for (; at > 0 && instants[at - 1] > at_ms; at--) {
            instants[at] = instants[at - 1];
            with->line[at] = with->line[at - 1];
        }
        instants[at] = at_ms;
        with->line[at] = &with->delivery->evidence[i];
    }
}

static bool
has_log(const struct diag_delivery *delivery)
{
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        if (strcmp(delivery->evidence[i].file, LEDGER) != 0) {
            return true;
        }
    }
    return false;
}

/* NULL in with->delivery: the logs tell of nothing that can be this delivery. */
static void
join_once(struct trace_with *with)
{
    const struct diag_delivery *it = NULL;
    if (with->is_joined) {
        return;
    }
    with->is_joined = true;
    diagnosis_finish(with->diagnosis);
    const struct diag_deliveries *all = diagnosis_peek_deliveries(with->diagnosis);
    for (size_t i = 0; (it = diag_deliveries_at(all, i)) != NULL; i++) {
        if (it->is_told && has_log(it)) {
            with->delivery = it;
        }
    }
    if (with->delivery != NULL) {
        with->judgement = diag_judge(with->delivery);
        sort_by_time(with);
    }
}

bool
trace_with_has_stopped(struct trace_with *with)
{
    join_once(with);
    return with->delivery != NULL && with->judgement.verdict == DIAG_STOPPED;
}

static void
print_line(const struct diag_evidence *it)
{
    char time[CLI_TIME_LEN] = "";
    char file[1024];
    char text[DIAG_TEXT_MAX * 4];
    const char *name = strrchr(it->file, '/');
    if (it->has_date) {
        (void)cli_time(it->at_ms, time);
    }
    (void)printf("  %u %-9s %-20s %-16.16s %.160s\n", it->step, cli_step_name(it->step), time,
        cli_clean(bytes_from_text(name == NULL ? it->file : name + 1), file, sizeof(file)),
        cli_clean(bytes_from_text(it->text), text, sizeof(text)));
}

void
trace_with_print(struct trace_with *with)
{
    join_once(with);
    const struct diag_judgement *it = &with->judgement;
    (void)printf("\n%sWith the logs%s\n", cli_bold(), cli_plain());
    if (with->delivery == NULL) {
        (void)printf("  They tell of nothing that can be this delivery; kurier diagnose shows what "
                     "they tell.\n");
        return;
    }
    for (size_t i = 0; i < with->line_len; i++) {
        print_line(with->line[i]);
    }
    if (with->delivery->has_skew) {
        cli_print_skew(with->delivery->skew_ms);
    }
    (void)printf("\n  %s at step %u (%s)%s%s\n", diag_verdict_name(it->verdict), it->stage,
        cli_step_name(it->stage), it->cause == NULL ? "" : ": ",
        it->cause == NULL ? "" : it->cause->slug);
    if (it->cause != NULL) {
        (void)printf("  %-14s %s\n  %-14s %s\n", "why", it->cause->meaning[DIAG_ENGLISH],
            "what to do", it->cause->remedy[DIAG_ENGLISH]);
    }
}

json_t *
trace_with_json(struct trace_with *with)
{
    join_once(with);
    const struct diag_judgement *it = &with->judgement;
    json_t *line = json_array();
    if (with->delivery == NULL) {
        json_decref(line);
        return json_null();
    }
    for (size_t i = 0; i < with->line_len; i++) {
        const struct diag_evidence *evidence = with->line[i];
        json_t *entry = json_object();
        (void)json_object_set_new(
            entry, "at", evidence->has_date ? cli_json_time_ms(evidence->at_ms) : json_null());
        (void)json_object_set_new(entry, "step", json_integer(evidence->step));
        (void)json_object_set_new(entry, "file", cli_json_text(bytes_from_text(evidence->file)));
        (void)json_object_set_new(entry, "line", json_integer((json_int_t)evidence->line));
        (void)json_object_set_new(entry, "text", cli_json_text(bytes_from_text(evidence->text)));
        (void)json_array_append_new(line, entry);
    }
    json_t *object = json_object();
    (void)json_object_set_new(object, "verdict", json_string(diag_verdict_name(it->verdict)));
    (void)json_object_set_new(object, "stage", json_integer((json_int_t)it->stage));
    (void)json_object_set_new(
        object, "cause", it->cause == NULL ? json_null() : json_string(it->cause->slug));
    (void)json_object_set_new(object, "skew_s",
        with->delivery->has_skew ? json_integer((json_int_t)(with->delivery->skew_ms / 1000))
                                 : json_null());
    (void)json_object_set_new(object, "timeline", line);
    return object;
}
