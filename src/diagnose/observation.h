/*
 * observation.h - what one line of a log says about a delivery.
 */
#ifndef DIAGNOSE_OBSERVATION_H
#define DIAGNOSE_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define DIAG_ID_MAX 200
#define DIAG_TEXT_MAX 400

/* Whose log a line is from. */
enum diag_source {
    DIAG_UNKNOWN = 0,
    DIAG_ANDROID,
    DIAG_APPLE,
    DIAG_WINDOWS,
    DIAG_IIS,
    DIAG_NDES,
    DIAG_NDES_PLUGIN,
    DIAG_CRP,
    DIAG_CONNECTOR,
    DIAG_CA,
    DIAG_SETUP,
    DIAG_INTUNE,
    DIAG_CLIENT, /* sscep, scepclient, strongSwan, certmonger, kurier enroll */
    DIAG_SERVER, /* micromdm, step-ca, PacketFence, Kurier */
    DIAG_SOURCE_COUNT
};

/* In the order in which a delivery passes them. */
enum diag_mark {
    DIAG_NOTHING = 0,
    DIAG_CAUSE,        /* a row of the catalogue was recognised */
    DIAG_CONTEXT,      /* evidence, no progress */
    DIAG_SERVER_UP,    /* the service started: what kept it from that is over */
    DIAG_PROFILE,      /* step 1: the profile reached the device */
    DIAG_CONTACT,      /* step 2: GetCACaps or GetCACert */
    DIAG_REQUEST_MADE, /* key and request are there */
    DIAG_REQUEST_SENT, /* PKIOperation was sent */
    DIAG_HTTP_ANSWER,  /* an answer came over HTTP; nothing is known of it */
    DIAG_ASKED,        /* step 3: the policy module was asked */
    DIAG_VERIFIED,     /* step 3 */
    DIAG_ISSUED,       /* step 4 */
    DIAG_SERVED,       /* step 5: the server answered a PKIOperation with 200 */
    DIAG_ANSWERED,     /* step 5: the device has a CertRep with SUCCESS */
    DIAG_ROOT_STATE,   /* Android: a state of the root certificate */
    DIAG_SCEP_STATE,   /* Android: a state of the certificate */
    DIAG_INSTALLED,    /* step 5: done */
    DIAG_DROPPED,      /* step 6: status file written */
    DIAG_REPORTED,     /* step 6: done */
    DIAG_SETUP_DONE    /* the connector's installer succeeded */
};

struct diag_cause;

/* Ids by which a delivery can be known; empty: not said. */
struct diag_ids {
    char model[DIAG_ID_MAX]; /* ModelName/LogicalName;Hash, normalised */
    char transaction[DIAG_ID_MAX];
    char client[DIAG_ID_MAX]; /* a server's word for the device: address and kind */
    char subject[DIAG_ID_MAX];
    char serial[DIAG_ID_MAX];
};

struct diag_observation {
    enum diag_source source;
    enum diag_mark mark;
    const struct diag_cause *cause; /* DIAG_CAUSE, and what a mark means when nothing follows */
    uint8_t step;
    const char *file;
    uint32_t line;
    int64_t at_ms; /* since 1970 UTC when has_date; else of the day; -1: none */
    bool has_date;
    bool is_beginning; /* a new attempt begins here */
    bool is_another;   /* what this file spoke of before is another delivery */
    bool is_hint;      /* a cause that gives way to any that is shown */
    bool is_answer;    /* the web server's line of a PKIOperation, written when it ended */
    uint32_t lane;     /* the thread of work that wrote the line; 0: not said */
    int64_t taken_ms;  /* with is_answer: how long it took; -1: not said */
    bool is_told;      /* not read from a log */
    struct diag_ids ids;
    char state[64]; /* DIAG_*_STATE */
    char text[DIAG_TEXT_MAX];
};

/* What a reader gives: borrowed for the call. */
typedef void (*diag_on_observation)(void *arg, const struct diag_observation *observation);

#endif
