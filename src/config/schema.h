/*
 * schema.h - the settings of kurier.yaml(5), each said once.
 *
 * A row of a section's table says what a key is called, what kind of value it takes, in which
 * range, its default, where it goes, and what it is for, in the words that the default file and the
 * manual page show. load.c, text.c and the tests walk these tables; no other file knows a key's
 * name.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum config_type {
    CONFIG_FLAG,     /* yes or no -> uint8_t */
    CONFIG_NUMBER,   /* -> uint32_t; min and max are values */
    CONFIG_DURATION, /* "90s", "60m", "24h", "30d", "1y" -> int64_t; min and max are seconds */
    CONFIG_CHOICE,   /* one of words -> uint8_t */
    CONFIG_CHOICES,  /* a list of words -> uint8_t, their numbers together; min is how many at least
                      */
    CONFIG_TEXT,     /* -> char[max + 1]; min and max are octets */
    CONFIG_TEXTS,    /* a list -> char[room], newline-separated; min and max are how many */
    CONFIG_SECTION,  /* a section of its own -> a struct */
    CONFIG_OBJECTS, /* a section of named sections -> an array of structs and its count, at most max
                     */
    CONFIG_SEQUENCE, /* a list of sections, or of texts for the first key of each -> as OBJECTS */
};

struct config_word {
    const char *word; /* NULL ends the list */
    uint8_t number;
};

struct config_section;

/*
 * May this text stand here? @in has no control characters and is within its length. *out is what is
 * kept: @in itself, a part of it, or a static text. On refusal the detail says what is wanted.
 */
typedef enum base_code (*config_accept)(struct bytes in, struct bytes *out, struct base_error *err);

struct config_key {
    const char *name;
    enum config_type type;
    size_t offset; /* in the section's struct */
    size_t room;   /* octets there, with the NUL: texts */
    int64_t min;
    int64_t max;
    const char *initial;             /* the default, as it stands in a file; lists: "a, b" */
    const struct config_word *words; /* of choices */
    config_accept accept;            /* of texts; NULL: any */
    const struct config_section *section;
    size_t count_offset; /* of OBJECTS and SEQUENCE: a uint32_t */
    bool is_optional;    /* of OBJECTS: a file that has none means none, not one called default */
    const char *comment; /* whole sentences */
};

struct config_section {
    const char *title; /* for people: "profile", "log" */
    size_t size;       /* of its struct */
    const struct config_key *keys;
    size_t count;
};

/* The whole file: a struct config_settings. */
const struct config_section *config_schema(void);

#endif
