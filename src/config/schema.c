#include "config/schema.h"

#include "base/log.h"
#include "config/accept.h"
#include "config/settings.h"
#include "ipc/to_role.h"
#include "ipc/usages.h"

#include "base/banned.h"

#define DAY ((int64_t)86400)
#define YEAR (365 * DAY)
#define KEYS(table) (table), sizeof(table) / sizeof((table)[0])

/* Where a value goes: its offset and its room. */
#define AT(type, member) .offset = offsetof(struct config_##type, member)
#define IN(type, member) AT(type, member), .room = sizeof(((struct config_##type *)0)->member)

static const struct config_word purposes[] = {{"scep", IPC_LISTEN_SCEP},
    {"documents", IPC_LISTEN_DOCUMENTS}, {"admin", IPC_LISTEN_ADMIN}, {NULL, 0}};
static const struct config_word tls_words[] = {
    {"no", IPC_TLS_NONE}, {"own", IPC_TLS_OWN}, {"files", IPC_TLS_FILES}, {NULL, 0}};
static const struct config_word encodings[] = {{"utf-16", 0}, {"utf-8", 1}, {NULL, 0}};
static const struct config_word levels[] = {{"error", BASE_LOG_ERROR}, {"warn", BASE_LOG_WARN},
    {"info", BASE_LOG_INFO}, {"debug", BASE_LOG_DEBUG}, {NULL, 0}};
static const struct config_word confinements[] = {{"normal", 0}, {"strict", 1}, {NULL, 0}};
static const struct config_word contents[] = {{"empty", 0}, {"absent", 1}, {NULL, 0}};
#define X(name, bit) {#name, (bit)},
static const struct config_word key_usages[] = {IPC_KEY_USAGES(X){NULL, 0}};
#undef X
/* RFC 5280, section 4.2.1.6: 1 << the tag of GeneralName. */
static const struct config_word san_types[] = {
    {"dns", 1 << 2}, {"email", 1 << 1}, {"uri", 1 << 6}, {"upn", 1 << 0}, {NULL, 0}};
static const struct config_word sids[] = {{"drop", 0}, {"from-request", 1}, {NULL, 0}};
static const struct config_word key_types[] = {
    {"rsa", CONFIG_KEY_RSA}, {"ec", CONFIG_KEY_EC}, {NULL, 0}};

static const struct config_word policy_types[] = {
    {"webhook", IPC_POLICY_WEBHOOK}, {"intune", IPC_POLICY_INTUNE}, {NULL, 0}};
static const struct config_word notices[] = {{"usual", 0},
    {"before-answer", IPC_NOTIFY_BEFORE_ANSWER}, {"after-answer", IPC_NOTIFY_AFTER_ANSWER},
    {NULL, 0}};
static const struct config_word hresults[] = {{"signed", 0}, {"unsigned", 1}, {NULL, 0}};

static const struct config_key listener_keys[] = {
    {"address", CONFIG_TEXT, IN(listener, address), .min = 1, .max = CONFIG_ADDRESS_MAX,
        .initial = "127.0.0.1:8080", .accept = config_accept_address,
        .comment = "Where to listen: an IPv4 address or an IPv6 address in brackets, and a port."},
    {"purposes", CONFIG_CHOICES, AT(listener, purposes), .min = 1, .initial = "scep, documents",
        .words = purposes,
        .comment = "What is served there: the protocol (scep), CRL and CA certificates "
                   "(documents), the challenge page and the API (admin; alone, and on loopback or "
                   "with TLS only)."},
    {"tls", CONFIG_CHOICE, AT(listener, tls), .initial = "no", .words = tls_words,
        .comment = "TLS 1.2 and 1.3: with a certificate and key of your own (files), or with one "
                   "that Kurier's CA issues and renews (own). Clients are never asked for a "
                   "certificate."},
    {"certificate", CONFIG_TEXT, IN(listener, certificate), .min = 0, .max = IPC_TEXT_MAX,
        .initial = "",
        .comment = "With tls: files, a PEM file within the home or absolute: the server's "
                   "certificate, then those above it. Read again on reload."},
    {"key", CONFIG_TEXT, IN(listener, key), .min = 0, .max = IPC_TEXT_MAX, .initial = "",
        .comment = "With tls: files, the PEM file of its private key, not encrypted. Read again on "
                   "reload."},
    {"names", CONFIG_TEXTS, IN(listener, names), .min = 0, .max = 16, .initial = "",
        .accept = config_accept_host,
        .comment = "With tls: own, the host names and addresses by which clients reach it; the "
                   "first is the subject."},
    {"ca", CONFIG_TEXT, IN(listener, ca), .min = 1, .max = IPC_NAME_MAX, .initial = "default",
        .accept = config_accept_name, .comment = "With tls: own, the CA that issues it."},
};

