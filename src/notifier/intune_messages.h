/*
 * intune_messages.h - what is said to Entra, Graph and Intune, and what they answer. Pure: octets
 * in, octets out.
 *
 * Sources: Microsoft's SCEP validation API and the client credentials flow of OAuth 2.0 (RFC 6749,
 * section 4.4; RFC 7523, section 2.2).
 */
#ifndef NOTIFIER_INTUNE_MESSAGES_H
#define NOTIFIER_INTUNE_MESSAGES_H

#include "base/random.h"
#include "base/secret.h"
#include "ipc/to_notifier.h"
#include "notifier/settings.h"

/* Who we say that we are (callerInfo, UserAgent). */
#define NOTIFIER_CALLER "Kurier " KURIER_VERSION

/* ---- the token ---- */

/* "AUTHORITY/TENANT/oauth2/v2.0/token" */
MUST_CHECK enum base_code notifier_token_url(
    const struct notifier_policy *policy, char *out, size_t size, struct base_error *err);
/* The form of a token request, for Graph or for Intune itself. @url is the audience of an
 * assertion. */
MUST_CHECK enum base_code notifier_token_form(const struct notifier_policy *policy, const char *url,
    bool is_for_graph, int64_t now_s, const struct base_random *random, struct buffer *out,
    struct base_error *err);
/* A JWT that proves the certificate's key (RS256, x5t): header.claims.signature. */
MUST_CHECK enum base_code notifier_token_assertion(const struct notifier_policy *policy,
    const char *audience, int64_t now_s, const struct base_random *random, struct buffer *out,
    struct base_error *err);
/* *out_expires_s: seconds from now. Errors: E_SERVICE_ANSWER. */
MUST_CHECK enum base_code notifier_token_parse(
    struct bytes body, struct secret *out_token, int64_t *out_expires_s, struct base_error *err);
/* "invalid_client: AADSTS7000215: ..." of an error's body into @out; false when it has none.
 * @out_word: "invalid_client". */
bool notifier_token_error(
    struct bytes body, char *out_word, size_t word_size, char *out, size_t size);

/* ---- discovery ---- */

enum notifier_intune_service { NOTIFIER_VALIDATION, NOTIFIER_REVOCATION, NOTIFIER_SERVICES };
const char *notifier_intune_service_name(enum notifier_intune_service service);

struct notifier_intune_uris {
    char uri[NOTIFIER_SERVICES][NOTIFIER_URL_MAX]; /* without a trailing slash; empty: not listed */
};
MUST_CHECK enum base_code notifier_discovery_url(
    const struct notifier_policy *policy, char *out, size_t size, struct base_error *err);
/* Names in any case, the first of two counts. Errors: E_SERVICE_ANSWER ("value" is missing, or a
 * uri that is not https), E_SERVICE_PERMISSION (an empty list). */
MUST_CHECK enum base_code notifier_discovery_parse(struct bytes body, bool is_http_allowed,
    struct notifier_intune_uris *out, struct base_error *err);

/* ---- SCEP actions ---- */

MUST_CHECK enum base_code notifier_validate_body(
    const struct ipc_verify *verify, struct buffer *out, struct base_error *err);
/* From an event of docs/events.md. *out_suffix: "successNotification" or "failureNotification",
 * by the event's name. Errors: E_NOTICE_FORMAT (something that must be there is missing). */
MUST_CHECK enum base_code notifier_notice_body(const struct ipc_notify *notify,
    bool is_hresult_unsigned, const char **out_suffix, struct buffer *out, struct base_error *err);
/* The code and its description. Errors: E_SERVICE_ANSWER. */
#define NOTIFIER_CODE_LEN 128
struct notifier_action {
    char code[NOTIFIER_CODE_LEN];
    char description[200];
};
MUST_CHECK enum base_code notifier_action_parse(
    struct bytes body, struct notifier_action *out, struct base_error *err);
/* The message within {"error": {"code": .., "message": ..}}, which may be JSON again, on one line;
 * false: the body is no such thing. */
bool notifier_service_error(struct bytes body, char *out, size_t size);

#endif
