#include "front/route.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "front/admin.h"
#include "front/api.h"
#include "front/enrolment.h"
#include "front/query.h"
#include "ipc/to_role.h"

#include "base/banned.h"

static void
answer_octets(struct front_http_request *request, const char *type, struct bytes body)
{
    struct front_http_answer answer = {.status = 200, .content_type = type, .body = body};
    front_http_answer(request, &answer);
}

/* The last address in X-Forwarded-For is the one that our own proxy wrote. */
static struct bytes
last_forwarded(const struct front_http_request *request)
{
    struct bytes value = BYTES_NONE;
    struct bytes found = BYTES_NONE;
    for (size_t i = 0; front_http_find_field(request, "X-Forwarded-For", i, &value); i++) {
        found = value;
    }
    for (size_t i = found.len; i > 0; i--) {
        if (found.ptr[i - 1] == ',') {
            found = bytes_skip(found, i);
            break;
        }
    }
    while (found.len > 0 && found.ptr[0] == ' ') {
        found = bytes_skip(found, 1);
    }
    return found;
}

bool
front_route_is_loopback(const union front_http_address *source)
{
    static const uint8_t mapped[13] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    if (source->any.sa_family == AF_INET) {
        return (ntohl(source->v4.sin_addr.s_addr) >> 24) == 127;
    }
    return source->any.sa_family == AF_INET6 &&
           (IN6_IS_ADDR_LOOPBACK(&source->v6.sin6_addr) ||
               memcmp(&source->v6.sin6_addr, mapped, sizeof(mapped)) == 0);
}

void
front_route_source(const struct front *front, const struct front_http_request *request,
    char out[FRONT_HTTP_SOURCE_LEN], bool *out_is_exempt)
{
    memcpy(out, request->source_text, FRONT_HTTP_SOURCE_LEN);
    *out_is_exempt = front_route_is_loopback(&request->source);
    if (!front_settings_is_trusted(front->settings, &request->source.any)) {
        return;
    }
    /* A trusted proxy that names nobody is exempt itself; what it names is judged like any other
     * source. */
    *out_is_exempt = true;
    struct bytes forwarded = last_forwarded(request);
    char text[FRONT_HTTP_SOURCE_LEN] = "";
    uint8_t address[16];
    if (forwarded.len == 0 || forwarded.len >= sizeof(text)) {
        return;
    }
    memcpy(text, forwarded.ptr, forwarded.len);
    if (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1) {
        memcpy(out, text, sizeof(text));
        *out_is_exempt = false;
    }
}

static void
count_contact(struct front *front, const struct front_http_request *request,
    const struct front_endpoint *endpoint, enum ipc_operation operation)
{
    char source[FRONT_HTTP_SOURCE_LEN] = "";
    bool is_exempt = false;
    front_route_source(front, request, source, &is_exempt);
    front_contacts_count(front->contacts, endpoint->name, bytes_from_text(source), operation);
}

static void
answer_ca_cert(
    struct front *front, struct front_http_request *request, const struct front_endpoint *endpoint)
{
    struct bytes body = BYTES_NONE;
    const char *type = NULL;
    struct base_error err;
    if (front_authorities_ca_cert(front->authorities, endpoint->ca, endpoint->send_ca_chain, &body,
            &type, &err) != BASE_OK) {
        front_http_answer_status(request, 503, 1);
        return;
    }
    count_contact(front, request, endpoint, IPC_GET_CA_CERT);
    answer_octets(request, type, body);
}

static void
answer_ca_caps(
    struct front *front, struct front_http_request *request, const struct front_endpoint *endpoint)
{
    struct scep_capabilities capabilities = front_endpoint_capabilities(endpoint);
    char text[SCEP_CAPABILITIES_TEXT_MAX] = "";
    scep_capabilities_text(&capabilities, text);
    count_contact(front, request, endpoint, IPC_GET_CA_CAPS);
    answer_octets(request, "text/plain", bytes_from_text(text));
}

static void
answer_operation(struct front *front, struct front_http_request *request,
    const struct front_endpoint *endpoint, struct bytes profile, bool is_ndes)
{
    struct front_query query;
    struct base_error err;
    front_query_init(&query);
    enum base_code code =
        front_query_parse(request->method, request->query, request->body, &query, &err);
    if (code != BASE_OK) {
        base_log_error(front->log, BASE_LOG_INFO, "query_refused", &err);
        front_http_answer_status(request, front_http_status_of(code), 0);
        return;
    }
    switch (query.operation) {
    case FRONT_QUERY_GET_CA_CAPS:
        answer_ca_caps(front, request, endpoint);
        break;
    case FRONT_QUERY_GET_CA_CERT:
        answer_ca_cert(front, request, endpoint);
        break;
    case FRONT_QUERY_PKI_OPERATION:
        if (request->method == FRONT_HTTP_GET && !endpoint->allow_get) {
            front_http_answer_status(request, 405, 0);
            break;
        }
        front_enrolment_begin(
            front, request, endpoint, profile, is_ndes, query.message, query.is_decoded_twice);
        break;
    case FRONT_QUERY_GET_NEXT_CA_CERT: /* offered only while there is a next CA, and there is none
                                        */
    default:
        front_http_answer_status(request, 404, 0);
        break;
    }
    front_query_clear(&query);
}

static bool
find_endpoint(const struct front *front, const struct front_path *path,
    const struct front_endpoint **out_endpoint, struct bytes *out_profile, bool *out_is_ndes)
{
    /* Whole first: "/cgi-bin/pkiclient.exe" is a path of its own, not "/cgi-bin" with a suffix. */
    *out_endpoint = front_settings_find_endpoint(
        front->settings, front_path_whole(path), out_profile, out_is_ndes);
    if (*out_endpoint == NULL) {
        *out_endpoint = front_settings_find_endpoint(
            front->settings, front_path_stem(path), out_profile, out_is_ndes);
    }
    return *out_endpoint != NULL;
}

void
front_route_request(void *arg, struct front_http_request *request)
{
    struct front *front = arg;
    struct front_path path;
    struct base_error err;
    enum base_code code = front_path_parse(request->path, &path, &err);
    if (code != BASE_OK) {
        front_http_answer_status(request, front_http_status_of(code), 0);
        return;
    }
    const struct front_endpoint *endpoint = NULL;
    struct bytes profile = BYTES_NONE;
    struct bytes content = BYTES_NONE;
    const char *type = NULL;
    bool is_ndes = false;
    uint64_t delivery_id = 0;
    if ((request->purpose & IPC_LISTEN_ADMIN) != 0) {
        front_admin_request(front->admin, request, &path);
    } else if ((request->purpose & IPC_LISTEN_SCEP) != 0 &&
               front_api_confirm_path(&path, &delivery_id)) {
        front_api_confirm(front, request, delivery_id);
    } else if ((request->purpose & IPC_LISTEN_SCEP) != 0 &&
               find_endpoint(front, &path, &endpoint, &profile, &is_ndes)) {
        answer_operation(front, request, endpoint, profile, is_ndes);
    } else if ((request->purpose & (IPC_LISTEN_SCEP | IPC_LISTEN_DOCUMENTS)) != 0 &&
               request->method != FRONT_HTTP_POST &&
               front_documents_find(front->documents, front_path_whole(&path), &content, &type)) {
        answer_octets(request, type, content);
    } else {
        front_http_answer_status(request, 404, 0);
    }
}
