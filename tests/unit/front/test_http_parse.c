/* Request heads and chunked bodies: the valid sample, its damaged relatives, every limit and one
 * above. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "front/http_parse.h"

#include "base/banned.h"

/* Read a head in pieces of @piece_len octets, then parse it. */
static enum base_code
read_head(struct bytes text, const struct front_http_limits *limits, size_t piece_len,
    struct front_http_head *out, size_t *out_used)
{
    struct front_http_head_reader reader;
    front_http_head_reader_init(&reader, limits);
    bool is_complete = false;
    size_t at = 0;
    while (!is_complete && at < text.len) {
        struct bytes piece = bytes_skip(text, at);
        piece.len = piece.len < piece_len ? piece.len : piece_len;
        size_t used = 0;
        TRY(front_http_head_read(&reader, piece, &used, &is_complete, NULL));
        at += used;
    }
    *out_used = at;
    if (!is_complete) {
        return E_HTTP_INCOMPLETE;
    }
    return front_http_head_parse((struct bytes){text.ptr, at}, limits, out, NULL);
}

static enum base_code
parse_text(const char *text, struct front_http_head *out)
{
    struct front_http_limits limits = front_http_limits_default();
    struct front_http_head in_octets;
    size_t used = 0;
    size_t used_in_octets = 0;
    enum base_code code = read_head(bytes_from_text(text), &limits, SIZE_MAX, out, &used);
    enum base_code same = read_head(bytes_from_text(text), &limits, 1, &in_octets, &used_in_octets);
    assert_int_equal(code, same);
    assert_int_equal(used, code == BASE_OK ? used_in_octets : used);
    return code;
}

static void
get_is_taken_apart(void **state)
{
    (void)state;
    struct front_http_head head;
    assert_int_equal(
        parse_text(
            "GET /scep/pkiclient.exe?operation=GetCACaps&message=a+b%20 HTTP/1.1\r\n"
            "Host: ca.example:8080\r\nUser-Agent:\t x \r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
            &head),
        BASE_OK);
    assert_int_equal(head.method, FRONT_HTTP_GET);
    assert_int_equal(head.minor_version, 1);
    assert_true(bytes_equal_text(head.path, "/scep/pkiclient.exe"));
    assert_true(bytes_equal_text(head.query, "operation=GetCACaps&message=a+b%20"));
    assert_int_equal(head.body, FRONT_HTTP_BODY_NONE);
    assert_true(head.is_kept_alive);
    struct bytes value = BYTES_NONE;
    struct bytes rest = BYTES_NONE;
    assert_true(front_http_field_find(head.fields, "user-agent", &value, &rest));
    assert_true(bytes_equal_text(value, "x"));
    assert_true(front_http_field_find(rest, "x-forwarded-for", &value, &rest));
    assert_true(bytes_equal_text(value, "192.0.2.1"));
    assert_false(front_http_field_find(rest, "x-forwarded-for", &value, &rest));
}

static void
http_1_0_without_host_is_taken(void **state)
{
    (void)state;
    struct front_http_head head;
    assert_int_equal(parse_text("GET / HTTP/1.0\r\n\r\n", &head), BASE_OK);
    assert_int_equal(head.minor_version, 0);
    assert_false(head.is_kept_alive);
    assert_int_equal(head.fields.len, 0);
    assert_int_equal(
        parse_text("GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n", &head), BASE_OK);
    assert_true(head.is_kept_alive);
    assert_int_equal(parse_text("GET / HTTP/1.1\r\n\r\n", &head), BASE_OK);
    assert_int_equal(
        parse_text("GET / HTTP/1.1\r\nConnection: x, CLOSE ,y\r\n\r\n", &head), BASE_OK);
    assert_false(head.is_kept_alive);
}

static void
a_whole_url_is_cut_to_its_path(void **state)
{
    (void)state;
    struct front_http_head head;
    assert_int_equal(
        parse_text("GET http://ca.example:80/scep?x HTTP/1.1\r\n\r\n", &head), BASE_OK);
    assert_true(bytes_equal_text(head.path, "/scep"));
    assert_true(bytes_equal_text(head.query, "x"));
    assert_int_equal(parse_text("GET HTTPS://ca.example HTTP/1.1\r\n\r\n", &head), BASE_OK);
    assert_true(bytes_equal_text(head.path, "/"));
    assert_int_equal(parse_text("GET http://ca.example?a HTTP/1.1\r\n\r\n", &head), BASE_OK);
    assert_true(bytes_equal_text(head.path, "/"));
    assert_true(bytes_equal_text(head.query, "a"));
}

