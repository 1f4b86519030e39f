/*
 * Other clients: sscep, micromdm's scepclient, strongSwan's pki, certmonger, and kurier enroll's
 * own words.
 *
 *   ./sscep: pkistatus: FAILURE
 *   level=info ts=... op=PKIOperation error=null took=145ms
 *   status: CA_UNREACHABLE                       getcert list
 *   kurier: badRequest: The challenge is ... [KUR-1403]. The server refused ... [KUR-2107]
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

static bool
say_first(struct diag_file *file, const struct phrase *phrases, size_t count, struct bytes line)
{
    for (size_t i = 0; i < count; i++) {
        if (diag_has(line, phrases[i].text)) {
            diag_mark_line(
                file, DIAG_CLIENT, phrases[i].mark, phrases[i].step, phrases[i].slug, line);
            return true;
        }
    }
    return false;
}

/* "server returned status code 404", "server response status code: 404, MIME header: ..." */
static bool
say_status(struct diag_file *file, struct bytes line, const char *words)
{
    struct bytes rest = diag_after(line, words);
    while (rest.len > 0 && (rest.ptr[0] == ' ' || rest.ptr[0] == ':')) {
        rest = bytes_skip(rest, 1);
    }
    int64_t status = diag_number(rest);
    if (status >= 400 && status < 600) {
        diag_mark_line(file, DIAG_CLIENT, DIAG_CAUSE, 2, diag_slug_of_status(status), line);
    } else if (status == 200) {
        diag_mark_line(file, DIAG_CLIENT, file->is_answered ? DIAG_HTTP_ANSWER : DIAG_CONTACT, 2,
            file->is_answered ? "http-200-no-scep-information" : "contact-ok-no-pkioperation",
            line);
    }
    return status > 0;
}

/* sscep writes the CA's certificates with the same words as the device's own. */
static bool
read_sscep(struct diag_file *file, struct bytes line)
{
    static const struct phrase phrases[] = {
        {"sscep: requesting certificate (#", DIAG_REQUEST_SENT, 2, "request-sent-no-response"},
        {"sscep: CA certificate written", DIAG_CONTACT, 2, "contact-ok-no-pkioperation"},
        {"sscep: pkistatus: PENDING", DIAG_CAUSE, 4, "ca-pending"},
        {"sscep: pkistatus: FAILURE", DIAG_CONTEXT, 5, NULL},
    };
    if (!diag_has(line, "sscep: ")) {
        return false;
    }
    if (diag_has(line, "sscep: sending certificate request")) {
        file->is_answered = true;
        diag_mark_line(file, DIAG_CLIENT, DIAG_REQUEST_SENT, 2, "request-sent-no-response", line);
    } else if (diag_has(line, "sscep: pkistatus: SUCCESS")) {
        file->is_answered = true;
        diag_mark_line(file, DIAG_CLIENT, DIAG_ANSWERED, 5, NULL, line);
    } else if (diag_has(line, "sscep: certificate written")) {
        diag_mark_line(file, DIAG_CLIENT, file->is_answered ? DIAG_INSTALLED : DIAG_CONTACT,
            file->is_answered ? 5 : 2,
            file->is_answered ? "client-certificate-written" : "contact-ok-no-pkioperation", line);
    } else if (say_status(file, line, "server returned status code") ||
               say_status(file, line, "server response status code")) {
        return true;
    } else if (!say_first(file, phrases, sizeof(phrases) / sizeof(phrases[0]), line) &&
               diag_say_causes(file, DIAG_CLIENT, line, NULL) == 0) {
        diag_keep_unknown(file, DIAG_CLIENT, line);
    }
    return true;
}

static bool
read_scepclient(struct diag_file *file, struct bytes line)
{
    static const struct phrase phrases[] = {
        {"op=GetCACaps error=null", DIAG_CONTACT, 2, "contact-ok-no-pkioperation"},
        {"op=GetCACert error=null", DIAG_CONTACT, 2, "contact-ok-no-pkioperation"},
        {"op=PKIOperation error=null", DIAG_HTTP_ANSWER, 2, "http-200-no-scep-information"},
    };
    if (say_first(file, phrases, sizeof(phrases) / sizeof(phrases[0]), line)) {
        return true;
    }
    if (!diag_has(line, "scep_message_type=") && !diag_has(line, "request failed, failInfo: ")) {
        return false;
    }
    if (diag_say_causes(file, DIAG_CLIENT, line, NULL) == 0) {
        diag_mark_line(file, DIAG_CLIENT, DIAG_CONTEXT, 2, NULL, line);
    }
    return true;
}

