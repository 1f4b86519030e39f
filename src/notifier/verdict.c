#include "notifier/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

#define BODY_START 120

const char *
notifier_clean(struct bytes text, char *out, size_t size)
{
    if (!base_is_clean_utf8(text)) {
        return base_escape(text, out, size);
    }
    size_t len = text.len < size ? text.len : size - 1;
    while (len > 0 && len < text.len && (text.ptr[len] & 0xc0) == 0x80) {
        len--; /* the middle of a character */
    }
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
    return out;
}

void
notifier_verdict_later(struct notifier_verdict *verdict, enum base_code code, const char *reason,
    const char *format, ...)
{
    char text[2 * IPC_DETAIL_LEN] = "";
    va_list values;
    *verdict = (struct notifier_verdict){.outcome = NOTIFIER_LATER, .code = code};
    va_start(values, format);
    (void)vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    (void)snprintf(verdict->reason, sizeof(verdict->reason), "%s", reason);
    (void)notifier_clean(bytes_from_text(text), verdict->detail, sizeof(verdict->detail));
}

void
notifier_verdict_of_error(struct notifier_verdict *verdict, const struct base_error *err)
{
    notifier_verdict_later(verdict, err->code, "fault", "%s", err->detail);
}

/* No answer came. */
static void
judge_failure(
    struct notifier_verdict *verdict, const char *service, const struct notifier_answer *answer)
{
    static const struct {
        enum notifier_failure failure;
        enum base_code code;
        const char *reason;
    } table[] = {
        {NOTIFIER_NO_NAME, E_SERVICE_UNREACHABLE, "no-such-host"},
        {NOTIFIER_NO_CONNECTION, E_SERVICE_UNREACHABLE, "no-connection"},
        {NOTIFIER_NO_TLS, E_SERVICE_TLS, "tls"},
        {NOTIFIER_TOO_LATE, E_SERVICE_LATE, "late"},
        {NOTIFIER_TOO_LARGE, E_SERVICE_ANSWER, "too-large"},
        {NOTIFIER_BROKEN, E_SERVICE_UNREACHABLE, "connection-lost"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].failure == answer->failure) {
            notifier_verdict_later(
                verdict, table[i].code, table[i].reason, "%s: %s", service, answer->failure_text);
        }
    }
}

void
notifier_verdict_of_answer(
    struct notifier_verdict *verdict, const char *service, const struct notifier_answer *answer)
{
    char start[BODY_START] = "";
    char reason[24] = "";
    enum base_code code = E_SERVICE_STATUS;
    if (answer->failure != NOTIFIER_ANSWERED) {
        judge_failure(verdict, service, answer);
        return;
    }
    if (answer->status == 429 || answer->status == 503) {
        code = E_SERVICE_BUSY;
    }
    (void)snprintf(reason, sizeof(reason), "http-%ld", answer->status);
    notifier_verdict_later(verdict, code, reason, "%s: status %ld%s%s", service, answer->status,
        answer->body.len > 0 ? ": " : "", notifier_clean(answer->body, start, sizeof(start)));
    verdict->retry_after_s = answer->retry_after_s;
}