static void
bodies_have_one_length(void **state)
{
    (void)state;
    struct front_http_head head;
    assert_int_equal(parse_text("POST / HTTP/1.1\r\ncontent-length: 0042\r\n\r\n", &head), BASE_OK);
    assert_int_equal(head.body, FRONT_HTTP_BODY_LENGTH);
    assert_int_equal(head.content_length, 42);
    assert_int_equal(
        parse_text(
            "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n", &head),
        BASE_OK);
    assert_int_equal(head.body, FRONT_HTTP_BODY_CHUNKED);
    assert_true(head.expects_continue);
    assert_int_equal(parse_text("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", &head), BASE_OK);
    assert_int_equal(head.body, FRONT_HTTP_BODY_NONE);
    assert_int_equal(parse_text("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", &head), BASE_OK);
    assert_int_equal(
        parse_text("POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", &head),
        BASE_OK);
    assert_false(head.expects_continue);
}

static void
what_is_malformed_is_refused_with_its_code(void **state)
{
    (void)state;
#define OK_LINE "POST / HTTP/1.1\r\n"
    static const struct {
        const char *text;
        enum base_code code;
        unsigned status;
    } cases[] = {
        /* two readers could disagree */
        {OK_LINE "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", E_HTTP_LENGTH, 400},
        {OK_LINE "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", E_HTTP_LENGTH, 400},
        {OK_LINE "Content-Length: 3, 3\r\n\r\n", E_HTTP_LENGTH, 400},
        {OK_LINE "Content-Length: +3\r\n\r\n", E_HTTP_LENGTH, 400},
        {OK_LINE "Content-Length: 3 4\r\n\r\n", E_HTTP_LENGTH, 400},
        {OK_LINE "Content-Length: 0x3\r\n\r\n", E_HTTP_LENGTH, 400},
        {OK_LINE "Content-Length: -1\r\n\r\n", E_HTTP_LENGTH, 400},
        {OK_LINE "Content-Length:\r\n\r\n", E_HTTP_LENGTH, 400},
        {OK_LINE "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", E_HTTP_LENGTH, 400},
        {OK_LINE "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", E_HTTP_LENGTH, 400},
        {OK_LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", E_HTTP_LENGTH,
            400},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", E_HTTP_LENGTH, 400},
        {OK_LINE "Transfer-Encoding: gzip, chunked\r\n\r\n", E_HTTP_CODING, 501},
        {OK_LINE "Transfer-Encoding: xchunked\r\n\r\n", E_HTTP_CODING, 501},
        {OK_LINE "Transfer-Encoding:\x0b"
                 "chunked\r\n\r\n",
            E_HTTP_SYNTAX, 400},
        {OK_LINE "Content-Length : 3\r\n\r\n", E_HTTP_SYNTAX, 400},
        {OK_LINE "A: b\r\n folded\r\nContent-Length: 3\r\n\r\n", E_HTTP_SYNTAX, 400},
        {OK_LINE "\tfolded: b\r\n\r\n", E_HTTP_SYNTAX, 400},
        {OK_LINE "A: b\nContent-Length: 3\r\n\r\n", E_HTTP_SYNTAX, 400},
        {OK_LINE "A: b\rContent-Length: 3\r\n\r\n", E_HTTP_SYNTAX, 400},
        {OK_LINE "no colon\r\n\r\n", E_HTTP_SYNTAX, 400},
        {OK_LINE ": nameless\r\n\r\n", E_HTTP_SYNTAX, 400},
        {OK_LINE "na(me: x\r\n\r\n", E_HTTP_SYNTAX, 400},
        {OK_LINE "A: \x7f\r\n\r\n", E_HTTP_SYNTAX, 400},
        {OK_LINE "A: \x01\r\n\r\n", E_HTTP_SYNTAX, 400},
        {OK_LINE "\r\n", E_HTTP_LENGTH_MISSING, 411},
        {OK_LINE "Content-Length: 262145\r\n\r\n", E_HTTP_BODY_TOO_LARGE, 413},
        {OK_LINE "Content-Length: 99999999999999999999999999\r\n\r\n", E_HTTP_BODY_TOO_LARGE, 413},
        {OK_LINE "Content-Length: 3\r\nExpect: 200-ok\r\n\r\n", E_HTTP_EXPECT, 417},
        {OK_LINE "Host: a\r\nHost: a\r\nContent-Length: 3\r\n\r\n", E_HTTP_HOST, 400},
        {OK_LINE "Host: a b\r\nContent-Length: 3\r\n\r\n", E_HTTP_HOST, 400},
        {OK_LINE "Host: evil@a\r\nContent-Length: 3\r\n\r\n", E_HTTP_HOST, 400},
        {"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", E_HTTP_BODY_UNEXPECTED, 400},
        {"HEAD / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", E_HTTP_BODY_UNEXPECTED, 400},
        {"\r\n\r\n", E_HTTP_SYNTAX, 400},
        {"GET /\r\n\r\n", E_HTTP_SYNTAX, 400},
        {"GET  / HTTP/1.1\r\n\r\n", E_HTTP_SYNTAX, 400},
        {"GET /  HTTP/1.1\r\n\r\n", E_HTTP_SYNTAX, 400},
        {" GET / HTTP/1.1\r\n\r\n", E_HTTP_SYNTAX, 400},
        {"GET / HTTP/1.1 \r\n\r\n", E_HTTP_SYNTAX, 400},
        {"GET /\tx HTTP/1.1\r\n\r\n", E_HTTP_SYNTAX, 400},
        {"GET /a b HTTP/1.1\r\n\r\n", E_HTTP_SYNTAX, 400},
        {"GET / http/1.1\r\n\r\n", E_HTTP_SYNTAX, 400},
        {"GET / HTTP/1.12\r\n\r\n", E_HTTP_SYNTAX, 400},
        {"G\"T / HTTP/1.1\r\n\r\n", E_HTTP_SYNTAX, 400},
        {"GET / HTTP/2.0\r\n\r\n", E_HTTP_VERSION, 505},
        {"GET / HTTP/0.9\r\n\r\n", E_HTTP_VERSION, 505},
        {"PRI * HTTP/2.0\r\n\r\n", E_HTTP_VERSION, 505},
        {"OPTIONS * HTTP/1.1\r\n\r\n", E_HTTP_METHOD, 405},
        {"PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", E_HTTP_METHOD, 405},
        {"CONNECT a:1 HTTP/1.1\r\n\r\n", E_HTTP_METHOD, 405},
        {"get / HTTP/1.1\r\n\r\n", E_HTTP_METHOD_UNKNOWN, 501},
        {"BREW / HTTP/1.1\r\n\r\n", E_HTTP_METHOD_UNKNOWN, 501},
        {"GET * HTTP/1.1\r\n\r\n", E_HTTP_TARGET, 400},
        {"GET scep HTTP/1.1\r\n\r\n", E_HTTP_TARGET, 400},
        {"GET ?x HTTP/1.1\r\n\r\n", E_HTTP_TARGET, 400},
        {"GET ftp://a/ HTTP/1.1\r\n\r\n", E_HTTP_TARGET, 400},
        {"\x16\x03\x01\x02", E_HTTP_SYNTAX, 400},
        {"GET / HTTP/1.1\r\nHost: a\r\n", E_HTTP_INCOMPLETE, 400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct front_http_head head;
        enum base_code code = parse_text(cases[i].text, &head);
        if (code != cases[i].code || front_http_status_of(code) != cases[i].status) {
            fail_msg("%s: KUR-%d, status %u", cases[i].text, (int)code, front_http_status_of(code));
        }
    }
}

static void
a_nul_anywhere_is_refused(void **state)
{
    (void)state;
    static const char good[] = "GET /scep HTTP/1.1\r\nHost: a\r\n\r\n";
    struct front_http_limits limits = front_http_limits_default();
    for (size_t i = 0; i < sizeof(good) - 1; i++) {
        char bad[sizeof(good)];
        memcpy(bad, good, sizeof(good));
        bad[i] = '\0';
        struct front_http_head head;
        size_t used = 0;
        struct bytes text = {(const uint8_t *)bad, sizeof(good) - 1};
        assert_int_equal(read_head(text, &limits, SIZE_MAX, &head, &used), E_HTTP_SYNTAX);
    }
}

static void
octets_behind_the_head_are_left(void **state)
{
    (void)state;
    struct front_http_limits limits = front_http_limits_default();
    struct front_http_head head;
    size_t used = 0;
    struct bytes text = BYTES_LITERAL("GET / HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n");
    assert_int_equal(read_head(text, &limits, SIZE_MAX, &head, &used), BASE_OK);
    assert_int_equal(used, 18);
}

static void
append(struct buffer *buffer, const char *text)
{
    assert_int_equal(buffer_append_text(buffer, text, NULL), BASE_OK);
}

static void
append_many(struct buffer *buffer, char octet, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(buffer_append_octet(buffer, (uint8_t)octet, NULL), BASE_OK);
    }
}

