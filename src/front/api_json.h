/*
 * api_json.h - the JSON of the API, read strictly and written (docs/api.md).
 *
 * One object, at most FRONT_API_BODY_MAX octets; a member that is not known, stands twice or is of
 * another kind is an error, and so is every value beyond its bound.
 */
#ifndef FRONT_API_JSON_H
#define FRONT_API_JSON_H

#include "base/bytes.h"
#include "ipc/types.h"

#define FRONT_API_BODY_MAX ((size_t)96 * 1024)
#define FRONT_API_SANS_MAX 100

/* POST /api/v1/challenges. Octet strings live until front_api_order_clear(). */
struct front_api_order {
    struct bytes profile; /* empty: not said */
    struct bytes device;
    struct bytes subject;
    bool has_sans;
    struct buffer sans; /* "DNS:a.example", newline-separated */
    int64_t ttl_s;      /* 0: the profile's */
    uint32_t uses;
    struct json_t *json;
};
void front_api_order_init(struct front_api_order *order);
void front_api_order_clear(struct front_api_order *order);
/* Errors: E_API_JSON, its detail naming the member. */
MUST_CHECK enum base_code front_api_order_parse(
    struct bytes body, struct front_api_order *out, struct base_error *err);

/* POST /api/v1/deliveries/<id>/confirm, of a device or of its management. */
struct front_api_confirm {
    struct buffer certificate; /* DER; empty: management */
    struct buffer signature;
    char certificate_sha256[65]; /* hexadecimal; management only */
    char installed_at[41];       /* as it was said; empty: not said */
    int64_t installed_ms;
};
void front_api_confirm_init(struct front_api_confirm *confirm);
void front_api_confirm_clear(struct front_api_confirm *confirm);
/* certificate, installed_at, signature: all must be there. */
MUST_CHECK enum base_code front_api_confirm_parse_device(
    struct bytes body, struct front_api_confirm *out, struct base_error *err);
/* certificate_sha256 must be there, installed_at may be. */
MUST_CHECK enum base_code front_api_confirm_parse_management(
    struct bytes body, struct front_api_confirm *out, struct base_error *err);

/* "2026-11-24T09:03:02Z", with or without a fraction, or with an offset (RFC 3339). Errors:
 * E_API_JSON. */
MUST_CHECK enum base_code front_api_time(const char *text, int64_t *out_ms, struct base_error *err);

/* The answer to an order. @scep_url empty: null. */
struct front_api_made {
    struct bytes challenge;
    struct bytes challenge_id;
    int64_t expires_ms;
    uint64_t delivery_id;
    const char *scep_url;
};
MUST_CHECK enum base_code front_api_made_encode(
    const struct front_api_made *made, struct buffer *out, struct base_error *err);
/* {"code", "what", "remedy"}; the detail is in it unless the fault is our own. */
MUST_CHECK enum base_code front_api_error_encode(
    const struct base_error *why, bool with_detail, struct buffer *out, struct base_error *err);

#endif
