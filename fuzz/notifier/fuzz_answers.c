/*
 * Every answer of a service outside, by every reader: the first octet chooses who reads (webhook,
 * token, token error, discovery, action, revocation page, upload, error), the rest is the body.
 * Whatever it is, nothing but the words themselves allows anything, and every text that is handed
 * on is clean.
 */
#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "notifier/intune.h"
#include "notifier/intune_codes.h"
#include "notifier/intune_revocations.h"
#include "notifier/webhook.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_verdict(const struct notifier_verdict *verdict)
{
    assert(verdict->outcome >= NOTIFIER_YES && verdict->outcome <= NOTIFIER_LATER);
    assert((verdict->outcome == NOTIFIER_YES) == (verdict->code == BASE_OK));
    assert(base_is_clean_utf8(bytes_from_text(verdict->reason)));
    assert(base_is_clean_utf8(bytes_from_text(verdict->detail)));
}

static bool
has(struct bytes body, const char *text)
{
    return body.len > 0 && memmem(body.ptr, body.len, text, strlen(text)) != NULL;
}

static void
read_webhook(struct bytes body)
{
    const struct notifier_answer answer = {.failure_text = "", .status = 200, .body = body};
    struct notifier_verdict verdict;
    notifier_webhook_judge_question("hook", &answer, &verdict);
    check_verdict(&verdict);
    assert(verdict.outcome != NOTIFIER_YES || has(body, "true"));
    notifier_webhook_judge_notice("hook", &answer, &verdict);
    assert(verdict.outcome == NOTIFIER_YES);
}

static void
read_token(struct bytes body)
{
    struct secret token;
    int64_t expires_s = 0;
    char word[48] = "";
    char story[240] = "";
    secret_init(&token, NOTIFIER_TOKEN_MAX);
    if (notifier_token_parse(body, &token, &expires_s, NULL) == BASE_OK) {
        struct bytes text = secret_peek(&token);
        assert(text.len > 0 && memchr(text.ptr, '\n', text.len) == NULL);
        assert(expires_s <= 86400);
    }
    secret_clear(&token);
    if (notifier_token_error(body, word, sizeof(word), story, sizeof(story))) {
        assert(base_is_clean_utf8(bytes_from_text(word)));
        assert(base_is_clean_utf8(bytes_from_text(story)));
    }
}

static void
read_discovery(struct bytes body)
{
    struct notifier_intune_uris uris;
    if (notifier_discovery_parse(body, false, &uris, NULL) == BASE_OK) {
        assert(strncmp(uris.uri[NOTIFIER_VALIDATION], "https://", 8) == 0);
        assert(strpbrk(uris.uri[NOTIFIER_VALIDATION], " \r\n\t") == NULL);
    }
}

static void
read_action(struct bytes body)
{
    struct notifier_verdict verdict;
    for (int kind = NOTIFIER_VERIFY; kind <= NOTIFIER_NOTIFY; kind++) {
        notifier_intune_judge((enum notifier_job_kind)kind, body, "id", &verdict);
        check_verdict(&verdict);
        assert(verdict.outcome != NOTIFIER_YES || has(body, "u") || has(body, "\\"));
    }
}

static void
read_revocations(struct bytes body)
{
    static struct notifier_revocation list[NOTIFIER_REVOCATIONS_PAGE];
    OWN(json_t) page = NULL;
    size_t count = 0;
    BUFFER_LOCAL(results, NOTIFIER_BODY_MAX);
    if (notifier_revocations_parse(body, &page, list, &count, NULL) != BASE_OK) {
        return;
    }
    assert(count <= NOTIFIER_REVOCATIONS_PAGE);
    for (size_t i = 0; i < count; i++) {
        assert(list[i].serial_len <= IPC_SERIAL_MAX);
        list[i].outcome = (uint8_t)(1 + i % 4);
    }
    if (notifier_revocations_results(list, count, &results, NULL) == BASE_OK) {
        OWN(json_t) again = NULL;
        enum base_code code = notifier_json_parse(buffer_bytes(&results), &again, NULL);
        assert(code == BASE_OK);
        assert(json_array_size(json_object_get(again, "results")) == count);
    }
}

static void
read_error(struct bytes body)
{
    char words[200] = "";
    if (notifier_service_error(body, words, sizeof(words))) {
        assert(base_is_clean_utf8(bytes_from_text(words)));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct bytes body) = {
        read_webhook, read_token, read_discovery, read_action, read_revocations, read_error};
    if (size > 0 && size <= NOTIFIER_ANSWER_MAX) {
        struct bytes body = {data + 1, size - 1};
        readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](body);
        (void)notifier_revocations_is_taken(body);
    }
    return 0;
}
