/*
 * What certutil -view says of a CA's requests.
 *
 *   Row 1:
 *     Request Status Code: 0x80094811 (-2146875375 CERTSRV_E_KEY_LENGTH)
 *     Request Disposition: 0x1f (31) -- Denied
 *
 * Dispositions: 9 waits for a manager, 20 issued, 21 revoked, 30 failed, 31 denied.
 */
#include <stdlib.h>

#include "diagnose/readers.h"
#include "diagnose/scan.h"

#include "base/banned.h"

static void
say_disposition(struct diag_file *file, struct bytes line)
{
    char text[24];
    diag_copy(text, sizeof(text), diag_trim(diag_after(line, "Request Disposition:")));
    switch (strtol(text, NULL, 0)) {
    case 9:
        diag_mark_line(file, DIAG_CA, DIAG_CAUSE, 4, "ca-pending", line);
        break;
    case 20:
        diag_mark_line(file, DIAG_CA, DIAG_ISSUED, 4, "ca-issued", line);
        break;
    case 21:
        diag_mark_line(file, DIAG_CA, DIAG_CAUSE, 4, "cert-revoked", line);
        break;
    case 30:
    case 31:
        diag_mark_line(file, DIAG_CA, DIAG_CAUSE, 4, "ca-not-issued", line);
        break;
    default:
        diag_mark_line(file, DIAG_CA, DIAG_CONTEXT, 4, NULL, line);
    }
}

bool
diag_read_certutil_view(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "Issued Request ID:") || diag_has(line, "Request ID: 0x")) {
        struct diag_observation observation = diag_observe(file, DIAG_CA, DIAG_CONTEXT, 4, line);
        observation.is_another = true;
        diag_say(file, &observation);
        return true;
    }
    if (diag_has(line, "Request Disposition:")) {
        say_disposition(file, line);
        return true;
    }
    if (diag_has(line, "Request Status Code:") || diag_has(line, "Request Disposition Message:")) {
        (void)diag_say_causes(file, DIAG_CA, line, NULL);
        return true;
    }
    return false;
}
