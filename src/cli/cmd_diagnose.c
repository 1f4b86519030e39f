/*
 * kurier diagnose: logs of any side, read; where a delivery stopped, why, and what to do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/diagnose_page.h"
#include "cli/diagnose_words.h"
#include "cli/options.h"
#include "cli/output.h"
#include "diagnose/diagnosis.h"

#include "base/banned.h"

struct view {
    bool is_json;
    bool is_redacted;
    enum diag_language language;
    const char *page;    /* file of the HTML page; NULL: none */
    size_t shown_octets; /* of progress */
};

/* A tab is a blank to a reader; what else a terminal would act on is shown as \xHH. */
static const char *
clean(const char *text, char *out, size_t size)
{
    char line[DIAG_TEXT_MAX * 2];
    size_t len = strlen(text);
    len = len < sizeof(line) ? len : sizeof(line);
    for (size_t i = 0; i < len; i++) {
        line[i] = text[i];
        if (text[i] == '\t') {
            line[i] = ' ';
        }
    }
    return cli_clean((struct bytes){(const uint8_t *)line, len}, out, size);
}

/* ---- JSON
 * --------------------------------------------------------------------------------------------- */

static json_t *
evidence_of(const struct diag_delivery *delivery)
{
    json_t *list = json_array();
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        const struct diag_evidence *evidence = &delivery->evidence[i];
        json_t *object = json_object();
        (void)json_object_set_new(object, "file", cli_json_text(bytes_from_text(evidence->file)));
        (void)json_object_set_new(object, "line", json_integer((json_int_t)evidence->line));
        (void)json_object_set_new(object, "step", json_integer(evidence->step));
        (void)json_object_set_new(
            object, "time", evidence->has_date ? cli_json_time_ms(evidence->at_ms) : json_null());
        (void)json_object_set_new(object, "cause",
            evidence->cause == NULL ? json_null() : json_string(evidence->cause->slug));
        char code[CLI_CODE_LEN];
        (void)json_object_set_new(
            object, "code", cli_code_of(evidence->text, code) ? json_string(code) : json_null());
        (void)json_object_set_new(object, "text", cli_json_text(bytes_from_text(evidence->text)));
        (void)json_array_append_new(list, object);
    }
    return list;
}

static void
add_judgement(json_t *object, const struct diag_judgement *it)
{
    const struct diag_cause *cause = it->cause;
    (void)json_object_set_new(object, "stage", json_integer((json_int_t)it->stage));
    (void)json_object_set_new(object, "verdict", json_string(diag_verdict_name(it->verdict)));
    (void)json_object_set_new(
        object, "cause", cause == NULL ? json_null() : json_string(cause->slug));
    (void)json_object_set_new(
        object, "meaning", cause == NULL ? json_null() : json_string(cause->meaning[DIAG_ENGLISH]));
    (void)json_object_set_new(
        object, "remedy", cause == NULL ? json_null() : json_string(cause->remedy[DIAG_ENGLISH]));
    (void)json_object_set_new(
        object, "next", cause == NULL ? json_null() : json_string(cause->next[DIAG_ENGLISH]));
}

static json_t *
ids_of(const struct diag_delivery *delivery)
{
    json_t *ids = json_object();
    (void)json_object_set_new(ids, "profile", cli_json_text(bytes_from_text(delivery->ids.model)));
    (void)json_object_set_new(
        ids, "transaction_id", cli_json_text(bytes_from_text(delivery->ids.transaction)));
    (void)json_object_set_new(ids, "client", cli_json_text(bytes_from_text(delivery->ids.client)));
    (void)json_object_set_new(
        ids, "subject", cli_json_text(bytes_from_text(delivery->ids.subject)));
    (void)json_object_set_new(ids, "serial", cli_json_text(bytes_from_text(delivery->ids.serial)));
    return ids;
}

static void
print_json(
    const struct diag_deliveries *deliveries, const struct diag_judgement *overall, size_t index)
{
    json_t *object = json_object();
    json_t *list = json_array();
    const struct diag_delivery *delivery = NULL;
    add_judgement(object, overall);
    delivery = diag_deliveries_at(deliveries, index);
    (void)json_object_set_new(
        object, "evidence", delivery == NULL ? json_array() : evidence_of(delivery));
    for (size_t i = 0; (delivery = diag_deliveries_at(deliveries, i)) != NULL; i++) {
        struct diag_judgement it = diag_judge(delivery);
        json_t *one = json_object();
        add_judgement(one, &it);
        (void)json_object_set_new(one, "ids", ids_of(delivery));
        (void)json_object_set_new(one, "skew_s",
            delivery->has_skew ? json_integer((json_int_t)(delivery->skew_ms / 1000))
                               : json_null());
        (void)json_object_set_new(one, "evidence", evidence_of(delivery));
        (void)json_array_append_new(list, one);
    }
    (void)json_object_set_new(object, "deliveries", list);
    (void)json_object_set_new(
        object, "left_out", json_integer((json_int_t)diag_deliveries_left_out(deliveries)));
    cli_json_print_pretty(object);
}

/* ---- for people
 * --------------------------------------------------------------------------------------- */

