#include "diagnose/probe_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "base/text.h"
#include "diagnose/scan.h"
#include "pki/name.h"
#include "scep/authorities.h"

#include "base/banned.h"

#define DAY_S ((int64_t)86400)
#define LONG_QUERY_MAX ((size_t)61440)
#define URL_MAX ((size_t)128 * 1024)

const char *
probe_outcome_name(enum probe_outcome outcome)
{
    static const char *const names[] = {"ok", "warning", "failure"};
    return names[outcome];
}

void
probe_say(struct probe *probe, enum probe_outcome outcome, const char *check, const char *cause,
    const char *remedy, const char *format, ...)
{
    struct probe_line line = {.outcome = outcome, .check = check, .cause = cause};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line.text, sizeof(line.text), format, arguments);
    va_end(arguments);
    (void)snprintf(line.remedy, sizeof(line.remedy), "%s", remedy);
    probe->on_line(probe->arg, &line);
}

/* ---- asking
 * ------------------------------------------------------------------------------------------- */

static enum base_code
make_url(const struct probe *probe, const char *operation, struct bytes message, struct buffer *out,
    struct base_error *err)
{
    buffer_reset(out);
    TRY(buffer_append_text(out, probe->options->url, err));
    TRY(buffer_append_text(out, strchr(probe->options->url, '?') == NULL ? "?" : "&", err));
    TRY(buffer_append_text(out, "operation=", err));
    TRY(buffer_append_text(out, operation, err));
    if (message.len > 0) {
        TRY(buffer_append_text(out, "&message=", err));
        TRY(buffer_append(out, message, err));
    }
    return buffer_append(out, (struct bytes){(const uint8_t *)"", 1}, err);
}

enum base_code
probe_ask(struct probe *probe, const char *operation, struct bytes message,
    const struct bytes *body, struct base_error *err)
{
    BUFFER_LOCAL(url, URL_MAX);
    TRY(make_url(probe, operation, message, &url, err));
    struct buffer kept = probe->answer.body;
    probe->answer = (struct probe_answer){.failure = PROBE_ANSWERED, .body = kept};
    probe_fetch((const char *)url.ptr, body, probe->options->timeout_s, &probe->answer);
    return BASE_OK;
}

static bool
is_page(const struct probe_answer *answer)
{
    return diag_has_any_case(buffer_bytes(&answer->body), "<html") ||
           diag_has_any_case(buffer_bytes(&answer->body), "<!doctype");
}

/* ---- reachability
 * ------------------------------------------------------------------------------------- */

static const struct {
    enum probe_failure failure;
    const char *cause;
    const char *text;
    const char *remedy;
} failures[] = {
    {PROBE_BAD_URL, NULL, "this is no URL of http or https",
        "Give the URL as in the device's profile."},
    {PROBE_NO_NAME, "dns-failure", "the name of the host cannot be resolved",
        "Correct DNS or the spelling of the URL."},
    {PROBE_NO_CONNECTION, "connect-failure", "nobody answers at that address and port",
        "Start the service; open the port in firewalls."},
    {PROBE_TIMEOUT, "connect-timeout", "no answer came in time",
        "Look whether the service hangs, and at firewalls that drop packets."},
    {PROBE_TLS, "tls-failure", "TLS fails", "Correct the server's certificate; allow TLS 1.2."},
    {PROBE_NOT_HTTP, "tls-or-proxy-invalid-response", "what answers does not speak proper HTTP",
        "Check the port, and https against http."},
};

static bool
check_reachable(struct probe *probe)
{
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (failures[i].failure == probe->answer.failure) {
            probe_say(probe, PROBE_FAILURE, "reachable", failures[i].cause, failures[i].remedy,
                "%s (%s)", failures[i].text, probe->answer.failure_text);
            return false;
        }
    }
    probe_say(probe, PROBE_OK, "reachable", NULL, "", "answers in %.0f ms%s%.100s",
        probe->answer.took_s * 1000,
        probe->answer.server[0] == '\0' ? "" : ", Server: ", probe->answer.server);
    return true;
}

