/*
 * xml.h - XML written and read through libxml2, with entities and network off.
 *
 * A writer's errors stick: after the first every call does nothing, and profile_xml_finish()
 * reports it. Texts go in as they are and are escaped when the document is written out; one that
 * XML cannot hold (control characters, U+FFFE) is E_PROFILE_UNFIT.
 */
#ifndef PROFILE_XML_H
#define PROFILE_XML_H

#include <libxml/tree.h>

#include "base/bytes.h"

struct profile_xml {
    xmlDoc *document; /* owned */
    enum base_code code;
    struct base_error error;
};

/* Begin a document with this root element; space: its default namespace, NULL: none. Returns the
 * root, borrowed from the document. */
xmlNode *profile_xml_begin(struct profile_xml *xml, const char *root, const char *space);
void profile_xml_clear(struct profile_xml *xml);
/* An element at the end of @parent. Returns it; NULL after an error, which every call takes. */
xmlNode *profile_xml_element(struct profile_xml *xml, xmlNode *parent, const char *name);
xmlNode *profile_xml_text(
    struct profile_xml *xml, xmlNode *parent, const char *name, struct bytes text);
xmlNode *profile_xml_number(
    struct profile_xml *xml, xmlNode *parent, const char *name, uint64_t number);
xmlNode *profile_xml_base64(
    struct profile_xml *xml, xmlNode *parent, const char *name, struct bytes octets);
void profile_xml_attribute(
    struct profile_xml *xml, xmlNode *node, const char *name, struct bytes value);
/* The default namespace of an element. */
void profile_xml_space(struct profile_xml *xml, xmlNode *node, const char *space);
/* Note an error of a caller's own; returns nothing so that writing reads as a list. */
void profile_xml_fail(struct profile_xml *xml, enum base_code code, const char *detail);
/* The document as UTF-8, appended. is_pretty: with line ends and indentation between elements. */
MUST_CHECK enum base_code profile_xml_finish(
    struct profile_xml *xml, bool is_pretty, struct buffer *out, struct base_error *err);
/* One element and what is in it, without declaration: to be a text in another document. */
MUST_CHECK enum base_code profile_xml_finish_fragment(
    struct profile_xml *xml, struct buffer *out, struct base_error *err);

/*
 * A document of at most PROFILE_FILE_MAX octets; *out is owned, xmlFreeDoc(). Nothing is loaded
 * from outside, and a document that declares entities is refused. Errors: E_PROFILE_FORMAT,
 * E_TOO_LARGE.
 */
MUST_CHECK enum base_code profile_xml_read(struct bytes text, xmlDoc **out, struct base_error *err);

#endif