static const char *
colour_of(enum diag_verdict verdict)
{
    return verdict == DIAG_STOPPED ? cli_red() : verdict == DIAG_DELIVERED ? cli_green() : "";
}

static void
print_name(const struct diag_delivery *delivery)
{
    char text[512];
    const char *name = delivery->ids.subject[0] != '\0'       ? delivery->ids.subject
                       : delivery->ids.model[0] != '\0'       ? delivery->ids.model
                       : delivery->ids.transaction[0] != '\0' ? delivery->ids.transaction
                                                              : delivery->ids.client;
    if (name[0] != '\0') {
        (void)printf("%s%s%s\n", cli_bold(), clean(name, text, sizeof(text)), cli_plain());
    }
}

/* One line a step: the last that was seen of it, with its time. Step 0, the servers themselves,
 * only when something was. */
static void
print_steps(
    const struct view *view, const struct diag_delivery *delivery, const struct diag_judgement *it)
{
    const char *seen = view->language == DIAG_GERMAN ? "gesehen" : "seen";
    for (unsigned step = 0; step <= 6; step++) {
        const struct diag_evidence *last = cli_last_of_step(delivery, step);
        char time[CLI_TIME_LEN];
        char text[DIAG_TEXT_MAX * 4];
        bool is_stopped = it->verdict == DIAG_STOPPED && it->stage == step;
        if (step == 0 && last == NULL) {
            continue;
        }
        cli_evidence_time(last, time);
        (void)printf("  %u %-11s %-10s %-19s %.90s\n", step, cli_step_word(step, view->language),
            is_stopped     ? cli_verdict_word(DIAG_STOPPED, view->language)
            : last != NULL ? seen
                           : "-",
            time, last == NULL ? "" : clean(last->text, text, sizeof(text)));
    }
}

/* A line that names several causes is shown once: as the one that decided, or the first. */
static bool
is_said_again(const struct diag_delivery *delivery, size_t at, uint64_t deciding)
{
    const struct diag_evidence *it = &delivery->evidence[at];
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        const struct diag_evidence *other = &delivery->evidence[i];
        bool is_same = i != at && other->line == it->line && other->file == it->file &&
                       strcmp(other->text, it->text) == 0;
        if (is_same && it->order != deciding && (other->order == deciding || i < at)) {
            return true;
        }
    }
    return false;
}

/* The lines that name a cause, the one that decided marked; where nothing failed, the last ones as
 * well, known or not. */
static void
print_evidence(const struct diag_delivery *delivery, const struct diag_judgement *it)
{
    (void)printf("\n");
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        const struct diag_evidence *evidence = &delivery->evidence[i];
        char file[1024];
        char text[DIAG_TEXT_MAX * 4];
        char code[CLI_CODE_LEN];
        size_t left = delivery->evidence_count - i;
        bool is_deciding = evidence->order == it->order && it->order != 0;
        bool is_unfinished = it->verdict == DIAG_IN_PROGRESS || it->verdict == DIAG_INCONCLUSIVE;
        if (is_said_again(delivery, i, it->order)) {
            continue;
        }
        if (evidence->cause == NULL && !is_deciding && left > (is_unfinished ? 4U : 1U)) {
            continue;
        }
        (void)printf("%s %s:%u: %.300s\n", is_deciding ? ">" : " ",
            clean(evidence->file, file, sizeof(file)), evidence->line,
            clean(evidence->text, text, sizeof(text)));
        if (is_deciding && cli_code_of(evidence->text, code)) {
            (void)printf("    %s\n", code);
        }
    }
}

static void
print_one(const struct view *view, const struct diag_delivery *delivery)
{
    const struct diag_judgement it = diag_judge(delivery);
    bool is_german = view->language == DIAG_GERMAN;
    (void)printf("%s%s%s %s %u (%s)%s%s\n", colour_of(it.verdict),
        cli_verdict_word(it.verdict, view->language), cli_plain(),
        is_german ? "bei Schritt" : "at step", it.stage, cli_step_word(it.stage, view->language),
        it.cause == NULL ? "" : ": ", it.cause == NULL ? "" : it.cause->slug);
    print_name(delivery);
    if (it.cause != NULL) {
        (void)printf("%s\n", it.cause->meaning[view->language]);
    }
    (void)printf("\n");
    print_steps(view, delivery, &it);
    if (delivery->has_skew) {
        cli_print_skew(delivery->skew_ms);
    }
    print_evidence(delivery, &it);
    if (it.cause != NULL) {
        (void)printf("\n%s %s\n%s %s\n",
            is_german ? "Zu tun:" : "Do:", it.cause->remedy[view->language],
            is_german ? "Bestätigen:" : "To confirm:", it.cause->next[view->language]);
    }
}

