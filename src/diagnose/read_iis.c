/*
 * IIS: the W3C log, with #Fields or without, wrapped in the middle of a line, or with its blanks
 * lost; or with any fields in any order. Times are UTC, a line is written when the request ended.
 *
 *   date time s-ip GET /certsrv/mscep/mscep.dll operation=GetCACert&message=ca 443 - c-ip agent -
 *   200 0 0 31
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "diagnose/readers.h"
#include "diagnose/scan.h"

#include "base/banned.h"

#define TOKENS_MAX 64

/* What a query asks for. */
enum operation { NO_OPERATION = 0, CONTACT, PKI_OPERATION, OTHER_OPERATION };

struct request {
    struct bytes tokens[TOKENS_MAX];
    size_t count;
    size_t method;     /* index */
    struct bytes stem; /* or the whole line, where it is not known what is where */
    enum operation operation;
    int64_t status;
    int64_t substatus;
    int64_t win32;
    int64_t taken_ms; /* -1: not said */
    char client[DIAG_ID_MAX];
};

static bool
is_method(struct bytes token)
{
    return bytes_equal_text(token, "GET") || bytes_equal_text(token, "POST") ||
           bytes_equal_text(token, "HEAD");
}

static bool
is_integer(struct bytes token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (isdigit(token.ptr[i]) == 0) {
            return false;
        }
    }
    return token.len > 0;
}

static enum operation
operation_of(struct bytes query)
{
    static const char begin[] = "operation=";
    const size_t len = sizeof(begin) - 1;
    struct bytes what = query.len > len && memcmp(query.ptr, begin, len) == 0
                            ? bytes_skip(query, len)
                            : diag_after(query, begin);
    if (what.len >= 6 && strncasecmp((const char *)what.ptr, "GetCAC", 6) == 0) {
        return CONTACT;
    }
    if (what.len >= 12 && strncasecmp((const char *)what.ptr, "PKIOperation", 12) == 0) {
        return PKI_OPERATION;
    }
    if (what.len >= 7 && strncasecmp((const char *)what.ptr, "GetNext", 7) == 0) {
        return CONTACT;
    }
    return what.len > 0 ? OTHER_OPERATION : NO_OPERATION;
}

static bool
is_ours(struct bytes stem, enum operation operation)
{
    return operation == CONTACT || operation == PKI_OPERATION ||
           diag_has_any_case(stem, "/mscep") || diag_has(stem, "/CertificateRegistrationSvc");
}

static void
split(struct bytes line, struct request *request)
{
    request->count = 0;
    request->method = TOKENS_MAX;
    while (request->count < TOKENS_MAX) {
        struct bytes token = diag_token(&line);
        if (token.len == 0) {
            break;
        }
        if (request->method == TOKENS_MAX && is_method(token)) {
            request->method = request->count;
        }
        request->tokens[request->count++] = token;
    }
}

/* The integers that the line ends with; the first of them that is an HTTP status begins the status,
 * substatus, win32 status. */
static bool
find_status(struct request *request)
{
    size_t first = request->count;
    while (first > request->method + 1 && is_integer(request->tokens[first - 1])) {
        first--;
    }
    for (size_t i = first; i < request->count; i++) {
        int64_t value = diag_number(request->tokens[i]);
        if (value >= 100 && value <= 599) {
            request->status = value;
            request->substatus = i + 1 < request->count ? diag_number(request->tokens[i + 1]) : 0;
            request->win32 = i + 2 < request->count ? diag_number(request->tokens[i + 2]) : 0;
            request->taken_ms =
                i + 3 < request->count ? diag_number(request->tokens[request->count - 1]) : -1;
            return true;
        }
    }
    return false;
}

static const char *const field_names[] = {"cs-method", "cs-uri-stem", "cs-uri-query", "c-ip",
    "cs(User-Agent)", "sc-status", "sc-substatus", "sc-win32-status", "time-taken"};
enum { METHOD, STEM, QUERY, CLIENT_IP, AGENT, STATUS, SUBSTATUS, WIN32, TAKEN, FIELD_KINDS };

