/*
 * question.h - requests for which policies outside are asked before anything is issued.
 *
 * A question holds a copy of its request. All policies are asked at once, and all must agree; then
 * the request is judged again from the beginning, with what is known by then, and goes on
 * (ledger_request_go_on()). Nothing is stored or spent meanwhile: after a crash the device asks
 * again. The same request again (same identity) waits for the same answer.
 */
#ifndef LEDGER_QUESTION_H
#define LEDGER_QUESTION_H

#include "ipc/to_notifier.h"
#include "ledger/facts.h"

struct ledger_questions;

struct ledger_questions *ledger_questions_new(void); /* NULL without memory */
void ledger_questions_free(struct ledger_questions *questions);
size_t ledger_questions_count(const struct ledger_questions *questions);

/* Does the request's endpoint ask anybody? */
bool ledger_question_is_needed(const struct ledger *ledger, const struct ledger_case *it);
/* Errors: E_PEER_BUSY (too many), E_NO_MEMORY, E_POLICY_UNAVAILABLE (no notifier). */
MUST_CHECK enum base_code ledger_question_begin(
    struct ledger *ledger, const struct ledger_case *it, struct base_error *err);
void ledger_question_answered(struct ledger *ledger, const struct ipc_verified *answer);

/* A new notifier is asked again; a new front has its own requests; what is too late is over. */
void ledger_questions_ask_again(struct ledger *ledger);
void ledger_questions_forget_front(struct ledger *ledger);
void ledger_questions_look(struct ledger *ledger);

#endif
