#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/own.h"
#include "base/random.h"
#include "base/text.h"
#include "pki/name.h"
#include "scep/authorities.h"
#include "scep/client.h"

#include "load.h"

#include "base/banned.h"

#define KEYS 64

struct client {
    struct pki_private_key *key;
    struct buffer certificate;
    struct buffer subject;
};

struct load_messages {
    const struct load_options *options;
    FILE *challenges;
    FILE *serials;
    struct base_random random;
    struct buffer message;
    struct buffer storage;
    struct pki_certificate authorities[SCEP_CERTIFICATES_MAX];
    size_t authority_count;
    struct client clients[KEYS];
    unsigned next_key;
};

static void
must(enum base_code code, const struct base_error *err)
{
    if (code != BASE_OK) {
        (void)fprintf(stderr, "kurier-load: %s [%d]\n", err->detail, (int)code);
        exit(3);
    }
}

static void
fetch_authorities(struct load_messages *m)
{
    struct base_error err = {0};
    struct bytes ders[SCEP_CERTIFICATES_MAX];
    char target[256];
    (void)snprintf(target, sizeof(target), "%s?operation=GetCACert&message=ca", m->options->path);
    if (load_fetch(m->options, target, &m->message) != 200) {
        (void)fprintf(stderr, "kurier-load: no GetCACert\n");
        exit(3);
    }
    must(scep_authorities_read(
             buffer_bytes(&m->message), &m->storage, ders, &m->authority_count, &err),
        &err);
    for (size_t i = 0; i < m->authority_count; i++) {
        must(pki_certificate_read(ders[i], &m->authorities[i], &err), &err);
    }
}

/* The RA comes first; a server with one certificate has that. */
static const struct pki_certificate *
recipient(const struct load_messages *m)
{
    for (size_t i = 0; i < m->authority_count; i++) {
        if (m->authorities[i].has_key_usage &&
            (m->authorities[i].key_usage & PKI_KEY_ENCIPHERMENT) != 0) {
            return &m->authorities[i];
        }
    }
    return &m->authorities[0];
}

/* The keys of an earlier run, so that a run of a few seconds does not begin with half a minute of
 * making keys. */
static bool
read_keys(struct load_messages *m)
{
    static char text[KEYS * 4096];
    static const char last[] = "-----END PRIVATE KEY-----\n";
    struct base_error err = {0};
    FILE *file = m->options->keys == NULL ? NULL : fopen(m->options->keys, "re");
    if (file == NULL) {
        return false;
    }
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    const char *at = text;
    for (unsigned i = 0; i < KEYS; i++) {
        const char *end = strstr(at, last);
        if (end == NULL) {
            (void)fprintf(stderr, "kurier-load: %s has too few keys\n", m->options->keys);
            exit(3);
        }
        end += sizeof(last) - 1;
        must(pki_private_key_load((struct bytes){(const uint8_t *)at, (size_t)(end - at)},
                 BYTES_NONE, &m->clients[i].key, &err),
            &err);
        at = end;
    }
    return true;
}

