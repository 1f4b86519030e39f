/*
 * verdict.h - what came of asking or telling a service: yes, no, or nothing that counts.
 *
 * One kind of verdict for questions and notices: YES is ALLOWED or TAKEN, NO is REFUSED, LATER is
 * UNAVAILABLE or AGAIN. Whatever is not understood is LATER: it allows nothing and loses nothing.
 */
#ifndef NOTIFIER_VERDICT_H
#define NOTIFIER_VERDICT_H

#include "ipc/to_notifier.h"
#include "notifier/http.h"

enum notifier_outcome { NOTIFIER_YES = 1, NOTIFIER_NO, NOTIFIER_LATER };

struct notifier_verdict {
    enum notifier_outcome outcome;
    enum base_code code;           /* BASE_OK with YES */
    char reason[IPC_NAME_MAX + 1]; /* the service's own word, or ours */
    char detail[IPC_DETAIL_LEN];   /* clean UTF-8 */
    uint32_t hresult;              /* 0: the code's */
    uint32_t retry_after_s;        /* 0: not said */
};

/* LATER with this code; the detail is made as printf makes it. */
void notifier_verdict_later(struct notifier_verdict *verdict, enum base_code code,
    const char *reason, const char *format, ...) PRINTF_LIKE(4, 5);
/* From an error of our own (no memory, a URL that cannot be used). */
void notifier_verdict_of_error(struct notifier_verdict *verdict, const struct base_error *err);

/*
 * What an answer means that is none: no connection, or a status other than 2xx. 429 and 503 are
 * E_SERVICE_BUSY, every other status is E_SERVICE_STATUS with the beginning of its body. @service
 * names it for people.
 */
void notifier_verdict_of_answer(
    struct notifier_verdict *verdict, const char *service, const struct notifier_answer *answer);

/* @text as clean UTF-8 of at most @size - 1 octets: cut at a character, or escaped where it is not
 * clean. Returns @out. */
const char *notifier_clean(struct bytes text, char *out, size_t size);

#endif