static const struct config_key admin_keys[] = {
    {"challenge_page", CONFIG_CHOICE, AT(admin, is_page_utf8), .initial = "utf-16",
        .words = encodings,
        .comment = "The encoding of /certsrv/mscep_admin/: NDES's own (utf-16), or that of most "
                   "look-alikes (utf-8)."},
    {"page_profile", CONFIG_TEXT, IN(admin, page_profile), .min = 1, .max = IPC_NAME_MAX,
        .initial = "default", .accept = config_accept_name,
        .comment = "The profile of challenges from that page."},
    {"page_outstanding", CONFIG_NUMBER, AT(admin, page_outstanding), .min = 1, .max = 10000,
        .initial = "1000",
        .comment = "So many challenges of that page may be open at a time (NDES: 5)."},
    {"requests_per_minute", CONFIG_NUMBER, AT(admin, requests_per_minute), .min = 1, .max = 100000,
        .initial = "600", .comment = "Requests of one account."},
    {"wrong_passwords_per_minute", CONFIG_NUMBER, AT(admin, wrong_passwords_per_minute), .min = 1,
        .max = 1000, .initial = "10",
        .comment = "Wrong passwords and tokens from one address, and for one account; further ones "
                   "are refused without a look."},
};

static const struct config_key account_keys[] = {
    {"password", CONFIG_TEXT, IN(account, password), .min = 0, .max = IPC_TEXT_MAX, .initial = "",
        .accept = config_accept_password,
        .comment = "For HTTP Basic: what kurier account hash printed. Empty: no password."},
    {"token", CONFIG_TEXT, IN(account, token), .min = 0, .max = IPC_NAME_MAX, .initial = "",
        .accept = config_accept_sha256,
        .comment = "For a bearer token: the hash that kurier account token printed. Empty: no "
                   "token."},
    {"profiles", CONFIG_TEXTS, IN(account, profiles), .min = 1, .max = 16, .initial = "default",
        .accept = config_accept_name,
        .comment = "For which profiles it may make challenges and confirm arrivals."},
};

static const struct config_key log_keys[] = {
    {"level", CONFIG_CHOICE, AT(log, level), .initial = "info", .words = levels,
        .comment = "How much is written."},
    {"file", CONFIG_TEXT, IN(log, file), .min = 0, .max = IPC_TEXT_MAX, .initial = "",
        .comment = "A file, within the home or absolute; empty: standard error. It is opened again "
                   "on reload."},
};

static const struct config_key limits_keys[] = {
    {"connections", CONFIG_NUMBER, AT(limits, connections), .min = 1, .max = 60000,
        .initial = "10000", .comment = "Connections at the same time."},
    {"connections_per_source", CONFIG_NUMBER, AT(limits, connections_per_source), .min = 1,
        .max = 60000, .initial = "1000", .comment = "The same, from one address."},
    {"wrong_challenges_per_minute", CONFIG_NUMBER, AT(limits, wrong_challenges_per_minute),
        .min = 1, .max = 100000, .initial = "10",
        .comment = "Wrong challenges of one address; further wrong ones are refused at once, a "
                   "right one still passes. Loopback and trusted proxies are exempt."},
    {"retry_window", CONFIG_DURATION, AT(limits, retry_window_s), .min = 3600, .max = YEAR,
        .initial = "30d",
        .comment = "So long the same request gets the same certificate again, but never beyond "
                   "half of its life."},
};

static const struct config_key crl_keys[] = {
    {"valid", CONFIG_DURATION, AT(crl, valid_s), .min = 3600, .max = YEAR, .initial = "7d",
        .comment = "From a CRL's making to its nextUpdate."},
    {"renew_before", CONFIG_DURATION, AT(crl, renew_before_s), .min = 60, .max = YEAR,
        .initial = "2d", .comment = "A new CRL is made so long before nextUpdate."},
};

