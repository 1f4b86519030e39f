#include "front/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/text.h"
#include "front/api.h"
#include "front/api_json.h"
#include "front/auth.h"
#include "front/calls.h"
#include "front/challenge_page.h"
#include "front/route.h"

#include "base/banned.h"

#define PAGE_PATH "/certsrv/mscep_admin"
#define PAGE_DLL_PATH "/certsrv/mscep_admin/mscep_admin.dll"
#define CHALLENGES_PATH "/api/v1/challenges"
#define PAGE_REALM "Basic realm=\"kurier\", charset=\"UTF-8\""
#define URL_MAX 2048

enum action { ACTION_PAGE, ACTION_CHALLENGE, ACTION_CONFIRM };

/* One request, from its arrival to its answer. */
struct task {
    LIST_ENTRY(task) links;
    struct front_admin *admin;
    struct front_http_request *http;
    enum action action;
    uint64_t delivery_id; /* ACTION_CONFIRM */
    char source[FRONT_HTTP_SOURCE_LEN];
    char account[IPC_NAME_MAX + 1];
    char profile[IPC_NAME_MAX + 1];
};
LIST_HEAD(task_list, task);

struct front_admin {
    struct front *front;
    struct task_list tasks;
};

struct front_admin *
front_admin_new(struct front *front)
{
    struct front_admin *admin = calloc(1, sizeof(*admin));
    if (admin != NULL) {
        admin->front = front;
        LIST_INIT(&admin->tasks);
    }
    return admin;
}

/* The request is the caller's to answer afterwards. */
static struct front_http_request *
end(struct task *take_task)
{
    struct front_http_request *http = take_task->http;
    LIST_REMOVE(take_task, links);
    free(take_task);
    return http;
}

void
front_admin_free(struct front_admin *admin)
{
    if (admin != NULL) {
        while (!LIST_EMPTY(&admin->tasks)) {
            front_http_answer_status(end(LIST_FIRST(&admin->tasks)), 503, 1);
        }
        free(admin);
    }
}

static void
log_done(const struct task *task, const char *event, uint64_t delivery_id)
{
    struct base_log_record record;
    base_log_begin(&record, task->admin->front->log, BASE_LOG_INFO, event, BYTES_NONE);
    base_log_word(&record, "account", task->account);
    base_log_word(&record, "source", task->source);
    if (delivery_id != 0) {
        base_log_number(&record, "delivery", (int64_t)delivery_id);
    }
    base_log_end(&record);
}

static void
log_refused(const struct task *task, const struct base_error *why)
{
    struct base_log_record record;
    base_log_begin(
        &record, task->admin->front->log, BASE_LOG_INFO, "administration_refused", BYTES_NONE);
    base_log_word(&record, "account", task->account[0] == '\0' ? "none" : task->account);
    base_log_word(&record, "source", task->source);
    base_log_code(&record, why);
    base_log_end(&record);
}

/* ---- the page
 * ---------------------------------------------------------------------------------------------------
 */

static void
answer_page(
    struct task *take_task, enum front_challenge_page kind, const struct ipc_challenge_made *made)
{
    struct front *front = take_task->admin->front;
    bool is_utf8 = front_settings_peek_admin(front->settings)->is_page_utf8;
    const struct front_endpoint *endpoint =
        front_settings_find_by_profile(front->settings, bytes_from_text(take_task->profile));
    const struct front_ca *ca =
        endpoint == NULL ? NULL : front_authorities_find(front->authorities, endpoint->ca);
    struct bytes challenge = made == NULL ? BYTES_NONE : made->challenge;
    int64_t left_ms = made == NULL ? 0 : made->expires_ms - base_clock_now_ms(&front->clock);
    struct base_error err;
    BUFFER_LOCAL(page, 2 * FRONT_CHALLENGE_PAGE_MAX);
    enum base_code code =
        ca == NULL && kind == FRONT_PAGE_CHALLENGE
            ? base_fail(&err, E_CA_MISSING, "for the challenge page")
            : front_challenge_page(kind, is_utf8, ca == NULL ? BYTES_NONE : ca->certificate.whole,
                  challenge, (left_ms + 59999) / 60000, &page, &err);
    if (code != BASE_OK) {
        base_log_error(front->log, BASE_LOG_ERROR, "page_failed", &err);
        front_http_answer_status(end(take_task), 503, 1);
        return;
    }
    const struct front_http_answer answer = {.status = 200,
        .content_type = front_challenge_page_type(is_utf8),
        .body = buffer_bytes(&page)};
    front_http_answer(end(take_task), &answer);
}

