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

/* What a server says went wrong, in a field of its own: error="..." err="..." "error":"..." */
static struct bytes
error_of(struct bytes line)
{
    static const char *const names[] = {" error=\"", " err=\"", "\"error\":\"", "\"err\":\""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct bytes error = diag_between(line, names[i], "\"");
        if (error.len > 0) {
            return error;
        }
    }
    return BYTES_NONE;
}

/* The cause that the error's text names, said of the whole line. */
static bool
say_error(struct diag_file *file, struct bytes line)
{
    const struct diag_cause *causes[2];
    struct bytes error = error_of(line);
    if (error.len == 0 || diag_catalogue_match(file->catalogue, error, causes, 2) == 0) {
        return false;
    }
    diag_mark_line(
        file, DIAG_SERVER, DIAG_CAUSE, diag_stage_of(DIAG_CRP, causes[0]), causes[0]->slug, line);
    return true;
}

static bool
read_access(struct diag_file *file, struct bytes line)
{
    bool is_method = diag_has(line, "method=PKIOperation") || diag_has(line, " op=PKIOperation");
    if (!diag_has(line, "operation=GetCAC") && !diag_has(line, "operation=PKIOperation") &&
        !is_method) {
        return false;
    }
    if (say_error(file, line)) {
        return true;
    }
    bool is_contact = diag_has(line, "operation=GetCAC");
    int64_t status = status_of(line);
    if (status >= 400) {
        diag_mark_line(file, DIAG_SERVER, DIAG_CAUSE, 2, diag_slug_of_status(status), line);
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