static void
make_keys(struct load_messages *m)
{
    struct base_error err = {0};
    FILE *file = m->options->keys == NULL ? NULL : fopen(m->options->keys, "wex");
    for (unsigned i = 0; i < KEYS; i++) {
        BUFFER_LOCAL(pem, 8192);
        must(pki_private_key_generate(BYTES_LITERAL("rsa:2048"), &m->clients[i].key, &err), &err);
        must(pki_private_key_store(m->clients[i].key, BYTES_NONE, &pem, &err), &err);
        if (file != NULL && fwrite(pem.ptr, 1, pem.len, file) != pem.len) {
            (void)fprintf(stderr, "kurier-load: %s cannot be written\n", m->options->keys);
            exit(3);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static void
make_client(struct load_messages *m, unsigned index)
{
    struct base_error err = {0};
    struct client *client = &m->clients[index];
    char name[64];
    (void)snprintf(name, sizeof(name), "CN=load-%u,O=Example", index);
    buffer_init(&client->certificate, 4096);
    buffer_init(&client->subject, 1024);
    must(pki_name_from_text(bytes_from_text(name), &client->subject, &err), &err);
    must(scep_client_self_signed(client->key, buffer_bytes(&client->subject), time(NULL),
             &m->random, &client->certificate, &err),
        &err);
}

struct load_messages *
load_messages_new(const struct load_options *options)
{
    struct load_messages *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        exit(3);
    }
    m->options = options;
    m->random = base_random_system();
    if (options->is_caps) {
        return m;
    }
    buffer_init(&m->message, SCEP_MESSAGE_MAX);
    buffer_init(&m->storage, 2 * SCEP_MESSAGE_MAX);
    m->challenges = options->challenges == NULL ? NULL : fopen(options->challenges, "re");
    m->serials = options->serials == NULL ? NULL : fopen(options->serials, "ae");
    fetch_authorities(m);
    if (!read_keys(m)) {
        make_keys(m);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        make_client(m, i);
    }
    return m;
}

void
load_messages_free(struct load_messages *m)
{
    for (unsigned i = 0; i < KEYS && !m->options->is_caps; i++) {
        pki_private_key_free(m->clients[i].key);
        buffer_clear(&m->clients[i].certificate);
        buffer_clear(&m->clients[i].subject);
    }
    if (m->challenges != NULL) {
        (void)fclose(m->challenges);
    }
    if (m->serials != NULL) {
        (void)fclose(m->serials);
    }
    buffer_clear(&m->message);
    buffer_clear(&m->storage);
    free(m);
}

static struct bytes
next_challenge(struct load_messages *m, char *line, int size)
{
    if (m->challenges == NULL) {
        return BYTES_LITERAL("static");
    }
    if (fgets(line, size, m->challenges) == NULL) {
        (void)fprintf(stderr, "kurier-load: too few challenges\n");
        exit(3);
    }
    line[strcspn(line, "\n")] = '\0';
    return bytes_from_text(line);
}

static void
make_enrolment(struct load_messages *m, struct load_item *item)
{
    struct base_error err = {0};
    char line[512];
    char head[512];
    BUFFER_LOCAL(csr, 16384);
    BUFFER_LOCAL(message, SCEP_MESSAGE_MAX);
    item->key = m->next_key++ % KEYS;
    const struct client *client = &m->clients[item->key];
    uint8_t id[LOAD_ID_LEN / 2];
    must(base_random_fill(&m->random, id, sizeof(id), &err), &err);
    must(base_random_fill(&m->random, item->nonce, sizeof(item->nonce), &err), &err);
    base_hex(BYTES_ARRAY(id), item->transaction_id);
    char name[64];
    (void)snprintf(name, sizeof(name), "CN=load-%s,O=Example", item->transaction_id);
    struct bytes subject = buffer_bytes(&client->subject);
    BUFFER_LOCAL(own_subject, 256);
    if (m->options->is_foreign) { /* scepserver issues once for each name */
        must(pki_name_from_text(bytes_from_text(name), &own_subject, &err), &err);
        subject = buffer_bytes(&own_subject);
    }
    must(pki_csr_build(client->key, subject, BYTES_NONE, next_challenge(m, line, sizeof(line)),
             PKI_SHA256, &csr, &err),
        &err);
    const struct scep_client_request request = {.type = SCEP_PKCS_REQ,
        .signer_key = client->key,
        .signer_certificate = buffer_bytes(&client->certificate),
        .payload = buffer_bytes(&csr),
        .transaction_id = bytes_from_text(item->transaction_id),
        .sender_nonce = BYTES_ARRAY(item->nonce),
        .recipient = recipient(m),
        .cipher = PKI_AES_128_CBC,
        .digest = PKI_SHA256,
        .random = &m->random};
    must(scep_client_request_build(&request, &message, &err), &err);
    (void)snprintf(head, sizeof(head),
        "POST %s?operation=PKIOperation HTTP/1.1\r\nHost: %s\r\nContent-Type: "
        "application/x-pki-message\r\nContent-Length: %zu\r\n%s\r\n",
        m->options->path, m->options->host, message.len,
        m->options->is_fresh ? "Connection: close\r\n" : "");
    must(buffer_append(&item->request, bytes_from_text(head), &err), &err);
    must(buffer_append(&item->request, buffer_bytes(&message), &err), &err);
}

void
load_messages_make(struct load_messages *m, struct load_item *items, unsigned count)
{
    struct base_error err = {0};
    char head[512];
    for (unsigned i = 0; i < count; i++) {
        buffer_reset(&items[i].request);
        buffer_reset(&items[i].reply);
        if (!m->options->is_caps) {
            make_enrolment(m, &items[i]);
            continue;
        }
        (void)snprintf(head, sizeof(head),
            "GET %s?operation=GetCACaps&message=ca HTTP/1.1\r\nHost: %s\r\n%s\r\n",
            m->options->path, m->options->host,
            m->options->is_fresh ? "Connection: close\r\n" : "");
        must(buffer_append(&items[i].request, bytes_from_text(head), &err), &err);
    }
}

static enum base_code
check_one(struct load_messages *m, const struct load_item *item, struct base_error *err)
{
    const struct client *client = &m->clients[item->key];
    struct scep_client_answer answer;
    struct pki_certificate certificate;
    char serial[128];
    if (item->status != 200) {
        return base_fail(err, E_DEVICE_STATUS, "HTTP %d", item->status);
    }
    if (m->options->is_caps) {
        return BASE_OK;
    }
    const struct scep_client_expectation expected = {.trusted = m->authorities,
        .trusted_count = m->authority_count,
        .transaction_id = bytes_from_text(item->transaction_id),
        .sender_nonce = BYTES_ARRAY(item->nonce),
        .recipient_key = client->key,
        .requested_spki = pki_private_key_peek_spki(client->key)};
    scep_client_answer_init(&answer);
    enum base_code code =
        scep_client_answer_read(&answer, buffer_bytes(&item->reply), &expected, err);
    if (code == E_REPLY_DES && m->options->is_foreign) {
        scep_client_answer_clear(&answer);
        return BASE_OK;
    }
    if (code == BASE_OK && answer.status != SCEP_SUCCESS) {
        code = base_fail(err, E_DEVICE_REFUSED, "pkiStatus %d, failInfo %u, %.*s",
            (int)answer.status, answer.fail_info, (int)answer.fail_info_text.len,
            (const char *)answer.fail_info_text.ptr);
    }
    code = code == BASE_OK ? pki_certificate_read(answer.certificate, &certificate, err) : code;
    if (code == BASE_OK && m->serials != NULL && certificate.serial.len < 60) {
        base_hex(certificate.serial, serial);
        (void)fprintf(m->serials, "%s\n", serial);
    }
    scep_client_answer_clear(&answer);
    return code;
}

unsigned
load_messages_check(struct load_messages *m, struct load_item *items, unsigned count)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < count; i++) {
        struct base_error err = {0};
        if (check_one(m, &items[i], &err) != BASE_OK && ++wrong <= 10) {
            (void)fprintf(stderr, "kurier-load: %s\n", err.detail);
        }
    }
    return wrong;
}
