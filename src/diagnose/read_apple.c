/*
 * iOS, iPadOS, macOS: what profiled, mdmclient and CertificateService say in the console.
 *
 *   debug    18:30:53.691033 -0500    profiled    <text>          copied from Console
 *   May 23 14:15:36 name profiled[150] <Error>: <text>             syslog
 *   2022-10-11 14:03:42.755219-0600 0x137ae Debug 0x0 2183 0 mdmclient: [category] <text>
 *
 * Errors are blocks of Desc, Domain and Code; the innermost one counts, and comes last.
 */
#include "diagnose/readers.h"
#include "diagnose/scan.h"

#include "base/banned.h"

static bool
is_apple(struct bytes line)
{
    return diag_has(line, "profiled") || diag_has(line, "mdmclient") ||
           diag_has(line, "CertificateService") || diag_has(line, "MDM-SCEP") ||
           diag_has(line, "MCSCEPErrorDomain") || diag_has(line, " MC: ");
}

static void
say_request(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "mscep_admin/mscep.dll")) {
        (void)diag_say_causes(file, DIAG_APPLE, line, NULL);
    }
    if (diag_has(line, "operation=PKI")) { /* it may be cut off there */
        diag_mark_line(file, DIAG_APPLE, DIAG_REQUEST_SENT, 2, "request-sent-no-response", line);
    } else {
        diag_mark_line(file, DIAG_APPLE, DIAG_CONTACT, 2, "contact-ok-no-pkioperation", line);
    }
}

bool
diag_read_apple(struct diag_file *file, struct bytes line)
{
    /* IIS and others write the user agent profiled/1.0 */
    if (!is_apple(line) || diag_has(line, "profiled/") || diag_has(line, "mdmclient/")) {
        return false;
    }
    if (diag_has(line, "URL request: ") && diag_has(line, "operation=")) {
        say_request(file, line);
    } else if (diag_has(line, "Sending CSR via ")) {
        diag_mark_line(file, DIAG_APPLE, DIAG_REQUEST_SENT, 2, "request-sent-no-response", line);
    } else if (diag_has(line, "Attempting to retrieve issued certificate")) {
        diag_mark_line(file, DIAG_APPLE, DIAG_REQUEST_MADE, 2, "request-sent-no-response", line);
    } else if (diag_has(line, "Profile ") && diag_has(line, " installed") &&
               (diag_has(line, "ModelName") || diag_has_any_case(line, "scep"))) {
        diag_mark_line(file, DIAG_APPLE, DIAG_INSTALLED, 5, "ios-profile-installed", line);
    } else if (diag_has(line, "Adding dependent ModelName")) {
        diag_mark_line(file, DIAG_APPLE, DIAG_PROFILE, 1, "profile-received", line);
    } else if (diag_has(line, "Adding dependent ")) {
        diag_mark_line(file, DIAG_APPLE, DIAG_CONTEXT, 5, NULL, line);
    } else if (diag_has(line, "received response, status ")) {
        int64_t status = diag_number(diag_after(line, "received response, status "));
        if (status == 200) {
            diag_mark_line(
                file, DIAG_APPLE, DIAG_HTTP_ANSWER, 2, "http-200-no-scep-information", line);
        } else if (status >= 400) {
            diag_mark_line(file, DIAG_APPLE, DIAG_CAUSE, 2, diag_slug_of_status(status), line);
        }
    } else if (diag_say_causes(file, DIAG_APPLE, line, NULL) == 0) {
        diag_keep_unknown(file, DIAG_APPLE, line);
    }
    return true;
}