static enum base_code
line_of(size_t len)
{
    struct front_http_limits limits = front_http_limits_default();
    BUFFER_LOCAL(text, (size_t)1 << 20);
    append(&text, "GET /");
    append_many(&text, 'a', len - 14);
    append(&text, " HTTP/1.1\r\n\r\n");
    struct front_http_head head;
    size_t used = 0;
    return read_head(buffer_bytes(&text), &limits, 4096, &head, &used);
}

static void
request_line_of_64_kib_is_the_longest(void **state)
{
    (void)state;
    assert_int_equal(line_of(65536), BASE_OK);
    assert_int_equal(line_of(65537), E_HTTP_LINE_TOO_LONG);
}

static enum base_code
fields_of(size_t len)
{
    struct front_http_limits limits = front_http_limits_default();
    BUFFER_LOCAL(text, (size_t)1 << 20);
    append(&text, "GET / HTTP/1.1\r\nA:");
    append_many(&text, 'a', len - 4);
    append(&text, "\r\n\r\n");
    struct front_http_head head;
    size_t used = 0;
    return read_head(buffer_bytes(&text), &limits, 4096, &head, &used);
}

static enum base_code
count_of(size_t count)
{
    struct front_http_limits limits = front_http_limits_default();
    BUFFER_LOCAL(text, (size_t)1 << 20);
    append(&text, "GET / HTTP/1.1\r\n");
    for (size_t i = 0; i < count; i++) {
        append(&text, "A:\r\n");
    }
    append(&text, "\r\n");
    struct front_http_head head;
    size_t used = 0;
    return read_head(buffer_bytes(&text), &limits, 4096, &head, &used);
}

