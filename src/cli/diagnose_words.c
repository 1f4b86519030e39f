#include "cli/diagnose_words.h"

#include <stdio.h>

#include "diagnose/hresult.h"

#include "base/banned.h"

const char *
cli_verdict_word(enum diag_verdict verdict, enum diag_language language)
{
    static const char *const german[] = {
        "", "zugestellt", "unterwegs", "angehalten", "nicht zu entscheiden"};
    return language == DIAG_GERMAN ? german[verdict] : diag_verdict_name(verdict);
}

const char *
cli_step_word(unsigned step, enum diag_language language)
{
    static const char *const words[2][7] = {
        {"servers", "profile", "request", "policy", "issue", "delivery", "report"},
        {"Server", "Profil", "Anforderung", "Richtlinie", "Ausstellung", "Zustellung", "Meldung"}};
    return words[language == DIAG_GERMAN ? 1 : 0][step <= 6 ? step : 0];
}

const struct diag_evidence *
cli_last_of_step(const struct diag_delivery *delivery, unsigned step)
{
    const struct diag_evidence *last = NULL;
    for (size_t i = 0; i < delivery->evidence_count; i++) {
        const struct diag_evidence *it = &delivery->evidence[i];
        bool is_aside = it->mark == DIAG_CONTEXT && it->step == 0; /* a line that nobody knows */
        last = it->step == step && !is_aside ? it : last;
    }
    return last;
}

void
cli_evidence_time(const struct diag_evidence *evidence, char out[CLI_TIME_LEN])
{
    out[0] = '\0';
    if (evidence == NULL || evidence->at_ms < 0) {
        return;
    }
    if (evidence->has_date) {
        (void)cli_time(evidence->at_ms, out);
        return;
    }
    int64_t seconds = evidence->at_ms / 1000 % 86400;
    (void)snprintf(out, CLI_TIME_LEN, "%02u:%02u:%02u", (unsigned)(seconds / 3600) % 24,
        (unsigned)(seconds / 60) % 60, (unsigned)seconds % 60);
}

bool
cli_code_of(const char *text, char out[CLI_CODE_LEN])
{
    uint32_t code = 0;
    struct bytes rest;
    struct bytes line = bytes_from_text(text);
    if (!diag_hresult_find(line, &code, &rest) && !diag_hresult_of_words(line, &code)) {
        return false;
    }
    const char *name = diag_hresult_name(code);
    if (code >> 16 == 0x8019) {
        (void)snprintf(out, CLI_CODE_LEN, "0x%08x = HTTP %u", code, code & 0xffffU);
    } else {
        (void)snprintf(out, CLI_CODE_LEN, "0x%08x%s%s", code, name == NULL ? "" : " ",
            name == NULL ? "" : name);
    }
    return true;
}