static void
check_tls(struct probe *probe)
{
    int64_t now_s = base_clock_now_s(&probe->options->clock);
    int64_t ends_s = probe->answer.tls_not_after_s;
    if (strncasecmp(probe->options->url, "https:", 6) != 0) {
        probe_say(probe, PROBE_OK, "tls", NULL, "",
            "plain HTTP, which SCEP allows: messages are encrypted themselves");
        return;
    }
    if (ends_s != 0 && ends_s < now_s) {
        probe_say(probe, PROBE_FAILURE, "tls", "tls-cert-date",
            "Renew the server's TLS certificate.", "the TLS certificate expired %lld days ago",
            (long long)((now_s - ends_s) / DAY_S));
    } else if (!probe->answer.is_tls_trusted) {
        probe_say(probe, PROBE_WARNING, "tls", "tls-failure",
            "Deliver its root to the devices, and have the URL's host among its names.",
            "this machine does not accept the TLS certificate: %s", probe->answer.tls_problem);
    } else if (ends_s != 0 && ends_s < now_s + 30 * DAY_S) {
        probe_say(probe, PROBE_WARNING, "tls", "tls-cert-date", "Renew the TLS certificate.",
            "the TLS certificate ends in %lld days", (long long)((ends_s - now_s) / DAY_S));
    } else {
        probe_say(probe, PROBE_OK, "tls", NULL, "", "the TLS certificate is accepted");
    }
}

static void
check_clock(struct probe *probe)
{
    int64_t skew_s = probe->answer.date_s - base_clock_now_s(&probe->options->clock);
    int64_t apart_s = skew_s < 0 ? -skew_s : skew_s;
    if (probe->answer.date_s == 0) {
        probe_say(probe, PROBE_OK, "clock", NULL, "", "the server does not tell its time");
    } else if (apart_s > 300) {
        probe_say(probe, PROBE_WARNING, "clock", "scep-fail-badtime", "Set the clocks.",
            "the server's clock is %lld s %s this machine's", (long long)apart_s,
            skew_s > 0 ? "ahead of" : "behind");
    } else {
        probe_say(probe, PROBE_OK, "clock", NULL, "", "the server's clock agrees within %lld s",
            (long long)apart_s);
    }
}

/* A status that is no answer of SCEP, in words. */
static bool
check_status(struct probe *probe, const char *check)
{
    long status = probe->answer.status;
    if (status == 200 && !is_page(&probe->answer)) {
        return true;
    }
    if (status == 200) {
        probe_say(probe, PROBE_FAILURE, check, "http-200-no-scep-information",
            "Look for a proxy or a login page in the path; the URL may be wrong.",
            "a web page with status 200 comes instead of an answer of SCEP");
    } else if (status >= 300 && status < 400) {
        probe_say(probe, PROBE_FAILURE, check, NULL, "Put the final URL into the profile.",
            "a redirect to %.200s, which SCEP clients do not follow", probe->answer.location);
    } else {
        probe_say(probe, PROBE_FAILURE, check,
            status == 401   ? "http-401"
            : status == 403 ? "http-403"
            : status == 404 ? "http-404"
            : status == 503 ? "http-503"
            : status >= 500 ? "http-500"
                            : "http-400",
            status == 404 ? "Correct the path of the URL."
                          : "Look at the server's log of this moment.",
            "HTTP status %ld", status);
    }
    return false;
}

/* ---- GetCACaps
 * ---------------------------------------------------------------------------------------- */