static void
fields_end_at_16_kib_and_at_100(void **state)
{
    (void)state;
    assert_int_equal(fields_of(16384), BASE_OK);
    assert_int_equal(fields_of(16385), E_HTTP_FIELDS_TOO_LARGE);
    assert_int_equal(count_of(100), BASE_OK);
    assert_int_equal(count_of(101), E_HTTP_FIELDS_TOO_LARGE);
}

/* Decode in pieces of @piece_len octets. */
static enum base_code
decode(struct bytes text, size_t body_max, size_t piece_len, struct buffer *body, size_t *out_used)
{
    struct front_http_limits limits = front_http_limits_default();
    limits.body_max = body_max;
    struct front_http_chunks chunks;
    front_http_chunks_init(&chunks, &limits);
    bool is_complete = false;
    size_t at = 0;
    while (!is_complete && at < text.len) {
        struct bytes piece = bytes_skip(text, at);
        piece.len = piece.len < piece_len ? piece.len : piece_len;
        size_t used = 0;
        TRY(front_http_chunks_read(&chunks, piece, body, &used, &is_complete, NULL));
        at += used;
    }
    *out_used = at;
    return is_complete ? BASE_OK : E_HTTP_INCOMPLETE;
}

static void
chunks_are_put_together_in_any_pieces(void **state)
{
    (void)state;
    struct bytes text = BYTES_LITERAL("3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n1\r\n\r\r\n"
                                      "000\r\nTrailer: dropped\r\n\r\nGET");
    for (size_t piece_len = 1; piece_len <= text.len; piece_len++) {
        BUFFER_LOCAL(body, 100);
        size_t used = 0;
        assert_int_equal(decode(text, 100, piece_len, &body, &used), BASE_OK);
        assert_true(bytes_equal_text(buffer_bytes(&body), "abc0123456789\r"));
        assert_int_equal(used, text.len - 3);
    }
}

