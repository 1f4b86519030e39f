#include "front/auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "base/secret.h"
#include "base/text.h"
#include "front/password_worker.h"
#include "front/rates.h"
#include "front/route.h"
#include "pki/algorithm.h"
#include "pki/password.h"

#include "base/banned.h"

#define WRONG_MS 1000        /* an answer to a wrong one is not ready sooner */
#define KNOWN_MS 300000      /* a right password is known again for so long */
#define KNOWN_MAX 64         /* one for each account */
#define CREDENTIALS_MAX 2048 /* of the Authorization field, decoded */

/* One question, from its header field to its answer. */
struct check {
    LIST_ENTRY(check) links;
    struct front_auth *auth;
    uint64_t id;
    front_auth_done done;
    void *arg;
    char source[FRONT_HTTP_SOURCE_LEN];
    char account[IPC_NAME_MAX + 1]; /* as it was said; empty: a token, or no name of ours */
    bool is_known_account;
    uint8_t mac[32]; /* of account and password */
    int64_t begun_ms;
    struct event *delay;
};
LIST_HEAD(check_list, check);

/* A password that was right a moment ago. */
struct known {
    uint8_t mac[32];
    int64_t until_ms; /* monotonic; 0: free */
};

struct front_auth {
    struct front *front;
    struct front_password_worker *worker; /* owned */
    struct front_rates *rates;            /* owned */
    uint8_t key[32];                      /* of the macs; this process' own */
    uint64_t last_id;
    struct check_list checks;
    struct known known[KNOWN_MAX];
};

static void on_checked(void *arg, uint64_t id, bool is_right);

struct front_auth *
front_auth_new(struct front *front)
{
    struct front_auth *auth = calloc(1, sizeof(*auth));
    uint64_t rates_key = 0;
    if (auth == NULL) {
        return NULL;
    }
    auth->front = front;
    LIST_INIT(&auth->checks);
    if (base_random_fill(&front->random, auth->key, sizeof(auth->key), NULL) == BASE_OK &&
        base_random_fill(&front->random, (uint8_t *)&rates_key, sizeof(rates_key), NULL) ==
            BASE_OK) {
        auth->worker = front_password_worker_new(front->base, on_checked, auth);
        auth->rates = front_rates_new(rates_key);
    }
    if (auth->worker == NULL || auth->rates == NULL) {
        front_auth_free(auth);
        return NULL;
    }
    return auth;
}

static void
check_free(struct check *check)
{
    LIST_REMOVE(check, links);
    if (check->delay != NULL) {
        event_free(check->delay);
    }
    explicit_bzero(check, sizeof(*check));
    free(check);
}

void
front_auth_free(struct front_auth *auth)
{
    if (auth == NULL) {
        return;
    }
    front_password_worker_free(auth->worker);
    while (!LIST_EMPTY(&auth->checks)) {
        check_free(LIST_FIRST(&auth->checks));
    }
    front_rates_free(auth->rates);
    explicit_bzero(auth, sizeof(*auth));
    free(auth);
}

void
front_auth_forget(struct front_auth *auth)
{
    explicit_bzero(auth->known, sizeof(auth->known));
}

static int64_t
now_ms(const struct front_auth *auth)
{
    return base_clock_mono_ms(&auth->front->clock);
}

static const struct front_admin_settings *
limits(const struct front_auth *auth)
{
    return front_settings_peek_admin(auth->front->settings);
}

static void
log_refused(const struct check *check, enum base_code code)
{
    struct base_error why;
    struct base_log_record record;
    (void)base_fail(&why, code, "%s", code == E_AUTH_RATE ? "too often" : "wrong");
    base_log_begin(&record, check->auth->front->log, BASE_LOG_WARN, "account_refused", BYTES_NONE);
    base_log_word(&record, "source", check->source);
    /* A name that is none of ours may be a password in the wrong field. */
    base_log_word(&record, "account", check->is_known_account ? check->account : "unknown");
    base_log_code(&record, &why);
    base_log_end(&record);
}

static void
tell(struct check *take_check, enum base_code code, unsigned retry_after_s)
{
    front_auth_done done = take_check->done;
    void *arg = take_check->arg;
    char account[IPC_NAME_MAX + 1] = "";
    memcpy(account, take_check->account, sizeof(account));
    check_free(take_check);
    done(arg, code, bytes_from_text(code == BASE_OK ? account : ""), retry_after_s);
}

