/*
 * CertificateRegistrationPoint and NDESConnector svclog: E2ETraceEvent elements without a root, all
 * on one line or on many. text.c ends a line behind each element.
 */
#include "diagnose/readers.h"
#include "diagnose/scan.h"

#include "base/banned.h"

struct phrase {
    const char *text;
    enum diag_mark mark;
    unsigned step;
    const char *slug;
};
static const struct phrase phrases[] = {
    {"VerifyRequest Started", DIAG_ASKED, 3, NULL},
    {"Validation Phase 1 finished with status True", DIAG_ASKED, 3, NULL},
    {"Validation Phase 3 finished with status True", DIAG_ASKED, 3, NULL},
    {"VerifyRequest Finished with status True", DIAG_VERIFIED, 3, NULL},
    {"VerifyRequest Finished with status False", DIAG_CAUSE, 3, "challenge-verify-false"},
    {"Notify Started", DIAG_CONTEXT, 6, NULL},
    {"Dropping file ", DIAG_CONTEXT, 6, NULL},
    {"Successfully dropped file", DIAG_DROPPED, 6, "crs-file-dropped"},
    {"Notify Finished", DIAG_CONTEXT, 6, NULL},
    {"Uploading data to Connector service", DIAG_DROPPED, 6, "crs-file-dropped"},
    {"Successfully uploaded the data", DIAG_REPORTED, 6, "reported-uploaded"},
};

static enum diag_source
source_of(struct bytes line)
{
    return diag_has(line, "NDESConnector") ? DIAG_CONNECTOR : DIAG_CRP;
}

static void
say(struct diag_file *file, struct bytes line, struct bytes text)
{
    enum diag_source source = source_of(line);
    struct diag_observation observation = diag_observe(file, source, DIAG_CONTEXT, 3, text);
    bool is_known = false;
    struct bytes time = diag_between(line, "SystemTime=\"", "\"");
    (void)diag_time(time, &observation.at_ms, &observation.has_date);
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]) && !is_known; i++) {
        if (diag_has(text, phrases[i].text)) {
            is_known = true;
            observation.mark = phrases[i].mark;
            observation.step = (uint8_t)phrases[i].step;
            observation.cause = phrases[i].slug == NULL ? NULL : diag_cause_find(phrases[i].slug);
        }
    }
    observation.is_another = diag_has(text, "VerifyRequest Started");
    if (is_known) {
        diag_say(file, &observation);
    } else if (diag_say_causes(file, source, text, NULL) == 0) {
        diag_keep_unknown(file, source, text);
    }
}

bool
diag_read_svclog(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "<ApplicationData>")) {
        say(file, line, diag_between(line, "<ApplicationData>", "</ApplicationData>"));
        return true;
    }
    if (diag_has(line, "E2ETraceEvent")) {
        return true; /* the rest of an element that is spread over lines */
    }
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (diag_has(line, phrases[i].text)) {
            say(file, line, line);
            return true;
        }
    }
    return false;
}
