#include "front/http_parse.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

#include "base/banned.h"

void
front_http_head_reader_init(
    struct front_http_head_reader *reader, const struct front_http_limits *limits)
{
    *reader = (struct front_http_head_reader){.limits = limits};
}

void
front_http_head_reader_init_trailer(
    struct front_http_head_reader *reader, const struct front_http_limits *limits)
{
    *reader = (struct front_http_head_reader){.limits = limits, .is_in_fields = true};
}

/* One more octet of the head: is it within the limits of its part? */
static enum base_code
count_octet(struct front_http_head_reader *reader, bool is_line_end, struct base_error *err)
{
    const struct front_http_limits *limits = reader->limits;
    if (!reader->is_in_fields) {
        if (!is_line_end && ++reader->line_len > limits->request_line_max) {
            return base_fail(err, E_HTTP_LINE_TOO_LONG, "more than %zu octets without a line end",
                limits->request_line_max);
        }
        return BASE_OK;
    }
    /* The empty line that ends the head is not part of the fields. */
    if (is_line_end && reader->line_len == 0) {
        return BASE_OK;
    }
    if (++reader->fields_len > limits->fields_max) {
        return base_fail(
            err, E_HTTP_FIELDS_TOO_LARGE, "more than %zu octets of fields", limits->fields_max);
    }
    if (!is_line_end && ++reader->line_len == 1 &&
        ++reader->field_count > limits->field_count_max) {
        return base_fail(
            err, E_HTTP_FIELDS_TOO_LARGE, "more than %u fields", limits->field_count_max);
    }
    return BASE_OK;
}

/* The octet behind a CR. *out_is_complete: this line ends the head. */
static enum base_code
end_line(struct front_http_head_reader *reader, uint8_t octet, bool *out_is_complete,
    struct base_error *err)
{
    if (octet != '\n') {
        return base_fail(err, E_HTTP_SYNTAX, "CR without LF");
    }
    TRY(count_octet(reader, true, err));
    *out_is_complete = reader->is_in_fields && reader->line_len == 0;
    reader->has_cr = false;
    reader->is_in_fields = true;
    reader->line_len = 0;
    return BASE_OK;
}

enum base_code
front_http_head_read(struct front_http_head_reader *reader, struct bytes in, size_t *out_used,
    bool *out_is_complete, struct base_error *err)
{
    bool is_complete = false;
    size_t i = 0;
    for (; i < in.len && !is_complete; i++) {
        uint8_t octet = in.ptr[i];
        if (reader->has_cr) {
            TRY(end_line(reader, octet, &is_complete, err));
        } else if (octet == '\r') {
            TRY(count_octet(reader, true, err));
            reader->has_cr = true;
        } else if (octet == '\n') {
            return base_fail(err, E_HTTP_SYNTAX, "LF without CR");
        } else if ((octet < 0x20 && octet != '\t') || octet == 0x7f) {
            return base_fail(err, E_HTTP_SYNTAX, "control octet 0x%02x in the head", octet);
        } else {
            TRY(count_octet(reader, false, err));
        }
    }
    *out_used = i;
    *out_is_complete = is_complete;
    return BASE_OK;
}

/* tchar of RFC 9110, section 5.6.2. */
static bool
is_token_octet(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token_octet(text.ptr[i])) {
            return false;
        }
    }
    return text.len > 0;
}

static bool
is_same_ignoring_case(struct bytes text, const char *word)
{
    return text.len > 0 && text.len == strlen(word) &&
           strncasecmp((const char *)text.ptr, word, text.len) == 0;
}

/* Cut @text at the first @octet: what is before it, and what is behind it in *rest. Without one all
 * is before it. */
static struct bytes
cut_at(struct bytes text, char octet, struct bytes *out_rest)
{
    const uint8_t *found = text.len == 0 ? NULL : memchr(text.ptr, octet, text.len);
    size_t len = found == NULL ? text.len : (size_t)(found - text.ptr);
    *out_rest = bytes_skip(text, found == NULL ? text.len : len + 1);
    return (struct bytes){text.ptr, len};
}