static const struct config_key users_keys[] = {
    {"front", CONFIG_TEXT, IN(users, front), .min = 1, .max = IPC_NAME_MAX,
        .initial = "kurier-front", .accept = config_accept_user,
        .comment = "Of the process that listens."},
    {"ledger", CONFIG_TEXT, IN(users, ledger), .min = 1, .max = IPC_NAME_MAX,
        .initial = "kurier-ledger", .accept = config_accept_user,
        .comment = "Of the process that owns the database."},
    {"signer", CONFIG_TEXT, IN(users, signer), .min = 1, .max = IPC_NAME_MAX,
        .initial = "kurier-signer", .accept = config_accept_user,
        .comment = "Of the process that owns the keys."},
    {"notifier", CONFIG_TEXT, IN(users, notifier), .min = 1, .max = IPC_NAME_MAX,
        .initial = "kurier-notifier", .accept = config_accept_user,
        .comment = "Of the process that talks to services outside."},
};

static const struct config_key ca_keys[] = {
    {"key", CONFIG_TEXT, IN(ca, key), .min = 0, .max = IPC_NAME_MAX, .initial = "",
        .accept = config_accept_key_uri,
        .comment =
            "Where its private key is: file:NAME, in the signer's folder of the home. Empty: "
            "file:ca-NAME.key with the CA's own name."},
};

static const struct config_key endpoint_keys[] = {
    {"paths", CONFIG_TEXTS, IN(endpoint, paths), .min = 1, .max = 16,
        .initial = "/scep, /certsrv/mscep/mscep.dll, /cgi-bin/pkiclient.exe",
        .accept = config_accept_path,
        .comment = "Where devices reach it. A path may be followed by a profile's name "
                   "(/scep/<profile>) and by /pkiclient.exe."},
    {"ndes_paths", CONFIG_TEXTS, IN(endpoint, ndes_paths), .min = 0, .max = 16,
        .initial = "/certsrv/mscep/mscep.dll", .accept = config_accept_path,
        .comment = "Those of the paths that answer as NDES does: refusals carry Microsoft's "
                   "HRESULT."},
    {"profiles", CONFIG_TEXTS, IN(endpoint, profiles), .min = 1, .max = 16, .initial = "default",
        .accept = config_accept_name,
        .comment = "What may be requested here; the first is used when the path names none."},
    {"ca", CONFIG_TEXT, IN(endpoint, ca), .min = 1, .max = IPC_NAME_MAX, .initial = "default",
        .accept = config_accept_name, .comment = "The CA that issues."},
    {"policies", CONFIG_TEXTS, IN(endpoint, policies), .min = 1, .max = 8, .initial = "challenge",
        .accept = config_accept_name,
        .comment = "Who is asked before a certificate is issued, and told afterwards. All that "
                   "are asked must agree: challenge is Kurier itself, every other name is one of "
                   "the section policies."},
    {"allow_3des", CONFIG_FLAG, AT(endpoint, allow_3des), .initial = "yes",
        .comment = "Older clients encrypt with triple DES. Newer ones use AES either way."},
    {"allow_sha1", CONFIG_FLAG, AT(endpoint, allow_sha1), .initial = "yes",
        .comment = "Older clients sign their messages with SHA-1. Certificates never are."},
    {"allow_get", CONFIG_FLAG, AT(endpoint, allow_get), .initial = "yes",
        .comment = "Some clients send requests by GET (certmonger always)."},
    {"failure_content", CONFIG_CHOICE, AT(endpoint, failure_content), .initial = "empty",
        .words = contents,
        .comment = "The content of FAILURE and PENDING answers: absent is the letter of RFC 8894, "
                   "empty is what every client reads (certmonger needs it)."},
    {"ca_chain", CONFIG_FLAG, AT(endpoint, ca_chain), .initial = "yes",
        .comment = "GetCACert also has the certificates above the CA."},
    {"certificate_with_ca", CONFIG_FLAG, AT(endpoint, certificate_with_ca), .initial = "yes",
        .comment = "The CA's certificate follows the issued one (Cisco needs it, Juniper forbids "
                   "it)."},
    {"renewal_by_pkcsreq", CONFIG_FLAG, AT(endpoint, renewal_by_pkcsreq), .initial = "yes",
        .comment = "A PKCSReq signed with a certificate of ours renews it without a challenge "
                   "(certmonger, sscep, Apple, Windows)."},
    {"attributes_as_sent", CONFIG_FLAG, AT(endpoint, attributes_as_sent), .initial = "no",
        .comment = "Accept signatures over attributes in the order in which they were sent, not "
                   "only sorted as DER wants."},
};

