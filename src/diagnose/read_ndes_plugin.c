/*
 * NDESPlugin.log of the policy module: CMTrace's form, bare lines, or what the clipboard makes of
 * it.
 *
 *   <![LOG[Verify challenge returns true]LOG]!><time="05:47:04.123+000" date="3-8-2018" ...>
 *   Verify challenge returns true  NDESPlugin  3/8/2018 5:47:04 AM  7364 (0x1CC4)
 *
 * And the lines of SetupMsi.log, the connector's installer.
 */
#include <stdio.h>
#include <stdlib.h>

#include "diagnose/readers.h"
#include "diagnose/scan.h"

#include "base/banned.h"

/* The thread that wrote a line: lines of several requests are mixed. 0: not said. */
static uint32_t
lane_of(struct bytes line)
{
    int64_t thread = diag_number(diag_after(line, " thread=\""));
    if (thread <= 0) {
        struct bytes rest = diag_between(line, " (0x", ")");
        bool is_clipboard = rest.len > 0 && rest.len <= 8 && diag_has(line, "NDESPlugin");
        char digits[9] = "";
        diag_copy(digits, sizeof(digits), rest);
        thread = is_clipboard ? strtol(digits, NULL, 16) : 0;
    }
    return thread > 0 && thread < UINT32_MAX ? (uint32_t)thread : 0;
}

/* CMTrace has time and date at the end, and how far UTC is ahead in minutes. */
static void
take_time(struct bytes line, struct diag_observation *observation)
{
    char text[80];
    struct bytes time = diag_between(line, "<time=\"", "\"");
    struct bytes date = diag_between(line, " date=\"", "\"");
    if (time.len == 0 || date.len == 0 || time.len > 24 || date.len > 12) {
        return;
    }
    struct bytes clock = {time.ptr, 0};
    while (clock.len < time.len && time.ptr[clock.len] != '+' && time.ptr[clock.len] != '-') {
        clock.len++;
    }
    struct bytes bias = bytes_skip(time, clock.len);
    int64_t minutes = bias.len > 1 ? diag_number(bytes_skip(bias, 1)) : 0;
    (void)snprintf(text, sizeof(text), "%.*s %.*s", (int)date.len, (const char *)date.ptr,
        (int)clock.len, (const char *)clock.ptr);
    if (diag_time(bytes_from_text(text), &observation->at_ms, &observation->has_date) &&
        minutes > 0 && minutes <= 840) {
        observation->at_ms += (bias.ptr[0] == '-' ? -1 : 1) * minutes * 60000;
    }
}

static struct diag_observation
observe(const struct diag_file *file, enum diag_mark mark, unsigned step, struct bytes line)
{
    struct diag_observation observation = diag_observe(file, DIAG_NDES_PLUGIN, mark, step, line);
    observation.lane = lane_of(line);
    take_time(line, &observation);
    return observation;
}

static void
say(struct diag_file *file, enum diag_mark mark, unsigned step, const char *slug, struct bytes line)
{
    struct diag_observation observation = observe(file, mark, step, line);
    observation.cause = slug == NULL ? NULL : diag_cause_find(slug);
    diag_say(file, &observation);
}

/* The causes that a line names, at the step at which the module is. */
static size_t
say_causes(struct diag_file *file, struct bytes line, unsigned step, bool is_hint)
{
    const struct diag_cause *causes[6];
    size_t count = diag_catalogue_match(file->catalogue, line, causes, 6);
    size_t said = 0;
    for (size_t i = 0; i < count; i++) {
        if (step == 6) {
            continue; /* the causes are those of a request; a report has its own */
        }
        struct diag_observation observation =
            observe(file, DIAG_CAUSE, diag_cause_stage_at(causes[i], step), line);
        observation.cause = causes[i];
        observation.is_hint = is_hint;
        diag_say(file, &observation);
        said++;
    }
    return said;
}