/* ---- right
 * ------------------------------------------------------------------------------------------------------
 */

static void
tell_right(struct check *take_check)
{
    struct front_auth *auth = take_check->auth;
    unsigned retry_after_s = 0;
    if (!front_rates_take(auth->rates, FRONT_RATE_ACCOUNT, bytes_from_text(take_check->account),
            limits(auth)->requests_per_minute, now_ms(auth), &retry_after_s)) {
        log_refused(take_check, E_AUTH_RATE);
        tell(take_check, E_AUTH_RATE, retry_after_s);
        return;
    }
    tell(take_check, BASE_OK, 0);
}

static void
remember(struct front_auth *auth, const uint8_t mac[32])
{
    struct known *place = &auth->known[0];
    for (size_t i = 0; i < KNOWN_MAX; i++) {
        if (auth->known[i].until_ms < place->until_ms) {
            place = &auth->known[i];
        }
    }
    memcpy(place->mac, mac, sizeof(place->mac));
    place->until_ms = now_ms(auth) + KNOWN_MS;
}

static bool
is_remembered(const struct front_auth *auth, const uint8_t mac[32])
{
    bool is_found = false;
    for (size_t i = 0; i < KNOWN_MAX; i++) {
        bool is_it = base_secret_equal(BYTES_ARRAY(auth->known[i].mac), (struct bytes){mac, 32});
        is_found = is_found || (is_it && auth->known[i].until_ms > now_ms(auth));
    }
    return is_found;
}

/* ---- wrong
 * ------------------------------------------------------------------------------------------------------
 */

static void
on_delay_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell(arg, E_AUTH_NEEDED, 0);
}

/* Not before its second is over. */
static void
tell_wrong(struct check *take_check)
{
    struct front_auth *auth = take_check->auth;
    int64_t left_ms = take_check->begun_ms + WRONG_MS - now_ms(auth);
    log_refused(take_check, E_AUTH_NEEDED);
    left_ms = left_ms < 1 ? 1 : left_ms;
    const struct timeval wait = {left_ms / 1000, left_ms % 1000 * 1000};
    take_check->delay = evtimer_new(auth->front->base, on_delay_over, take_check);
    if (take_check->delay == NULL || event_add(take_check->delay, &wait) != 0) {
        tell(take_check, E_NO_MEMORY, 0);
    }
}

/* A place among the wrong ones, before anything is looked at: many at once must not pass together.
 * False: there is none, and that was told. */
static bool
take_place(struct check *check)
{
    struct front_auth *auth = check->auth;
    struct bytes source = bytes_from_text(check->source);
    uint32_t max = limits(auth)->wrong_passwords_per_minute;
    unsigned retry_after_s = 0;
    bool has_place = front_rates_take(
        auth->rates, FRONT_RATE_WRONG_SOURCE, source, max, now_ms(auth), &retry_after_s);
    if (has_place && check->is_known_account &&
        !front_rates_take(auth->rates, FRONT_RATE_WRONG_ACCOUNT, bytes_from_text(check->account),
            max, now_ms(auth), &retry_after_s)) {
        front_rates_give_back(auth->rates, FRONT_RATE_WRONG_SOURCE, source, now_ms(auth));
        has_place = false;
    }
    if (!has_place) {
        log_refused(check, E_AUTH_RATE);
        tell(check, E_AUTH_RATE, retry_after_s);
    }
    return has_place;
}

static void
give_place_back(struct check *check)
{
    struct front_auth *auth = check->auth;
    front_rates_give_back(
        auth->rates, FRONT_RATE_WRONG_SOURCE, bytes_from_text(check->source), now_ms(auth));
    front_rates_give_back(
        auth->rates, FRONT_RATE_WRONG_ACCOUNT, bytes_from_text(check->account), now_ms(auth));
}

/* ---- checking
 * ---------------------------------------------------------------------------------------------------
 */

static void
on_checked(void *arg, uint64_t id, bool is_right)
{
    struct front_auth *auth = arg;
    struct check *check = NULL;
    LIST_FOREACH(check, &auth->checks, links)
    {
        if (check->id == id) {
            break;
        }
    }
    if (check == NULL) {
        return;
    }
    /* An unknown account was compared with somebody else's password. */
    if (is_right && check->is_known_account) {
        give_place_back(check);
        remember(auth, check->mac);
        tell_right(check);
    } else {
        tell_wrong(check);
    }
}

