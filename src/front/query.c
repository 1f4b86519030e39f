#include "front/query.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

#include "base/banned.h"

static const struct {
    const char *name;
    enum front_query_operation operation;
} operations[] = {
    {"GetCACaps", FRONT_QUERY_GET_CA_CAPS},
    {"GetCACert", FRONT_QUERY_GET_CA_CERT},
    {"PKIOperation", FRONT_QUERY_PKI_OPERATION},
    {"GetNextCACert", FRONT_QUERY_GET_NEXT_CA_CERT},
};
#define OPERATION_COUNT (sizeof(operations) / sizeof(operations[0]))
#define OPERATION_NAME_MAX 32 /* decoded octets; the longest name has 13 */

const char *
front_query_operation_name(enum front_query_operation operation)
{
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        if (operations[i].operation == operation) {
            return operations[i].name;
        }
    }
    return "";
}

void
front_query_init(struct front_query *query)
{
    *query = (struct front_query){0};
}

void
front_query_clear(struct front_query *query)
{
    buffer_clear(&query->decoded);
    front_query_init(query);
}

static bool
is_same_ignoring_case(struct bytes text, const char *word)
{
    return text.len == strlen(word) &&
           (text.len == 0 || strncasecmp((const char *)text.ptr, word, text.len) == 0);
}

