#include "diagnose/anchors.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/catalogue.h"

#include "base/banned.h"

#define STATES_MAX 12000
#define CLASSES_MAX 80

/* What the readers look for; the catalogue's literals come on top. */
static const char *const words[] = {"state changed from ", "trying to enroll certificate",
    "org.jscep.", "<syncml", "url request: ", "sending csr via ", "retrieve issued certificate",
    "installed", "adding dependent ", "received response, status ", "event id", "eventid",
    "ereignis-id", "ereigniskennung", "log name", "protokollname", "logname", "providername",
    "timecreated", "<event", "source: ", "source:", "quelle:", "certenroll",
    "networkdeviceenrollment", "devicemanagement-enterprise", "certificationauthority",
    "#fields:", "mscep", "certificateregistrationsvc", "pkiclient.exe", "verifyrequest",
    "notifyrequest", "certificate registration point", "verify challenge returns", "exiting notify",
    "<title>", "applicationdata", "e2etraceevent", "validation phase", "notify started",
    "dropping file ", "dropped file", "notify finished", "uploading data", "uploaded the data",
    "sscep: ", "op=getcac", "op=pkioperation", "scep_message_type", "failinfo",
    "ca-error: ", "status: monitoring", "installation completed", "status: ca_",
    "status: submitting", "transaction id:", "issued certificate is trusted",
    "scep request pending", "kurier: ", "ca authenticated; ", "pkcsreq by ", "renewalreq by ",
    "pending: asking", " role=", "operation=get", "operation=pkioperation", "\"code\"",
    "intuneclient", "scepservice", "-----begin ", "id  ", "id :", "ereignis", "descrip",
    "beschreibung", "message", "certificateconnectors", "intune connector", "scep: ", "ereignis",
    "request disposition", "request id", "request status code", "method=pkioperation", "certmgr.",
    "profiled", "mdmclient", "server response status code", "receive a valid scep response",
    "pkistatus", "s-reason", "starting sscep", "requesting ca cert"};

struct diag_anchors {
    uint8_t classes[256]; /* 0: an octet that no literal has */
    size_t class_count;
    size_t state_count;
    uint16_t *next;  /* state * class_count + class */
    uint16_t *fails; /* while it is built */
    uint8_t *is_end;
};

static uint8_t
class_of(struct diag_anchors *anchors, uint8_t octet)
{
    uint8_t lower = (uint8_t)tolower(octet);
    if (anchors->classes[lower] == 0 && anchors->class_count < CLASSES_MAX) {
        anchors->classes[lower] = (uint8_t)anchors->class_count;
        anchors->classes[toupper(lower)] = (uint8_t)anchors->class_count;
        anchors->class_count++;
    }
    return anchors->classes[lower];
}

static uint16_t *
cell(struct diag_anchors *anchors, size_t state, uint8_t class)
{
    return &anchors->next[state * CLASSES_MAX + class];
}

static enum base_code
add_literal(struct diag_anchors *anchors, struct bytes literal, struct base_error *err)
{
    size_t state = 0;
    for (size_t i = 0; i < literal.len; i++) {
        uint16_t *to = cell(anchors, state, class_of(anchors, literal.ptr[i]));
        if (*to == 0) {
            if (anchors->state_count == STATES_MAX) {
                return base_fail(err, E_INTERNAL, "more literals than the automaton has states");
            }
            *to = (uint16_t)anchors->state_count++;
        }
        state = *to;
    }
    anchors->is_end[state] = literal.len > 0 ? 1 : 0;
    return BASE_OK;
}

static enum base_code
add_all(struct diag_anchors *anchors, struct base_error *err)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        TRY(add_literal(anchors, bytes_from_text(words[i]), err));
    }
    for (size_t i = 0; i < diag_cause_count(); i++) {
        const char *at = diag_cause_at(i)->literal;
        while (*at != '\0') {
            size_t len = strcspn(at, "|");
            TRY(add_literal(anchors, (struct bytes){(const uint8_t *)at, len}, err));
            at += len + (at[len] == '|' ? 1 : 0);
        }
    }
    return BASE_OK;
}

/* Breadth first: what a state does not know, the longest ending of it that is a state knows. */
static enum base_code
complete(struct diag_anchors *anchors, struct base_error *err)
{
    OWN_MEMORY uint16_t *queue = calloc(anchors->state_count, sizeof(*queue));
    size_t head = 0;
    size_t tail = 0;
    if (queue == NULL) {
        return base_fail(err, E_NO_MEMORY, "anchors");
    }
    for (size_t c = 1; c < anchors->class_count; c++) {
        uint16_t to = *cell(anchors, 0, (uint8_t)c);
        if (to != 0) {
            queue[tail++] = to;
        }
    }
    while (head < tail) {
        uint16_t state = queue[head++];
        uint16_t fail = anchors->fails[state];
        anchors->is_end[state] |= anchors->is_end[fail];
        for (size_t c = 1; c < anchors->class_count; c++) {
            uint16_t *to = cell(anchors, state, (uint8_t)c);
            uint16_t other = *cell(anchors, fail, (uint8_t)c);
            if (*to == 0) {
                *to = other;
            } else {
                anchors->fails[*to] = other;
                queue[tail++] = *to;
            }
        }
    }
    return BASE_OK;
}

enum base_code
diag_anchors_new(struct diag_anchors **out, struct base_error *err)
{
    OWN_STRUCT(diag_anchors) anchors = calloc(1, sizeof(*anchors));
    if (anchors == NULL ||
        (anchors->next = calloc((size_t)STATES_MAX * CLASSES_MAX, sizeof(*anchors->next))) ==
            NULL ||
        (anchors->fails = calloc(STATES_MAX, sizeof(*anchors->fails))) == NULL ||
        (anchors->is_end = calloc(STATES_MAX, 1)) == NULL) {
        return base_fail(err, E_NO_MEMORY, "anchors");
    }
    anchors->class_count = 1;
    anchors->state_count = 1;
    TRY(add_all(anchors, err));
    TRY(complete(anchors, err));
    *out = MOVE(anchors);
    return BASE_OK;
}

void
diag_anchors_free(struct diag_anchors *anchors)
{
    if (anchors != NULL) {
        free(anchors->next);
        free(anchors->fails);
        free(anchors->is_end);
        free(anchors);
    }
}

bool
diag_anchors_match(const struct diag_anchors *anchors, struct bytes line)
{
    size_t state = 0;
    for (size_t i = 0; i < line.len; i++) {
        state = anchors->next[state * CLASSES_MAX + anchors->classes[line.ptr[i]]];
        if (anchors->is_end[state] != 0) {
            return true;
        }
    }
    return false;
}
