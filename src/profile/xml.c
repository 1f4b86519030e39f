#include "profile/xml.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/text.h"
#include "profile/limits.h"

#include "base/banned.h"

OWNER(xmlParserCtxt, xmlFreeParserCtxt)
OWNER(xmlBuffer, xmlBufferFree)

static const xmlChar *
as_xml(const char *text)
{
    return (const xmlChar *)text;
}

void
profile_xml_fail(struct profile_xml *xml, enum base_code code, const char *detail)
{
    if (xml->code == BASE_OK) {
        xml->code = base_fail(&xml->error, code, "%s", detail);
    }
}

static xmlNode *
check_node(struct profile_xml *xml, xmlNode *node)
{
    if (node == NULL) {
        profile_xml_fail(xml, E_NO_MEMORY, "an XML element");
    }
    return node;
}

xmlNode *
profile_xml_begin(struct profile_xml *xml, const char *root, const char *space)
{
    *xml = (struct profile_xml){.code = BASE_OK};
    xml->document = xmlNewDoc(as_xml("1.0"));
    xmlNode *node =
        xml->document == NULL ? NULL : xmlNewDocNode(xml->document, NULL, as_xml(root), NULL);
    if (check_node(xml, node) == NULL) {
        return NULL;
    }
    (void)xmlDocSetRootElement(xml->document, node);
    if (space != NULL) {
        profile_xml_space(xml, node, space);
    }
    return node;
}

void
profile_xml_clear(struct profile_xml *xml)
{
    xmlFreeDoc(xml->document);
    xml->document = NULL;
}

xmlNode *
profile_xml_element(struct profile_xml *xml, xmlNode *parent, const char *name)
{
    if (xml->code != BASE_OK) {
        return NULL;
    }
    return check_node(xml, xmlNewChild(parent, NULL, as_xml(name), NULL));
}

/* What XML 1.0 can hold (its section 2.2) and we let through: no control characters, no
 * noncharacters. */
static bool
is_xml_text(struct bytes text)
{
    for (size_t i = 0; i + 2 < text.len; i++) {
        if (text.ptr[i] == 0xef && text.ptr[i + 1] == 0xbf && text.ptr[i + 2] >= 0xbe) {
            return false;
        }
    }
    return base_is_clean_utf8(text);
}

xmlNode *
profile_xml_text(struct profile_xml *xml, xmlNode *parent, const char *name, struct bytes text)
{
    xmlNode *node = profile_xml_element(xml, parent, name);
    if (node == NULL || text.len == 0) {
        return node;
    }
    if (!is_xml_text(text)) {
        profile_xml_fail(xml, E_PROFILE_UNFIT, "a text with characters that XML cannot hold");
        return NULL;
    }
    xmlNode *content =
        check_node(xml, xmlNewDocTextLen(xml->document, text.ptr, base_size_to_int(text.len)));
    if (content != NULL) {
        (void)xmlAddChild(node, content);
    }
    return node;
}

xmlNode *
profile_xml_number(struct profile_xml *xml, xmlNode *parent, const char *name, uint64_t number)
{
    char text[24] = "";
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    return profile_xml_text(xml, parent, name, bytes_from_text(text));
}

xmlNode *
profile_xml_base64(struct profile_xml *xml, xmlNode *parent, const char *name, struct bytes octets)
{
    BUFFER_LOCAL(text, PROFILE_FILE_MAX);
    struct base_error err = {BASE_OK, ""};
    if (base_base64(octets, &text, &err) != BASE_OK) {
        profile_xml_fail(xml, err.code, err.detail);
    }
    return profile_xml_text(xml, parent, name, buffer_bytes(&text));
}