static void
say_exit(struct diag_file *file, struct bytes line, bool is_notify)
{
    struct bytes code_text = diag_after(line, " with 0x");
    bool is_good = code_text.len > 0 && code_text.ptr[0] == '0' &&
                   (code_text.len == 1 || diag_number(bytes_skip(code_text, 1)) < 0);
    if (is_good && is_notify) {
        say(file, DIAG_REPORTED, 6, "reported-notify-0x0", line);
    } else if (is_good) {
        say(file, DIAG_VERIFIED, 3, NULL, line);
    } else if (is_notify) {
        say(file, DIAG_CAUSE, 6, "connector-notify-failed", line);
    } else if (say_causes(file, line, 3, true) == 0) {
        struct diag_observation observation = observe(file, DIAG_CAUSE, 3, line);
        observation.cause = diag_cause_find("challenge-verify-false");
        observation.is_hint = true;
        diag_say(file, &observation);
    }
}

/* The module could not speak to the registration point: 12175 and its like are WinHTTP's. */
static void
say_send_failure(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "/Notify")) {
        say(file, DIAG_CAUSE, 6, "connector-notify-failed", line);
    } else if (say_causes(file, line, 3, false) == 0) {
        say(file, DIAG_CAUSE, 3, "challenge-verify-false", line);
    }
}

static void
say_page(struct diag_file *file, struct bytes line)
{
    file->is_page = false;
    if (diag_has(line, "403")) {
        say(file, DIAG_CAUSE, 3, "crp-client-cert-untrusted", line);
    } else if (diag_has(line, "500")) {
        say(file, DIAG_CAUSE, 3, "crp-temp-folder-permission", line);
    } else if (diag_has(line, "503")) {
        say(file, DIAG_CAUSE, 3, "iis-503", line);
    }
}

static bool
read_verdict(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "Verify challenge returns true")) {
        say(file, DIAG_VERIFIED, 3, NULL, line);
    } else if (diag_has(line, "Verify challenge returns <")) {
        /* A page instead of a verdict; its title, here or on a later line, says which. */
        file->is_page = true;
        say(file, DIAG_CAUSE, 3, "challenge-verify-false", line);
        if (diag_has(line, "<title>")) {
            say_page(file, diag_between(line, "<title>", "</title>"));
        }
    } else if (file->is_page && diag_has(line, "<title>")) {
        say_page(file, line);
    } else if (diag_has(line, "Verify challenge returns")) {
        (void)say_causes(file, line, 3, false);
    } else {
        return false;
    }
    return true;
}

static bool
read_setup(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "Installation completed successfully") && diag_has(line, "Connector")) {
        diag_mark_line(file, DIAG_SETUP, DIAG_SETUP_DONE, 0, "connector-installed", line);
        return true;
    }
    if (diag_has(line, "Connector -- Installation failed")) {
        (void)diag_say_causes(file, DIAG_SETUP, line, NULL);
        return true;
    }
    return false;
}

bool
diag_read_ndes_plugin(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "Calling VerifyRequest")) {
        file->is_notify = false;
        struct diag_observation observation = observe(file, DIAG_ASKED, 3, line);
        observation.is_another = true;
        diag_say(file, &observation);
    } else if (diag_has(line, "Calling Notifyrequest") || diag_has(line, "Calling NotifyRequest")) {
        file->is_notify = true;
        say(file, DIAG_CONTEXT, 6, NULL, line);
    } else if (diag_has(line, "Sending request to certificate registration point")) {
        /* The last line of a module whose client certificate has expired. */
        say(file, DIAG_CONTEXT, file->is_notify ? 6 : 3,
            file->is_notify ? NULL : "policy-module-client-cert-expired", line);
    } else if (diag_has(line, "Exiting VerifyRequest with")) {
        say_exit(file, line, false);
    } else if (diag_has(line, "Exiting Notify with")) {
        say_exit(file, line, true);
    } else if (diag_has(line, "Failed to send http request")) {
        say_send_failure(file, line);
    } else if (read_verdict(file, line) || read_setup(file, line)) {
        return true;
    } else if (diag_has(line, "component=\"NDESPlugin\"") || diag_has(line, "  NDESPlugin  ") ||
               diag_has(line, "\tNDESPlugin\t") || diag_has(line, "WINHTTP_CALLBACK_STATUS")) {
        if (say_causes(file, line, file->is_notify ? 6 : 3, false) == 0) {
            diag_keep_unknown(file, DIAG_NDES_PLUGIN, line);
        }
    } else {
        return false;
    }
    return true;
}
