/*
 * limits.h - bounds of the supervisor, and how long it waits for what.
 */
#ifndef SUPERVISOR_LIMITS_H
#define SUPERVISOR_LIMITS_H

#include <stddef.h>

#define SUPERVISOR_LISTENERS_MAX 16 /* as in the configuration; more --listen are refused */
#define SUPERVISOR_FRAMES_MAX                                                                      \
    256 /* of one configuration: 32 proxies, 8 CAs, 64 profiles, 64 accounts, ... */
#define SUPERVISOR_TLS_FILE_MAX ((size_t)64 * 1024) /* certificates or a key in PEM */
#define SUPERVISOR_PASSPHRASE_MAX ((size_t)4096)

/* Milliseconds. */
#define SUPERVISOR_LOCK_WAIT 5000    /* for another command or a server that is ending */
#define SUPERVISOR_CONFIG_WAIT 10000 /* for the config step; it takes milliseconds */
#define SUPERVISOR_READY_WAIT 60000  /* for a role's READY; the signer may make a 4096-bit key */
#define SUPERVISOR_SEND_WAIT 5000 /* for a role to take a message; then it hangs, and is killed */
#define SUPERVISOR_DRAIN_FRONT 30000
#define SUPERVISOR_DRAIN_OTHERS 10000
#define SUPERVISOR_DRAIN_EXTRA 1000 /* beyond the deadline that the role was told */

/* A role that died this often within this time is started again with a growing delay. */
#define SUPERVISOR_DEATHS 5
#define SUPERVISOR_DEATHS_WITHIN 10000
#define SUPERVISOR_LOSSES 100 /* sockets to its peers that a role may lose in its life */
#define SUPERVISOR_BACKOFF_FIRST 1000
#define SUPERVISOR_BACKOFF_MOST 30000

#endif