static const struct config_key profile_keys[] = {
    {"valid", CONFIG_DURATION, AT(profile, valid_s), .min = 600, .max = 30 * YEAR,
        .initial = "365d", .comment = "How long a certificate is valid."},
    {"backdate", CONFIG_DURATION, AT(profile, backdate_s), .min = 0, .max = DAY, .initial = "5m",
        .comment = "notBefore is so long ago, for devices whose clock is slow."},
    {"renew_before", CONFIG_DURATION, AT(profile, renew_before_s), .min = 60, .max = 30 * YEAR,
        .initial = "365d",
        .comment = "A certificate may be renewed so long before its end; as long as valid: at any "
                   "time."},
    {"challenge_ttl", CONFIG_DURATION, AT(profile, challenge_ttl_s), .min = 60, .max = YEAR,
        .initial = "60m", .comment = "How long a new challenge may be used."},
    {"approval", CONFIG_FLAG, AT(profile, approval), .initial = "no",
        .comment = "Requests wait, after their challenge was right, for kurier request approve."},
    {"key_usage", CONFIG_CHOICES, AT(profile, key_usage), .min = 1,
        .initial = "digitalSignature, keyEncipherment", .words = key_usages,
        .comment = "The KeyUsage of its certificates."},
    {"extended_key_usage", CONFIG_TEXTS, IN(profile, ekus), .min = 0, .max = 12,
        .initial = "clientAuth", .accept = config_accept_eku,
        .comment = "Names or dotted OIDs; an empty list: no such extension."},
    {"san_types", CONFIG_CHOICES, AT(profile, san_types), .min = 0,
        .initial = "dns, email, uri, upn", .words = san_types,
        .comment = "Kinds of subjectAltName that a request may have."},
    {"sid", CONFIG_CHOICE, AT(profile, sid), .initial = "drop", .words = sids,
        .comment = "The Windows security identifier that a request may ask for "
                   "(1.3.6.1.4.1.311.25.2). With it a domain controller takes the certificate for "
                   "that user or computer: from-request copies what the device asks for, so only "
                   "where what authorises a request vouches for it. drop leaves it out."},
    {"allow_empty_subject", CONFIG_FLAG, AT(profile, allow_empty_subject), .initial = "no",
        .comment = "A request may have no subject when it has a subjectAltName."},
    {"same_key_renewal", CONFIG_FLAG, AT(profile, allow_same_key_renewal), .initial = "yes",
        .comment = "A renewal may keep its key (certmonger's resubmit does)."},
    {"key_types", CONFIG_CHOICES, AT(profile, key_types), .min = 1, .initial = "rsa, ec",
        .words = key_types, .comment = "Kinds of key that are certified."},
    {"min_rsa_bits", CONFIG_NUMBER, AT(profile, min_rsa_bits), .min = 1024, .max = 8192,
        .initial = "2048", .comment = "The shortest RSA key."},
    {"max_rsa_bits", CONFIG_NUMBER, AT(profile, max_rsa_bits), .min = 1024, .max = 8192,
        .initial = "4096", .comment = "The longest RSA key."},
    {"static_challenge", CONFIG_TEXT, IN(profile, static_challenge), .min = 0,
        .max = CONFIG_STATIC_CHALLENGE_MAX, .initial = "",
        .comment = "One challenge for everybody, at least 8 characters, instead of one for each "
                   "device. Whoever learns it gets certificates: a warning is logged at every "
                   "start."},
};