static bool
read_certmonger(struct diag_file *file, struct bytes line)
{
    static const struct phrase phrases[] = {
        {"status: MONITORING", DIAG_INSTALLED, 5, "client-certificate-written"},
        {"status: CA_UNREACHABLE", DIAG_CONTEXT, 2, "connect-failure"},
        {"status: CA_WORKING", DIAG_CAUSE, 4, "ca-pending"},
        {"status: SUBMITTING", DIAG_REQUEST_SENT, 2, "request-sent-no-response"},
        {"status: CA_UNCONFIGURED", DIAG_CAUSE, 2, "client-unconfigured"},
        {"status: CA_REJECTED", DIAG_CONTEXT, 3, "scep-fail-badrequest"},
    };
    if (diag_has(line, "Request ID '")) {
        struct diag_observation observation =
            diag_observe(file, DIAG_CLIENT, DIAG_CONTEXT, 2, line);
        observation.is_another = true;
        diag_say(file, &observation);
        return true;
    }
    if (diag_has(line, "ca-error: ")) {
        (void)diag_say_causes(file, DIAG_CLIENT, line, NULL);
        return true;
    }
    return say_first(file, phrases, sizeof(phrases) / sizeof(phrases[0]), line);
}

static bool
read_strongswan(struct diag_file *file, struct bytes line)
{
    static const struct phrase phrases[] = {
        {"transaction ID:", DIAG_REQUEST_MADE, 2, "request-sent-no-response"},
        {"Issued certificate is trusted", DIAG_INSTALLED, 5, "client-certificate-written"},
        {"SCEP request pending", DIAG_CAUSE, 4, "ca-pending"},
        {"pkiStatus:    PENDING", DIAG_CAUSE, 4, "ca-pending"},
        {"pkiStatus:    SUCCESS", DIAG_ANSWERED, 5, NULL},
        {"pkiStatus:    FAILURE", DIAG_CONTEXT, 5, NULL},
    };
    if (diag_has(line, "did not receive a valid scep response: HTTP") ||
        diag_has(line, "did not receive a valid SCEP response: HTTP")) {
        return say_status(file, line, "response: HTTP");
    }
    return say_first(file, phrases, sizeof(phrases) / sizeof(phrases[0]), line);
}

/* What kurier enroll says when it gives up: the server's own code where there is one, else ours. */
static void
say_given_up(struct diag_file *file, struct bytes line)
{
    static const struct phrase phrases[] = {
        {"[KUR-2101]", DIAG_CAUSE, 2, "connect-failure"},
        {"[KUR-2102]", DIAG_CAUSE, 2, "http-other"},
        {"[KUR-2103]", DIAG_CAUSE, 2, "ca-thumbprint-mismatch"},
        {"[KUR-2104]", DIAG_CAUSE, 2, "ca-thumbprint-mismatch"},
        {"[KUR-2106]", DIAG_CAUSE, 2, "ra-cert-key-usage-missing"},
        {"[KUR-2108]", DIAG_CAUSE, 4, "ca-pending"},
        {"badAlg", DIAG_CAUSE, 2, "scep-fail-badalg"},
        {"badMessageCheck", DIAG_CAUSE, 2, "scep-fail-badmessagecheck"},
        {"badTime", DIAG_CAUSE, 2, "scep-fail-badtime"},
        {"badCertId", DIAG_CAUSE, 2, "scep-fail-badcertid"},
        {"[KUR-2107]", DIAG_CAUSE, 3, "scep-fail-badrequest"},
        {"[KUR-131", DIAG_CAUSE, 5, "ios-invalid-pki-response"},
    };
    unsigned step = 2;
    const struct diag_cause *cause = diag_cause_of_code(line, &step);
    if (cause != NULL) {
        diag_mark_line(file, DIAG_CLIENT, DIAG_CAUSE, step, cause->slug, line);
    } else if (!say_first(file, phrases, sizeof(phrases) / sizeof(phrases[0]), line)) {
        diag_mark_line(file, DIAG_CLIENT, DIAG_CONTEXT, 2, NULL, line);
    }
}

static bool
read_enroll(struct diag_file *file, struct bytes line)
{
    static const struct phrase phrases[] = {
        {"CA authenticated; ", DIAG_CONTACT, 2, "contact-ok-no-pkioperation"},
        {"PKCSReq by ", DIAG_REQUEST_SENT, 2, "request-sent-no-response"},
        {"RenewalReq by ", DIAG_REQUEST_SENT, 2, "request-sent-no-response"},
        {"pending: asking again", DIAG_CAUSE, 4, "ca-pending"},
        {"installed: CERT_ACCESS_GRANTED", DIAG_INSTALLED, 5, "client-certificate-written"},
    };
    if (diag_has(line, "kurier: ") && diag_has(line, "[KUR-")) {
        say_given_up(file, line);
        return true;
    }
    return say_first(file, phrases, sizeof(phrases) / sizeof(phrases[0]), line);
}

bool
diag_read_client(struct diag_file *file, struct bytes line)
{
    return read_sscep(file, line) || read_scepclient(file, line) || read_certmonger(file, line) ||
           read_strongswan(file, line) || read_enroll(file, line);
}
