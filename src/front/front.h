/*
 * front.h - the front role: everything that reads octets from outside, in one thread on one event
 * loop.
 *
 * It holds no private key, opens no file and makes no socket. What it needs of the keys it asks the
 * signer, what it needs to know it asks the ledger. main.c puts the parts together; this is what
 * the parts share.
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include <event2/event.h>

#include "base/log.h"
#include "base/random.h"
#include "front/authorities.h"
#include "front/contacts.h"
#include "front/documents.h"
#include "front/http.h"
#include "front/peer.h"
#include "front/settings.h"

struct front_admin;
struct front_auth;
struct front_calls;
struct front_enrolments;
struct front_listeners;
struct front_own_tls;

struct front {
    struct event_base *base;
    const struct base_log *log; /* the role link's: its level follows the configuration */
    struct base_clock clock;
    struct base_random random;
    struct front_http_server *server;
    struct front_settings *settings; /* owned; replaced whole by a reload */
    struct front_authorities
        *authorities; /* owned: certificates of CA and RA, as the signer described them */
    struct front_documents *documents;   /* owned */
    struct front_contacts *contacts;     /* owned */
    struct front_enrolments *enrolments; /* owned: PKIOperations that wait for signer or ledger */
    struct front_listeners *listeners;   /* owned */
    struct front_own_tls *own_tls;       /* owned */
    struct front_auth *auth;             /* owned: passwords and tokens */
    struct front_calls *calls; /* owned: orders and confirmations that wait for the ledger */
    struct front_admin *admin; /* owned: requests to the administration */
    struct front_peer *signer; /* owned */
    struct front_peer *ledger; /* owned */
};

#endif
