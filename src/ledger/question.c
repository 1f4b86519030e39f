#include "ledger/question.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "ledger/flight.h"
#include "ledger/request.h"
#include "pki/name.h"

#include "base/banned.h"

#define QUESTIONS_MAX 512 /* beyond: 503 */
#define MEMORY_MAX ((size_t)256 * 1024)
#define DEADLINE_MS 14000 /* of the 25 s that a device has, the rest is for issuing and telling */

struct ledger_question {
    struct ledger_question *next;
    uint64_t id; /* policy number i is asked as id + i */
    struct arena memory;
    struct ipc_request request; /* slices into memory */
    struct bytes device;        /* into memory too */
    uint8_t identity[32];
    uint64_t waiters[LEDGER_WAITERS_MAX];
    size_t waiter_count;
    struct bytes policies[LEDGER_POLICIES_MAX];
    bool has_agreed[LEDGER_POLICIES_MAX];
    size_t policy_count;
    int64_t begun_mono_ms;
};

struct ledger_questions {
    struct ledger_question *first;
    size_t count;
};

struct ledger_questions *
ledger_questions_new(void)
{
    return calloc(1, sizeof(struct ledger_questions));
}

void
ledger_questions_free(struct ledger_questions *questions)
{
    while (questions != NULL && questions->first != NULL) {
        struct ledger_question *question = questions->first;
        questions->first = question->next;
        arena_clear(&question->memory);
        free(question);
    }
    free(questions);
}

size_t
ledger_questions_count(const struct ledger_questions *questions)
{
    return questions->count;
}

/* Out of the list; the caller frees it with drop(). */
static void
unlink_question(struct ledger *ledger, struct ledger_question *question)
{
    for (struct ledger_question **at = &ledger->questions->first; *at != NULL; at = &(*at)->next) {
        if (*at == question) {
            *at = question->next;
            ledger->questions->count--;
            return;
        }
    }
}

static void
drop(struct ledger_question *take_question)
{
    arena_clear(&take_question->memory); /* wipes: a challenge is in it */
    free(take_question);
}

/* ---- asking
 * ------------------------------------------------------------------------------------------------------
 */

static const struct ledger_policy *
next_asked(const struct ledger *ledger, const struct ledger_case *it, size_t *at)
{
    while (*at < ledger->settings->policy_count) {
        const struct ledger_policy *policy = &ledger->settings->policies[(*at)++];
        if (policy->is_asked && ledger_list_has(it->endpoint->policies, policy->name)) {
            return policy;
        }
    }
    return NULL;
}

bool
ledger_question_is_needed(const struct ledger *ledger, const struct ledger_case *it)
{
    size_t at = 0;
    return next_asked(ledger, it, &at) != NULL;
}

static void
ask(struct ledger *ledger, const struct ledger_question *question, size_t index)
{
    const struct ipc_request *request = &question->request;
    const struct ledger_endpoint *endpoint =
        ledger_settings_find_endpoint(ledger->settings, request->endpoint);
    const struct ledger_profile *profile =
        endpoint == NULL
            ? NULL
            : ledger_settings_find_profile(ledger->settings, endpoint, request->profile);
    BUFFER_LOCAL(subject, IPC_SUBJECT_MAX);
    BUFFER_LOCAL(sans, 8192);
    struct base_error err;
    enum base_code code =
        request->subject.len == 0 ? BASE_OK : pki_name_text(request->subject, &subject, &err);
    if (code == BASE_OK && request->sans.len > 0) {
        code = pki_sans_text(request->sans, &sans, &err);
    }
    if (code != BASE_OK) { /* longer as text than a policy is told: never issued unasked */
        base_log_error(ledger->log, BASE_LOG_WARN, "policy_not_asked", &err);
        return;
    }
    const struct ipc_verify message = {.request_id = question->id + index,
        .deadline_ms = DEADLINE_MS,
        .policy = question->policies[index],
        .endpoint = request->endpoint,
        .profile = profile == NULL ? request->profile : profile->name,
        .device = question->device,
        .transaction_id = request->transaction_id,
        .source = request->source,
        .subject = buffer_bytes(&subject),
        .sans = buffer_bytes(&sans),
        .challenge = request->challenge,
        .csr = request->csr,
        .renews = request->signer_serial};
    ledger_send(ledger, &ledger->notifier_fd, &ipc_verify_spec, &message, -1);
}

static enum base_code
copy_request(
    struct ledger_question *question, const struct ipc_request *request, struct base_error *err)
{
    struct ipc_request *to = &question->request;
    *to = *request;
    struct bytes *const slices[] = {&to->endpoint, &to->profile, &to->transaction_id, &to->source,
        &to->spki, &to->subject, &to->sans, &to->challenge, &to->signer_serial, &to->signer_sha256,
        &to->tolerances, &to->cipher, &to->digest, &to->csr};
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        TRY(arena_copy(&question->memory, *slices[i], slices[i], err));
    }
    return BASE_OK;
}

static enum base_code
load(struct ledger *ledger, const struct ledger_case *it, struct ledger_question *question,
    struct base_error *err)
{
    size_t at = 0;
    TRY(copy_request(question, it->request, err));
    TRY(arena_copy(&question->memory, ledger_case_device(it), &question->device, err));
    memcpy(question->identity, it->identity, sizeof(question->identity));
    for (const struct ledger_policy *policy = next_asked(ledger, it, &at); policy != NULL;
         policy = next_asked(ledger, it, &at)) {
        TRY(arena_copy(
            &question->memory, policy->name, &question->policies[question->policy_count++], err));
    }
    return BASE_OK;
}