static void
judge_capabilities(struct probe *probe)
{
    const struct scep_capabilities *c = &probe->capabilities;
    if (!c->has_aes && !c->has_standard && !c->has_des3) {
        probe_say(probe, PROBE_FAILURE, "ciphers", "scep-fail-badalg",
            "Announce AES (and DES3 for old clients).",
            "neither AES nor DES3: jscep (Android) falls back to single DES, which is forbidden");
    } else if (!c->has_aes && !c->has_standard) {
        probe_say(probe, PROBE_WARNING, "ciphers", NULL, "Announce AES.", "3DES only");
    } else {
        probe_say(probe, PROBE_OK, "ciphers", NULL, "", "AES%s", c->has_des3 ? " and 3DES" : "");
    }
    if (!c->has_sha256 && !c->has_standard) {
        probe_say(probe, PROBE_WARNING, "digests", "ios-caps", "Announce SHA-256 and SHA-512.",
            "no SHA-256: clients fall back to SHA-1 or MD5");
    } else if (!c->has_sha384) {
        probe_say(probe, PROBE_WARNING, "digests", NULL, "Announce SHA-384 as well.",
            "SHA-384 is not listed: strongSwan 5.9 then refuses AES");
    } else {
        probe_say(probe, PROBE_OK, "digests", NULL, "", "SHA-256 and its relatives");
    }
    if (!c->has_post && !c->has_standard) {
        probe_say(probe, PROBE_WARNING, "post", NULL, "Announce POSTPKIOperation.",
            "POST is not announced: long requests must go into the URL");
    } else {
        probe_say(probe, PROBE_OK, "post", NULL, "", "POST is announced");
    }
    if (!c->has_renewal && !c->has_standard) {
        probe_say(probe, PROBE_WARNING, "renewal", NULL, "Announce Renewal.",
            "Renewal is not announced: macOS says that it is not supported");
    } else {
        probe_say(probe, PROBE_OK, "renewal", NULL, "", "renewal is announced");
    }
}

static enum base_code
check_capabilities(struct probe *probe, bool *out_goes_on, struct base_error *err)
{
    *out_goes_on = false;
    TRY(probe_ask(probe, "GetCACaps", BYTES_LITERAL("kurier"), NULL, err));
    if (!check_reachable(probe)) {
        return BASE_OK;
    }
    *out_goes_on = true;
    check_tls(probe);
    check_clock(probe);
    if (!check_status(probe, "GetCACaps")) {
        return BASE_OK;
    }
    probe->capabilities = scep_capabilities_parse(buffer_bytes(&probe->answer.body));
    if (!bytes_equal_text(bytes_from_text(probe->answer.content_type), "text/plain")) {
        probe_say(probe, PROBE_WARNING, "GetCACaps", NULL, "Answer with Content-Type: text/plain.",
            "Content-Type is '%.100s', want text/plain", probe->answer.content_type);
    } else {
        probe_say(probe, PROBE_OK, "GetCACaps", NULL, "", "answered with text/plain");
    }
    judge_capabilities(probe);
    return BASE_OK;
}

/* ---- GetCACert
 * ---------------------------------------------------------------------------------------- */

void
probe_name_text(struct bytes name_der, char *out, size_t size)
{
    BUFFER_LOCAL(text, 8192);
    (void)base_escape(BYTES_NONE, out, size);
    if (pki_name_text(name_der, &text, NULL) == BASE_OK) {
        (void)base_escape(buffer_bytes(&text), out, size);
        if (base_is_clean_utf8(buffer_bytes(&text))) {
            diag_copy(out, size, buffer_bytes(&text));
        }
    }
}

static bool
is_ca(const struct pki_certificate *certificate)
{
    return certificate->is_ca;
}

static void
check_certificate(struct probe *probe, const struct pki_certificate *certificate)
{
    char name[300];
    int64_t now_s = base_clock_now_s(&probe->options->clock);
    probe_name_text(certificate->subject, name, sizeof(name));
    int64_t left = (certificate->not_after_s - now_s) / DAY_S;
    const char *kind = is_ca(certificate) ? "CA" : "RA";
    if (certificate->not_after_s < now_s) {
        probe_say(probe, PROBE_FAILURE, "certificate", "cert-expired", "Renew it.",
            "%s certificate %s has expired %lld days ago", kind, name, (long long)-left);
    } else if (certificate->not_before_s > now_s) {
        probe_say(probe, PROBE_FAILURE, "certificate", "cert-expired", "Set the clocks.",
            "%s certificate %s is not valid yet", kind, name);
    } else if (left < 30) {
        probe_say(probe, PROBE_WARNING, "certificate", "cert-expired", "Renew it soon.",
            "%s certificate %s ends in %lld days", kind, name, (long long)left);
    } else {
        probe_say(probe, PROBE_OK, "certificate", NULL, "", "%s certificate %s, %lld days left",
            kind, name, (long long)left);
    }
}

