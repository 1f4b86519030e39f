/*
 * peers.h - what front, signer and notifier say: each frame to who handles it.
 *
 * Who sends what is not of this protocol is no peer of ours any more; the supervisor knows what to
 * do.
 */
#ifndef LEDGER_PEERS_H
#define LEDGER_PEERS_H

#include "ledger/ledger.h"

/* What is queued, up to a bound: each frame uses a few operations of the batch, which holds four
 * times as many. @frame: room for one at a time. */
void ledger_peers_drain_front(struct ledger *ledger, struct ipc_frame *frame);
void ledger_peers_drain_signer(struct ledger *ledger, struct ipc_frame *frame);
void ledger_peers_drain_notifier(struct ledger *ledger, struct ipc_frame *frame);
/* One frame of the signer, waited for; false when none came. */
bool ledger_peers_take_signer(struct ledger *ledger, struct ipc_frame *frame, int wait_ms);

#endif