static void
print_text(const struct view *view, const struct diag_deliveries *deliveries, size_t index)
{
    const struct diag_delivery *delivery = diag_deliveries_at(deliveries, index);
    size_t count = 0;
    if (delivery == NULL) {
        (void)printf("%s\n", view->language == DIAG_GERMAN
                                 ? "nicht zu entscheiden: über SCEP wurde nichts gefunden"
                                 : "inconclusive: nothing about SCEP was found");
        return;
    }
    print_one(view, delivery);
    for (size_t i = 0; (delivery = diag_deliveries_at(deliveries, i)) != NULL; i++) {
        count++;
        if (i != index && delivery->evidence_count > 0 && count <= 20) {
            (void)printf("\n----\n");
            print_one(view, delivery);
        }
    }
    if (count > 20 || diag_deliveries_left_out(deliveries) > 0) {
        (void)printf(view->language == DIAG_GERMAN
                         ? "\n%zu Zustellungen im Ganzen; --json hat jede.\n"
                         : "\n%zu deliveries in all; --json has each.\n",
            count + diag_deliveries_left_out(deliveries));
    }
}

/* ---- the command
 * -------------------------------------------------------------------------------------- */

static void
show_progress(void *arg, size_t octets)
{
    struct view *view = arg;
    if (octets - view->shown_octets >= (size_t)16 * 1024 * 1024) {
        view->shown_octets = octets;
        (void)fprintf(stderr, "\r%zu MB", octets / 1000000);
    }
}

static bool
choose_language(const char *wanted, enum diag_language *out)
{
    const char *lang = wanted != NULL ? wanted : getenv("LC_ALL");
    lang = lang != NULL && *lang != '\0' ? lang : getenv("LANG");
    *out = lang != NULL && strncmp(lang, "de", 2) == 0 ? DIAG_GERMAN : DIAG_ENGLISH;
    return wanted == NULL || strcmp(wanted, "de") == 0 || strcmp(wanted, "en") == 0;
}

static enum base_code
write_page(const struct view *view, const struct diag_deliveries *deliveries,
    const struct diag_judgement *overall, size_t index, struct base_error *err)
{
    FILE *out = fopen(view->page, "we");
    if (out == NULL) {
        return base_fail_errno(err, E_DIAGNOSE_INPUT, errno, "%.200s", view->page);
    }
    cli_diagnose_page(out, deliveries, overall, index, view->language);
    bool is_written = ferror(out) == 0;
    return fclose(out) == 0 && is_written
               ? BASE_OK
               : base_fail(err, E_DIAGNOSE_INPUT, "%.200s cannot be written", view->page);
}

static int
run(struct view *view, const struct cli_list *paths)
{
    struct base_error err = {0};
    struct diag_judgement overall = {.verdict = DIAG_INCONCLUSIVE};
    size_t index = SIZE_MAX;
    OWN_STRUCT(diagnosis) diagnosis = NULL;
    if (diagnosis_new(&diagnosis, &err) != BASE_OK) {
        return cli_report(&err);
    }
    bool is_shown = isatty(STDERR_FILENO) == 1;
    for (size_t i = 0; i < paths->count; i++) {
        if (diagnosis_read(diagnosis, paths->item[i], is_shown ? show_progress : NULL, view,
                &err) != BASE_OK) {
            return cli_report(&err);
        }
    }
    if (view->shown_octets > 0) {
        (void)fprintf(stderr, "\r            \r");
    }
    diagnosis_finish(diagnosis);
    if (view->is_redacted && diagnosis_redact(diagnosis, &err) != BASE_OK) {
        return cli_report(&err);
    }
    const struct diag_deliveries *deliveries = diagnosis_peek_deliveries(diagnosis);
    (void)diag_judge_all(deliveries, &overall, &index);
    if (view->page != NULL && write_page(view, deliveries, &overall, index, &err) != BASE_OK) {
        return cli_report(&err);
    }
    if (view->is_json) {
        print_json(deliveries, &overall, index);
    } else {
        print_text(view, deliveries, index);
    }
    return overall.verdict == DIAG_STOPPED ? CLI_NO : CLI_OK;
}

int
cli_diagnose(int argc, char **argv)
{
    struct view view = {.is_json = false};
    const char *language = NULL;
    struct cli_list paths = {.count = 0};
    int status = CLI_OK;
    const struct cli_option options[] = {
        {"json", NULL, "one JSON object", &view.is_json, NULL, NULL},
        {"html", "FILE", "also write one self-contained page", NULL, &view.page, NULL},
        {"redact", NULL, "names, hosts, ids and challenges become words like host-1",
            &view.is_redacted, NULL, NULL},
        {"lang", "en|de", "of meaning and remedy (default by LANG)", NULL, &language, NULL},
    };
    const struct cli_usage usage = {.synopsis = "diagnose FILE|FOLDER|-... [OPTION]...",
        .story =
            "Reads logs of devices, SCEP servers, IIS, NDES, connectors and CAs, whole or in "
            "pieces, and says where a delivery stopped, why, and what to do. Exit status 1 when "
            "one has stopped.",
        .options = options,
        .count = sizeof(options) / sizeof(options[0]),
        .min_words = 1,
        .max_words = CLI_LIST_MAX};
    if (!cli_parse(&usage, argc, argv, &paths, &status)) {
        return status;
    }
    if (!choose_language(language, &view.language)) {
        struct base_error err;
        (void)base_fail(&err, E_USAGE, "--lang %s, want en or de", language);
        return cli_report(&err);
    }
    return run(&view, &paths);
}