static void
take_fields(struct diag_file *file, struct bytes names)
{
    for (int i = 0; i < FIELD_KINDS; i++) {
        file->fields[i] = -1;
    }
    file->field_count = 0;
    for (struct bytes name = diag_token(&names); name.len > 0; name = diag_token(&names)) {
        for (int i = 0; i < FIELD_KINDS; i++) {
            if (bytes_equal_text(name, field_names[i])) {
                file->fields[i] = file->field_count;
            }
        }
        file->field_count++;
    }
}

static int64_t
field_number(const struct diag_file *file, const struct request *request, int kind)
{
    int at = file->fields[kind];
    return at < 0 || (size_t)at >= request->count ? 0 : diag_number(request->tokens[at]);
}

static bool
has_fields(const struct diag_file *file, const struct request *request)
{
    return file->field_count > 0 && (size_t)file->field_count == request->count &&
           file->fields[METHOD] == (int)request->method && file->fields[STATUS] >= 0;
}

/* The user agent's kind and the address before it, as far as the line has them. */
static void
find_client(const struct diag_file *file, struct request *request)
{
    static const char *const agents[] = {
        "Dalvik", "profiled", "mdmclient", "NDES+client", "okhttp", "CFNetwork"};
    struct bytes agent = BYTES_NONE;
    struct bytes address = BYTES_NONE;
    for (size_t i = request->method; i < request->count; i++) {
        for (size_t k = 0; k < sizeof(agents) / sizeof(agents[0]); k++) {
            if (agent.len == 0 && diag_has(request->tokens[i], agents[k])) {
                agent = request->tokens[i];
                struct bytes before = request->tokens[i - 1];
                address = i > request->method + 1 && !is_integer(before) &&
                                  (diag_has(before, ".") || diag_has(before, ":"))
                              ? before
                              : BYTES_NONE;
            }
        }
    }
    if (address.len == 0 && has_fields(file, request) && file->fields[CLIENT_IP] >= 0) {
        address = request->tokens[file->fields[CLIENT_IP]];
    }
    if (has_fields(file, request) && file->fields[AGENT] >= 0 &&
        !bytes_equal_text(request->tokens[file->fields[AGENT]], "-")) {
        agent = request->tokens[file->fields[AGENT]];
    }
    (void)snprintf(request->client, sizeof(request->client), "%.*s %.*s", (int)address.len,
        (const char *)address.ptr, agent.len > 100 ? 100 : (int)agent.len, (const char *)agent.ptr);
    for (char *c = request->client; *c != '\0'; c++) {
        if (*c == '+') {
            *c = ' ';
        }
    }
}

/* What a status means on the SCEP path, or on that of the policy module. */
static const char *
cause_of(const struct request *request, bool is_verify)
{
    static const struct {
        int64_t status;
        int64_t substatus; /* -1: any */
        int64_t win32;     /* -1: any */
        const char *slug;
    } rows[] = {
        {500, -1, 1346, "iis-impersonation-right-missing"},
        {403, 4, -1, "iis-403-4"},
        {403, 7, -1, "iis-403-7"},
        {403, 13, -1, "iis-403-13"},
        {404, 14, -1, "iis-404-14"},
        {404, 15, -1, "iis-404-15"},
        {401, -1, -1, "iis-401"},
        {414, -1, -1, "http-414"},
        {502, -1, -1, "proxy-502"},
        {503, -1, -1, "iis-503"},
        {504, -1, -1, "proxy-504"},
        {500, -1, -1, "iis-500-account"},
        {400, -1, -1, "http-400"},
        {403, -1, -1, "http-403"},
        {404, -1, -1, "http-404"},
    };
    if (is_verify && request->status == 403 && request->substatus == 16) {
        return "crp-client-cert-untrusted";
    }
    if (is_verify && request->status == 500) {
        return "crp-temp-folder-permission";
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].status == request->status &&
            (rows[i].substatus < 0 || rows[i].substatus == request->substatus) &&
            (rows[i].win32 < 0 || rows[i].win32 == request->win32)) {
            return rows[i].slug;
        }
    }
    return "http-other";
}