/* What a browser or a scraper can use: a status, and for NDES's own refusals its page. */
static void
refuse_page(struct task *take_task, const struct base_error *why, unsigned retry_after_s)
{
    unsigned status = front_http_status_of(why->code);
    if (why->code == E_PAGE_FULL || why->code == E_ACCOUNT_PROFILE) {
        answer_page(
            take_task, why->code == E_PAGE_FULL ? FRONT_PAGE_FULL : FRONT_PAGE_PERMISSION, NULL);
        return;
    }
    const struct front_http_answer answer = {.status = status,
        .content_type = "text/plain",
        .body = front_http_reason_text(status),
        .retry_after_s = status == 503 && retry_after_s == 0 ? 5 : retry_after_s,
        .allow = status == 405 ? "GET" : NULL,
        .challenge = status == 401 ? PAGE_REALM : NULL};
    front_http_answer(end(take_task), &answer);
}

/* ---- the API
 * ----------------------------------------------------------------------------------------------------
 */

static void
refuse(struct task *take_task, const struct base_error *why, unsigned retry_after_s)
{
    log_refused(take_task, why);
    if (take_task->action == ACTION_PAGE) {
        refuse_page(take_task, why, retry_after_s);
        return;
    }
    bool is_account = take_task->account[0] != '\0';
    front_api_answer_error(end(take_task), why, is_account, retry_after_s);
}

/* Where devices of this profile enrol; empty when nothing says it. */
static void
scep_url(const struct front *front, struct bytes profile, char out[URL_MAX])
{
    char base[IPC_TEXT_MAX + 16] = "";
    struct bytes url = front_settings_public_url(front->settings);
    const struct front_endpoint *endpoint =
        front_settings_find_by_profile(front->settings, profile);
    struct bytes paths = endpoint == NULL ? BYTES_NONE : endpoint->paths;
    struct bytes profiles = endpoint == NULL ? BYTES_NONE : endpoint->profiles;
    struct bytes path = BYTES_NONE;
    struct bytes first = BYTES_NONE;
    if (url.len > 0) {
        (void)snprintf(
            base, sizeof(base), "%.*s", base_size_to_int(url.len), (const char *)url.ptr);
    }
    out[0] = '\0';
    if ((base[0] == '\0' && !front_listeners_base_url(front->listeners, base, sizeof(base))) ||
        !front_list_next(&paths, &path) || !front_list_next(&profiles, &first)) {
        return;
    }
    bool is_first = bytes_equal(first, profile);
    (void)snprintf(out, URL_MAX, "%s%.*s%s%.*s", base, base_size_to_int(path.len),
        (const char *)path.ptr, is_first ? "" : "/", is_first ? 0 : base_size_to_int(profile.len),
        is_first ? "" : (const char *)profile.ptr);
}

static void
answer_made(struct task *take_task, const struct ipc_challenge_made *made)
{
    struct front *front = take_task->admin->front;
    char url[URL_MAX] = "";
    struct base_error err;
    BUFFER_LOCAL(body, 4096);
    scep_url(front, bytes_from_text(take_task->profile), url);
    const struct front_api_made values = {.challenge = made->challenge,
        .challenge_id = made->challenge_id,
        .expires_ms = made->expires_ms,
        .delivery_id = made->delivery_id,
        .scep_url = url};
    if (front_api_made_encode(&values, &body, &err) != BASE_OK) {
        refuse(take_task, &err, 0);
        return;
    }
    front_api_answer(end(take_task), 201, buffer_bytes(&body));
}