static struct bytes
trim(struct bytes text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text = bytes_skip(text, 1);
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

/* The next line without its CRLF. */
static enum base_code
next_line(struct bytes *rest, struct bytes *out_line, struct base_error *err)
{
    struct bytes behind = BYTES_NONE;
    struct bytes line = cut_at(*rest, '\n', &behind);
    if (line.len == rest->len || line.len == 0 || line.ptr[line.len - 1] != '\r') {
        return base_fail(err, E_HTTP_SYNTAX, "a line without CRLF");
    }
    line.len--;
    *out_line = line;
    *rest = behind;
    return BASE_OK;
}

static enum base_code
parse_version(struct bytes text, unsigned *out_minor, struct base_error *err)
{
    if (text.len != 8 || memcmp(text.ptr, "HTTP/", 5) != 0 || text.ptr[6] != '.' ||
        text.ptr[5] < '0' || text.ptr[5] > '9' || text.ptr[7] < '0' || text.ptr[7] > '9') {
        return base_fail(err, E_HTTP_SYNTAX, "no HTTP version in the request line");
    }
    if (text.ptr[5] != '1') {
        return base_fail(err, E_HTTP_VERSION, "HTTP/%c.%c", text.ptr[5], text.ptr[7]);
    }
    /* A later minor version is read as the last that we know (RFC 9110, section 2.5). */
    *out_minor = text.ptr[7] == '0' ? 0 : 1;
    return BASE_OK;
}

static enum base_code
parse_method(struct bytes text, enum front_http_method *out_method, struct base_error *err)
{
    static const char *const others[] = {"OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT"};
    static const struct {
        const char *name;
        enum front_http_method method;
    } served[] = {{"GET", FRONT_HTTP_GET}, {"HEAD", FRONT_HTTP_HEAD}, {"POST", FRONT_HTTP_POST}};
    for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
        if (bytes_equal_text(text, served[i].name)) {
            *out_method = served[i].method;
            return BASE_OK;
        }
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (bytes_equal_text(text, others[i])) {
            return base_fail(err, E_HTTP_METHOD, "%s", others[i]);
        }
    }
    char shown[32];
    return base_fail(err, E_HTTP_METHOD_UNKNOWN, "%s", base_escape(text, shown, sizeof(shown)));
}

/* A whole URL is cut down to its path: a proxy's form, which every server must take (RFC 9112,
 * section 3.2.2). A URL without a path means "/". */
static struct bytes
without_origin(struct bytes target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);
        if (target.len <= len || strncasecmp((const char *)target.ptr, schemes[i], len) != 0) {
            continue;
        }
        struct bytes rest = bytes_skip(target, len);
        while (rest.len > 0 && rest.ptr[0] != '/' && rest.ptr[0] != '?') {
            rest = bytes_skip(rest, 1);
        }
        return rest.len == 0 ? BYTES_LITERAL("/") : rest;
    }
    return target;
}

static enum base_code
parse_target(struct bytes target, struct front_http_head *head, struct base_error *err)
{
    for (size_t i = 0; i < target.len; i++) {
        if (target.ptr[i] <= 0x20 || target.ptr[i] == 0x7f) {
            return base_fail(err, E_HTTP_SYNTAX, "blank or control octet in the target");
        }
    }
    struct bytes origin_form = without_origin(target);
    bool is_absolute = origin_form.len > 0 && origin_form.ptr != target.ptr;
    head->path = cut_at(origin_form, '?', &head->query);
    if (head->path.len == 0 && is_absolute) {
        head->path = BYTES_LITERAL("/");
    }
    if (head->path.len == 0 || head->path.ptr[0] != '/') {
        char shown[64];
        return base_fail(err, E_HTTP_TARGET, "%s", base_escape(target, shown, sizeof(shown)));
    }
    return BASE_OK;
}