static void
chunks_end_at_the_body_s_limit(void **state)
{
    (void)state;
    BUFFER_LOCAL(body, 5);
    size_t used = 0;
    struct bytes good = BYTES_LITERAL("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    struct bytes bad = BYTES_LITERAL("3\r\nabc\r\n3\r\nd");
    struct bytes huge = BYTES_LITERAL("ffffffff\r\n");
    assert_int_equal(decode(good, 5, SIZE_MAX, &body, &used), BASE_OK);
    buffer_reset(&body);
    assert_int_equal(decode(bad, 5, SIZE_MAX, &body, &used), E_HTTP_BODY_TOO_LARGE);
    assert_int_equal(body.len, 3); /* refused before an octet of the chunk was read */
    buffer_reset(&body);
    assert_int_equal(decode(huge, 5, SIZE_MAX, &body, &used), E_HTTP_BODY_TOO_LARGE);
}

static void
malformed_chunks_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum base_code code;
    } cases[] = {
        {"x\r\n", E_HTTP_CHUNK},
        {"\r\n", E_HTTP_CHUNK},
        {";a\r\n", E_HTTP_CHUNK},
        {"-1\r\n", E_HTTP_CHUNK},
        {"0x3\r\nabc\r\n", E_HTTP_CHUNK},
        {"3 \r\nabc\r\n", E_HTTP_CHUNK},
        {"3\nabc\r\n", E_HTTP_CHUNK},
        {"3\r\r\n", E_HTTP_CHUNK},
        {"3\r\nabcd\r\n", E_HTTP_CHUNK},
        {"3\r\nabc\n", E_HTTP_CHUNK},
        {"3\r\nabc\rx", E_HTTP_CHUNK},
        {"000000003\r\n", E_HTTP_CHUNK},
        {"3;a\nb\r\nabc\r\n", E_HTTP_CHUNK},
        {"0\r\nA: b\n\r\n", E_HTTP_SYNTAX},
        {"0\r\n\rx", E_HTTP_SYNTAX},
        {"3\r\nabc\r\n0\r\n", E_HTTP_INCOMPLETE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        BUFFER_LOCAL(body, 100);
        size_t used = 0;
        struct bytes text = bytes_from_text(cases[i].text);
        if (decode(text, 100, SIZE_MAX, &body, &used) != cases[i].code ||
            decode(text, 100, 1, &body, &used) != cases[i].code) {
            fail_msg("%s", cases[i].text);
        }
    }
}

static void
chunk_extensions_and_trailers_are_bounded(void **state)
{
    (void)state;
    BUFFER_LOCAL(text, (size_t)1 << 20);
    BUFFER_LOCAL(body, 100);
    size_t used = 0;
    append(&text, "1;");
    append_many(&text, 'e', 1024);
    append(&text, "\r\na\r\n0\r\n\r\n");
    assert_int_equal(decode(buffer_bytes(&text), 100, SIZE_MAX, &body, &used), BASE_OK);
    buffer_reset(&text);
    append(&text, "1;");
    append_many(&text, 'e', 1025);
    assert_int_equal(decode(buffer_bytes(&text), 100, SIZE_MAX, &body, &used), E_HTTP_CHUNK);
    buffer_reset(&text);
    append(&text, "0\r\nA:");
    append_many(&text, 'e', 16384);
    assert_int_equal(
        decode(buffer_bytes(&text), 100, SIZE_MAX, &body, &used), E_HTTP_FIELDS_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_is_taken_apart),
        cmocka_unit_test(http_1_0_without_host_is_taken),
        cmocka_unit_test(a_whole_url_is_cut_to_its_path),
        cmocka_unit_test(bodies_have_one_length),
        cmocka_unit_test(what_is_malformed_is_refused_with_its_code),
        cmocka_unit_test(a_nul_anywhere_is_refused),
        cmocka_unit_test(octets_behind_the_head_are_left),
        cmocka_unit_test(request_line_of_64_kib_is_the_longest),
        cmocka_unit_test(fields_end_at_16_kib_and_at_100),
        cmocka_unit_test(chunks_are_put_together_in_any_pieces),
        cmocka_unit_test(chunks_end_at_the_body_s_limit),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(chunk_extensions_and_trailers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