static struct ledger_question *
find_identity(const struct ledger_questions *questions, const uint8_t identity[32])
{
    struct ledger_question *question = questions->first;
    while (question != NULL && memcmp(question->identity, identity, 32) != 0) {
        question = question->next;
    }
    return question;
}

enum base_code
ledger_question_begin(struct ledger *ledger, const struct ledger_case *it, struct base_error *err)
{
    struct ledger_question *question = find_identity(ledger->questions, it->identity);
    if (question != NULL) {
        if (question->waiter_count == LEDGER_WAITERS_MAX) {
            return base_fail(err, E_PEER_BUSY, "too many wait for one answer");
        }
        question->waiters[question->waiter_count++] = it->request->request_id;
        return BASE_OK;
    }
    if (ledger->notifier_fd < 0) {
        return base_fail(err, E_POLICY_UNAVAILABLE, "there is no notifier now");
    }
    if (ledger->questions->count == QUESTIONS_MAX) {
        return base_fail(err, E_PEER_BUSY, "%d requests wait for policies", QUESTIONS_MAX);
    }
    question = calloc(1, sizeof(*question));
    if (question == NULL) {
        return base_fail(err, E_NO_MEMORY, "question");
    }
    arena_init(&question->memory, MEMORY_MAX);
    enum base_code code = load(ledger, it, question, err);
    if (code != BASE_OK) {
        drop(question);
        return code;
    }
    question->id = ledger_next_request_id(ledger);
    ledger->last_request_id += question->policy_count; /* one number for each policy */
    question->begun_mono_ms = base_clock_mono_ms(&ledger->clock);
    question->waiters[question->waiter_count++] = it->request->request_id;
    question->next = ledger->questions->first;
    ledger->questions->first = question;
    ledger->questions->count++;
    for (size_t i = 0; i < question->policy_count; i++) {
        ask(ledger, question, i);
    }
    return BASE_OK;
}

/* ---- hearing
 * -----------------------------------------------------------------------------------------------------
 */

static void
conclude(struct ledger *ledger, struct ledger_question *question,
    const struct ledger_policy_answer *answered)
{
    unlink_question(ledger, question);
    for (size_t i = 0; i < question->waiter_count; i++) {
        question->request.request_id = question->waiters[i];
        ledger_request_go_on(ledger, &question->request, answered, i == 0);
    }
    drop(question);
}

static bool
have_all_agreed(const struct ledger_question *question)
{
    for (size_t i = 0; i < question->policy_count; i++) {
        if (!question->has_agreed[i]) {
            return false;
        }
    }
    return true;
}

void
ledger_question_answered(struct ledger *ledger, const struct ipc_verified *answer)
{
    struct ledger_question *question = ledger->questions->first;
    while (question != NULL && (answer->request_id < question->id ||
                                   answer->request_id - question->id >= question->policy_count)) {
        question = question->next;
    }
    if (question == NULL) {
        return; /* it was given up, or its front has gone */
    }
    size_t index = (size_t)(answer->request_id - question->id);
    if (answer->outcome == IPC_VERIFY_ALLOWED) {
        question->has_agreed[index] = true;
        if (have_all_agreed(question)) {
            const struct ledger_policy_answer agreed = {.outcome = IPC_VERIFY_ALLOWED};
            conclude(ledger, question, &agreed);
        }
        return;
    }
    const struct ledger_policy_answer told = {.outcome = answer->outcome == IPC_VERIFY_REFUSED
                                                             ? IPC_VERIFY_REFUSED
                                                             : IPC_VERIFY_UNAVAILABLE,
        .code = (enum base_code)answer->code,
        .policy = question->policies[index],
        .reason = answer->reason,
        .detail = answer->detail,
        .hresult = answer->hresult,
        .retry_after_s = answer->retry_after_s};
    conclude(ledger, question, &told);
}

void
ledger_questions_ask_again(struct ledger *ledger)
{
    for (const struct ledger_question *question = ledger->questions->first; question != NULL;
         question = question->next) {
        for (size_t i = 0; i < question->policy_count; i++) {
            if (!question->has_agreed[i]) {
                ask(ledger, question, i);
            }
        }
    }
}

void
ledger_questions_forget_front(struct ledger *ledger)
{
    while (ledger->questions->first != NULL) {
        struct ledger_question *question = ledger->questions->first;
        unlink_question(ledger, question);
        drop(question);
    }
}

void
ledger_questions_look(struct ledger *ledger)
{
    int64_t mono_ms = base_clock_mono_ms(&ledger->clock);
    struct ledger_question *next = NULL;
    for (struct ledger_question *question = ledger->questions->first; question != NULL;
         question = next) {
        next = question->next;
        if (mono_ms - question->begun_mono_ms > DEADLINE_MS + 1000) {
            const struct ledger_policy_answer late = {.outcome = IPC_VERIFY_UNAVAILABLE,
                .code = E_POLICY_UNAVAILABLE,
                .policy = question->policies[0],
                .detail = BYTES_LITERAL("no answer in time")};
            conclude(ledger, question, &late);
        }
    }
}
