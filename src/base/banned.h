/*
 * banned.h - the last include of every source: functions that are not to be used, and why.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* With _FORTIFY_SOURCE some of these are macros of the C library. */
#undef strcpy
#undef strcat
#undef sprintf
#undef strncpy
#undef strtok

#pragma GCC poison strcpy  /* writes without a bound: snprintf, memcpy with a checked length */
#pragma GCC poison strcat  /* the same */
#pragma GCC poison sprintf /* the same: snprintf */
#pragma GCC poison strncpy /* may leave the text without its NUL: snprintf */
#pragma GCC poison strtok  /* hidden state */
#pragma GCC poison gmtime  /* shared result: base_time_* in base/clock.h */
#pragma GCC poison localtime
#pragma GCC poison atoi /* no error: base_parse_number() in base/text.h */

#endif