const struct pki_certificate *
probe_recipient(const struct probe *probe)
{
    const struct pki_certificate *fallback = NULL;
    for (size_t i = 0; i < probe->count; i++) {
        const struct pki_certificate *it = &probe->certificates[i];
        bool can = !it->has_key_usage ||
                   (it->key_usage & (PKI_KEY_ENCIPHERMENT | PKI_DATA_ENCIPHERMENT)) != 0;
        if (can && !is_ca(it)) {
            return it;
        }
        fallback = can && fallback == NULL ? it : fallback;
    }
    return fallback;
}

static void
check_recipient(struct probe *probe)
{
    char name[300];
    const struct pki_certificate *to = probe_recipient(probe);
    if (to == NULL) {
        probe_say(probe, PROBE_FAILURE, "recipient", "ra-cert-key-usage-missing",
            "Issue an RA certificate with digitalSignature and keyEncipherment.",
            "no certificate has keyEncipherment: Windows, macOS and jscep find nobody to encrypt "
            "to");
        return;
    }
    probe_name_text(to->subject, name, sizeof(name));
    if (is_ca(to)) {
        probe_say(probe, PROBE_WARNING, "recipient", NULL,
            "An RA certificate of its own keeps the CA's key out of decryption.",
            "clients encrypt to the CA certificate %s itself", name);
    } else if (to->ekus.len == 0) {
        probe_say(probe, PROBE_WARNING, "recipient", "ra-cert-key-usage-missing",
            "Give the RA certificate Certificate Request Agent or Server Authentication.",
            "clients encrypt to %s; Windows wants an Extended Key Usage in it", name);
    } else {
        probe_say(
            probe, PROBE_OK, "recipient", NULL, "", "every known client encrypts to %s", name);
    }
}

static void
check_chain(struct probe *probe)
{
    size_t lonely = 0;
    for (size_t i = 0; i < probe->count; i++) {
        bool has_issuer = false;
        for (size_t k = 0; k < probe->count; k++) {
            has_issuer = has_issuer || pki_certificate_check_issuer(&probe->certificates[i],
                                           &probe->certificates[k], NULL) == BASE_OK;
        }
        lonely += has_issuer ? 0 : 1;
    }
    if (lonely > 0) {
        probe_say(probe, PROBE_WARNING, "chain", "android-ra-not-issued-by-ca",
            "Return the RA certificates with the CA that issued them, and the chain up to its "
            "root.",
            "%zu of %zu certificates are issued by none that is returned", lonely, probe->count);
    } else {
        probe_say(probe, PROBE_OK, "chain", NULL, "",
            "%zu certificates, each issued by one of them", probe->count);
    }
}

static void
check_fingerprint(struct probe *probe)
{
    struct bytes wanted = probe->options->fingerprint;
    uint8_t digest[PKI_DIGEST_MAX];
    enum pki_digest kind = wanted.len == 20 ? PKI_SHA1 : PKI_SHA256;
    for (size_t i = 0; i < probe->count && wanted.len > 0; i++) {
        if (pki_digest(kind, probe->certificates[i].whole, digest, NULL) == BASE_OK &&
            base_secret_equal((struct bytes){digest, pki_digest_len(kind)}, wanted)) {
            probe_say(probe, PROBE_OK, "fingerprint", NULL, "",
                "a certificate has the given fingerprint");
            return;
        }
    }
    if (wanted.len > 0) {
        probe_say(probe, PROBE_FAILURE, "fingerprint", "ca-thumbprint-mismatch",
            "Put the fingerprint of the issuing CA into the profile, or return that certificate.",
            "no certificate of GetCACert has the given fingerprint");
    }
}

