#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"

#include "base/banned.h"

int
cli_report(const struct base_error *err)
{
    const struct base_error_entry *entry = base_error_find(err->code);
    char code[BASE_CODE_TEXT_LEN] = "";
    char detail[BASE_DETAIL_MAX * 4] = "";
    base_code_text(err->code, code);
    (void)cli_clean(bytes_from_text(err->detail), detail, sizeof(detail));
    size_t len = strlen(detail);
    bool is_sentence = len > 0 && (detail[len - 1] == '.' || detail[len - 1] == '?');
    (void)fprintf(stderr, "kurier: %s%s %s %s [%s]\n", detail, is_sentence ? "" : ".", entry->why,
        entry->remedy, code);
    if (err->code == E_USAGE || err->code == E_TEXT_FORMAT) {
        return CLI_USAGE;
    }
    /* Catalogue sections: 1100 to 1499 and 2000 to 2199 judge what somebody sent or asked for; the
     * others are faults, but for a home that cannot be made so. */
    unsigned number = (unsigned)err->code;
    bool is_no = (number >= 1100 && number < 1500) || (number >= 2000 && number < 2200) ||
                 err->code == E_CA_UNSUITABLE || err->code == E_CONFIG_EXISTS;
    return is_no ? CLI_NO : CLI_BROKEN;
}

const char *
cli_clean(struct bytes text, char *out, size_t out_size)
{
    if (text.len < out_size && base_is_clean_utf8(text)) {
        if (text.len > 0) {
            memcpy(out, text.ptr, text.len);
        }
        out[text.len] = '\0';
        return out;
    }
    return base_escape(text, out, out_size);
}

const char *
cli_time(int64_t at_ms, char out[CLI_TIME_LEN])
{
    if (at_ms == 0) {
        (void)snprintf(out, CLI_TIME_LEN, "-");
        return out;
    }
    char text[BASE_TIME_TEXT_LEN] = "";
    base_time_text(at_ms / 1000, text);
    (void)snprintf(out, CLI_TIME_LEN, "%.10s %.8s", text, text + 11);
    return out;
}

json_t *
cli_json_text(struct bytes text)
{
    char clean[4 * 1024 + 16] = "";
    if (text.len == 0) {
        return json_null();
    }
    return json_string(cli_clean(text, clean, sizeof(clean)));
}

json_t *
cli_json_hex(struct bytes octets)
{
    char hex[2 * 64 + 1] = "";
    if (octets.len == 0 || octets.len > 64) {
        return json_null();
    }
    base_hex(octets, hex);
    return json_string(hex);
}

json_t *
cli_json_time_ms(int64_t at_ms)
{
    char text[BASE_TIME_TEXT_LEN] = "";
    if (at_ms == 0) {
        return json_null();
    }
    base_time_text_ms(at_ms, text);
    return json_string(text);
}

json_t *
cli_json_time_s(int64_t at_s)
{
    char text[BASE_TIME_TEXT_LEN] = "";
    if (at_s == 0) {
        return json_null();
    }
    base_time_text(at_s, text);
    return json_string(text);
}

json_t *
cli_json_code(uint32_t code)
{
    char text[BASE_CODE_TEXT_LEN] = "";
    if (code == 0) {
        return json_null();
    }
    base_code_text((enum base_code)code, text);
    return json_string(text);
}

static void
print_json(json_t *take_value, size_t flags)
{
    (void)json_dumpf(take_value, stdout, flags);
    (void)putchar('\n');
    json_decref(take_value);
}

void
cli_json_print(json_t *take_value)
{
    print_json(take_value, JSON_COMPACT);
}

void
cli_json_print_pretty(json_t *take_value)
{
    print_json(take_value, JSON_INDENT(2));
}

static bool
has_colour(void)
{
    return isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL;
}

const char *
cli_bold(void)
{
    return has_colour() ? "\033[1m" : "";
}

const char *
cli_red(void)
{
    return has_colour() ? "\033[31m" : "";
}

const char *
cli_green(void)
{
    return has_colour() ? "\033[32m" : "";
}

const char *
cli_plain(void)
{
    return has_colour() ? "\033[0m" : "";
}

void
cli_print_skew(int64_t skew_ms)
{
    int64_t apart_s = (skew_ms < 0 ? -skew_ms : skew_ms) / 1000;
    int64_t off_zone_s = apart_s % 900 > 450 ? 900 - apart_s % 900 : apart_s % 900;
    bool is_zone = apart_s >= 900 && apart_s <= 14 * 3600 && off_zone_s <= 120;
    if (apart_s >= 60) {
        (void)printf("\n  The server's log is %lld s %s the device's%s.\n", (long long)apart_s,
            skew_ms > 0 ? "ahead of" : "behind",
            is_zone ? ": probably another time zone" : ": one of the two clocks is wrong");
    }
}
