/*
 * Other servers: access logs of web servers, proxies, micromdm, step-ca, PacketFence (anything with
 * operation=... and a status), the Intune validation client, and Kurier's own log.
 *
 *   ... "GET /scep?operation=GetCACaps&message=ca HTTP/1.1" 200 181 ...
 *   event=refused transaction_id=... level=warn role=front ... code=KUR-1403
 */
#include <ctype.h>

#include "diagnose/readers.h"
#include "diagnose/scan.h"

#include "base/banned.h"

/* What Kurier's codes are in the field's words. */
static const struct {
    const char *code;
    unsigned step;
    const char *slug;
} codes[] = {
    {"KUR-1402", 3, "challenge-missing"},
    {"KUR-1403", 3, "challenge-password-invalid"},
    {"KUR-1404", 3, "challenge-password-invalid"},
    {"KUR-1405", 3, "challenge-password-invalid"},
    {"KUR-1406", 3, "challenge-password-invalid"},
    {"KUR-1409", 3, "challenge-subject-mismatch"},
    {"KUR-1410", 3, "challenge-subject-mismatch"},
    {"KUR-1207", 2, "scep-fail-badalg"},
    {"KUR-1308", 2, "request-encrypted-to-wrong-cert"},
    {"KUR-1311", 2, "scep-fail-badalg"},
    {"KUR-1312", 2, "scep-fail-badalg"},
    {"KUR-1209", 2, "scep-fail-badmessagecheck"},
    {"KUR-1214", 2, "scep-fail-badmessagecheck"},
    {"KUR-1310", 2, "scep-fail-badmessagecheck"},
    {"KUR-1305", 2, "scep-fail-badmessagecheck"},
    {"KUR-1306", 2, "scep-fail-badmessagecheck"},
    {"KUR-1313", 2, "scep-fail-badmessagecheck"},
    {"KUR-1321", 2, "scep-fail-badalg"},
    {"KUR-1408", 3, "challenge-subject-mismatch"},
    {"KUR-1411", 3, "challenge-password-invalid"},
    {"KUR-1413", 3, "scep-fail-badmessagecheck"},
    {"KUR-1414", 3, "scep-fail-badcertid"},
    {"KUR-1415", 3, "scep-fail-badtime"},
    {"KUR-1416", 3, "scep-fail-badtime"},
    {"KUR-1806", 4, "scep-fail-badtime"},
    {"KUR-2007", 4, "scep-fail-badtime"},
    {"KUR-2009", 3, "challenge-password-invalid"},
    {"KUR-18", 4, "ca-sign-failed"},
    {"KUR-16", 4, "ca-sign-failed"},
};

const struct diag_cause *
diag_cause_of_code(struct bytes text, unsigned *out_step)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (diag_has(text, codes[i].code)) {
            *out_step = codes[i].step;
            return diag_cause_find(codes[i].slug);
        }
    }
    return NULL;
}

static void
say_refusal(struct diag_file *file, struct bytes line)
{
    unsigned step = 3;
    const struct diag_cause *cause = diag_cause_of_code(line, &step);
    diag_mark_line(file, DIAG_SERVER, DIAG_CAUSE, step,
        cause == NULL ? "scep-fail-badrequest" : cause->slug, line);
}

static bool
read_kurier(struct diag_file *file, struct bytes line)
{
    if (!diag_has(line, "event=") || !diag_has(line, " role=")) {
        return false;
    }
    if (diag_has(line, "event=issued ")) {
        diag_mark_line(file, DIAG_SERVER, DIAG_SERVED, 5, NULL, line);
    } else if (diag_has(line, "event=refused ") || diag_has(line, "event=request_refused ")) {
        say_refusal(file, line);
    } else if (diag_has(line, "event=pending ")) {
        diag_mark_line(file, DIAG_SERVER, DIAG_CAUSE, 4, "ca-pending", line);
    } else if (diag_has(line, "event=fault ")) {
        diag_mark_line(file, DIAG_SERVER, DIAG_CAUSE, 4, "ca-sign-failed", line);
    }
    return true;
}

/* The status of an access log's line: behind the quoted request, or in a field of its own. */
static int64_t
status_of(struct bytes line)
{
    static const char *const names[] = {
        "status=", "\"status\":", "status_code=", "HTTP/1.1\" ", "HTTP/1.0\" ", "HTTP/2.0\" "};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct bytes rest = diag_after(line, names[i]);
        while (rest.len > 0 && (rest.ptr[0] == ' ' || rest.ptr[0] == '"')) {
            rest = bytes_skip(rest, 1);
        }
        int64_t status = diag_number(rest);
        if (status >= 100 && status < 600) {
            return status;
        }
    }
    return 0;
}

static const char *
cause_of_status(int64_t status)
{
    switch (status) {
    case 400:
        return "http-400";
    case 401:
        return "http-401";
    case 403:
        return "http-403";
    case 404:
        return "http-404";
    case 414:
        return "http-414";
    case 500:
        return "http-500";
    case 502:
        return "proxy-502";
    case 503:
        return "http-503";
    case 504:
        return "proxy-504";
    default:
        return "http-other";
    }
}

static bool
read_access(struct diag_file *file, struct bytes line)
{
    if (!diag_has(line, "operation=GetCAC") && !diag_has(line, "operation=PKIOperation")) {
        return false;
    }
    bool is_contact = diag_has(line, "operation=GetCAC");
    int64_t status = status_of(line);
    if (status >= 400) {
        diag_mark_line(file, DIAG_SERVER, DIAG_CAUSE, 2, cause_of_status(status), line);
    } else if (is_contact) {
        diag_mark_line(file, DIAG_SERVER, DIAG_CONTACT, 2, "contact-ok-no-pkioperation", line);
    } else {
        diag_mark_line(
            file, DIAG_SERVER, DIAG_HTTP_ANSWER, 2, "http-200-no-scep-information", line);
    }
    return true;
}

/* {"code":"Success",...} and its relatives; the catalogue has the failures. */
static bool
read_intune(struct diag_file *file, struct bytes line)
{
    if (!diag_has(line, "\"code\"") && !diag_has(line, "IntuneClient") &&
        !diag_has(line, "ScepRequestValidation") && !diag_has(line, "ScepService")) {
        return false;
    }
    if (diag_has(line, "\"code\":\"Success\"") || diag_has(line, "\"code\": \"Success\"")) {
        diag_mark_line(file, DIAG_INTUNE, DIAG_VERIFIED, 3, NULL, line);
    } else if (diag_say_causes(file, DIAG_INTUNE, line, NULL) == 0) {
        diag_mark_line(file, DIAG_INTUNE, DIAG_CONTEXT, 3, NULL, line);
    }
    return true;
}

bool
diag_read_server(struct diag_file *file, struct bytes line)
{
    return read_kurier(file, line) || read_intune(file, line) || read_access(file, line);
}
