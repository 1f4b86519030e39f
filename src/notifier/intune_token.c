#include "notifier/intune_messages.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "notifier/json.h"
#include "notifier/notifier.h"

#include "base/banned.h"

#define ASSERTION_LIFE_S 300
#define EXPIRES_DEFAULT_S 3599
#define EXPIRES_MAX_S 86400

enum base_code
notifier_token_url(
    const struct notifier_policy *policy, char *out, size_t size, struct base_error *err)
{
    size_t len = strlen(policy->authority);
    while (len > 0 && policy->authority[len - 1] == '/') {
        len--;
    }
    int written = snprintf(out, size, "%.*s/%s/oauth2/v2.0/token", base_size_to_int(len),
        policy->authority, policy->tenant);
    return written > 0 && (size_t)written < size
               ? BASE_OK
               : base_fail(err, E_TOO_LARGE, "a URL beyond %zu octets", size);
}

/* "&NAME=value" as application/x-www-form-urlencoded. */
MUST_CHECK static enum base_code
add_field(struct buffer *out, const char *name, struct bytes value, struct base_error *err)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";
    if (out->len > 0) {
        TRY(buffer_append_octet(out, '&', err));
    }
    TRY(buffer_append_text(out, name, err));
    TRY(buffer_append_octet(out, '=', err));
    for (size_t i = 0; i < value.len; i++) {
        uint8_t octet = value.ptr[i];
        if (octet != 0 && strchr(plain, octet) != NULL) {
            TRY(buffer_append_octet(out, octet, err));
        } else {
            TRY(buffer_append_octet(out, '%', err));
            TRY(buffer_append_octet(out, (uint8_t)digits[octet >> 4], err));
            TRY(buffer_append_octet(out, (uint8_t)digits[octet & 15], err));
        }
    }
    return BASE_OK;
}