static void
on_made(void *arg, const struct ipc_challenge_made *made)
{
    struct task *task = arg;
    if (made->code != 0) {
        struct base_error why;
        (void)base_fail(&why, (enum base_code)made->code, "%.*s",
            base_size_to_int(made->detail.len), (const char *)made->detail.ptr);
        refuse(task, &why, 0);
        return;
    }
    log_done(task, "challenge_made", made->delivery_id);
    if (task->action == ACTION_PAGE) {
        answer_page(task, FRONT_PAGE_CHALLENGE, made);
    } else {
        answer_made(task, made);
    }
}

static void
on_confirmed(void *arg, enum base_code code)
{
    struct task *task = arg;
    struct base_error why;
    if (code != BASE_OK) {
        (void)base_fail(&why, code, "delivery %llu", (unsigned long long)task->delivery_id);
        refuse(task, &why, 0);
        return;
    }
    log_done(task, "arrival_confirmed", task->delivery_id);
    front_api_answer(end(task), 200, BYTES_LITERAL("{\"confirmed\":true}\n"));
}

/* ---- judging
 * ----------------------------------------------------------------------------------------------------
 */

/* The profile that is asked for, if the account may have it. */
MUST_CHECK static enum base_code
choose_profile(struct task *task, const struct front_account *account, struct bytes wanted,
    struct base_error *err)
{
    if (wanted.len == 0) {
        struct bytes rest = account->profiles;
        (void)front_list_next(&rest, &wanted);
    }
    if (!front_account_may(account, wanted)) {
        return base_fail(err, E_ACCOUNT_PROFILE, "account %s, profile %.*s", task->account,
            base_size_to_int(wanted.len), (const char *)wanted.ptr);
    }
    memcpy(task->profile, wanted.ptr, wanted.len);
    return BASE_OK;
}

MUST_CHECK static enum base_code
order_page(struct task *task, const struct front_account *account, struct base_error *err)
{
    struct front *front = task->admin->front;
    struct bytes profile = front_settings_peek_admin(front->settings)->page_profile;
    TRY(choose_profile(task, account, profile, err));
    struct ipc_challenge_order order = {.profile = bytes_from_text(task->profile),
        .uses = 1,
        .is_page = 1,
        .account = bytes_from_text(task->account)};
    return front_calls_order(front->calls, &order, on_made, task, err);
}

MUST_CHECK static enum base_code
send_order(struct task *task, const struct front_account *account,
    const struct front_api_order *said, struct base_error *err)
{
    TRY(choose_profile(task, account, said->profile, err));
    struct ipc_challenge_order order = {.profile = bytes_from_text(task->profile),
        .device = said->device,
        .subject = said->subject,
        .sans = buffer_bytes(&said->sans),
        .is_san_bound = said->has_sans,
        .ttl_s = said->ttl_s,
        .uses = said->uses,
        .account = bytes_from_text(task->account)};
    return front_calls_order(task->admin->front->calls, &order, on_made, task, err);
}

MUST_CHECK static enum base_code
order_challenge(struct task *task, const struct front_account *account, struct base_error *err)
{
    struct front_api_order said;
    front_api_order_init(&said);
    enum base_code code = front_api_order_parse(task->http->body, &said, err);
    if (code == BASE_OK) {
        code = send_order(task, account, &said, err);
    }
    front_api_order_clear(&said);
    return code;
}