/* The policy module's calls: step 3 and 6. */
static void
judge_service(const struct request *request, bool is_notify, struct diag_observation *observation)
{
    bool is_good = request->status >= 200 && request->status < 300;
    observation->step = is_notify ? 6 : 3;
    if (is_notify) {
        observation->mark = is_good ? DIAG_REPORTED : DIAG_CAUSE;
        observation->cause =
            diag_cause_find(is_good ? "reported-notify-204" : "connector-notify-failed");
    } else {
        observation->mark = is_good ? DIAG_VERIFIED : DIAG_CAUSE;
        observation->cause = is_good ? NULL : diag_cause_find(cause_of(request, true));
    }
}

/* The page for administrators: it asks for credentials, which is as it should be. */
static void
judge_admin(const struct request *request, struct diag_observation *observation)
{
    if (diag_has_any_case(request->stem, "/mscep_admin/mscep.dll")) {
        observation->mark = DIAG_CAUSE;
        observation->cause = diag_cause_find("suspicious-admin-url");
    } else if (request->status == 500 || request->status == 503) {
        observation->mark = DIAG_CAUSE;
        observation->step = 0;
        observation->cause = diag_cause_find(cause_of(request, false));
    }
}

/* A GET without a query is a browser's: 403.0 is how a healthy policy module answers it. */
static void
judge_scep(const struct diag_file *file, const struct request *request,
    struct diag_observation *observation)
{
    bool is_contact = request->operation == CONTACT;
    bool is_bare = bytes_equal_text(request->tokens[request->method], "GET") &&
                   request->operation == NO_OPERATION && request->method + 2 < request->count &&
                   bytes_equal_text(request->tokens[request->method + 2], "-");
    bool is_good = request->status >= 200 && request->status < 300;
    observation->is_answer = !is_contact && !is_bare;
    if (is_bare && (is_good || request->status == 403 || request->status == 401)) {
        return;
    }
    if (is_good) {
        observation->mark = is_contact ? DIAG_CONTACT : DIAG_SERVED;
        observation->step = is_contact ? 2 : 5;
        observation->cause = is_contact ? file->contact : NULL;
    } else if (request->status >= 400) {
        observation->mark = DIAG_CAUSE;
        observation->cause = diag_cause_find(cause_of(request, false));
    }
}

static void
say_request(struct diag_file *file, const struct request *request, struct bytes line)
{
    bool is_service = diag_has(request->stem, "/CertificateRegistrationSvc");
    bool is_verify = is_service && diag_has_any_case(request->stem, "/VerifyRequest");
    bool is_notify = is_service && diag_has_any_case(request->stem, "/Notify");
    struct diag_observation observation = {.source = DIAG_IIS,
        .mark = DIAG_CONTEXT,
        .step = 2,
        .file = file->name,
        .line = file->line,
        .at_ms = -1,
        .taken_ms = request->taken_ms};
    (void)diag_time(line, &observation.at_ms, &observation.has_date);
    diag_copy(observation.text, sizeof(observation.text), line);
    if (is_verify || is_notify) {
        judge_service(request, is_notify, &observation);
    } else {
        diag_copy(observation.ids.client, sizeof(observation.ids.client),
            diag_trim(bytes_from_text(request->client)));
        if (diag_has(request->stem, "mscep_admin")) {
            judge_admin(request, &observation);
        } else {
            judge_scep(file, request, &observation);
        }
    }
    diag_say(file, &observation);
}

static bool
take_line(struct diag_file *file, struct bytes line)
{
    struct request request = {.method = TOKENS_MAX, .status = -1, .taken_ms = -1};
    split(line, &request);
    if (request.method == TOKENS_MAX || !is_ours(line, operation_of(line))) {
        return false;
    }
    if (has_fields(file, &request)) {
        request.status = field_number(file, &request, STATUS);
        request.substatus = field_number(file, &request, SUBSTATUS);
        request.win32 = field_number(file, &request, WIN32);
        request.taken_ms = file->fields[TAKEN] < 0 ? -1 : field_number(file, &request, TAKEN);
    } else if (!find_status(&request)) {
        return false;
    }
    request.stem = line;
    request.operation = operation_of(line);
    find_client(file, &request);
    say_request(file, &request, line);
    return true;
}

