/*
 * output.h - how commands write: aligned text for people, one JSON object a line for programs, one
 * line for an error.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/error.h"

/* "kurier: what: detail; why ...; remedy ... [KUR-1234]" on standard error. Returns the exit status
 * that fits the code. */
int cli_report(const struct base_error *err);

/* Text from the ledger as it may be shown on a terminal: control characters and malformed UTF-8
 * become \xHH. Returns @out. */
const char *cli_clean(struct bytes text, char *out, size_t out_size);
/* "2026-11-24 09:03:02" (UTC), "-" for 0. Returns @out. */
#define CLI_TIME_LEN 32
const char *cli_time(int64_t at_ms, char out[CLI_TIME_LEN]);

/* JSON values; text that is no UTF-8 is escaped as above. An empty one, a 0 instant become null. */
json_t *cli_json_text(struct bytes text);
json_t *cli_json_hex(struct bytes octets);
json_t *cli_json_time_ms(int64_t at_ms); /* RFC 3339 in UTC */
json_t *cli_json_time_s(int64_t at_s);
json_t *cli_json_code(uint32_t code); /* "KUR-1234" or null */
/* Write it on one line and release it. */
void cli_json_print(json_t *take_value);
void cli_json_print_pretty(json_t *take_value);

/* Terminal colours, empty texts when standard output is no terminal or NO_COLOR is set. */
const char *cli_bold(void);
const char *cli_red(void);
const char *cli_green(void);
const char *cli_plain(void);

/* Two logs tell of one request: the server's clock was @skew_ms ahead of the device's. Silent when
 * they agree within a minute. */
void cli_print_skew(int64_t skew_ms);

#endif
