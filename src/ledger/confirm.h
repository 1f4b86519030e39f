/*
 * confirm.h - a certificate has arrived where it belongs: somebody who can know says so.
 *
 * The device proves it with the certificate's key (the front has verified the signature), its
 * management with an account. What is said twice is written down once.
 */
#ifndef LEDGER_CONFIRM_H
#define LEDGER_CONFIRM_H

#include "ledger/ledger.h"

/* CONFIRM of the front: answered with CONFIRMED after the commit. */
void ledger_take_confirm(struct ledger *ledger, const struct ipc_confirm *message);

#endif
