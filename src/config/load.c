#include "config/load.h"

#include <string.h>
#include <yaml.h>

#include "base/text.h"
#include "config/accept.h"
#include "config/check.h"
#include "config/schema.h"
#include "config/value.h"

#include "base/banned.h"

/* What every function here carries: the document, and the file's name for messages. */
struct loader {
    yaml_document_t document;
    const char *name;
    struct bytes text;
};

struct config_settings *
config_settings_new(void)
{
    return calloc(1, sizeof(struct config_settings));
}

void
config_settings_free(struct config_settings *settings)
{
    if (settings != NULL) {
        explicit_bzero(settings, sizeof(*settings));
        free(settings);
    }
}

static uint32_t
line_of(const yaml_node_t *node)
{
    return (uint32_t)node->start_mark.line + 1;
}

/* "FILE:LINE: " before the detail. */
MUST_CHECK static enum base_code
at_line(const struct loader *loader, uint32_t line, struct base_error *err)
{
    return base_error_add(err, "%.100s:%u", loader->name, (unsigned)line);
}

static struct bytes
scalar_of(const yaml_node_t *node)
{
    return (struct bytes){node->data.scalar.value, node->data.scalar.length};
}

static bool
is_null(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0 &&
           node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

MUST_CHECK static enum base_code
wrong_kind(const struct loader *loader, const yaml_node_t *node, const struct config_key *key,
    struct base_error *err)
{
    static const char *const kinds[] = {"nothing", "a single value", "a list", "a section"};
    char kind[CONFIG_KIND_LEN] = "";
    size_t found = is_null(node) ? 0 : (size_t)node->type;
    config_value_kind(key, kind);
    (void)base_fail(err, E_CONFIG_TYPE, "%s is %s, want %s", key->name,
        found < 4 ? kinds[found] : "unknown", kind);
    return at_line(loader, line_of(node), err);
}

MUST_CHECK static enum base_code
load_value(struct loader *loader, const yaml_node_t *node, const struct config_key *key,
    void *section_struct, struct base_error *err)
{
    if (node->type != YAML_SCALAR_NODE || (is_null(node) && key->type != CONFIG_TEXT)) {
        return wrong_kind(loader, node, key, err);
    }
    if (config_value_set(key, scalar_of(node), section_struct, err) != BASE_OK) {
        return at_line(loader, line_of(node), err);
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
load_list(struct loader *loader, const yaml_node_t *node, const struct config_key *key,
    void *section_struct, struct base_error *err)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        return wrong_kind(loader, node, key, err);
    }
    const yaml_node_item_t *first = node->data.sequence.items.start;
    const yaml_node_item_t *end = node->data.sequence.items.top;
    int64_t count = end - first;
    int64_t most = key->type == CONFIG_TEXTS ? key->max : CONFIG_KEYS_MAX;
    if (count < key->min || count > most) {
        (void)base_fail(err, E_CONFIG_RANGE, "%s has %lld elements, want %lld to %lld", key->name,
            (long long)count, (long long)key->min, (long long)most);
        return at_line(loader, line_of(node), err);
    }
    config_value_clear(key, section_struct);
    for (const yaml_node_item_t *item = first; item < end; item++) {
        const yaml_node_t *element = yaml_document_get_node(&loader->document, *item);
        if (element == NULL) {
            return base_fail(err, E_INTERNAL, "a YAML list without its element");
        }
        TRY(load_value(loader, element, key, section_struct, err));
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code load_section(struct loader *loader, const yaml_node_t *node,
    const struct config_section *section, void *section_struct, struct base_error *err);

/* Every default of a section; sections within it too, lists of objects stay empty. */
MUST_CHECK static enum base_code
set_initial(const struct config_section *section, void *section_struct, struct base_error *err)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct config_key *key = &section->keys[i];
        if (key->type == CONFIG_SECTION) {
            uint8_t *inner = (uint8_t *)section_struct + key->offset;
            for (size_t k = 0; k < key->section->count; k++) {
                TRY(config_value_set_initial(&key->section->keys[k], inner, err));
            }
        } else if (key->initial != NULL) {
            TRY(config_value_set_initial(key, section_struct, err));
        }
    }
    return BASE_OK;
}

/* Room for one more object of an array; its place is set and its defaults are in. */
MUST_CHECK static enum base_code
add_object(const struct config_key *key, uint8_t *section_struct, struct bytes name, uint32_t line,
    void **out_object, struct base_error *err)
{
    uint32_t count = 0;
    memcpy(&count, section_struct + key->count_offset, sizeof(count));
    if ((int64_t)count >= key->max) {
        return base_fail(
            err, E_CONFIG_LIMIT, "%s has more than %lld elements", key->name, (long long)key->max);
    }
    uint8_t *object = section_struct + key->offset + count * key->section->size;
    TRY(set_initial(key->section, object, err));
    struct config_place place = {.line = line};
    memcpy(place.name, name.ptr, name.len); /* at most IPC_NAME_MAX: config_accept_name() */
    memcpy(object, &place, sizeof(place));
    count++;
    memcpy(section_struct + key->count_offset, &count, sizeof(count));
    *out_object = object;
    return BASE_OK;
}

/* A section of named sections. One that stands there with nothing below it has every default. */
MUST_CHECK static enum base_code
load_objects(struct loader *loader, const yaml_node_t *node, const struct config_key *key,
    void *section_struct, struct base_error *err)
{
    if (key->is_optional && is_null(node)) {
        return BASE_OK; /* "policies:" with every line below it commented out */
    }
    if (node->type != YAML_MAPPING_NODE ||
        (!key->is_optional && node->data.mapping.pairs.start == node->data.mapping.pairs.top)) {
        return wrong_kind(loader, node, key, err);
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name_node = yaml_document_get_node(&loader->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(&loader->document, pair->value);
        struct bytes name = BYTES_NONE;
        void *object = NULL;
        if (name_node == NULL || value == NULL) {
            return base_fail(err, E_INTERNAL, "a YAML section without its value");
        }
        if (name_node->type != YAML_SCALAR_NODE ||
            config_accept_name(scalar_of(name_node), &name, err) != BASE_OK) {
            (void)base_fail(err, E_CONFIG_VALUE,
                "the name of a %s wants small letters, digits and hyphens, 32 at most",
                key->section->title);
            return at_line(loader, line_of(name_node), err);
        }
        for (const yaml_node_pair_t *other = node->data.mapping.pairs.start; other < pair;
             other++) {
            const yaml_node_t *before = yaml_document_get_node(&loader->document, other->key);
            if (before != NULL && bytes_equal(scalar_of(before), name)) {
                (void)base_fail(err, E_CONFIG_DUPLICATE_KEY,
                    "the %s '%s' stands already in line %u", key->section->title,
                    (const char *)name.ptr, (unsigned)line_of(before));
                return at_line(loader, line_of(name_node), err);
            }
        }
        if (add_object(key, section_struct, name, line_of(name_node), &object, err) != BASE_OK) {
            return at_line(loader, line_of(name_node), err);
        }
        if (!is_null(value)) {
            TRY(load_section(loader, value, key->section, object, err));
        }
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
load_sequence(struct loader *loader, const yaml_node_t *node, const struct config_key *key,
    void *section_struct, struct base_error *err)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        return wrong_kind(loader, node, key, err);
    }
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        const yaml_node_t *element = yaml_document_get_node(&loader->document, *item);
        void *object = NULL;
        if (element == NULL) {
            return base_fail(err, E_INTERNAL, "a YAML list without its element");
        }
        if (add_object(key, section_struct, BYTES_LITERAL(""), line_of(element), &object, err) !=
            BASE_OK) {
            return at_line(loader, line_of(element), err);
        }
        if (element->type == YAML_SCALAR_NODE) {
            TRY(load_value(loader, element, &key->section->keys[0], object, err));
        } else {
            TRY(load_section(loader, element, key->section, object, err));
        }
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
load_key(struct loader *loader, const yaml_node_t *node, const struct config_key *key,
    void *section_struct, struct base_error *err)
{
    struct config_place place = {.line = line_of(node)};
    switch (key->type) {
    case CONFIG_FLAG:
    case CONFIG_NUMBER:
    case CONFIG_DURATION:
    case CONFIG_CHOICE:
    case CONFIG_TEXT:
        return load_value(loader, node, key, section_struct, err);
    case CONFIG_CHOICES:
    case CONFIG_TEXTS:
        return load_list(loader, node, key, section_struct, err);
    case CONFIG_SECTION:
        memcpy((uint8_t *)section_struct + key->offset, &place, sizeof(place));
        return load_section(
            loader, node, key->section, (uint8_t *)section_struct + key->offset, err);
    case CONFIG_OBJECTS:
        return load_objects(loader, node, key, section_struct, err);
    case CONFIG_SEQUENCE:
        return load_sequence(loader, node, key, section_struct, err);
    }
    return base_fail(err, E_INTERNAL, "a row of the schema without a type");
}

MUST_CHECK static enum base_code
unknown_key(const struct loader *loader, const yaml_node_t *node,
    const struct config_section *section, struct base_error *err)
{
    const char *names[CONFIG_KEYS_MAX] = {NULL};
    char found[48] = "";
    struct bytes text = scalar_of(node);
    for (size_t i = 0; i < section->count; i++) {
        names[i] = section->keys[i].name;
    }
    const char *nearest = config_nearest(text, names, section->count);
    (void)base_fail(err, E_CONFIG_UNKNOWN_KEY, "%s: there is no key '%s'%s%s%s", section->title,
        base_escape(text, found, sizeof(found)), nearest == NULL ? "" : "; do you mean '",
        nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
    return at_line(loader, line_of(node), err);
}

MUST_CHECK static enum base_code
load_pair(struct loader *loader, const yaml_node_pair_t *pair, const struct config_section *section,
    void *section_struct, struct base_error *err)
{
    const yaml_node_t *name = yaml_document_get_node(&loader->document, pair->key);
    const yaml_node_t *value = yaml_document_get_node(&loader->document, pair->value);
    struct config_place place;
    if (name == NULL || value == NULL) {
        return base_fail(err, E_INTERNAL, "a YAML section without its value");
    }
    if (name->type != YAML_SCALAR_NODE) {
        (void)base_fail(err, E_CONFIG_TYPE, "a key of a %s is no text", section->title);
        return at_line(loader, line_of(name), err);
    }
    for (size_t i = 0; i < section->count; i++) {
        if (!bytes_equal_text(scalar_of(name), section->keys[i].name)) {
            continue;
        }
        memcpy(&place, section_struct, sizeof(place));
        if (place.lines[i] != 0) {
            (void)base_fail(err, E_CONFIG_DUPLICATE_KEY, "%s stands already in line %u",
                section->keys[i].name, (unsigned)place.lines[i]);
            return at_line(loader, line_of(name), err);
        }
        place.lines[i] = line_of(name);
        memcpy(section_struct, &place, sizeof(place));
        return load_key(loader, value, &section->keys[i], section_struct, err);
    }
    return unknown_key(loader, name, section, err);
}

static enum base_code
load_section(struct loader *loader, const yaml_node_t *node, const struct config_section *section,
    void *section_struct, struct base_error *err)
{
    if (is_null(node)) {
        return BASE_OK; /* "log:" with every line below it commented out */
    }
    if (node->type != YAML_MAPPING_NODE) {
        (void)base_fail(
            err, E_CONFIG_TYPE, "want a %s section of 'key: value' lines", section->title);
        return at_line(loader, line_of(node), err);
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        TRY(load_pair(loader, pair, section, section_struct, err));
    }
    return BASE_OK;
}

/* What a file leaves out wholly: one object called default, one listener; of what is optional,
 * none. */
MUST_CHECK static enum base_code
add_absent(struct config_settings *settings, struct base_error *err)
{
    const struct config_section *root = config_schema();
    for (size_t i = 0; i < root->count; i++) {
        const struct config_key *key = &root->keys[i];
        bool is_array = key->type == CONFIG_OBJECTS || key->type == CONFIG_SEQUENCE;
        void *object = NULL;
        if (is_array && !key->is_optional && settings->place.lines[i] == 0) {
            struct bytes name =
                key->type == CONFIG_OBJECTS ? BYTES_LITERAL("default") : BYTES_LITERAL("");
            TRY(add_object(key, (uint8_t *)settings, name, 0, &object, err));
        }
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
load_document(struct loader *loader, struct config_settings *settings, struct base_error *err)
{
    uint32_t line = 0;
    TRY(set_initial(config_schema(), settings, err));
    const yaml_node_t *root = yaml_document_get_root_node(&loader->document);
    if (root != NULL) {
        TRY(load_section(loader, root, config_schema(), settings, err));
    }
    TRY(add_absent(settings, err));
    if (config_check_rules(settings, &line, err) != BASE_OK) {
        return at_line(loader, line > 0 ? line : 1, err);
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
syntax_error(const yaml_parser_t *parser, const struct loader *loader, struct base_error *err)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        return base_fail(err, E_NO_MEMORY, "reading %.100s", loader->name);
    }
    (void)base_fail(err, E_CONFIG_SYNTAX, "%s%s%s", parser->context == NULL ? "" : parser->context,
        parser->context == NULL ? "" : ", ",
        parser->problem == NULL ? "not YAML" : parser->problem);
    size_t line = parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) {
        line = 1; /* a wrong octet has a position in the file only */
        for (size_t i = 0; i < parser->problem_offset && i < loader->text.len; i++) {
            line += loader->text.ptr[i] == '\n' ? 1 : 0;
        }
    }
    return at_line(loader, (uint32_t)line, err);
}

static void
parser_end(yaml_parser_t *parser)
{
    yaml_parser_delete(parser);
}

static void
loader_end(struct loader *loader)
{
    yaml_document_delete(&loader->document);
}

/* Nothing may follow the document: a second one would be ignored silently. */
MUST_CHECK static enum base_code
check_end(yaml_parser_t *parser, const struct loader *loader, struct base_error *err)
{
    __attribute__((cleanup(loader_end))) struct loader next = {
        .name = loader->name, .text = loader->text};
    if (yaml_parser_load(parser, &next.document) == 0) {
        return syntax_error(parser, loader, err);
    }
    const yaml_node_t *root = yaml_document_get_root_node(&next.document);
    if (root != NULL) {
        (void)base_fail(err, E_CONFIG_SYNTAX, "a second YAML document begins here");
        return at_line(loader, line_of(root), err);
    }
    return BASE_OK;
}

enum base_code
config_load(
    struct bytes text, const char *name, struct config_settings *settings, struct base_error *err)
{
    __attribute__((cleanup(parser_end))) yaml_parser_t parser;
    __attribute__((cleanup(loader_end))) struct loader loader = {.name = name, .text = text};
    memset(&parser, 0, sizeof(parser));
    memset(settings, 0, sizeof(*settings));
    if (text.len > CONFIG_FILE_MAX) {
        return base_fail(err, E_CONFIG_LIMIT, "%.100s has %zu octets, at most %zu", name, text.len,
            CONFIG_FILE_MAX);
    }
    if (yaml_parser_initialize(&parser) == 0) {
        return base_fail(err, E_NO_MEMORY, "reading %.100s", name);
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.len > 0 ? text.ptr : (const uint8_t *)"", text.len);
    if (yaml_parser_load(&parser, &loader.document) == 0) {
        return syntax_error(&parser, &loader, err);
    }
    TRY(check_end(&parser, &loader, err));
    return load_document(&loader, settings, err);
}
