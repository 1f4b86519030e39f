#include "cli/diagnose_page.h"

#include <string.h>

#include "base/text.h"
#include "cli/output.h"

#include "base/banned.h"

#define SHOWN_MAX 200

static const char *const steps[2][7] = {
    {"servers", "profile", "request", "policy", "issue", "delivery", "report"},
    {"Server", "Profil", "Anforderung", "Richtlinie", "Ausstellung", "Zustellung", "Meldung"}};

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
    for (unsigned step = 1; step <= 6; step++) {
        const struct diag_evidence *last = NULL;
        char time[CLI_TIME_LEN] = "";
        for (size_t i = 0; i < delivery->evidence_count; i++) {
            last = delivery->evidence[i].step == step ? &delivery->evidence[i] : last;
        }
        bool is_stopped = it->verdict == DIAG_STOPPED && it->stage == step;
        if (last != NULL && last->has_date) {
            (void)cli_time(last->at_ms, time);
        }
        (void)fprintf(out, "<div class=\"step%s\">%u %s<br>%s</div>",
            is_stopped     ? " stopped"
            : last != NULL ? " seen"
                           : "",
            step, steps[language][step], time);
    }
    (void)fputs("</div>\n", out);
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
print_evidence(FILE *out, const struct diag_delivery *delivery)
{
    (void)fputs("<table>\n", out);
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        const struct diag_evidence *evidence = &delivery->evidence[i];
        (void)fprintf(out, "<tr><td>%u</td><td><code>", evidence->step);
        print_escaped(out, evidence->file);
        (void)fprintf(out, ":%u</code></td><td class=\"text\">", evidence->line);
        print_escaped(out, evidence->text);
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
        diag_verdict_name(it.verdict), diag_verdict_name(it.verdict),
        it.cause == NULL ? "" : it.cause->slug);
    print_line(out, delivery, &it, language);
    print_cause(out, &it, language);
    print_evidence(out, delivery);
}

void
cli_diagnose_page(FILE *out, const struct diag_deliveries *deliveries,
    const struct diag_judgement *overall, size_t index, enum diag_language language)
{
    const struct diag_delivery *delivery = diag_deliveries_at(deliveries, index);
    (void)fputs(head, out);
    if (delivery == NULL) {
        (void)fprintf(out, "<h1><span class=\"verdict\">%s</span></h1>\n",
            diag_verdict_name(overall->verdict));
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