static enum base_code
check_authorities(struct probe *probe, bool *out_goes_on, struct base_error *err)
{
    struct bytes ders[SCEP_CERTIFICATES_MAX];
    *out_goes_on = false;
    TRY(probe_ask(probe, "GetCACert", BYTES_LITERAL("kurier"), NULL, err));
    if (probe->answer.failure != PROBE_ANSWERED) {
        return (void)check_reachable(probe), BASE_OK;
    }
    if (!check_status(probe, "GetCACert")) {
        return BASE_OK;
    }
    TRY(buffer_append(&probe->message, buffer_bytes(&probe->answer.body), err));
    if (scep_authorities_read(
            buffer_bytes(&probe->message), &probe->storage, ders, &probe->count, NULL) != BASE_OK) {
        probe_say(probe, PROBE_FAILURE, "GetCACert", "ios-ca-response-invalid",
            "Answer with a certificate in DER, or with a certificates-only SignedData.",
            "%zu octets that are neither a certificate nor a list of them", probe->answer.body.len);
        return BASE_OK;
    }
    for (size_t i = 0; i < probe->count; i++) {
        TRY(pki_certificate_read(ders[i], &probe->certificates[i], err));
    }
    const char *want =
        probe->count == 1 ? "application/x-x509-ca-cert" : "application/x-x509-ca-ra-cert";
    bool is_typed = strcmp(probe->answer.content_type, want) == 0;
    probe_say(probe, is_typed ? PROBE_OK : PROBE_WARNING, "GetCACert", NULL,
        is_typed ? "" : "Answer with exactly the registered type.",
        "%zu certificates as '%.100s'%s%s", probe->count, probe->answer.content_type,
        is_typed ? "" : ", want ", is_typed ? "" : want);
    for (size_t i = 0; i < probe->count; i++) {
        check_certificate(probe, &probe->certificates[i]);
    }
    check_recipient(probe);
    check_chain(probe);
    check_fingerprint(probe);
    *out_goes_on = true;
    return BASE_OK;
}

/* ---- limits of the way
 * -------------------------------------------------------------------------------- */

static enum base_code
check_long_queries(struct probe *probe, struct base_error *err)
{
    static const size_t sizes[] = {2048, 8192, 16384, 32768, LONG_QUERY_MAX};
    BUFFER_LOCAL(message, LONG_QUERY_MAX);
    uint8_t *octets = NULL;
    size_t good = 0;
    TRY(buffer_reserve(&message, LONG_QUERY_MAX, &octets, err));
    memset(octets, 'A', LONG_QUERY_MAX);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        TRY(probe_ask(probe, "GetCACaps", (struct bytes){octets, sizes[i]}, NULL, err));
        if (probe->answer.failure != PROBE_ANSWERED || probe->answer.status != 200) {
            break;
        }
        good = sizes[i];
    }
    if (good < 16384) {
        probe_say(probe, PROBE_WARNING, "long-query",
            probe->answer.status == 414 ? "http-414" : "iis-404-15",
            "Raise the limits of URL and query to 64 KiB on server and proxies.",
            "queries beyond %zu octets fail (HTTP %ld): clients that send requests by GET will too",
            good, probe->answer.status);
    } else {
        probe_say(probe, PROBE_OK, "long-query", NULL, "", "queries of %zu octets are taken", good);
    }
    return BASE_OK;
}