enum base_code
notifier_token_form(const struct notifier_policy *policy, const char *url, bool is_for_graph,
    int64_t now_s, const struct base_random *random, struct buffer *out, struct base_error *err)
{
    char scope[IPC_TEXT_MAX + 16] = "";
    const char *resource = is_for_graph ? policy->graph_url : policy->resource_url;
    size_t len = strlen(resource);
    /* The resource's own slash stays: Intune's audience ends with one. Graph's has none. */
    while (len > 0 && is_for_graph && resource[len - 1] == '/') {
        len--;
    }
    (void)snprintf(scope, sizeof(scope), "%.*s/.default", base_size_to_int(len), resource);
    TRY(add_field(out, "grant_type", BYTES_LITERAL("client_credentials"), err));
    TRY(add_field(out, "client_id", bytes_from_text(policy->client_id), err));
    TRY(add_field(out, "scope", bytes_from_text(scope), err));
    if (policy->key == NULL) {
        return add_field(out, "client_secret", secret_peek(&policy->secret), err);
    }
    BUFFER_LOCAL(assertion, NOTIFIER_TOKEN_MAX);
    TRY(notifier_token_assertion(policy, url, now_s, random, &assertion, err));
    TRY(add_field(out, "client_assertion_type",
        BYTES_LITERAL("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), err));
    return add_field(out, "client_assertion", buffer_bytes(&assertion), err);
}

/* base64url without padding (RFC 7515, section 2). */
MUST_CHECK static enum base_code
add_base64url(struct buffer *out, struct bytes octets, struct base_error *err)
{
    size_t from = out->len;
    TRY(base_base64(octets, out, err));
    while (out->len > from && out->ptr[out->len - 1] == '=') {
        out->len--;
    }
    for (size_t i = from; i < out->len; i++) {
        out->ptr[i] = out->ptr[i] == '+' ? '-' : out->ptr[i] == '/' ? '_' : out->ptr[i];
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
add_json_part(struct buffer *out, const json_t *object, struct base_error *err)
{
    BUFFER_LOCAL(text, NOTIFIER_TOKEN_MAX);
    TRY(notifier_json_write(object, &text, err));
    return add_base64url(out, buffer_bytes(&text), err);
}

MUST_CHECK static enum base_code
make_header(const struct notifier_policy *policy, json_t *header, struct base_error *err)
{
    uint8_t digest[PKI_DIGEST_MAX] = {0};
    BUFFER_LOCAL(thumbprint, 64);
    TRY(pki_digest(PKI_SHA1, buffer_bytes(&policy->certificate), digest, err));
    TRY(add_base64url(&thumbprint, (struct bytes){digest, pki_digest_len(PKI_SHA1)}, err));
    bool is_set = notifier_json_set(header, "alg", BYTES_LITERAL("RS256")) &&
                  notifier_json_set(header, "typ", BYTES_LITERAL("JWT")) &&
                  notifier_json_set(header, "x5t", buffer_bytes(&thumbprint));
    return is_set ? BASE_OK : base_fail(err, E_NO_MEMORY, "JSON");
}

enum base_code
notifier_token_assertion(const struct notifier_policy *policy, const char *audience, int64_t now_s,
    const struct base_random *random, struct buffer *out, struct base_error *err)
{
    char id[NOTIFIER_GUID_LEN] = "";
    OWN(json_t) header = json_object();
    OWN(json_t) claims = json_object();
    BUFFER_LOCAL(signature, 1024);
    TRY(notifier_make_guid(random, id, err));
    TRY(make_header(policy, header, err));
    bool is_set = notifier_json_set(claims, "aud", bytes_from_text(audience)) &&
                  notifier_json_set(claims, "iss", bytes_from_text(policy->client_id)) &&
                  notifier_json_set(claims, "sub", bytes_from_text(policy->client_id)) &&
                  notifier_json_set(claims, "jti", bytes_from_text(id)) &&
                  json_object_set_new(claims, "nbf", json_integer(now_s)) == 0 &&
                  json_object_set_new(claims, "iat", json_integer(now_s)) == 0 &&
                  json_object_set_new(claims, "exp", json_integer(now_s + ASSERTION_LIFE_S)) == 0;
    if (!is_set) {
        return base_fail(err, E_NO_MEMORY, "JSON");
    }
    TRY(add_json_part(out, header, err));
    TRY(buffer_append_octet(out, '.', err));
    TRY(add_json_part(out, claims, err));
    TRY(pki_sign(policy->key, PKI_SHA256, buffer_bytes(out), &signature, err));
    TRY(buffer_append_octet(out, '.', err));
    return add_base64url(out, buffer_bytes(&signature), err);
}

/* A token goes into a header: nothing but its own characters may be in it. */
static bool
is_token(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return text.len > 0 && text.len < NOTIFIER_TOKEN_MAX;
}

/* Some services write the number as a text. */
static int64_t
expires_of(const json_t *object)
{
    const json_t *value = json_object_get(object, "expires_in");
    uint64_t number = EXPIRES_DEFAULT_S;
    struct bytes text = BYTES_NONE;
    if (json_is_integer(value)) {
        return json_integer_value(value) < EXPIRES_MAX_S ? json_integer_value(value)
                                                         : EXPIRES_MAX_S;
    }
    if (notifier_json_text(object, "expires_in", &text) &&
        base_parse_number(text, EXPIRES_MAX_S, &number, NULL) != BASE_OK) {
        return EXPIRES_DEFAULT_S;
    }
    return (int64_t)number;
}

enum base_code
notifier_token_parse(
    struct bytes body, struct secret *out_token, int64_t *out_expires_s, struct base_error *err)
{
    OWN(json_t) object = NULL;
    struct bytes token = BYTES_NONE;
    /* Not notifier_json_parse()'s words: its detail has the beginning of what may be a token. */
    if (notifier_json_parse(body, &object, NULL) != BASE_OK) {
        return base_fail(err, E_SERVICE_ANSWER, "the answer to a token request is no JSON object");
    }
    if (!notifier_json_text(object, "access_token", &token) || !is_token(token)) {
        return base_fail(err, E_SERVICE_ANSWER, "the answer to a token request has no token");
    }
    *out_expires_s = expires_of(object);
    return secret_set(out_token, token, err);
}

bool
notifier_token_error(struct bytes body, char *out_word, size_t word_size, char *out, size_t size)
{
    OWN(json_t) object = NULL;
    struct bytes word = BYTES_NONE;
    struct bytes story = BYTES_NONE;
    if (notifier_json_parse(body, &object, NULL) != BASE_OK ||
        !notifier_json_text(object, "error", &word)) {
        return false;
    }
    (void)notifier_json_text(object, "error_description", &story);
    /* Trace and correlation ids follow on lines of their own. */
    const uint8_t *end = story.len == 0 ? NULL : memchr(story.ptr, '\r', story.len);
    end = end == NULL && story.len > 0 ? memchr(story.ptr, '\n', story.len) : end;
    story.len = end == NULL ? story.len : (size_t)(end - story.ptr);
    (void)notifier_clean(word, out_word, word_size);
    char words[200] = "";
    (void)snprintf(out, size, "%s: %s", out_word, notifier_clean(story, words, sizeof(words)));
    return true;
}
