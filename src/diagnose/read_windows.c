/*
 * Windows events in every form of text: "copy details as text", Get-WinEvent | Format-List, event
 * XML. A record is put together from its lines and judged by provider and id; the words may be
 * in any language.
 *
 *   Event ID: 32        Ereignis-ID: 39        Id : 307        <EventID Qualifiers="0">86</EventID>
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "diagnose/hresult.h"
#include "diagnose/readers.h"
#include "diagnose/scan.h"

#include "base/banned.h"

enum provider { MDM = 1, CERT_ENROLL, NDES, CA, CONNECTOR, OLD_CONNECTOR, OTHER_PROVIDER };

/* What an id means; mark DIAG_CAUSE: the slug. */
struct meaning {
    enum provider provider;
    int64_t id;
    enum diag_mark mark;
    unsigned step;
    const char *slug;
};
static const struct meaning meanings[] = {
    {MDM, 36, DIAG_REQUEST_MADE, 2, "win-no-result-after-36"},
    {MDM, 39, DIAG_INSTALLED, 5, "win-event-39"},
    {NDES, 1, DIAG_SERVER_UP, 0, NULL},
    {NDES, 3, DIAG_CONTEXT, 0, NULL},
    {NDES, 6, DIAG_CAUSE, 0, "ndes-no-enroll-permission"},
    {NDES, 8, DIAG_CAUSE, 0, "ndes-ca-info"},
    {NDES, 13, DIAG_CAUSE, 5, "ndes-response-encrypt"},
    {NDES, 16, DIAG_CAUSE, 2, "ndes-decode"},
    {NDES, 17, DIAG_CAUSE, 2, "ndes-decode"},
    {NDES, 18, DIAG_CAUSE, 2, "request-encrypted-to-wrong-cert"},
    {NDES, 29, DIAG_CAUSE, 3, "challenge-password-invalid"},
    {NDES, 49, DIAG_CAUSE, 0, "ndes-encrypted-password-corrupt"},
    {NDES, 53, DIAG_CAUSE, 0, "ndes-policy-module-load"},
    {CONNECTOR, 4000, DIAG_REPORTED, 6, NULL},
    {CONNECTOR, 4002, DIAG_CAUSE, 6, "connector-notify-failed"},
    {CONNECTOR, 4003, DIAG_ASKED, 3, NULL},
    {CONNECTOR, 4004, DIAG_VERIFIED, 3, NULL},
    {CONNECTOR, 4005, DIAG_CAUSE, 3, "crp-verify-failed"},
    {CONNECTOR, 4006, DIAG_ISSUED, 4, NULL},
    {CONNECTOR, 4007, DIAG_CAUSE, 4, "ca-not-issued"},
    {CONNECTOR, 4008, DIAG_REPORTED, 6, NULL},
    {CONNECTOR, 4009, DIAG_CAUSE, 6, "connector-notify-failed"},
    {CONNECTOR, 4010, DIAG_CAUSE, 6, "connector-notify-failed"},
    {OLD_CONNECTOR, 10102, DIAG_CAUSE, 0, "connector-certificate"},
    {OLD_CONNECTOR, 10301, DIAG_CAUSE, 0, "connector-certificate"},
    {OLD_CONNECTOR, 10302, DIAG_CAUSE, 0, "connector-certificate"},
    {OLD_CONNECTOR, 20302, DIAG_CAUSE, 6, "connector-notify-failed"},
    {OLD_CONNECTOR, 20500, DIAG_VERIFIED, 3, NULL},
    {OLD_CONNECTOR, 20501, DIAG_CAUSE, 3, "crp-verify-failed"},
    {OLD_CONNECTOR, 20502, DIAG_CAUSE, 3, "crp-verify-failed"},
    {OLD_CONNECTOR, 20600, DIAG_REPORTED, 6, NULL},
    {OLD_CONNECTOR, 20602, DIAG_CAUSE, 6, "connector-notify-failed"},
};

/* NDES cannot start (2) or has no RA certificate (10): the code says why. */
static const struct {
    uint32_t code;
    const char *slug;
} starts[] = {
    {0x80070057, "ndes-ra-cert-unusable"},
    {0x80070002, "ndes-registry-incomplete"},
    {0x80004005, "ndes-start-e-fail"},
    {0x800700EA, "ndes-iis-handler-order"},
    {0x8009000B, "ndes-encrypted-password-corrupt"},
};