static enum base_code
parse_request_line(struct bytes line, struct front_http_head *head, struct base_error *err)
{
    struct bytes rest = line;
    struct bytes method = cut_at(rest, ' ', &rest);
    struct bytes target = cut_at(rest, ' ', &rest);
    if (!is_token(method) || target.len == 0) {
        return base_fail(err, E_HTTP_SYNTAX, "the request line is not METHOD TARGET VERSION");
    }
    TRY(parse_version(rest, &head->minor_version, err));
    TRY(parse_method(method, &head->method, err));
    return parse_target(target, head, err);
}

/* What the fields say, before it is judged as a whole. */
struct findings {
    unsigned host_count;
    unsigned length_count;
    struct bytes length;
    unsigned coding_count;
    struct bytes coding;
    bool is_close;
    bool is_keep_alive;
    bool expects_continue;
};

/* uri-host and port of RFC 3986, by octets alone: we do not use it, but who passes it on might. */
static enum base_code
note_host(struct bytes value, struct findings *findings, struct base_error *err)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if (c >= 0x7f || c == ' ' || c == '\t' || strchr("\"/?#@\\<>{}|^`", c) != NULL) {
            return base_fail(err, E_HTTP_HOST, "octet 0x%02x in Host", c);
        }
    }
    if (++findings->host_count > 1) {
        return base_fail(err, E_HTTP_HOST, "two Host fields");
    }
    return BASE_OK;
}

static void
note_connection(struct bytes value, struct findings *findings)
{
    while (value.len > 0) {
        struct bytes option = trim(cut_at(value, ',', &value));
        findings->is_close = findings->is_close || is_same_ignoring_case(option, "close");
        findings->is_keep_alive =
            findings->is_keep_alive || is_same_ignoring_case(option, "keep-alive");
    }
}

static enum base_code
note_field(struct bytes name, struct bytes value, struct findings *findings, struct base_error *err)
{
    if (is_same_ignoring_case(name, "Host")) {
        return note_host(value, findings, err);
    }
    if (is_same_ignoring_case(name, "Content-Length")) {
        findings->length_count++;
        findings->length = value;
    } else if (is_same_ignoring_case(name, "Transfer-Encoding")) {
        findings->coding_count++;
        findings->coding = value;
    } else if (is_same_ignoring_case(name, "Connection")) {
        note_connection(value, findings);
    } else if (is_same_ignoring_case(name, "Expect")) {
        if (!is_same_ignoring_case(value, "100-continue")) {
            return base_fail(err, E_HTTP_EXPECT, "another expectation than 100-continue");
        }
        findings->expects_continue = true;
    }
    return BASE_OK;
}

static enum base_code
parse_field(struct bytes line, struct findings *findings, struct base_error *err)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
        return base_fail(err, E_HTTP_SYNTAX, "a folded header field");
    }
    struct bytes value = BYTES_NONE;
    struct bytes name = cut_at(line, ':', &value);
    if (name.len == line.len || !is_token(name)) {
        char shown[48];
        return base_fail(
            err, E_HTTP_SYNTAX, "no header field: %s", base_escape(name, shown, sizeof(shown)));
    }
    return note_field(name, trim(value), findings, err);
}

static enum base_code
judge_coding(const struct findings *findings, struct front_http_head *head, struct base_error *err)
{
    if (findings->length_count > 0) {
        return base_fail(err, E_HTTP_LENGTH, "Content-Length beside Transfer-Encoding");
    }
    if (findings->coding_count > 1 || head->minor_version == 0) {
        return base_fail(err, E_HTTP_LENGTH,
            head->minor_version == 0 ? "Transfer-Encoding in HTTP/1.0" : "two Transfer-Encodings");
    }
    if (!is_same_ignoring_case(findings->coding, "chunked")) {
        char shown[48];
        return base_fail(err, E_HTTP_CODING, "Transfer-Encoding: %s",
            base_escape(findings->coding, shown, sizeof(shown)));
    }
    head->body = FRONT_HTTP_BODY_CHUNKED;
    return BASE_OK;
}

