#include "diagnose/scan.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

bool
diag_has(struct bytes line, const char *literal)
{
    return line.len > 0 && memmem(line.ptr, line.len, literal, strlen(literal)) != NULL;
}

bool
diag_has_any_case(struct bytes line, const char *literal)
{
    size_t len = strlen(literal);
    const uint8_t lower = (uint8_t)tolower((unsigned char)literal[0]);
    const uint8_t upper = (uint8_t)toupper((unsigned char)literal[0]);
    for (size_t i = 0; len > 0 && i + len <= line.len; i++) {
        if ((line.ptr[i] == lower || line.ptr[i] == upper) &&
            strncasecmp((const char *)line.ptr + i, literal, len) == 0) {
            return true;
        }
    }
    return false;
}

struct bytes
diag_after(struct bytes line, const char *literal)
{
    size_t len = strlen(literal);
    const uint8_t *at = line.len == 0 ? NULL : memmem(line.ptr, line.len, literal, len);
    return at == NULL ? BYTES_NONE : bytes_skip(line, (size_t)(at - line.ptr) + len);
}

struct bytes
diag_between(struct bytes line, const char *before, const char *end)
{
    struct bytes rest = diag_after(line, before);
    const uint8_t *at = rest.len == 0 ? NULL : memmem(rest.ptr, rest.len, end, strlen(end));
    return at == NULL ? rest : (struct bytes){rest.ptr, (size_t)(at - rest.ptr)};
}

static bool
is_fringe(uint8_t octet)
{
    return octet == ' ' || octet == '\t' || octet == '"' || octet == '\'' || octet == '.' ||
           octet == '\\';
}

