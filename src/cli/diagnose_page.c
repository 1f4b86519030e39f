#include "cli/diagnose_page.h"

#include <string.h>

#include "base/text.h"
#include "cli/diagnose_words.h"
#include "cli/output.h"

#include "base/banned.h"

#define SHOWN_MAX 200

static const char head[] =
    "<!doctype html>\n<html><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n<title>Kurier</title>\n<style>\n"
    "body{font:16px/1.5 system-ui,sans-serif;margin:2em auto;max-width:62em;padding:0 "
    "1em;color:#222}\n"
    "h1{font-size:1.3em;margin:1.5em 0 .2em}code,td.text{font:13px/1.4 ui-monospace,monospace;"
    "overflow-wrap:anywhere}\n.line{display:flex;margin:1em 0}\n"
    ".step{flex:1;border-top:6px solid #ccc;padding:.4em .3em;font-size:.85em}\n"
    ".seen{border-color:#2a7}.stopped{border-color:#c33;font-weight:bold}\n"
    "svg{width:100%;font:12px system-ui,sans-serif}svg line{stroke:#ddd}"
    "circle.dot{fill:#2a7}circle.bad{fill:#c33}tr.deciding td{background:#fee}\n"
    ".verdict{display:inline-block;padding:.1em "
    ".6em;border-radius:.3em;color:#fff;background:#777}\n"
    ".verdict.stopped{background:#c33}.verdict.delivered{background:#2a7}"
    ".verdict.in-progress{background:#b80}\n"
    "table{border-collapse:collapse;width:100%}td{border-top:1px solid #ddd;padding:.25em .4em;"
    "vertical-align:top}\n.do{border-left:4px solid #b80;padding:.2em .8em;background:#fff8e8}\n"
    "</style></head><body>\n";

static void
print_escaped(FILE *out, const char *text)
{
    char clean[8192];
    for (const char *c = cli_clean(bytes_from_text(text), clean, sizeof(clean)); *c != '\0'; c++) {
        switch (*c) {
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '"':
            (void)fputs("&quot;", out);
            break;
        default:
            (void)fputc(*c, out);
        }
    }
}

static void
print_line(FILE *out, const struct diag_delivery *delivery, const struct diag_judgement *it,
    enum diag_language language)
{
    (void)fputs("<div class=\"line\">", out);
    for (unsigned step = 0; step <= 6; step++) {
        const struct diag_evidence *last = cli_last_of_step(delivery, step);
        char time[CLI_TIME_LEN];
        bool is_stopped = it->verdict == DIAG_STOPPED && it->stage == step;
        if (step == 0 && last == NULL) {
            continue;
        }
        cli_evidence_time(last, time);
        (void)fprintf(out, "<div class=\"step%s\">%u %s<br>%s</div>",
            is_stopped     ? " stopped"
            : last != NULL ? " seen"
                           : "",
            step, cli_step_word(step, language), time);
    }
    (void)fputs("</div>\n", out);
}

/* ---- the time line
 * ------------------------------------------------------------------------------------ */

#define DRAWN_LEFT 130
#define DRAWN_WIDTH 780
#define LANE_HEIGHT 26

/* Lines with a date are drawn when there are some, else those with a time of day. */
struct span {
    bool has_date;
    int64_t begin_ms;
    int64_t end_ms;
    size_t count;
};

static bool
is_drawn(const struct diag_evidence *evidence, const struct span *span)
{
    return evidence->at_ms >= 0 && evidence->has_date == span->has_date && evidence->step <= 6;
}

static struct span
span_of(const struct diag_delivery *delivery)
{
    struct span span = {.has_date = false};
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        span.has_date = span.has_date || delivery->evidence[i].has_date;
    }
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        const struct diag_evidence *it = &delivery->evidence[i];
        if (is_drawn(it, &span)) {
            span.begin_ms =
                span.count == 0 || it->at_ms < span.begin_ms ? it->at_ms : span.begin_ms;
            span.end_ms = span.count == 0 || it->at_ms > span.end_ms ? it->at_ms : span.end_ms;
            span.count++;
        }
    }
    return span;
}

static void
print_dot(FILE *out, const struct diag_evidence *evidence, const struct span *span, bool is_bad)
{
    int64_t whole = span->end_ms - span->begin_ms;
    int64_t x = DRAWN_LEFT + (whole == 0 ? 0
                                         : (int64_t)((double)(evidence->at_ms - span->begin_ms) /
                                                     (double)whole * DRAWN_WIDTH));
    (void)fprintf(out, "<circle cx=\"%lld\" cy=\"%u\" r=\"6\" class=\"%s\"><title>", (long long)x,
        evidence->step * LANE_HEIGHT + 14, is_bad ? "bad" : "dot");
    print_escaped(out, evidence->text);
    (void)fputs("</title></circle>", out);
}