static const struct config_key policy_keys[] = {
    {"type", CONFIG_CHOICE, AT(policy, type), .words = policy_types,
        .comment = "What kind of service it is. It must be said."},
    {"asked", CONFIG_FLAG, AT(policy, asked), .initial = "yes",
        .comment = "It is asked before a certificate is issued; no: it is told only."},
    {"notify", CONFIG_CHOICE, AT(policy, notify), .initial = "usual", .words = notices,
        .comment = "before-answer: a device gets its certificate when the service has taken the "
                   "notice of it, which is Intune's rule and usual there. after-answer: the "
                   "notice follows, which is usual for a webhook."},
    {"events", CONFIG_TEXTS, IN(policy, events), .min = 0, .max = 32, .initial = "*",
        .accept = config_accept_event,
        .comment = "What it is told; * is everything, an empty list nothing. Intune knows issued "
                   "and failed."},
    {"url", CONFIG_TEXT, IN(policy, url), .min = 0, .max = IPC_TEXT_MAX, .initial = "",
        .accept = config_accept_service,
        .comment = "Where a webhook is. http is for loopback only."},
    {"secret", CONFIG_TEXT, IN(policy, secret), .min = 0, .max = IPC_NAME_MAX, .initial = "",
        .accept = config_accept_secret,
        .comment = "The name of the secret, as kurier secret set has it: the key with which a "
                   "webhook's messages are signed, or the client secret of Intune's app "
                   "registration."},
    {"assertion_certificate", CONFIG_TEXT, IN(policy, assertion_certificate), .min = 0,
        .max = IPC_NAME_MAX, .initial = "", .accept = config_accept_secret,
        .comment = "In place of a client secret: the name under which kurier secret set has the "
                   "certificate (PEM) that is registered at the app."},
    {"assertion_key", CONFIG_TEXT, IN(policy, assertion_key), .min = 0, .max = IPC_NAME_MAX,
        .initial = "", .accept = config_accept_secret,
        .comment = "The name under which kurier secret set has its private key (PEM, RSA)."},
    {"ca_file", CONFIG_TEXT, IN(policy, ca_file), .min = 0, .max = IPC_NAME_MAX, .initial = "",
        .accept = config_accept_secret,
        .comment = "The name under which kurier secret set has the CA certificates (PEM) that "
                   "alone are believed for this service. Empty: those of the system."},
    {"proxy", CONFIG_TEXT, IN(policy, proxy), .min = 0, .max = IPC_TEXT_MAX, .initial = "",
        .accept = config_accept_proxy,
        .comment = "An HTTP proxy on the way, as http://[USER:PASSWORD@]HOST:PORT."},
    {"timeout", CONFIG_DURATION, AT(policy, timeout_s), .min = 1, .max = 25, .initial = "10s",
        .comment = "The longest that one call may take."},
    {"tenant", CONFIG_TEXT, IN(policy, tenant), .min = 0, .max = IPC_NAME_MAX, .initial = "",
        .accept = config_accept_id,
        .comment = "Intune: the tenant, as an id or as example.onmicrosoft.com."},
    {"client_id", CONFIG_TEXT, IN(policy, client_id), .min = 0, .max = IPC_NAME_MAX, .initial = "",
        .accept = config_accept_id, .comment = "Intune: the id of the app registration."},
    {"authority", CONFIG_TEXT, IN(policy, authority), .min = 1, .max = IPC_TEXT_MAX,
        .initial = "https://login.microsoftonline.com/", .accept = config_accept_service,
        .comment = "Intune: who gives out tokens."},
    {"graph_url", CONFIG_TEXT, IN(policy, graph_url), .min = 1, .max = IPC_TEXT_MAX,
        .initial = "https://graph.microsoft.com/", .accept = config_accept_service,
        .comment = "Intune: who knows where Intune's services are."},
    {"resource_url", CONFIG_TEXT, IN(policy, resource_url), .min = 1, .max = IPC_TEXT_MAX,
        .initial = "https://api.manage.microsoft.com/", .accept = config_accept_service,
        .comment = "Intune: for whom its tokens are."},
    {"app_id", CONFIG_TEXT, IN(policy, app_id), .min = 1, .max = IPC_NAME_MAX,
        .initial = "0000000a-0000-0000-c000-000000000000", .accept = config_accept_id,
        .comment = "Intune: the id of Intune itself among a tenant's services."},
    {"hresult", CONFIG_CHOICE, AT(policy, is_hresult_unsigned), .initial = "signed",
        .words = hresults,
        .comment = "Intune: how the code of a failure is written, -2146885613 or 2148081683."},
    {"revocations", CONFIG_DURATION, AT(policy, revocations_s), .min = 0, .max = DAY,
        .initial = "10m",
        .comment = "Intune: how often it is asked for certificates to be revoked; 0: never."},
};

static const struct config_section listener_section = {
    "listener", sizeof(struct config_listener), KEYS(listener_keys)};
static const struct config_section log_section = {"log", sizeof(struct config_log), KEYS(log_keys)};
static const struct config_section limits_section = {
    "limits", sizeof(struct config_limits), KEYS(limits_keys)};
static const struct config_section crl_section = {"crl", sizeof(struct config_crl), KEYS(crl_keys)};
static const struct config_section users_section = {
    "users", sizeof(struct config_users), KEYS(users_keys)};
static const struct config_section ca_section = {"CA", sizeof(struct config_ca), KEYS(ca_keys)};
static const struct config_section endpoint_section = {
    "endpoint", sizeof(struct config_endpoint), KEYS(endpoint_keys)};
static const struct config_section policy_section = {
    "policy", sizeof(struct config_policy), KEYS(policy_keys)};
