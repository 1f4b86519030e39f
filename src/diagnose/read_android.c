/*
 * Android: OMADM.log of the Company Portal, and what kurier enroll writes in its form.
 *
 *   2018-02-27T05:16:21.9580000  VERB  Event  <class>  <pid>  <tid>  <text>
 *
 * Tabs or blanks, a fraction of seven digits, no zone. SCEP itself is the jscep library, whose
 * lines have templates; the installation is a state machine with any name and any states.
 */
#include <string.h>

#include "diagnose/readers.h"
#include "diagnose/scan.h"

#include "base/banned.h"

static bool
is_failure_state(const char *state)
{
    static const char *const words[] = {"FAIL", "ERROR", "DENIED", "CANCEL", "REJECT"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(state, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void
say_state(struct diag_file *file, struct bytes line)
{
    struct bytes states = diag_after(line, "state changed from ");
    struct bytes to = diag_after(states, " to ");
    bool is_root = diag_has(line, "Root cert");
    struct diag_observation observation =
        diag_observe(file, DIAG_ANDROID, is_root ? DIAG_ROOT_STATE : DIAG_SCEP_STATE, 5, line);
    diag_copy(observation.state, sizeof(observation.state), diag_trim(diag_token(&to)));
    if (is_root) {
        observation.ids.model[0] = '\0'; /* a root belongs to every certificate below it */
    } else if (observation.ids.model[0] == '\0') {
        diag_copy(observation.ids.model, sizeof(observation.ids.model),
            diag_between(line, "cert '", "'"));
    }
    if (is_failure_state(observation.state)) {
        observation.cause = diag_cause_find("android-install-failed");
        observation.mark = DIAG_CAUSE;
    } else if (!is_root && strcmp(observation.state, "CERT_ACCESS_GRANTED") == 0) {
        observation.mark = DIAG_INSTALLED;
        observation.cause = diag_cause_find("android-access-granted");
    }
    diag_say(file, &observation);
}

static void
say_cert_rep(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "pkiStatus=SUCCESS")) {
        diag_mark_line(file, DIAG_ANDROID, DIAG_ANSWERED, 5, NULL, line);
    } else {
        (void)diag_say_causes(file, DIAG_ANDROID, line, NULL);
    }
}

static void
say_transport(struct diag_file *file, struct bytes line)
{
    bool is_operation = diag_has(line, "PKIOperation") || diag_has(line, "PkiOperation");
    if (diag_has(line, "mscep_admin/mscep.dll")) {
        (void)diag_say_causes(file, DIAG_ANDROID, line, NULL);
    }
    if (diag_has(line, "Received '200")) {
        diag_mark_line(file, DIAG_ANDROID, is_operation ? DIAG_HTTP_ANSWER : DIAG_CONTACT, 2,
            is_operation ? "request-sent-no-response" : "contact-ok-no-pkioperation", line);
    } else if (diag_has(line, "Received '")) {
        if (diag_say_causes(file, DIAG_ANDROID, line, NULL) == 0) {
            diag_mark_line(file, DIAG_ANDROID, DIAG_CAUSE, 2, "android-http", line);
        }
    } else if (is_operation) {
        diag_mark_line(file, DIAG_ANDROID, DIAG_REQUEST_SENT, 2, "request-sent-no-response", line);
    } else {
        diag_mark_line(file, DIAG_ANDROID, DIAG_CONTEXT, 2, NULL, line);
    }
}

static bool
is_syncml_enrol(struct bytes line)
{
    return diag_has(line, "<SyncML") && diag_has(line, "ModelName") && diag_has(line, "Enroll");
}

bool
diag_read_android(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "state changed from ") && diag_has(line, " cert '")) {
        say_state(file, line);
    } else if (diag_has(line, "Trying to enroll certificate request: ")) {
        struct diag_observation observation =
            diag_observe(file, DIAG_ANDROID, DIAG_PROFILE, 1, line);
        observation.cause = diag_cause_find("profile-received");
        observation.is_beginning = true;
        diag_say(file, &observation);
    } else if (is_syncml_enrol(line)) {
        diag_mark_line(file, DIAG_ANDROID, DIAG_PROFILE, 1, "profile-received", line);
    } else if (diag_has(line, "CertRep@")) {
        say_cert_rep(file, line);
    } else if (diag_has(line, "PkcsReq@") || diag_has(line, "GetCertInitial@")) {
        diag_mark_line(file, DIAG_ANDROID, DIAG_REQUEST_MADE, 2, "request-sent-no-response", line);
    } else if (diag_has(line, "org.jscep.") &&
               (diag_has(line, " when sending ") || diag_has(line, "Sending Get"))) {
        say_transport(file, line);
    } else if (diag_has(line, "org.jscep.") &&
               (diag_has(line, "CMSSignedData") || diag_has(line, "Sending P"))) {
        diag_mark_line(file, DIAG_ANDROID, DIAG_REQUEST_SENT, 2, "request-sent-no-response", line);
    } else if (diag_has(line, "org.jscep.") || diag_has(line, "com.microsoft.omadm")) {
        if (diag_say_causes(file, DIAG_ANDROID, line, NULL) == 0) {
            diag_keep_unknown(file, DIAG_ANDROID, line);
        }
    } else {
        return false;
    }
    return true;
}
