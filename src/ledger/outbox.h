/*
 * outbox.h - who is to be told of what, and is told until it was taken.
 *
 * A notice is a row of the store, written in the transaction of the event that it tells of
 * (ledger_outbox_attach()). ledger_outbox_run() hands what is due to the notifier, one notice of a
 * delivery and policy at a time, and ledger_outbox_notified() hears how it fared: taken and gone,
 * to be sent again later, or dead. A service that does not answer is left alone for up to
 * LEDGER_OUTBOX_PAUSE_MS; a notice that alone is not taken waits longer each time, for an hour at
 * most. After LEDGER_OUTBOX_LIFE_MS a notice is dead, and a certificate that was withheld for it is
 * revoked.
 *
 * What is sent is built when it is sent (event_json.h): a notice keeps only what nothing else does.
 */
#ifndef LEDGER_OUTBOX_H
#define LEDGER_OUTBOX_H

#include "ipc/to_notifier.h"
#include "ledger/ledger.h"

#define LEDGER_OUTBOX_LIFE_MS ((int64_t)7 * 24 * 3600 * 1000)
#define LEDGER_OUTBOX_PAUSE_MS 20000        /* the longest pause of a policy */
#define LEDGER_OUTBOX_BACKOFF_MS 3600000    /* the longest wait of one notice */
#define LEDGER_OUTBOX_OF_ONE 64             /* of one delivery, looked at for gates */
#define LEDGER_OUTBOX_IN_FLIGHT 64          /* with the notifier, of all policies */
#define LEDGER_OUTBOX_GATE_DEADLINE_MS 9000 /* a device waits for this one */

struct ledger_flight;
struct ledger_outbox;

struct ledger_outbox *ledger_outbox_new(void); /* NULL without memory */
void ledger_outbox_free(struct ledger_outbox *outbox);

/* Notices for the events of @op, beside those that it has: for each webhook that wants them. */
MUST_CHECK enum base_code ledger_outbox_attach(
    struct ledger *ledger, struct store_op *op, struct base_error *err);
/*
 * Notices that a certificate is issued, or that it will not be though a policy was asked and agreed
 * (@event "issued", "failed"); for the policies of the flight's endpoint, into @op. *out_gates: how
 * many of them the certificate is withheld for.
 */
MUST_CHECK enum base_code ledger_outbox_conclude(struct ledger *ledger,
    const struct ledger_flight *flight, const char *event, enum base_code code, struct bytes detail,
    struct store_op *op, size_t *out_gates, struct base_error *err);

/* "failed", into @op, to each policy for which a delivery's certificate was withheld in vain. */
MUST_CHECK enum base_code ledger_outbox_give_up(struct ledger *ledger, uint64_t delivery_id,
    enum base_code code, struct store_op *op, struct base_error *err);

/* After a commit: what was settled in it is forgotten, what was added may be sent. */
void ledger_outbox_committed(struct ledger *ledger);
/* Send what is due. Cheap when nothing is. */
void ledger_outbox_run(struct ledger *ledger);
/* What has waited for LEDGER_OUTBOX_LIFE_MS is dead, whether its policy still exists or not; the
 * lag goes into the log. Once a minute. */
void ledger_outbox_look(struct ledger *ledger);
void ledger_outbox_notified(struct ledger *ledger, const struct ipc_notified *answer);
/* A new notifier: what the old one had is sent again. */
void ledger_outbox_ask_again(struct ledger *ledger);

/* How many notices a delivery's certificate is withheld for. */
MUST_CHECK enum base_code ledger_outbox_count_gates(
    struct ledger *ledger, uint64_t delivery_id, size_t *out_count, struct base_error *err);
/* Try a delivery's gates now, whatever the pause: its device has come again. */
MUST_CHECK enum base_code ledger_outbox_hurry(
    struct ledger *ledger, uint64_t delivery_id, struct base_error *err);

/* Look at once, whatever the pause: an administrator wants it. */
void ledger_outbox_wake(struct ledger *ledger);

/* For administration. */
struct ledger_outbox_state {
    unsigned failures; /* in a row */
    int64_t paused_ms; /* from now; 0: not paused */
    size_t in_flight;
};
struct ledger_outbox_state ledger_outbox_policy_state(
    const struct ledger *ledger, struct bytes policy);

#endif