/* Other programs log the same codes about other things. */
static bool
is_about_certificates(struct bytes text)
{
    static const char *const words[] = {"scep", "ndes", "certificateregistration", "w3wp",
        "certificate", "Zertifikat", "Network Device Enrollment"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (diag_has_any_case(text, words[i])) {
            return true;
        }
    }
    return false;
}

static enum provider
provider_of(const struct diag_event *event)
{
    struct bytes name = bytes_from_text(event->provider);
    struct bytes text = {(const uint8_t *)event->text, event->len};
    bool is_mdm_id = event->id == 306 || event->id == 36 || event->id == 39 || event->id == 32 ||
                     event->id == 307;
    if (diag_has_any_case(name, "DeviceManagement-Enterprise-Diagnostic")) {
        return MDM;
    }
    if (diag_has_any_case(name, "CertEnroll")) {
        return CERT_ENROLL;
    }
    if (diag_has_any_case(name, "NetworkDeviceEnrollment")) {
        return NDES;
    }
    if (diag_has_any_case(name, "CertificationAuthority")) {
        return CA;
    }
    if (diag_has_any_case(name, "CertificateConnectors")) {
        return CONNECTOR;
    }
    if (diag_has_any_case(name, "Intune Connector")) {
        return OLD_CONNECTOR;
    }
    /* Only the id is left: it must be one of ours, and the text must be about it. */
    if (name.len > 0 || !is_about_certificates(text)) {
        return OTHER_PROVIDER;
    }
    return is_mdm_id                                  ? MDM
           : event->id == 86 || event->id == 87       ? CERT_ENROLL
           : event->id >= 4000 && event->id <= 4010   ? CONNECTOR
           : event->id >= 10010 && event->id <= 20700 ? OLD_CONNECTOR
                                                      : OTHER_PROVIDER;
}

static const struct meaning *
find_meaning(enum provider provider, int64_t id)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (meanings[i].provider == provider && meanings[i].id == id) {
            return &meanings[i];
        }
    }
    return NULL;
}

static void
say_event(struct diag_file *file, enum diag_source source, enum diag_mark mark, unsigned step,
    const struct diag_cause *cause)
{
    const struct diag_event *event = &file->event;
    struct bytes text = {(const uint8_t *)event->text, event->len};
    struct diag_observation observation = diag_observe(file, source, mark, step, text);
    char shown[DIAG_TEXT_MAX];
    observation.cause = cause;
    observation.line = event->line;
    observation.at_ms = event->at_ms;
    observation.has_date = event->has_date;
    observation.is_another = event->id == 4003 && source == DIAG_CONNECTOR;
    /* 307 is cut off at 255 characters: what it says gives way to what 32 and 86 say. */
    observation.is_hint = source == DIAG_WINDOWS && event->id == 307;
    (void)snprintf(shown, sizeof(shown), "Event %lld: %.350s", (long long)event->id, event->text);
    memcpy(observation.text, shown, sizeof(observation.text));
    diag_say(file, &observation);
}

/* Where a delivery stands when this event names @cause. */
static unsigned
stage_of(const struct diag_event *event, enum diag_source source, const struct diag_cause *cause)
{
    struct bytes text = {(const uint8_t *)event->text, event->len};
    if (source == DIAG_NDES) {
        /* 31: the request was on its way to the CA. */
        return diag_cause_stage_at(cause, event->id == 31 ? 4 : 0);
    }
    if (source == DIAG_WINDOWS && diag_has(text, "ProcessResponseMessage")) {
        return diag_cause_stage_at(cause, 5);
    }
    return diag_stage_of(source, cause);
}

/* The causes that the text names, by code or by words; returns how many were said. */
static size_t
say_causes(struct diag_file *file, enum diag_source source, const char *skip)
{
    const struct diag_cause *causes[6];
    struct diag_event *event = &file->event;
    char text[DIAG_EVENT_MAX + 16];
    uint32_t code = 0;
    struct bytes rest;
    struct bytes words = {(const uint8_t *)event->text, event->len};
    bool has_words = diag_hresult_of_words(words, &code) &&
                     !(diag_hresult_find(words, &(uint32_t){0}, &rest) && event->id != 31);
    int len = snprintf(text, sizeof(text), has_words ? "%s 0x%08x" : "%s", event->text, code);
    size_t count = diag_catalogue_match(
        file->catalogue, (struct bytes){(const uint8_t *)text, (size_t)len}, causes, 6);
    size_t said = 0;
    for (size_t i = 0; i < count; i++) {
        if (skip == NULL || strcmp(causes[i]->slug, skip) != 0) {
            say_event(file, source, DIAG_CAUSE, stage_of(event, source, causes[i]), causes[i]);
            said++;
        }
    }
    return said;
}

