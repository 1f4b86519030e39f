/*
 * memory.h - libcrypto without memory ends the role, as base/need.h does for all else.
 */
#ifndef PKI_MEMORY_H
#define PKI_MEMORY_H

#include "base/log.h"

/* The first of a role's calls that reaches libcrypto. @log lives as long as the process. */
void pki_memory_need(const struct base_log *log);

#endif