/* A lane for each step, a dot for each line at its time; what stopped it in red. */
static void
print_timeline(FILE *out, const struct diag_delivery *delivery, enum diag_language language)
{
    const struct span span = span_of(delivery);
    char begin[CLI_TIME_LEN];
    char end[CLI_TIME_LEN];
    if (span.count < 2) {
        return;
    }
    (void)fprintf(out, "<svg viewBox=\"0 0 940 %d\" role=\"img\">\n", 8 * LANE_HEIGHT);
    for (unsigned step = 0; step <= 6; step++) {
        unsigned y = step * LANE_HEIGHT + 14;
        (void)fprintf(out,
            "<text x=\"0\" y=\"%u\">%u %s</text><line x1=\"%d\" x2=\"%d\" y1=\"%u\" y2=\"%u\"/>\n",
            y + 4, step, cli_step_word(step, language), DRAWN_LEFT, DRAWN_LEFT + DRAWN_WIDTH, y, y);
    }
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        const struct diag_evidence *it = &delivery->evidence[i];
        bool is_bad = it->cause != NULL && it->cause->verdict == DIAG_STOPPED;
        if (is_drawn(it, &span)) {
            print_dot(out, it, &span, is_bad);
        }
    }
    const struct diag_evidence first = {.at_ms = span.begin_ms, .has_date = span.has_date};
    const struct diag_evidence last = {.at_ms = span.end_ms, .has_date = span.has_date};
    cli_evidence_time(&first, begin);
    cli_evidence_time(&last, end);
    (void)fprintf(out,
        "\n<text x=\"%d\" y=\"%d\">%s</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>"
        "</svg>\n",
        DRAWN_LEFT, 8 * LANE_HEIGHT - 8, begin, DRAWN_LEFT + DRAWN_WIDTH, 8 * LANE_HEIGHT - 8, end);
}

static void
print_cause(FILE *out, const struct diag_judgement *it, enum diag_language language)
{
    if (it->cause == NULL) {
        return;
    }
    (void)fputs("<p>", out);
    print_escaped(out, it->cause->meaning[language]);
    (void)fputs("</p>\n<p class=\"do\">", out);
    print_escaped(out, it->cause->remedy[language]);
    (void)fputs("<br><small>", out);
    print_escaped(out, it->cause->next[language]);
    (void)fputs("</small></p>\n", out);
}

static void
print_evidence(FILE *out, const struct diag_delivery *delivery, const struct diag_judgement *it)
{
    (void)fputs("<table>\n", out);
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        const struct diag_evidence *evidence = &delivery->evidence[i];
        bool is_deciding = evidence->order == it->order && it->order != 0;
        char time[CLI_TIME_LEN];
        cli_evidence_time(evidence, time);
        (void)fprintf(out, "<tr%s><td>%u</td><td>%s</td><td><code>",
            is_deciding ? " class=\"deciding\"" : "", evidence->step, time);
        print_escaped(out, evidence->file);
        (void)fprintf(out, ":%u</code></td><td class=\"text\">", evidence->line);
        print_escaped(out, evidence->text);
        char code[CLI_CODE_LEN];
        if (is_deciding && cli_code_of(evidence->text, code)) {
            (void)fprintf(out, "<br><b>%s</b>", code);
        }
        (void)fputs("</td></tr>\n", out);
    }
    (void)fputs("</table>\n", out);
}

static void
print_delivery(FILE *out, const struct diag_delivery *delivery, enum diag_language language)
{
    const struct diag_judgement it = diag_judge(delivery);
    const char *name = delivery->ids.subject[0] != '\0' ? delivery->ids.subject
                       : delivery->ids.model[0] != '\0' ? delivery->ids.model
                                                        : delivery->ids.transaction;
    (void)fputs("<h1>", out);
    print_escaped(out, name[0] == '\0' ? delivery->ids.client : name);
    (void)fprintf(out, " <span class=\"verdict %s\">%s</span> <code>%s</code></h1>\n",
        diag_verdict_name(it.verdict), cli_verdict_word(it.verdict, language),
        it.cause == NULL ? "" : it.cause->slug);
    print_line(out, delivery, &it, language);
    print_cause(out, &it, language);
    print_timeline(out, delivery, language);
    if (delivery->has_skew) {
        (void)fprintf(out, "<p>%s: %lld s</p>\n",
            language == DIAG_GERMAN ? "Uhr des Servers gegen die des Geräts"
                                    : "The server's clock against the device's",
            (long long)(delivery->skew_ms / 1000));
    }
    print_evidence(out, delivery, &it);
}

void
cli_diagnose_page(FILE *out, const struct diag_deliveries *deliveries,
    const struct diag_judgement *overall, size_t index, enum diag_language language)
{
    const struct diag_delivery *delivery = diag_deliveries_at(deliveries, index);
    (void)fputs(head, out);
    if (delivery == NULL) {
        (void)fprintf(out, "<h1><span class=\"verdict\">%s</span></h1>\n",
            cli_verdict_word(overall->verdict, language));
    } else {
        print_delivery(out, delivery, language);
    }
    for (size_t i = 0; i < SHOWN_MAX && (delivery = diag_deliveries_at(deliveries, i)) != NULL;
         i++) {
        if (i != index && delivery->evidence_count > 0) {
            print_delivery(out, delivery, language);
        }
    }
    (void)fputs("</body></html>\n", out);
}