/* Event 306: "Result : (Unknown Win32 Error code: 0x2ab0003)" is "accepted for processing"; any
 * other code, or the text of an error in its place, is a refusal. */
static bool
is_refused(struct bytes text)
{
    uint32_t code = 0;
    struct bytes rest;
    if (diag_has_any_case(text, "2ab0003") || diag_has(text, "44761091")) {
        return false;
    }
    struct bytes result = diag_after(text, "Result : (");
    if (result.len == 0) {
        result = diag_after(text, "Result: (");
    }
    bool is_whole = diag_has(result, ")"); /* and not cut off before its end */
    result = diag_trim(diag_between(result, "", ")"));
    bool is_said = is_whole && result.len > 0 && !diag_has_any_case(result, "success") &&
                   !bytes_equal_text(result, "0x0") && !diag_has(result, "...");
    return diag_hresult_find(text, &code, &rest) || is_said;
}

static void
judge_mdm(struct diag_file *file)
{
    struct bytes text = {(const uint8_t *)file->event.text, file->event.len};
    if (file->event.id == 306) {
        bool is_no = is_refused(text);
        if (is_no && say_causes(file, DIAG_WINDOWS, NULL) > 0) {
            return;
        }
        say_event(file, DIAG_WINDOWS, is_no ? DIAG_CAUSE : DIAG_PROFILE, 1,
            diag_cause_find(is_no ? "win-306-nonaccepted" : "profile-received"));
    } else if (file->event.id == 32 || file->event.id == 307) {
        if (say_causes(file, DIAG_WINDOWS, "win-enroll-failed") == 0) {
            say_event(file, DIAG_WINDOWS, DIAG_CAUSE, 2, diag_cause_find("win-enroll-failed"));
        }
    } else {
        say_event(file, DIAG_WINDOWS, DIAG_CONTEXT, 2, NULL);
    }
}

static bool
judge_start(struct diag_file *file)
{
    struct bytes text = {(const uint8_t *)file->event.text, file->event.len};
    uint32_t code = 0;
    struct bytes rest;
    if (file->event.id != 2 && file->event.id != 10) {
        return false;
    }
    bool has_code = diag_hresult_find(text, &code, &rest) || diag_hresult_of_words(text, &code);
    for (size_t i = 0; has_code && i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (starts[i].code == code) {
            say_event(file, DIAG_NDES, DIAG_CAUSE, 0, diag_cause_find(starts[i].slug));
            return true;
        }
    }
    if (say_causes(file, DIAG_NDES, NULL) == 0) {
        say_event(file, DIAG_NDES, DIAG_CAUSE, 0,
            diag_cause_find(file->event.id == 2 ? "ndes-start-e-fail" : "ndes-ra-cert-unusable"));
    }
    return true;
}

static void
judge_ndes(struct diag_file *file)
{
    if (judge_start(file)) {
        return;
    }
    /* 31 without a text that is known: the CA did not issue. */
    if (say_causes(file, DIAG_NDES, NULL) == 0) {
        bool is_submission = file->event.id == 31;
        say_event(file, DIAG_NDES, is_submission ? DIAG_CAUSE : DIAG_CONTEXT, 4,
            is_submission ? diag_cause_find("ca-not-issued") : NULL);
    }
}

/* What the event's id says, and what its text adds to it at the same step. */
static void
judge_known(struct diag_file *file, enum diag_source source, const struct meaning *meaning)
{
    const struct diag_cause *causes[6];
    struct bytes text = {(const uint8_t *)file->event.text, file->event.len};
    const struct diag_cause *cause = meaning->slug == NULL ? NULL : diag_cause_find(meaning->slug);
    size_t count = source == DIAG_CONNECTOR && meaning->mark == DIAG_CAUSE
                       ? diag_catalogue_match(file->catalogue, text, causes, 6)
                       : 0;
    say_event(file, source, meaning->mark, meaning->step, cause);
    for (size_t i = 0; i < count; i++) {
        if (diag_cause_stage_at(causes[i], meaning->step) == meaning->step) {
            say_event(file, source, DIAG_CAUSE, meaning->step, causes[i]);
        }
    }
}