static void
check_token(struct check *check, struct bytes token)
{
    struct front_auth *auth = check->auth;
    const struct front_account *account =
        front_accounts_find_token(front_settings_accounts(auth->front->settings), token);
    if (account != NULL) {
        memcpy(check->account, account->name.ptr, account->name.len);
        check->is_known_account = true;
        tell_right(check);
    } else if (take_place(check)) {
        tell_wrong(check);
    }
}

static void
check_password(struct check *check, struct bytes name, struct bytes password)
{
    struct front_auth *auth = check->auth;
    const struct front_accounts *accounts = front_settings_accounts(auth->front->settings);
    const struct front_account *account = front_accounts_find(accounts, name);
    struct base_error err;
    check->is_known_account = account != NULL && account->password.len > 0;
    if (check->is_known_account) {
        memcpy(check->account, name.ptr, name.len);
    } else {
        account = front_accounts_first_password(accounts);
    }
    const struct bytes parts[] = {name, BYTES_LITERAL("\n"), password};
    if (pki_hmac_sha256(BYTES_ARRAY(auth->key), parts, 3, check->mac, &err) != BASE_OK) {
        tell(check, E_NO_MEMORY, 0);
    } else if (check->is_known_account && is_remembered(auth, check->mac)) {
        tell_right(check);
    } else if (!take_place(check)) {
        return; /* told */
    } else if (account == NULL || password.len > PKI_PASSWORD_MAX) {
        tell_wrong(check);
    } else if (front_password_worker_ask(
                   auth->worker, check->id, account->password, password, &err) != BASE_OK) {
        give_place_back(check);
        tell(check, E_PEER_BUSY, 0);
    }
}

/* What follows "Basic " or "Bearer " (any letter case, RFC 9110, section 11.1). */
static bool
take_scheme(struct bytes field, const char *scheme, struct bytes *out_rest)
{
    size_t len = strlen(scheme);
    if (field.len <= len || strncasecmp((const char *)field.ptr, scheme, len) != 0 ||
        field.ptr[len] != ' ') {
        return false;
    }
    *out_rest = bytes_skip(field, len);
    while (out_rest->len > 0 && out_rest->ptr[0] == ' ') {
        *out_rest = bytes_skip(*out_rest, 1);
    }
    return true;
}

static void
check_basic(struct check *check, struct bytes encoded)
{
    BUFFER_LOCAL(decoded, CREDENTIALS_MAX);
    struct bytes whole = BYTES_NONE;
    const uint8_t *colon = NULL;
    if (base_base64_decode(encoded, &decoded, NULL) == BASE_OK && decoded.len > 0) {
        whole = buffer_bytes(&decoded);
        colon = memchr(whole.ptr, ':', whole.len);
    }
    if (colon == NULL) {
        if (take_place(check)) {
            tell_wrong(check);
        }
        return;
    }
    struct bytes name = {whole.ptr, (size_t)(colon - whole.ptr)};
    check_password(check, name, bytes_skip(whole, name.len + 1));
}

void
front_auth_check(struct front_auth *auth, const struct front_http_request *request,
    const char *source, front_auth_done done, void *arg)
{
    struct bytes field = BYTES_NONE;
    struct bytes second = BYTES_NONE;
    struct bytes rest = BYTES_NONE;
    if (!front_http_find_field(request, "Authorization", 0, &field) ||
        front_http_find_field(request, "Authorization", 1, &second)) {
        done(arg, E_AUTH_NEEDED, BYTES_NONE, 0);
        return;
    }
    if (!request->is_tls && !front_route_is_loopback(&request->source)) {
        done(arg, E_AUTH_PLAIN, BYTES_NONE, 0);
        return;
    }
    struct check *check = calloc(1, sizeof(*check));
    if (check == NULL) {
        done(arg, E_NO_MEMORY, BYTES_NONE, 0);
        return;
    }
    check->auth = auth;
    check->id = ++auth->last_id;
    check->done = done;
    check->arg = arg;
    check->begun_ms = now_ms(auth);
    memcpy(check->source, source, FRONT_HTTP_SOURCE_LEN);
    LIST_INSERT_HEAD(&auth->checks, check, links);
    if (take_scheme(field, "Bearer", &rest)) {
        check_token(check, rest);
    } else if (take_scheme(field, "Basic", &rest)) {
        check_basic(check, rest);
    } else {
        tell(check, E_AUTH_NEEDED, 0);
    }
}