static enum base_code
judge_length(const struct findings *findings, size_t body_max, struct front_http_head *head,
    struct base_error *err)
{
    if (findings->length_count > 1) {
        return base_fail(err, E_HTTP_LENGTH, "%u Content-Lengths", findings->length_count);
    }
    /* Digits alone first: a number that is merely too large is another error. */
    bool is_number = findings->length.len > 0;
    for (size_t i = 0; i < findings->length.len; i++) {
        uint8_t c = findings->length.ptr[i];
        is_number = is_number && c >= '0' && c <= '9';
    }
    if (!is_number) {
        return base_fail(err, E_HTTP_LENGTH, "Content-Length is no number");
    }
    uint64_t length = 0;
    if (base_parse_number(findings->length, body_max, &length, NULL) != BASE_OK) {
        return base_fail(err, E_HTTP_BODY_TOO_LARGE, "Content-Length beyond %zu", body_max);
    }
    head->content_length = (size_t)length;
    head->body = length == 0 ? FRONT_HTTP_BODY_NONE : FRONT_HTTP_BODY_LENGTH;
    return BASE_OK;
}

/* RFC 9112, section 6.3, and no way that is left to the reader's taste. */
static enum base_code
judge_body(const struct findings *findings, size_t body_max, struct front_http_head *head,
    struct base_error *err)
{
    head->body = FRONT_HTTP_BODY_NONE;
    if (findings->coding_count > 0) {
        TRY(judge_coding(findings, head, err));
    } else if (findings->length_count > 0) {
        TRY(judge_length(findings, body_max, head, err));
    } else if (head->method == FRONT_HTTP_POST) {
        return base_fail(err, E_HTTP_LENGTH_MISSING, "POST without a length");
    }
    if (head->method != FRONT_HTTP_POST && head->body != FRONT_HTTP_BODY_NONE) {
        return base_fail(err, E_HTTP_BODY_UNEXPECTED, "GET or HEAD with a body");
    }
    return BASE_OK;
}

enum base_code
front_http_head_parse(struct bytes head, const struct front_http_limits *limits,
    struct front_http_head *out_head, struct base_error *err)
{
    struct front_http_head parsed = {0};
    struct findings findings = {0};
    struct bytes rest = head;
    struct bytes line = BYTES_NONE;
    TRY(next_line(&rest, &line, err));
    TRY(parse_request_line(line, &parsed, err));
    parsed.fields = (struct bytes){rest.ptr, 0};
    TRY(next_line(&rest, &line, err));
    while (line.len > 0) {
        TRY(parse_field(line, &findings, err));
        parsed.fields.len = (size_t)(rest.ptr - parsed.fields.ptr);
        TRY(next_line(&rest, &line, err));
    }
    TRY(judge_body(&findings, limits->body_max, &parsed, err));
    bool is_1_1 = parsed.minor_version > 0;
    parsed.is_kept_alive = !findings.is_close && (is_1_1 || findings.is_keep_alive);
    /* A client of HTTP/1.0 does not know 100 (RFC 9110, section 10.1.1). */
    parsed.expects_continue =
        findings.expects_continue && is_1_1 && parsed.body != FRONT_HTTP_BODY_NONE;
    *out_head = parsed;
    return BASE_OK;
}

bool
front_http_field_find(
    struct bytes fields, const char *name, struct bytes *out_value, struct bytes *out_rest)
{
    struct bytes rest = fields;
    struct bytes line = BYTES_NONE;
    while (rest.len > 0 && next_line(&rest, &line, NULL) == BASE_OK) {
        struct bytes value = BYTES_NONE;
        if (is_same_ignoring_case(cut_at(line, ':', &value), name)) {
            *out_value = trim(value);
            *out_rest = rest;
            return true;
        }
    }
    return false;
}