static bool
is_about_ours(const struct diag_event *event)
{
    struct bytes name = bytes_from_text(event->provider);
    return diag_has_any_case(name, "CAPI2") ||
           is_about_certificates((struct bytes){(const uint8_t *)event->text, event->len});
}

static void
judge(struct diag_file *file)
{
    enum provider provider = provider_of(&file->event);
    const struct meaning *meaning = find_meaning(provider, file->event.id);
    enum diag_source source = provider == NDES                                     ? DIAG_NDES
                              : provider == CA                                     ? DIAG_CA
                              : provider >= CONNECTOR && provider <= OLD_CONNECTOR ? DIAG_CONNECTOR
                                                                                   : DIAG_WINDOWS;
    if (meaning != NULL) {
        judge_known(file, source, meaning);
    } else if (provider == MDM) {
        judge_mdm(file);
    } else if (provider == NDES) {
        judge_ndes(file);
    } else if (provider == OTHER_PROVIDER && !is_about_ours(&file->event)) {
        return;
    } else if (say_causes(file, source, NULL) == 0 && provider != OTHER_PROVIDER) {
        bool is_denied = provider == CA && file->event.id == 53;
        say_event(file, source, is_denied ? DIAG_CAUSE : DIAG_CONTEXT, provider == CA ? 4 : 2,
            is_denied ? diag_cause_find("ca-not-issued") : NULL);
    }
}

void
diag_end_windows(struct diag_file *file)
{
    if (file->event.is_open && file->event.id > 0) {
        judge(file);
    }
    memset(&file->event, 0, sizeof(file->event));
    file->event.at_ms = -1;
}

static void
append(struct diag_event *event, struct bytes text)
{
    text = diag_trim(text);
    size_t room = sizeof(event->text) - event->len;
    if (text.len == 0 || room < 2) {
        return;
    }
    if (event->len > 0) {
        event->text[event->len++] = ' ';
        room--;
    }
    size_t len = text.len < room - 1 ? text.len : room - 1;
    memcpy(event->text + event->len, text.ptr, len);
    event->len += len;
    event->text[event->len] = '\0';
}

/* The value behind one of these labels at the line's beginning, after its colon. */
static bool
label(struct bytes line, const char *const *labels, struct bytes *out)
{
    while (line.len > 0 && isspace(line.ptr[0]) != 0) {
        line = bytes_skip(line, 1);
    }
    for (size_t i = 0; labels[i] != NULL; i++) {
        size_t len = strlen(labels[i]);
        if (line.len <= len || strncasecmp((const char *)line.ptr, labels[i], len) != 0) {
            continue;
        }
        struct bytes rest = bytes_skip(line, len);
        while (rest.len > 0 && rest.ptr[0] == ' ') {
            rest = bytes_skip(rest, 1);
        }
        if (rest.len > 0 && rest.ptr[0] == ':') {
            *out = bytes_skip(rest, 1);
            return true;
        }
    }
    return false;
}

static const char *const id_labels[] = {"Event ID", "EventID", "Ereignis-ID", "Ereigniskennung",
    "Id", "ID de l'événement", "Id. de evento", "ID evento", "Gebeurtenis-ID", NULL};
static const char *const provider_labels[] = {
    "Source", "Quelle", "ProviderName", "Provider", "Origen", "Bron", NULL};
static const char *const log_labels[] = {"Log Name", "Protokollname", "LogName", NULL};
static const char *const date_labels[] = {"Date", "Datum", "TimeCreated", "Fecha", NULL};
static const char *const text_labels[] = {"Description", "Beschreibung", "Message", NULL};
static const char *const other_labels[] = {"Task Category", "Aufgabenkategorie", "Level", "Ebene",
    "Keywords", "Schlüsselwörter", "User", "Benutzer", "Computer", "OpCode", NULL};

static void
open_event(struct diag_file *file)
{
    if (!file->event.is_open) {
        diag_end_windows(file);
        file->event.is_open = true;
        file->event.line = file->line;
    }
}

