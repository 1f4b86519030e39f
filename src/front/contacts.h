/*
 * contacts.h - GetCACaps and GetCACert, counted per source and told to the ledger at most once a
 * second.
 *
 * They carry no device, and they may come by the ten thousand: a message for each would cost more
 * than the answer.
 */
#ifndef FRONT_CONTACTS_H
#define FRONT_CONTACTS_H

#include "base/clock.h"
#include "front/peer.h"
#include "ipc/to_ledger.h"

struct front_contacts;

/* @ledger, @clock borrowed for life. NULL without memory. */
struct front_contacts *front_contacts_new(
    struct front_peer *ledger, const struct base_clock *clock);
void front_contacts_free(struct front_contacts *contacts);
/* Count one. When the table is full it is told first. */
void front_contacts_count(struct front_contacts *contacts, struct bytes endpoint,
    struct bytes source, enum ipc_operation operation);
/* Tell the ledger what was counted (a timer does it each second; a PKIOperation does it before its
 * request). */
void front_contacts_tell(struct front_contacts *contacts);

#endif