static enum base_code
check_suffix(struct probe *probe, struct base_error *err)
{
    BUFFER_LOCAL(url, URL_MAX);
    if (strstr(probe->options->url, "/pkiclient.exe") != NULL ||
        strchr(probe->options->url, '?') != NULL) {
        return BASE_OK;
    }
    TRY(buffer_append_text(&url, probe->options->url, err));
    TRY(buffer_append_text(&url, "/pkiclient.exe?operation=GetCACaps&message=default", err));
    TRY(buffer_append(&url, (struct bytes){(const uint8_t *)"", 1}, err));
    probe_fetch((const char *)url.ptr, NULL, probe->options->timeout_s, &probe->answer);
    if (probe->answer.failure == PROBE_ANSWERED && probe->answer.status == 200) {
        probe_say(
            probe, PROBE_OK, "suffix", NULL, "", "/pkiclient.exe is served, which Windows appends");
    } else {
        probe_say(probe, PROBE_WARNING, "suffix", "http-404",
            "Serve the path with /pkiclient.exe as well.",
            "/pkiclient.exe behind the URL gives HTTP %ld: Windows appends it",
            probe->answer.status);
    }
    return BASE_OK;
}

/* ---- all of it
 * -------------------------------------------------------------------------------------------- */

/* RFC 8894, section 4.7: only where it is announced. */
static enum base_code
check_next_ca(struct probe *probe, struct base_error *err)
{
    struct bytes ders[SCEP_CERTIFICATES_MAX];
    BUFFER_LOCAL(storage, 4 * PROBE_ANSWER_MAX);
    size_t count = 0;
    if (!probe->capabilities.has_get_next_ca_cert) {
        return BASE_OK;
    }
    TRY(probe_ask(probe, "GetNextCACert", BYTES_LITERAL("kurier"), NULL, err));
    if (probe->answer.failure != PROBE_ANSWERED || probe->answer.status != 200) {
        probe_say(probe, PROBE_WARNING, "next-ca", NULL,
            "Announce GetNextCACert only while there is a next CA certificate.",
            "GetNextCACert is announced, and gives HTTP %ld", probe->answer.status);
    } else if (strcmp(probe->answer.content_type, "application/x-x509-next-ca-cert") != 0 ||
               scep_authorities_read(
                   buffer_bytes(&probe->answer.body), &storage, ders, &count, NULL) != BASE_OK) {
        probe_say(probe, PROBE_WARNING, "next-ca", NULL,
            "Answer with a SignedData of the present CA as application/x-x509-next-ca-cert.",
            "GetNextCACert gives %zu octets of '%.100s'", probe->answer.body.len,
            probe->answer.content_type);
    } else {
        probe_say(probe, PROBE_OK, "next-ca", NULL, "", "GetNextCACert tells of the next CA");
    }
    return BASE_OK;
}

static void
check_url(struct probe *probe)
{
    if (strstr(probe->options->url, "mscep_admin") != NULL) {
        probe_say(probe, PROBE_FAILURE, "url", "suspicious-admin-url",
            "Use /certsrv/mscep/mscep.dll.", "the URL is that of the administrator's page");
    }
}

static enum base_code
run_all(struct probe *probe, struct base_error *err)
{
    bool goes_on = false;
    check_url(probe);
    TRY(check_capabilities(probe, &goes_on, err));
    if (!goes_on) {
        return BASE_OK;
    }
    TRY(check_authorities(probe, &goes_on, err));
    if (!goes_on) {
        return BASE_OK;
    }
    TRY(check_suffix(probe, err));
    TRY(check_long_queries(probe, err));
    TRY(check_next_ca(probe, err));
    TRY(probe_check_refusal(probe, err));
    return probe->options->challenge.len > 0 ? probe_check_enrolment(probe, err) : BASE_OK;
}

enum base_code
probe_run(
    const struct probe_options *options, probe_on_line on_line, void *arg, struct base_error *err)
{
    struct probe probe = {.options = options, .on_line = on_line, .arg = arg};
    probe_answer_init(&probe.answer);
    buffer_init(&probe.message, PROBE_ANSWER_MAX);
    buffer_init(&probe.storage, 4 * PROBE_ANSWER_MAX);
    enum base_code code = run_all(&probe, err);
    probe_answer_clear(&probe.answer);
    buffer_clear(&probe.message);
    buffer_clear(&probe.storage);
    return code;
}
