/*
 * query.h - what a SCEP request asks for, from its raw query, its body and its path (RFC 8894,
 * section 4.1).
 *
 * Devices escape in every way that a URL allows and in some that it does not, so all is read from
 * the octets as they were sent. Base64 in a PKIOperation has a raw '+' where a form would mean a
 * blank; the message of GetCACert and GetCACaps is free text in which '+' is a blank, and which is
 * never a reason to refuse.
 */
#ifndef FRONT_QUERY_H
#define FRONT_QUERY_H

#include "front/http.h"

enum front_query_operation {
    FRONT_QUERY_GET_CA_CAPS,
    FRONT_QUERY_GET_CA_CERT,
    FRONT_QUERY_PKI_OPERATION,
    FRONT_QUERY_GET_NEXT_CA_CERT,
};

/* "GetCACaps" and so on, as RFC 8894 spells it. */
const char *front_query_operation_name(enum front_query_operation operation);

struct front_query {
    enum front_query_operation operation;
    /*
     * For PKIOperation the pkiMessage, BER, not empty: the request's body, or what the base64 in
     * the query stood for. Else the decoded text of `message`; may be empty, absent is the same.
     * Borrowed from the request's body or from `decoded`.
     */
    struct bytes message;
    struct buffer decoded; /* owned */
    /* The base64 was percent-escaped twice, which no standard allows; for a log line. */
    bool is_decoded_twice;
};

void front_query_init(struct front_query *query);
void front_query_clear(struct front_query *query);

/*
 * Read a request. `operation` and `message` may come in any order among other parameters; their
 * names and the operation's are compared without regard to letter case. A POST without `operation`
 * is a PKIOperation (RFC 8894, section 4.3), and the message of a PKIOperation by POST is the body.
 * A GetCACert or GetCACaps by POST is answered like one by GET.
 *
 * @raw         the query as it was sent, without its '?'
 * @body        borrowed; must outlive @out_query
 * @out_query   initialised; unchanged on failure
 * Errors: E_QUERY_OPERATION, E_QUERY_OPERATION_TWICE, E_QUERY_MESSAGE, E_QUERY_METHOD (a
 * PKIOperation by HEAD), E_NO_MEMORY; front_http_status_of() names the status for each.
 */
MUST_CHECK enum base_code front_query_parse(enum front_http_method method, struct bytes raw,
    struct bytes body, struct front_query *out_query, struct base_error *err);

/*
 * A path, made comparable: percent-escapes of unreserved octets are undone (RFC 3986,
 * section 6.2.2), other escapes are in upper case, and slashes at the end are gone ("/" stays).
 * Windows and Cisco gear append "/pkiclient.exe" to whatever URL they were given, so the path is
 * also known without it.
 */
#define FRONT_PATH_MAX 1024 /* octets; no endpoint's path is nearly as long */
struct front_path {
    char text[FRONT_PATH_MAX + 1]; /* NUL-terminated */
    size_t len;
    size_t stem_len; /* without "/pkiclient.exe" and slashes before it; else = len */
};

/*
 * Errors: E_QUERY_PATH (no '/' first, broken escape, NUL or control octet, backslash, a segment "."
 * or
 * "..", longer than FRONT_PATH_MAX).
 */
MUST_CHECK enum base_code front_path_parse(
    struct bytes raw, struct front_path *out_path, struct base_error *err);
/* The path without the suffix, or all of it; borrowed from @path. */
struct bytes front_path_stem(const struct front_path *path);
struct bytes front_path_whole(const struct front_path *path);
/*
 * Is it @expected (no slash at its end, except "/" itself), with or without one more
 * "/pkiclient.exe"? Letter case is ignored: the servers that Kurier takes the place of did so.
 */
bool front_path_is(const struct front_path *path, const char *expected);
/* Is it @parent and one segment more, with or without the suffix? "/scep" and "/scep/laptops" give
 * "laptops", as it was sent. */
bool front_path_is_below(
    const struct front_path *path, const char *parent, struct bytes *out_segment);

#endif