MUST_CHECK static enum base_code
send_confirmation(struct task *task, const struct front_account *account,
    const struct front_api_confirm *said, struct base_error *err)
{
    BUFFER_LOCAL(sha256, 32);
    TRY(base_hex_decode(bytes_from_text(said->certificate_sha256), &sha256, err));
    struct ipc_confirm message = {.delivery_id = task->delivery_id,
        .certificate_sha256 = buffer_bytes(&sha256),
        .installed_ms = said->installed_ms,
        .source = bytes_from_text(task->source),
        .account = bytes_from_text(task->account),
        .profiles = account->profiles};
    return front_calls_confirm(task->admin->front->calls, &message, on_confirmed, task, err);
}

MUST_CHECK static enum base_code
confirm(struct task *task, const struct front_account *account, struct base_error *err)
{
    struct front_api_confirm said;
    front_api_confirm_init(&said);
    enum base_code code = front_api_confirm_parse_management(task->http->body, &said, err);
    if (code == BASE_OK) {
        code = send_confirmation(task, account, &said, err);
    }
    front_api_confirm_clear(&said);
    return code;
}

static void
on_identified(void *arg, enum base_code code, struct bytes name, unsigned retry_after_s)
{
    struct task *task = arg;
    struct front *front = task->admin->front;
    struct base_error err;
    const struct front_account *account =
        code == BASE_OK ? front_accounts_find(front_settings_accounts(front->settings), name)
                        : NULL;
    if (account == NULL) {
        (void)base_fail(&err, code == BASE_OK ? E_AUTH_NEEDED : code, "not identified");
        refuse(task, &err, retry_after_s);
        return;
    }
    memcpy(task->account, name.ptr, name.len);
    switch (task->action) {
    case ACTION_PAGE:
        code = order_page(task, account, &err);
        break;
    case ACTION_CHALLENGE:
        code = order_challenge(task, account, &err);
        break;
    case ACTION_CONFIRM:
        code = confirm(task, account, &err);
        break;
    }
    if (code != BASE_OK) {
        refuse(task, &err, 0);
    }
}

/* ---- arriving
 * ---------------------------------------------------------------------------------------------------
 */

static bool
choose_action(const struct front_path *path, enum action *out, uint64_t *out_delivery_id)
{
    if (front_path_is(path, PAGE_PATH) || front_path_is(path, PAGE_DLL_PATH)) {
        *out = ACTION_PAGE;
        return true;
    }
    if (strcmp(path->text, CHALLENGES_PATH) == 0) {
        *out = ACTION_CHALLENGE;
        return true;
    }
    *out = ACTION_CONFIRM;
    return front_api_confirm_path(path, out_delivery_id);
}

/* What can be said before anybody is known: a HEAD would make a challenge that nobody sees. */
MUST_CHECK static enum base_code
check_form(const struct task *task, struct base_error *err)
{
    if (task->action != ACTION_PAGE) {
        return front_api_check_post(task->http, err);
    }
    return task->http->method == FRONT_HTTP_GET ? BASE_OK
                                                : base_fail(err, E_API_METHOD, "GET is wanted");
}

void
front_admin_request(struct front_admin *admin, struct front_http_request *take_request,
    const struct front_path *path)
{
    enum action action = ACTION_PAGE;
    uint64_t delivery_id = 0;
    bool is_exempt = false;
    struct base_error err;
    if (!choose_action(path, &action, &delivery_id)) {
        (void)base_fail(&err, E_API_PATH, "nothing there");
        front_api_answer_error(take_request, &err, false, 0);
        return;
    }
    struct task *task = calloc(1, sizeof(*task));
    if (task == NULL) {
        front_http_answer_status(take_request, 503, 1);
        return;
    }
    task->admin = admin;
    task->http = take_request;
    task->action = action;
    task->delivery_id = delivery_id;
    front_route_source(admin->front, take_request, task->source, &is_exempt);
    LIST_INSERT_HEAD(&admin->tasks, task, links);
    if (check_form(task, &err) != BASE_OK) {
        refuse(task, &err, 0);
        return;
    }
    front_auth_check(admin->front->auth, take_request, task->source, on_identified, task);
}