struct bytes
diag_trim(struct bytes text)
{
    while (text.len > 0 && is_fringe(text.ptr[0])) {
        text = bytes_skip(text, 1);
    }
    while (text.len > 0 && is_fringe(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

static bool
is_blank(uint8_t octet)
{
    return octet == ' ' || octet == '\t';
}

struct bytes
diag_token(struct bytes *line)
{
    while (line->len > 0 && is_blank(line->ptr[0])) {
        *line = bytes_skip(*line, 1);
    }
    size_t len = 0;
    while (len < line->len && !is_blank(line->ptr[len])) {
        len++;
    }
    struct bytes token = {line->ptr, len};
    *line = bytes_skip(*line, len);
    return token;
}

int64_t
diag_number(struct bytes text)
{
    int64_t value = 0;
    size_t i = 0;
    for (; i < text.len && i < 15 && isdigit(text.ptr[i]) != 0; i++) {
        value = value * 10 + (text.ptr[i] - '0');
    }
    return i == 0 ? -1 : value;
}

void
diag_copy(char *out, size_t size, struct bytes text)
{
    size_t len = text.len < size - 1 ? text.len : size - 1;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

/* ---- ids
 * ---------------------------------------------------------------------------------------------- */

static int
hex_digit(uint8_t octet)
{
    return isdigit(octet) != 0    ? octet - '0'
           : isxdigit(octet) != 0 ? tolower(octet) - 'a' + 10
                                  : -1;
}

/* Percent-decoded and in lower case, as far as characters of an id go. */
static size_t
decode_id(struct bytes text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < size - 1; i++) {
        uint8_t octet = text.ptr[i];
        if (octet == '%' && i + 2 < text.len && hex_digit(text.ptr[i + 1]) >= 0 &&
            hex_digit(text.ptr[i + 2]) >= 0) {
            octet = (uint8_t)(hex_digit(text.ptr[i + 1]) * 16 + hex_digit(text.ptr[i + 2]));
            i += 2;
        }
        bool is_id = isalnum(octet) != 0 || octet >= 0x80 || strchr("_-/;=.", octet) != NULL;
        if (!is_id || octet == 0) {
            break;
        }
        out[len++] = (char)tolower(octet);
    }
    out[len] = '\0';
    return len;
}

bool
diag_model_id(struct bytes line, char out[DIAG_ID_MAX])
{
    char decoded[2 * DIAG_ID_MAX];
    struct bytes rest = diag_after(line, "ModelName");
    if (rest.len < 2 || (rest.ptr[0] != '=' && rest.ptr[0] != '_')) {
        return false;
    }
    (void)decode_id(bytes_skip(rest, 1), decoded, sizeof(decoded));
    char *logical = strstr(decoded, "logicalname");
    char *hash = strstr(decoded, "hash");
    size_t at = 0;
    char *ends[] = {logical, hash};
    for (size_t i = 0; i < 2; i++) {
        /* what separates the parts is written '/', ';' or '_' */
        if (ends[i] != NULL && ends[i] > decoded) {
            ends[i][-1] = '\0';
        }
    }
    const char *const parts[] = {decoded, logical == NULL ? "" : logical + strlen("logicalname_"),
        hash == NULL ? "" : hash + strlen("hash=")};
    for (size_t i = 0; i < 3; i++) {
        for (const char *p = parts[i]; *p != '\0' && at < DIAG_ID_MAX - 2; p++) {
            bool is_last_part = i == 2;
            if (is_last_part && *p != '-' && isdigit((unsigned char)*p) == 0) {
                break;
            }
            out[at++] = *p;
            if (*p == '_') {
                out[at - 1] = '-';
            }
        }
        if (i < 2) {
            out[at++] = '|';
        }
    }
    out[at] = '\0';
    return at > 4;
}

bool
diag_transaction_id(struct bytes line, char out[DIAG_ID_MAX])
{
    static const char *const names[] = {"transId=", "transactionId", "transactionID",
        "transaction_id", "transaction id", "TransactionId", "TransactionID"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct bytes rest = diag_after(line, names[i]);
        while (rest.len > 0 && strchr(" :=\"'", rest.ptr[0]) != NULL) {
            rest = bytes_skip(rest, 1);
        }
        size_t len = 0;
        while (len < rest.len && len < DIAG_ID_MAX - 1 &&
               (isalnum(rest.ptr[len]) != 0 || strchr("+/=-_", rest.ptr[len]) != NULL)) {
            len++;
        }
        if (len >= 4) {
            bool is_hex = true;
            for (size_t k = 0; k < len; k++) {
                is_hex = is_hex && isxdigit(rest.ptr[k]) != 0;
            }
            for (size_t k = 0; k < len; k++) {
                /* base64 keeps its case, hex has two */
                out[k] = (char)(is_hex ? tolower(rest.ptr[k]) : rest.ptr[k]);
            }
            out[len] = '\0';
            return true;
        }
    }
    return false;
}

/* ---- times
 * -------------------------------------------------------------------------------------------- */

/* Days since 1970 (Howard Hinnant's civil calendar arithmetic, in the form of proleptic years that
 * begin in March). */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2 ? 1 : 0;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Digits at *at; -1 when there are none or too many. */
static int64_t
digits(struct bytes line, size_t *at, size_t max)
{
    int64_t value = 0;
    size_t begin = *at;
    while (*at < line.len && isdigit(line.ptr[*at]) != 0) {
        if (*at - begin == max) {
            return -1;
        }
        value = value * 10 + (line.ptr[(*at)++] - '0');
    }
    return *at == begin ? -1 : value;
}

static bool
is_at(struct bytes line, size_t at, const char *any)
{
    for (; at < line.len && *any != '\0'; any++) {
        if (line.ptr[at] == (uint8_t)*any) {
            return true;
        }
    }
    return false;
}

/* hh:mm:ss[.,:fraction][ AM|PM][Z|±hh[:]mm] */
static bool
clock_at(struct bytes line, size_t *at, int64_t *out_ms)
{
    size_t i = *at;
    int64_t hour = digits(line, &i, 2);
    if (hour < 0 || hour > 24 || !is_at(line, i, ":")) {
        return false;
    }
    i++;
    int64_t minute = digits(line, &i, 2);
    if (minute < 0 || minute > 59 || !is_at(line, i, ":")) {
        return false;
    }
    i++;
    int64_t second = digits(line, &i, 2);
    if (second < 0 || second > 60) {
        return false;
    }
    int64_t milli = 0;
    if (is_at(line, i, ".,:") && i + 1 < line.len && isdigit(line.ptr[i + 1]) != 0) {
        size_t begin = ++i;
        for (; i < line.len && isdigit(line.ptr[i]) != 0; i++) {
            milli = i - begin < 3 ? milli * 10 + (line.ptr[i] - '0') : milli;
        }
        for (size_t n = i - begin; n < 3; n++) {
            milli *= 10;
        }
    }
    size_t k = i;
    while (is_at(line, k, " ")) {
        k++;
    }
    if (is_at(line, k, "AP") && is_at(line, k + 1, "M")) {
        hour = hour % 12 + (line.ptr[k] == 'P' ? 12 : 0);
        i = k + 2;
    }
    *out_ms = ((hour * 60 + minute) * 60 + second) * 1000 + milli;
    k = i;
    while (is_at(line, k, " ")) {
        k++;
    }
    if (is_at(line, k, "+-") && k + 4 < line.len && isdigit(line.ptr[k + 1]) != 0) {
        size_t z = k + 1;
        int64_t zone = digits(line, &z, 4);
        int64_t zone_minutes = z - k - 1 == 4 ? zone / 100 * 60 + zone % 100 : zone * 60;
        if (zone >= 0 && z - k - 1 >= 2 && zone_minutes <= 14 * 60) {
            *out_ms -= (line.ptr[k] == '-' ? -1 : 1) * zone_minutes * 60000;
        }
    }
    *at = i;
    return true;
}

static int64_t
month_of(struct bytes line, size_t at)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int64_t m = 0; at + 3 <= line.len && m < 12; m++) {
        if (memcmp(line.ptr + at, names + 3 * m, 3) == 0) {
            return m + 1;
        }
    }
    return 0;
}

/* 06/May/2024, as access logs have it. */
static bool
access_date_at(struct bytes line, size_t *at, int64_t *out_days)
{
    size_t i = *at;
    int64_t day = digits(line, &i, 2);
    int64_t month = i + 1 < line.len && line.ptr[i] == '/' ? month_of(line, i + 1) : 0;
    if (day < 1 || day > 31 || month == 0) {
        return false;
    }
    i += 4;
    if (!is_at(line, i, "/")) {
        return false;
    }
    i++;
    int64_t year = digits(line, &i, 4);
    if (year < 1990 || year > 2200) {
        return false;
    }
    *out_days = days_of(year, month, day);
    *at = i;
    return true;
}

/* A date at *at: y-m-d, m/d/y, d.m.y, 06/May/2024, or "May 23" (of no year). */
static bool
date_at(struct bytes line, size_t *at, int64_t *out_days, bool *out_has_year)
{
    size_t i = *at;
    int64_t month = month_of(line, i);
    if (month > 0) {
        i += 3;
        while (is_at(line, i, " ")) {
            i++;
        }
        int64_t day = digits(line, &i, 2);
        *at = i;
        *out_days = 0;
        *out_has_year = false;
        return day > 0 && day < 32;
    }
    if (access_date_at(line, at, out_days)) {
        *out_has_year = true;
        return true;
    }
    int64_t first = digits(line, &i, 4);
    size_t first_len = i - *at;
    if (first < 0 || !is_at(line, i, "-/.")) {
        return false;
    }
    i++;
    int64_t second = digits(line, &i, 2);
    if (second < 1 || !is_at(line, i, "-/.")) {
        return false;
    }
    i++;
    int64_t third = digits(line, &i, 4);
    if (third < 0) {
        return false;
    }
    /* 2025-03-04; 04.03.2025 and 13/3/2025 have the day first, 3/4/2025 the month */
    bool is_year_first = first_len == 4;
    bool is_day_first = !is_year_first && (line.ptr[*at + first_len] == '.' || first > 12);
    int64_t year = is_year_first ? first : third;
    int64_t month_number = is_year_first || is_day_first ? second : first;
    int64_t day = is_year_first ? third : is_day_first ? first : second;
    if (year < 1990 || year > 2200 || month_number < 1 || month_number > 12 || day < 1 ||
        day > 31) {
        return false;
    }
    *out_days = days_of(year, month_number, day);
    *out_has_year = true;
    *at = i;
    return true;
}

bool
diag_time(struct bytes line, int64_t *out_ms, bool *out_has_date)
{
    size_t end = line.len < 120 ? line.len : 120;
    for (size_t i = 0; i < end; i++) {
        bool is_start = i == 0 || isalnum(line.ptr[i - 1]) == 0;
        if (!is_start || isalnum(line.ptr[i]) == 0) {
            continue;
        }
        size_t at = i;
        int64_t days = 0;
        int64_t ms = 0;
        bool has_year = false;
        if (date_at(line, &at, &days, &has_year)) {
            while (is_at(line, at, "T ,:\t")) {
                at++;
            }
            if (clock_at(line, &at, &ms)) {
                *out_ms = days * 86400000 + ms;
                *out_has_date = has_year;
                return true;
            }
        }
        at = i;
        if (isdigit(line.ptr[i]) != 0 && clock_at(line, &at, &ms)) {
            *out_ms = ms;
            *out_has_date = false;
            return true;
        }
    }
    return false;
}
