/*
 * syncml.h - the shell of SyncML 1.2 (OMA DM) around what a device is to set.
 */
#ifndef PROFILE_SYNCML_H
#define PROFILE_SYNCML_H

#include "profile/xml.h"

struct syncml {
    struct profile_xml xml;
    xmlNode *body;
    xmlNode *commands; /* where the next command goes: the body, or its one Atomic */
    unsigned number;   /* of the last command */
};

/* @device is whom it is for, @source the server. */
void profile_syncml_begin(
    struct syncml *syncml, struct bytes device, struct bytes source, bool is_atomic);
/* format: "chr", "int", "b64", "node", "xml". "node" takes no data. */
void profile_syncml_add(
    struct syncml *syncml, const char *uri, const char *format, struct bytes data);
void profile_syncml_exec(struct syncml *syncml, const char *uri);
MUST_CHECK enum base_code profile_syncml_finish(
    struct syncml *syncml, struct buffer *out, struct base_error *err);
void profile_syncml_clear(struct syncml *syncml);

#endif
