/*
 * HTTPERR: what http.sys answered by itself, before IIS saw it.
 *
 *   #Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-siteid
 *            s-reason s-queuename
 *   2024-05-06 10:00:03 10.0.0.9 51234 10.0.0.1 443 HTTP/1.1 GET /certsrv/mscep/... 503 1
 * AppOffline SCEP
 *
 * Newer systems have a stream id behind the URI; without #Fields the version before the method is
 * what such a line is known by. Lines of timers and dropped connections say nothing of a request.
 */
#include <ctype.h>
#include <string.h>

#include "diagnose/readers.h"
#include "diagnose/scan.h"

#include "base/banned.h"

struct refusal {
    struct bytes client;
    struct bytes uri;
    int64_t status;
    struct bytes reason;
};

static bool
is_version(struct bytes token)
{
    return token.len >= 6 && memcmp(token.ptr, "HTTP/", 5) == 0;
}

static bool
is_word(struct bytes token)
{
    return token.len > 1 && isalpha(token.ptr[0]) != 0;
}

/* What follows the version: method, URI, then status, site, reason and queue. */
static bool
parse(struct bytes line, struct refusal *out)
{
    struct bytes before[8];
    size_t count = 0;
    struct bytes token = diag_token(&line);
    while (token.len > 0 && !is_version(token) && count < 8) {
        before[count++] = token;
        token = diag_token(&line);
    }
    if (!is_version(token) || count < 4) {
        return false;
    }
    out->client = before[count - 4];
    (void)diag_token(&line); /* the method */
    out->uri = diag_token(&line);
    out->status = 0;
    out->reason = BYTES_NONE;
    for (token = diag_token(&line); token.len > 0; token = diag_token(&line)) {
        int64_t number = diag_number(token);
        if (out->status == 0 && token.len == 3 && number >= 100 && number < 600) {
            out->status = number;
        } else if (out->reason.len == 0 && is_word(token)) {
            out->reason = token;
        }
    }
    return out->uri.len > 0 && out->reason.len > 0;
}

static const char *
slug_of(const struct refusal *refusal)
{
    static const struct {
        const char *reason;
        const char *slug;
    } reasons[] = {{"AppOffline", "iis-503"}, {"Disabled", "iis-503"}, {"AppShutdown", "iis-503"},
        {"AppPoolTimer", "iis-503"}, {"QueueFull", "iis-503"}, {"ConnLimit", "iis-503"},
        {"N/A", "iis-503"}, {"URL_Length", "http-414"}, {"FieldLength", "http-414"},
        {"RequestLength", "http-414"}};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (bytes_equal_text(refusal->reason, reasons[i].reason)) {
            return reasons[i].slug;
        }
    }
    return refusal->status == 503 ? "iis-503" : diag_slug_of_status(refusal->status);
}

bool
diag_read_httperr(struct diag_file *file, struct bytes line)
{
    struct refusal refusal;
    if (diag_has(line, "#Fields:") && diag_has(line, "s-reason")) {
        file->is_httperr = true;
        file->field_count = 0;
        return true;
    }
    if (!diag_has(line, " HTTP/") || diag_has(line, "\"") || !parse(line, &refusal)) {
        return false;
    }
    bool is_ours = diag_has_any_case(refusal.uri, "/mscep") ||
                   diag_has_any_case(refusal.uri, "operation=") ||
                   diag_has_any_case(refusal.uri, "/CertificateRegistrationSvc");
    if (!is_ours || refusal.status < 400) {
        return is_ours && file->is_httperr;
    }
    struct diag_observation observation = diag_observe(file, DIAG_IIS, DIAG_CAUSE,
        diag_has_any_case(refusal.uri, "/CertificateRegistrationSvc") ? 3 : 2, line);
    diag_copy(observation.ids.client, sizeof(observation.ids.client), refusal.client);
    observation.cause = diag_cause_find(slug_of(&refusal));
    diag_say(file, &observation);
    return true;
}