static const struct config_section profile_section = {
    "profile", sizeof(struct config_profile), KEYS(profile_keys)};
static const struct config_section admin_section = {
    "admin", sizeof(struct config_admin), KEYS(admin_keys)};
static const struct config_section account_section = {
    "account", sizeof(struct config_account), KEYS(account_keys)};

static const struct config_key settings_keys[] = {
    {"listen", CONFIG_SEQUENCE, AT(settings, listeners), .max = CONFIG_LISTENERS_MAX,
        .count_offset = offsetof(struct config_settings, listener_count),
        .section = &listener_section,
        .comment = "Where devices connect. An address alone serves everything; [::]:80 is every "
                   "IPv6 address, 0.0.0.0:80 every IPv4 address."},
    {"public_url", CONFIG_TEXT, IN(settings, public_url), .min = 0, .max = CONFIG_URL_MAX,
        .initial = "", .accept = config_accept_url,
        .comment = "How devices reach this server. When it is set, certificates name it for their "
                   "CRL and CA certificate. Use http, not https, there: a client that checks a "
                   "certificate must not need another one for it."},
    {"trusted_proxies", CONFIG_TEXTS, IN(settings, trusted_proxies), .min = 0,
        .max = CONFIG_PROXIES_MAX, .initial = "", .accept = config_accept_network,
        .comment = "Addresses or networks whose X-Forwarded-For is believed."},
    {"confinement", CONFIG_CHOICE, AT(settings, is_strict), .initial = "normal",
        .words = confinements,
        .comment = "strict: do not start where the kernel or this system lacks part of the "
                   "confinement, instead of a warning."},
    {"log", CONFIG_SECTION, AT(settings, log), .section = &log_section,
        .comment = "The log, one line an event."},
    {"endpoints", CONFIG_OBJECTS, AT(settings, endpoints), .max = CONFIG_ENDPOINTS_MAX,
        .count_offset = offsetof(struct config_settings, endpoint_count),
        .section = &endpoint_section,
        .comment = "An endpoint is what a device talks to: paths, profiles, a CA, and how liberal "
                   "it is."},
    {"profiles", CONFIG_OBJECTS, AT(settings, profiles), .max = CONFIG_PROFILES_MAX,
        .count_offset = offsetof(struct config_settings, profile_count),
        .section = &profile_section,
        .comment = "A profile decides what a certificate looks like and who gets one."},
    {"policies", CONFIG_OBJECTS, AT(settings, policies), .max = CONFIG_POLICIES_MAX,
        .count_offset = offsetof(struct config_settings, policy_count), .is_optional = true,
        .section = &policy_section,
        .comment = "Services outside that are asked before a certificate is issued, or told what "
                   "became of it: webhooks and Intune. Their secrets are put in place by kurier "
                   "secret set."},
    {"ca", CONFIG_OBJECTS, AT(settings, cas), .max = CONFIG_CAS_MAX,
        .count_offset = offsetof(struct config_settings, ca_count), .section = &ca_section,
        .comment = "Certification authorities."},
    {"admin", CONFIG_SECTION, AT(settings, admin), .section = &admin_section,
        .comment = "What listeners with the purpose admin serve."},
    {"accounts", CONFIG_OBJECTS, AT(settings, accounts), .max = CONFIG_ACCOUNTS_MAX,
        .count_offset = offsetof(struct config_settings, account_count), .is_optional = true,
        .section = &account_section,
        .comment = "Who may use listeners with the purpose admin, by name."},
    {"crl", CONFIG_SECTION, AT(settings, crl), .section = &crl_section,
        .comment = "Certificate revocation lists. A revocation makes a new one at once."},
    {"limits", CONFIG_SECTION, AT(settings, limits), .section = &limits_section,
        .comment = "How much one server takes."},
    {"users", CONFIG_SECTION, AT(settings, users), .section = &users_section,
        .comment = "The system users of Kurier's processes when it is started as root. Taken at "
                   "start, not on reload."},
};

static const struct config_section settings_section = {
    "file", sizeof(struct config_settings), KEYS(settings_keys)};

#define FEW_KEYS(table)                                                                            \
    _Static_assert(sizeof(table) / sizeof((table)[0]) <= CONFIG_KEYS_MAX, "raise CONFIG_KEYS_MAX")
FEW_KEYS(endpoint_keys);
FEW_KEYS(profile_keys);
FEW_KEYS(policy_keys);
FEW_KEYS(settings_keys);

const struct config_section *
config_schema(void)
{
    return &settings_section;
}
