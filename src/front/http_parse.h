/*
 * http_parse.h - request heads and chunked bodies as octets: no socket, no clock (RFC 9112).
 *
 * Two passes over a head. The reader sees each octet once, as it arrives in whatever pieces,
 * enforces every limit before an octet is kept, refuses control octets, and finds the end of the
 * head. The parser then takes the whole head apart. For bodies in chunks there is a decoder that
 * works on pieces as well.
 */
#ifndef FRONT_HTTP_PARSE_H
#define FRONT_HTTP_PARSE_H

#include "front/http.h"

/* Finds the end of a head, or of the trailer section behind a chunked body. Plain data. */
struct front_http_head_reader {
    const struct front_http_limits *limits; /* borrowed */
    bool is_in_fields;
    bool has_cr;          /* the last octet was a CR: only LF may follow */
    size_t line_len;      /* octets of the present line so far, without its end */
    size_t fields_len;    /* octets of all fields so far, with their line ends */
    unsigned field_count; /* lines begun */
};

void front_http_head_reader_init(
    struct front_http_head_reader *reader, const struct front_http_limits *limits);
/* The same for a trailer section, which has no request line. */
void front_http_head_reader_init_trailer(
    struct front_http_head_reader *reader, const struct front_http_limits *limits);
/*
 * Look at the next octets of a head.
 *
 * @out_used        how many of @in belong to the head
 * @out_is_complete the last of these ends the head
 * Errors: E_HTTP_LINE_TOO_LONG, E_HTTP_FIELDS_TOO_LARGE, E_HTTP_SYNTAX.
 */
MUST_CHECK enum base_code front_http_head_read(struct front_http_head_reader *reader,
    struct bytes in, size_t *out_used, bool *out_is_complete, struct base_error *err);

enum front_http_body { FRONT_HTTP_BODY_NONE, FRONT_HTTP_BODY_LENGTH, FRONT_HTTP_BODY_CHUNKED };

/* A head that keeps every rule. All points into the head's octets. */
struct front_http_head {
    enum front_http_method method;
    unsigned minor_version;
    struct bytes path;
    struct bytes query;
    struct bytes fields; /* the field lines, each with its CRLF */
    enum front_http_body body;
    size_t content_length; /* for FRONT_HTTP_BODY_LENGTH; not 0, at most body_max */
    bool is_kept_alive;
    bool expects_continue;
};

/*
 * @head        from the request line to the empty line, as front_http_head_read() found it
 * @out_head    points into @head
 * Errors: E_HTTP_SYNTAX, E_HTTP_VERSION, E_HTTP_METHOD, E_HTTP_METHOD_UNKNOWN, E_HTTP_TARGET,
 * E_HTTP_HOST, E_HTTP_LENGTH, E_HTTP_LENGTH_MISSING, E_HTTP_BODY_TOO_LARGE, E_HTTP_CODING,
 * E_HTTP_BODY_UNEXPECTED, E_HTTP_EXPECT.  Source: RFC 9112, sections 2 to 7.
 */
MUST_CHECK enum base_code front_http_head_parse(struct bytes head,
    const struct front_http_limits *limits, struct front_http_head *out_head,
    struct base_error *err);

/* The first line of @fields that is named @name, and what follows it in *out_rest. */
bool front_http_field_find(
    struct bytes fields, const char *name, struct bytes *out_value, struct bytes *out_rest);

/* A body in chunks (RFC 9112, section 7.1). Plain data. */
struct front_http_chunks {
    const struct front_http_limits *limits; /* borrowed */
    int state;                              /* of the table in http_chunks.c */
    unsigned digits;                        /* of the present chunk's size */
    size_t left;                            /* octets of the present chunk that are to come */
    size_t extensions_len;                  /* octets of all chunk extensions so far */
    struct front_http_head_reader trailer;
};

void front_http_chunks_init(
    struct front_http_chunks *chunks, const struct front_http_limits *limits);
/*
 * Decode the next octets of a chunked body; trailer fields are checked and dropped.
 *
 * @body        what was decoded is appended; never more than limits->body_max
 * @out_used    how many of @in belong to the body
 * @out_is_complete the last of these ends the body
 * Errors: E_HTTP_CHUNK, E_HTTP_BODY_TOO_LARGE, E_HTTP_FIELDS_TOO_LARGE, E_HTTP_SYNTAX, E_NO_MEMORY.
 */
MUST_CHECK enum base_code front_http_chunks_read(struct front_http_chunks *chunks, struct bytes in,
    struct buffer *body, size_t *out_used, bool *out_is_complete, struct base_error *err);

#endif