/* A record ends where the next begins: at an id, or at a head, when there is an id already. */
static void
next_event(struct diag_file *file)
{
    if (file->event.is_open && file->event.id > 0) {
        diag_end_windows(file);
    }
    open_event(file);
}

static void
take_provider(struct diag_file *file, struct bytes value)
{
    struct bytes name = diag_trim(value);
    if (diag_has(name, "Event ID:")) { /* "Source: X  Event ID: 31" on one line */
        struct bytes id = diag_after(name, "Event ID:");
        name = diag_between((struct bytes){name.ptr, name.len}, "", "Event ID:");
        while (id.len > 0 && id.ptr[0] == ' ') {
            id = bytes_skip(id, 1);
        }
        file->event.id = diag_number(id);
    }
    diag_copy(file->event.provider, sizeof(file->event.provider), diag_trim(name));
}

/* <Event>...<EventID>39</EventID>...</Event>: elements may stand on one line or on many. */
static bool
read_xml(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "<Event ") || diag_has(line, "<Event>")) {
        if (!(file->event.is_open && file->event.id > 0)) {
            open_event(file); /* the XML of "copy details" belongs to the event above it */
        }
        file->event.line = file->event.len == 0 ? file->line : file->event.line;
    }
    if (!file->event.is_open || !diag_has(line, "<")) {
        return false;
    }
    struct bytes provider = diag_between(line, "Provider Name=\"", "\"");
    if (provider.len == 0) {
        provider = diag_between(line, "Provider Name='", "'");
    }
    if (provider.len > 0 && file->event.provider[0] == '\0') {
        diag_copy(file->event.provider, sizeof(file->event.provider), provider);
    }
    struct bytes id = diag_after(diag_after(line, "<EventID"), ">");
    if (diag_number(id) > 0 && file->event.id == 0) {
        file->event.id = diag_number(id);
    }
    struct bytes time = diag_after(line, "SystemTime=");
    if (time.len > 1) {
        (void)diag_time(bytes_skip(time, 1), &file->event.at_ms, &file->event.has_date);
    }
    for (struct bytes rest = diag_after(line, "<Data"); rest.len > 0;
         rest = diag_after(rest, "<Data")) {
        append(&file->event, diag_between(rest, ">", "<"));
    }
    if (diag_has(line, "<Message>")) {
        append(&file->event, diag_between(line, "<Message>", "</Message>"));
    }
    if (diag_has(line, "</Event>")) {
        diag_end_windows(file);
    }
    return true;
}

void
diag_begin_event(
    struct diag_file *file, struct bytes provider, int64_t id, struct bytes time, struct bytes text)
{
    diag_end_windows(file);
    open_event(file);
    file->event.id = id;
    diag_copy(file->event.provider, sizeof(file->event.provider), provider);
    (void)diag_time(time, &file->event.at_ms, &file->event.has_date);
    append(&file->event, text);
}

bool
diag_read_windows(struct diag_file *file, struct bytes line)
{
    struct bytes value;
    if (read_xml(file, line)) {
        return true;
    }
    if (label(line, log_labels, &value)) {
        next_event(file);
        diag_copy(file->event.provider, sizeof(file->event.provider), diag_trim(value));
        return true;
    }
    if (label(line, date_labels, &value) && diag_time(value, &(int64_t){0}, &(bool){false})) {
        if (file->event.len > 0) {
            next_event(file);
        }
        open_event(file);
        (void)diag_time(value, &file->event.at_ms, &file->event.has_date);
        return true;
    }
    if (label(line, provider_labels, &value) && !diag_has(value, "/") &&
        (diag_has(value, "-") || diag_has(value, "Certif") || diag_has(value, "Intune"))) {
        if (file->event.len > 0 || (file->event.id > 0 && diag_has(value, "Event ID"))) {
            next_event(file);
        }
        open_event(file);
        take_provider(file, value);
        return true;
    }
    if (label(line, id_labels, &value) && diag_number(diag_trim(value)) > 0) {
        if (file->event.id > 0) {
            next_event(file);
        }
        open_event(file);
        file->event.id = diag_number(diag_trim(value));
        return true;
    }
    if (!file->event.is_open) {
        return false;
    }
    if (label(line, text_labels, &value)) {
        append(&file->event, value);
    } else if (!label(line, other_labels, &value)) {
        append(&file->event, line);
    }
    return true;
}