void
profile_xml_attribute(struct profile_xml *xml, xmlNode *node, const char *name, struct bytes value)
{
    OWN_MEMORY uint8_t *text = bytes_copy(value);
    if (xml->code != BASE_OK) {
        return;
    }
    if (!is_xml_text(value)) {
        profile_xml_fail(xml, E_PROFILE_UNFIT, "a text with characters that XML cannot hold");
    } else if (text == NULL || xmlNewProp(node, as_xml(name), text) == NULL) {
        profile_xml_fail(xml, E_NO_MEMORY, "an XML attribute");
    }
}

void
profile_xml_space(struct profile_xml *xml, xmlNode *node, const char *space)
{
    xmlNs *made = xml->code != BASE_OK ? NULL : xmlNewNs(node, as_xml(space), NULL);
    if (made == NULL) {
        profile_xml_fail(xml, E_NO_MEMORY, "an XML namespace");
        return;
    }
    xmlSetNs(node, made);
}

enum base_code
profile_xml_finish(
    struct profile_xml *xml, bool is_pretty, struct buffer *out, struct base_error *err)
{
    xmlChar *text = NULL;
    int len = 0;
    if (xml->code != BASE_OK) {
        return base_fail(err, xml->code, "%s", xml->error.detail);
    }
    xmlDocDumpFormatMemoryEnc(xml->document, &text, &len, "UTF-8", is_pretty ? 1 : 0);
    if (text == NULL || len < 0) {
        return base_fail(err, E_NO_MEMORY, "an XML document");
    }
    enum base_code code = buffer_append(out, (struct bytes){text, (size_t)len}, err);
    explicit_bzero(text, (size_t)len); /* the challenge is in it */
    xmlFree(text);
    return code;
}

enum base_code
profile_xml_finish_fragment(struct profile_xml *xml, struct buffer *out, struct base_error *err)
{
    if (xml->code != BASE_OK) {
        return base_fail(err, xml->code, "%s", xml->error.detail);
    }
    OWN(xmlBuffer) text = xmlBufferCreate();
    xmlNode *root = xmlDocGetRootElement(xml->document);
    if (text == NULL || xmlNodeDump(text, xml->document, root, 0, 0) < 0) {
        return base_fail(err, E_NO_MEMORY, "an XML document");
    }
    return buffer_append(
        out, (struct bytes){xmlBufferContent(text), (size_t)xmlBufferLength(text)}, err);
}

/* ---- reading
 * ----------------------------------------------------------------------------------------------------
 */

/* An internal subset may name a DTD, as Apple's does; entities have no place in a profile. */
static bool
declares_entities(const xmlDoc *document)
{
    for (const xmlDtd *dtd = document->intSubset; dtd != NULL; dtd = NULL) {
        if (dtd->children != NULL || dtd->entities != NULL) {
            return true;
        }
    }
    return false;
}

enum base_code
profile_xml_read(struct bytes text, xmlDoc **out, struct base_error *err)
{
    if (text.len > PROFILE_FILE_MAX) {
        return base_fail(err, E_TOO_LARGE, "a profile of more than %zu octets", PROFILE_FILE_MAX);
    }
    if (text.len == 0) {
        return base_fail(err, E_PROFILE_FORMAT, "an empty file");
    }
    OWN(xmlParserCtxt) parser = xmlNewParserCtxt();
    if (parser == NULL) {
        return base_fail(err, E_NO_MEMORY, "an XML parser");
    }
    xmlDoc *document = xmlCtxtReadMemory(parser, (const char *)text.ptr, base_size_to_int(text.len),
        NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
    if (document == NULL) {
        const xmlError *why = xmlCtxtGetLastError(parser);
        char reason[160] = "";
        (void)base_escape(bytes_from_text(why == NULL || why->message == NULL ? "" : why->message),
            reason, sizeof(reason));
        return base_fail(err, E_PROFILE_FORMAT, "line %d: %s", why == NULL ? 0 : why->line, reason);
    }
    if (declares_entities(document)) {
        xmlFreeDoc(document);
        return base_fail(err, E_PROFILE_FORMAT, "declarations in the document type: no entities");
    }
    *out = document;
    return BASE_OK;
}