/* As many fields as their names, one blank between them. */
static bool
split_fields(const struct diag_file *file, struct bytes line, struct request *request)
{
    size_t wanted = (size_t)file->field_count;
    while (request->count < wanted && line.len > 0) {
        const uint8_t *blank = memchr(line.ptr, ' ', line.len);
        size_t len = blank == NULL ? line.len : (size_t)(blank - line.ptr);
        request->tokens[request->count++] = (struct bytes){line.ptr, len};
        line = bytes_skip(line, blank == NULL ? len : len + 1);
    }
    return request->count == wanted && line.len == 0;
}

/* The address and the user agent, where the names of the fields say they are. */
static void
take_client(const struct diag_file *file, struct request *request)
{
    struct bytes address =
        file->fields[CLIENT_IP] < 0 ? BYTES_NONE : request->tokens[file->fields[CLIENT_IP]];
    struct bytes agent =
        file->fields[AGENT] < 0 ? BYTES_NONE : request->tokens[file->fields[AGENT]];
    size_t at = 0;
    for (size_t i = 0; i < address.len && at < 60; i++) {
        request->client[at++] = (char)address.ptr[i];
    }
    request->client[at++] = ' ';
    for (size_t i = 0; i < agent.len && i < 100 && !bytes_equal_text(agent, "-"); i++) {
        char octet = (char)agent.ptr[i];
        request->client[at++] = octet;
        if (octet == '+') {
            request->client[at - 1] = ' ';
        }
    }
    request->client[at] = '\0';
}

bool
diag_read_w3c(struct diag_file *file, struct bytes line)
{
    struct request request; /* its tokens are set as far as they are counted */
    request.count = 0;
    if (file->fields[METHOD] < 0 || file->fields[STATUS] < 0 || file->fields[STEM] < 0 ||
        file->field_count > TOKENS_MAX || line.len == 0 || line.ptr[0] == '#' ||
        !split_fields(file, line, &request) || !is_method(request.tokens[file->fields[METHOD]])) {
        return false;
    }
    request.method = (size_t)file->fields[METHOD];
    request.stem = request.tokens[file->fields[STEM]];
    request.operation =
        file->fields[QUERY] < 0 ? NO_OPERATION : operation_of(request.tokens[file->fields[QUERY]]);
    if (!is_ours(request.stem, request.operation)) {
        return true;
    }
    request.status = field_number(file, &request, STATUS);
    request.substatus = field_number(file, &request, SUBSTATUS);
    request.win32 = field_number(file, &request, WIN32);
    request.taken_ms = file->fields[TAKEN] < 0 ? -1 : field_number(file, &request, TAKEN);
    take_client(file, &request);
    say_request(file, &request, line);
    return true;
}

void
diag_end_iis(struct diag_file *file)
{
    file->held_len = 0;
}

/* The second half of a wrapped line has no method, and ends with integers. */
static bool
take_second_half(struct diag_file *file, struct bytes line)
{
    if (file->held_len == 0 || line.len + file->held_len + 2 > sizeof(file->held)) {
        return false;
    }
    file->held[file->held_len++] = ' ';
    memcpy(file->held + file->held_len, line.ptr, line.len);
    struct bytes whole = {(const uint8_t *)file->held, file->held_len + line.len};
    bool is_taken = take_line(file, whole);
    file->held_len = 0;
    return is_taken;
}

bool
diag_read_iis(struct diag_file *file, struct bytes line)
{
    struct request request = {.method = TOKENS_MAX};
    if (diag_has(line, "#Fields:")) {
        take_fields(file, diag_after(line, "#Fields:"));
        return true;
    }
    split(line, &request);
    if (request.method == TOKENS_MAX) {
        bool is_taken = file->held_len > 0 && line.len > 0 && take_second_half(file, line);
        file->held_len = line.len > 0 ? 0 : file->held_len;
        return is_taken;
    }
    file->held_len = 0;
    /* An access log of another server quotes its request, that of http.sys begins it with the
     * version. */
    if (!is_ours(line, operation_of(line)) || diag_has(line, "\"") || request.method > 10 ||
        (request.method > 0 && diag_has(request.tokens[request.method - 1], "HTTP/"))) {
        return false;
    }
    if (take_line(file, line)) {
        return true;
    }
    if (line.len < sizeof(file->held)) {
        memcpy(file->held, line.ptr, line.len);
        file->held_len = line.len;
    }
    return true;
}
