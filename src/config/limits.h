/*
 * limits.h - how large a configuration may be. Beyond any of these the file is refused
 * (E_CONFIG_LIMIT), with its line.
 */
#ifndef CONFIG_LIMITS_H
#define CONFIG_LIMITS_H

#include <stddef.h>

#define CONFIG_FILE_MAX ((size_t)128 * 1024) /* octets; the default file has less than 8 KiB */
#define CONFIG_KEYS_MAX 24 /* keys of one section: our own tables, not the file's */
#define CONFIG_LISTENERS_MAX 16
#define CONFIG_PROXIES_MAX 32
#define CONFIG_CAS_MAX 8
#define CONFIG_ENDPOINTS_MAX 16
#define CONFIG_PROFILES_MAX 64
#define CONFIG_POLICIES_MAX 16
#define CONFIG_ACCOUNTS_MAX 64
#define CONFIG_ADDRESS_MAX 64 /* octets of "[address]:port" */
#define CONFIG_URL_MAX 512    /* it stands in every certificate */
#define CONFIG_STATIC_CHALLENGE_MAX 255

#endif
