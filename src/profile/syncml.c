#include "profile/syncml.h"

#include <string.h>

#include "base/banned.h"

static void
put_location(struct syncml *syncml, xmlNode *parent, const char *kind, struct bytes uri)
{
    xmlNode *node = profile_xml_element(&syncml->xml, parent, kind);
    (void)profile_xml_text(&syncml->xml, node, "LocURI", uri);
}

void
profile_syncml_begin(
    struct syncml *syncml, struct bytes device, struct bytes source, bool is_atomic)
{
    *syncml = (struct syncml){.number = 0};
    struct profile_xml *xml = &syncml->xml;
    xmlNode *root = profile_xml_begin(xml, "SyncML", "SYNCML:SYNCML1.2");
    xmlNode *head = profile_xml_element(xml, root, "SyncHdr");
    (void)profile_xml_text(xml, head, "VerDTD", BYTES_LITERAL("1.2"));
    (void)profile_xml_text(xml, head, "VerProto", BYTES_LITERAL("DM/1.2"));
    (void)profile_xml_number(xml, head, "SessionID", 1);
    (void)profile_xml_number(xml, head, "MsgID", 1);
    put_location(syncml, head, "Target", device);
    put_location(syncml, head, "Source", source);
    syncml->body = profile_xml_element(xml, root, "SyncBody");
    syncml->commands = syncml->body;
    if (is_atomic) {
        syncml->commands = profile_xml_element(xml, syncml->body, "Atomic");
        (void)profile_xml_number(xml, syncml->commands, "CmdID", ++syncml->number);
    }
}

static xmlNode *
put_command(struct syncml *syncml, const char *command, const char *uri)
{
    xmlNode *node = profile_xml_element(&syncml->xml, syncml->commands, command);
    (void)profile_xml_number(&syncml->xml, node, "CmdID", ++syncml->number);
    xmlNode *item = profile_xml_element(&syncml->xml, node, "Item");
    put_location(syncml, item, "Target", bytes_from_text(uri));
    return item;
}

void
profile_syncml_add(struct syncml *syncml, const char *uri, const char *format, struct bytes data)
{
    xmlNode *item = put_command(syncml, "Add", uri);
    xmlNode *meta = profile_xml_element(&syncml->xml, item, "Meta");
    xmlNode *kind = profile_xml_text(&syncml->xml, meta, "Format", bytes_from_text(format));
    profile_xml_space(&syncml->xml, kind, "syncml:metinf");
    if (strcmp(format, "node") != 0) {
        (void)profile_xml_text(&syncml->xml, item, "Data", data);
    }
}

void
profile_syncml_exec(struct syncml *syncml, const char *uri)
{
    (void)put_command(syncml, "Exec", uri);
}

enum base_code
profile_syncml_finish(struct syncml *syncml, struct buffer *out, struct base_error *err)
{
    (void)profile_xml_element(&syncml->xml, syncml->body, "Final");
    return profile_xml_finish(&syncml->xml, true, out, err);
}

void
profile_syncml_clear(struct syncml *syncml)
{
    profile_xml_clear(&syncml->xml);
}
