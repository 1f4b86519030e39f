/*
 * NDESPlugin.log of the policy module: CMTrace's form, bare lines, or what the clipboard makes of
 * it.
 *
 *   <![LOG[Verify challenge returns true]LOG]!><time="05:47:04.123+000" date="3-8-2018" ...>
 *   Verify challenge returns true  NDESPlugin  3/8/2018 5:47:04 AM  7364 (0x1CC4)
 *
 * And the lines of SetupMsi.log, the connector's installer.
 */
#include "diagnose/hresult.h"
#include "diagnose/readers.h"
#include "diagnose/scan.h"

#include "base/banned.h"

static void
say_exit(struct diag_file *file, struct bytes line, bool is_notify)
{
    struct bytes code_text = diag_after(line, " with 0x");
    bool is_good = code_text.len > 0 && code_text.ptr[0] == '0' &&
                   (code_text.len == 1 || diag_number(bytes_skip(code_text, 1)) < 0);
    if (is_good && is_notify) {
        diag_mark_line(file, DIAG_NDES_PLUGIN, DIAG_REPORTED, 6, "reported-notify-0x0", line);
    } else if (is_good) {
        diag_mark_line(file, DIAG_NDES_PLUGIN, DIAG_VERIFIED, 3, NULL, line);
    } else if (is_notify) {
        diag_mark_line(file, DIAG_NDES_PLUGIN, DIAG_CAUSE, 6, "connector-notify-failed", line);
    } else if (diag_say_causes(file, DIAG_NDES_PLUGIN, line, NULL) == 0) {
        diag_mark_line(file, DIAG_NDES_PLUGIN, DIAG_CAUSE, 3, "challenge-verify-false", line);
    }
}

bool
diag_read_ndes_plugin(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "Calling VerifyRequest")) {
        file->is_notify = false;
        struct diag_observation observation =
            diag_observe(file, DIAG_NDES_PLUGIN, DIAG_CONTEXT, 3, line);
        observation.is_beginning = true;
        diag_say(file, &observation);
    } else if (diag_has(line, "Calling Notifyrequest") || diag_has(line, "Calling NotifyRequest")) {
        file->is_notify = true;
        diag_mark_line(file, DIAG_NDES_PLUGIN, DIAG_CONTEXT, 6, NULL, line);
    } else if (diag_has(line, "Sending request to certificate registration point")) {
        /* The last line of a module whose client certificate has expired. */
        diag_mark_line(file, DIAG_NDES_PLUGIN, DIAG_CONTEXT, file->is_notify ? 6 : 3,
            file->is_notify ? NULL : "policy-module-client-cert-expired", line);
    } else if (diag_has(line, "Verify challenge returns true")) {
        diag_mark_line(file, DIAG_NDES_PLUGIN, DIAG_VERIFIED, 3, NULL, line);
    } else if (diag_has(line, "Exiting VerifyRequest with")) {
        say_exit(file, line, false);
    } else if (diag_has(line, "Exiting Notify with")) {
        say_exit(file, line, true);
    } else if (diag_has(line, "Verify challenge returns <")) {
        /* A page instead of a verdict; its title, on a later line, says which. */
        file->is_page = true;
        diag_mark_line(file, DIAG_NDES_PLUGIN, DIAG_CAUSE, 3, "challenge-verify-false", line);
    } else if (file->is_page && diag_has(line, "<title>")) {
        file->is_page = false;
        if (diag_has(line, "403")) {
            diag_mark_line(
                file, DIAG_NDES_PLUGIN, DIAG_CAUSE, 3, "crp-client-cert-untrusted", line);
        }
    } else if (diag_has(line, "Verify challenge returns") ||
               diag_has(line, "component=\"NDESPlugin\"") || diag_has(line, "  NDESPlugin  ")) {
        (void)diag_say_causes(file, DIAG_NDES_PLUGIN, line, NULL);
    } else if (diag_has(line, "Installation completed successfully") &&
               diag_has(line, "Connector")) {
        diag_mark_line(file, DIAG_SETUP, DIAG_SETUP_DONE, 0, "connector-installed", line);
    } else {
        return false;
    }
    return true;
}
