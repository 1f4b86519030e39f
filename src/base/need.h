/*
 * need.h - memory whose want ends a role.
 *
 * libcrypto tells want of memory in the same way as a wrong signature, libevent sometimes not at
 * all, and half of our own questions ("are these names equal?") have no third answer. A role is
 * started anew in milliseconds and has nothing that it must not lose, so there want of memory is
 * logged (event=out_of_memory) and ends the process with status 1. Elsewhere NULL is returned.
 */
#ifndef BASE_NEED_H
#define BASE_NEED_H

#include <stddef.h>

#include "base/log.h"

/* This process is a role; @log lives as long as it. */
void base_need_log(const struct base_log *log);

/* malloc() and realloc(). */
void *base_need(size_t size);
void *base_need_again(void *old, size_t size);

#endif
