/*
 * ledger.h - the ledger role: what its parts share.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "base/log.h"
#include "base/random.h"
#include "ipc/channel.h"
#include "ipc/to_ledger.h"
#include "ledger/audit.h"
#include "ledger/authorities.h"
#include "ledger/issue.h"
#include "ledger/settings.h"
#include "store/store.h"

struct ledger_batch;
struct ledger_flights;
struct ledger_limits;
struct ledger_outbox;
struct ledger_questions;
struct ledger_outstanding;

struct ipc_role_link;

struct ledger {
    const struct ipc_role_link *link;
    const struct base_log *log; /* the link's */
    struct base_clock clock;
    struct base_random random;
    struct store *store;              /* owned */
    struct ledger_settings *settings; /* owned; replaced whole by a reload */
    struct ledger_authorities authorities;
    struct ledger_serials serials;
    uint8_t mac_key[32]; /* of challenges */
    uint64_t last_challenge_id;
    uint64_t last_delivery_id;
    int front_fd;                           /* -1: there is no front now */
    int signer_fd;                          /* -1: there is no signer now */
    int notifier_fd;                        /* -1: there is none, or none is needed */
    struct ledger_batch *batch;             /* owned */
    struct ledger_flights *flights;         /* owned */
    struct ledger_limits *limits;           /* owned */
    struct ledger_questions *questions;     /* owned */
    struct ledger_outbox *outbox;           /* owned */
    bool is_crl_wanted;                     /* a revocation was stored: make new ones soon */
    struct ledger_outstanding *outstanding; /* owned */
    struct ledger_audit audit;
    uint64_t last_request_id; /* of our questions to the signer */
};

/* Time-ordered, below 2^53 so that every JSON reader can hold it. */
uint64_t ledger_next_delivery_id(struct ledger *ledger);
uint64_t ledger_next_request_id(struct ledger *ledger);

/* Send to a peer; a peer that is gone is forgotten until the supervisor hands over its successor.
 */
void ledger_send(struct ledger *ledger, int *peer_fd, const struct ipc_spec *spec,
    const void *message, int pass_fd);

/* One frame of the signer, whatever it is. */
void ledger_take_signer_frame(struct ledger *ledger, const struct ipc_frame *frame);
/*
 * Wait for one answer of the signer, handling everything else that it sends meanwhile; for
 * administration only. frame->fd is the caller's to close. Errors: E_SIGNER_GONE.
 */
MUST_CHECK enum base_code ledger_wait_signer(
    struct ledger *ledger, uint16_t type, struct ipc_frame *frame, struct base_error *err);

#endif
