/*
 * limits.h - how much of a configuration profile is read and written. Beyond: E_TOO_LARGE or
 * E_PROFILE_FORMAT.
 */
#ifndef PROFILE_LIMITS_H
#define PROFILE_LIMITS_H

#include <stddef.h>

/* A profile with a picture or two and a dozen payloads stays below 200 KiB. */
#define PROFILE_FILE_MAX ((size_t)1024 * 1024)
#define PROFILE_PAYLOAD_MAX 100         /* of one profile that is read */
#define PROFILE_TEXT_MAX ((size_t)8192) /* octets of one string: a challenge is the longest */
#define PROFILE_CA_MAX 8                /* certificates: the CA and those above it */
#define PROFILE_SETTING_MAX 32          /* KEY=VALUE of one export */
#define PROFILE_RETRY_MAX 1000          /* asking while a request is pending */
#define PROFILE_RETRY_DELAY_MAX 86400   /* seconds */
#define PROFILE_ATTRIBUTES_MAX 512      /* octets of signed attributes; they have about 105 */

#endif