static int
hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The octet of an escape at @i, or -1 when none is there. */
static int
escape_at(struct bytes text, size_t i)
{
    if (text.len - i < 3 || text.ptr[i] != '%') {
        return -1;
    }
    int high = hex_value(text.ptr[i + 1]);
    int low = hex_value(text.ptr[i + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool
has_escape(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (escape_at(text, i) >= 0) {
            return true;
        }
    }
    return false;
}

/* Undo escapes once; a '%' that begins none stays, @plus is what a '+' becomes. @out is emptied
 * first and has room for @text, which is never shorter than what it stands for. */
static enum base_code
decode(struct bytes text, char plus, struct buffer *out, struct base_error *err)
{
    uint8_t *to = NULL;
    size_t at = 0;
    buffer_reset(out);
    TRY(buffer_reserve(out, text.len, &to, err));
    for (size_t i = 0; i < text.len; i++) {
        int octet = escape_at(text, i);
        if (octet >= 0) {
            to[at++] = (uint8_t)octet;
            i += 2;
        } else {
            to[at++] = text.ptr[i] == '+' ? (uint8_t)plus : text.ptr[i];
        }
    }
    out->len = at;
    return BASE_OK;
}

struct parameters {
    struct bytes operation;
    struct bytes message;
    bool has_operation;
    bool has_message;
};

/* Cut @text at the first @octet; what is behind it goes to *out_rest. */
static struct bytes
cut_at(struct bytes text, char octet, struct bytes *out_rest)
{
    const uint8_t *found = text.len == 0 ? NULL : memchr(text.ptr, octet, text.len);
    size_t len = found == NULL ? text.len : (size_t)(found - text.ptr);
    *out_rest = bytes_skip(text, found == NULL ? text.len : len + 1);
    return (struct bytes){text.ptr, len};
}

static enum base_code
find_parameters(struct bytes raw, struct parameters *out, struct base_error *err)
{
    struct parameters found = {0};
    while (raw.len > 0) {
        struct bytes value = BYTES_NONE;
        struct bytes name = cut_at(cut_at(raw, '&', &raw), '=', &value);
        if (is_same_ignoring_case(name, "operation")) {
            if (found.has_operation) {
                return base_fail(err, E_QUERY_OPERATION_TWICE, "operation stands twice");
            }
            found.has_operation = true;
            found.operation = value;
        } else if (is_same_ignoring_case(name, "message") && !found.has_message) {
            found.has_message = true;
            found.message = value;
        }
    }
    *out = found;
    return BASE_OK;
}

static enum base_code
parse_operation(enum front_http_method method, const struct parameters *parameters,
    enum front_query_operation *out_operation, struct base_error *err)
{
    if (!parameters->has_operation && method == FRONT_HTTP_POST) {
        *out_operation = FRONT_QUERY_PKI_OPERATION;
        return BASE_OK;
    }
    if (!parameters->has_operation) {
        return base_fail(err, E_QUERY_OPERATION, "no operation");
    }
    BUFFER_LOCAL(name, (size_t)3 * OPERATION_NAME_MAX);
    bool is_short = parameters->operation.len <= name.max;
    if (is_short) {
        TRY(decode(parameters->operation, '+', &name, err));
    }
    for (size_t i = 0; is_short && i < OPERATION_COUNT; i++) {
        if (is_same_ignoring_case(buffer_bytes(&name), operations[i].name)) {
            *out_operation = operations[i].operation;
            return BASE_OK;
        }
    }
    char shown[64];
    return base_fail(err, E_QUERY_OPERATION, "operation=%s",
        base_escape(parameters->operation, shown, sizeof(shown)));
}

/* In base64 a blank is a plus that something on the way took for a form's. */
static void
blanks_to_plus(struct buffer *text)
{
    for (size_t i = 0; i < text->len; i++) {
        if (text->ptr[i] == ' ') {
            text->ptr[i] = '+';
        }
    }
}

/* The pkiMessage of a GET. */
static enum base_code
decode_message(struct bytes raw, struct buffer *out, bool *out_is_twice, struct base_error *err)
{
    BUFFER_LOCAL(once, raw.len + 1);
    BUFFER_LOCAL(twice, raw.len + 1);
    const struct buffer *text = &once;
    TRY(decode(raw, '+', &once, err));
    /* A text that still has escapes is no base64: '%' is in neither alphabet. */
    bool is_twice = has_escape(buffer_bytes(&once));
    if (is_twice) {
        TRY(decode(buffer_bytes(&once), '+', &twice, err));
        text = &twice;
    }
    blanks_to_plus(is_twice ? &twice : &once);
    struct base_error why;
    enum base_code code = base_base64_decode(buffer_bytes(text), out, &why);
    if (code == E_NO_MEMORY) {
        return base_fail(err, code, "%s", why.detail);
    }
    if (code != BASE_OK) {
        return base_fail(err, E_QUERY_MESSAGE, "message: %s", why.detail);
    }
    if (out->len == 0) {
        return base_fail(err, E_QUERY_MESSAGE, "message is empty");
    }
    *out_is_twice = is_twice;
    return BASE_OK;
}

static enum base_code
parse_pki_operation(enum front_http_method method, const struct parameters *parameters,
    struct bytes body, struct front_query *query, struct base_error *err)
{
    if (method == FRONT_HTTP_HEAD) {
        return base_fail(err, E_QUERY_METHOD, "PKIOperation by HEAD");
    }
    if (method == FRONT_HTTP_GET) {
        if (!parameters->has_message) {
            return base_fail(err, E_QUERY_MESSAGE, "no message");
        }
        TRY(decode_message(parameters->message, &query->decoded, &query->is_decoded_twice, err));
        query->message = buffer_bytes(&query->decoded);
        return BASE_OK;
    }
    if (body.len == 0) {
        return base_fail(err, E_QUERY_MESSAGE, "the body is empty");
    }
    query->message = body;
    return BASE_OK;
}

enum base_code
front_query_parse(enum front_http_method method, struct bytes raw, struct bytes body,
    struct front_query *out_query, struct base_error *err)
{
    struct parameters parameters = {0};
    __attribute__((cleanup(front_query_clear))) struct front_query query = {0};
    TRY(find_parameters(raw, &parameters, err));
    TRY(parse_operation(method, &parameters, &query.operation, err));
    buffer_init(&query.decoded, parameters.message.len + 4);
    if (query.operation == FRONT_QUERY_PKI_OPERATION) {
        TRY(parse_pki_operation(method, &parameters, body, &query, err));
    } else {
        TRY(decode(parameters.message, ' ', &query.decoded, err));
        query.message = buffer_bytes(&query.decoded);
    }
    front_query_clear(out_query);
    *out_query = query;
    front_query_init(&query); /* handed on */
    return BASE_OK;
}

/* RFC 3986, section 2.3. */
static bool
is_unreserved(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* One octet or escape at *at of @raw, appended to @path. */
static enum base_code
take_octet(struct bytes raw, size_t *at, struct front_path *path, struct base_error *err)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t c = raw.ptr[*at];
    int escaped = escape_at(raw, *at);
    int octet = escaped >= 0 ? escaped : c;
    if (c == '%' && escaped < 0) {
        return base_fail(err, E_QUERY_PATH, "a broken escape at position %zu", *at);
    }
    if (octet < 0x20 || octet == 0x7f || octet == '\\') {
        return base_fail(err, E_QUERY_PATH, "octet 0x%02x in the path", (unsigned)octet);
    }
    bool stays_escaped = escaped >= 0 && !is_unreserved(escaped);
    if (path->len + (stays_escaped ? 3 : 1) > FRONT_PATH_MAX) {
        return base_fail(err, E_QUERY_PATH, "a path of more than %d octets", FRONT_PATH_MAX);
    }
    if (stays_escaped) {
        path->text[path->len++] = '%';
        path->text[path->len++] = digits[escaped >> 4];
        path->text[path->len++] = digits[escaped & 15];
    } else {
        path->text[path->len++] = (char)octet;
    }
    *at += escaped >= 0 ? 3 : 1;
    return BASE_OK;
}

static enum base_code
check_segments(struct bytes path, struct base_error *err)
{
    while (path.len > 0) {
        struct bytes segment = cut_at(path, '/', &path);
        if (bytes_equal_text(segment, ".") || bytes_equal_text(segment, "..")) {
            return base_fail(err, E_QUERY_PATH, "a segment of dots");
        }
    }
    return BASE_OK;
}

static size_t
without_slashes(const char *text, size_t len)
{
    while (len > 1 && text[len - 1] == '/') {
        len--;
    }
    return len;
}

enum base_code
front_path_parse(struct bytes raw, struct front_path *out_path, struct base_error *err)
{
    static const char suffix[] = "/pkiclient.exe";
    size_t suffix_len = sizeof(suffix) - 1;
    struct front_path path = {.len = 0};
    if (raw.len == 0 || raw.ptr[0] != '/') {
        return base_fail(err, E_QUERY_PATH, "the path does not begin with '/'");
    }
    for (size_t at = 0; at < raw.len;) {
        TRY(take_octet(raw, &at, &path, err));
    }
    TRY(check_segments(front_path_whole(&path), err));
    path.len = without_slashes(path.text, path.len);
    path.text[path.len] = '\0';
    path.stem_len = path.len;
    if (path.len >= suffix_len && strcasecmp(path.text + path.len - suffix_len, suffix) == 0) {
        size_t rest = path.len - suffix_len;
        path.stem_len = rest == 0 ? 1 : without_slashes(path.text, rest); /* "/" stays */
    }
    *out_path = path;
    return BASE_OK;
}

struct bytes
front_path_stem(const struct front_path *path)
{
    return (struct bytes){(const uint8_t *)path->text, path->stem_len};
}

struct bytes
front_path_whole(const struct front_path *path)
{
    return (struct bytes){(const uint8_t *)path->text, path->len};
}

bool
front_path_is(const struct front_path *path, const char *expected)
{
    return is_same_ignoring_case(front_path_whole(path), expected) ||
           is_same_ignoring_case(front_path_stem(path), expected);
}

/* The one segment of @path behind @parent; false when there is none or are more. */
static bool
segment_below(struct bytes path, const char *parent, struct bytes *out_segment)
{
    size_t len = strlen(parent);
    bool is_below = path.len > len + 1 && path.ptr[len] == '/' &&
                    is_same_ignoring_case((struct bytes){path.ptr, len}, parent);
    if (!is_below) {
        return false;
    }
    struct bytes segment = bytes_skip(path, len + 1);
    if (memchr(segment.ptr, '/', segment.len) != NULL) {
        return false;
    }
    *out_segment = segment;
    return true;
}

bool
front_path_is_below(const struct front_path *path, const char *parent, struct bytes *out_segment)
{
    /* Without the suffix first: "/scep/pkiclient.exe" is "/scep", not a profile of that name. */
    if (path->stem_len < path->len && is_same_ignoring_case(front_path_stem(path), parent)) {
        return false;
    }
    return segment_below(front_path_stem(path), parent, out_segment);
}
