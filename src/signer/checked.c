#include "signer/checked.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "signer/profile.h"

#include "base/banned.h"

struct entry {
    const struct signer_authority *authority; /* NULL: empty */
    char profile[sizeof(((struct signer_profile *)0)->name)];
    uint8_t sha256[JOURNAL_HASH_LEN];
};

struct signer_checked {
    pthread_mutex_t lock;
    struct entry entries[SIGNER_CHECKED_MAX];
};
_Static_assert(SIGNER_CHECKED_MAX == 256, "an octet of the hash chooses the entry");

struct signer_checked *
signer_checked_new(void)
{
    struct signer_checked *checked = calloc(1, sizeof(*checked));
    if (checked != NULL && pthread_mutex_init(&checked->lock, NULL) != 0) {
        free(checked);
        return NULL;
    }
    return checked;
}

void
signer_checked_free(struct signer_checked *checked)
{
    if (checked != NULL) {
        (void)pthread_mutex_destroy(&checked->lock);
        free(checked);
    }
}

void
signer_checked_add(struct signer_checked *checked, const struct signer_authority *authority,
    struct bytes profile, const uint8_t sha256[JOURNAL_HASH_LEN])
{
    struct entry *entry = &checked->entries[sha256[0]];
    if (profile.len >= sizeof(entry->profile)) {
        return;
    }
    (void)pthread_mutex_lock(&checked->lock);
    entry->authority = authority;
    memset(entry->profile, 0, sizeof(entry->profile));
    memcpy(entry->profile, profile.ptr, profile.len);
    memcpy(entry->sha256, sha256, JOURNAL_HASH_LEN);
    (void)pthread_mutex_unlock(&checked->lock);
}

bool
signer_checked_has(struct signer_checked *checked, const struct signer_authority *authority,
    struct bytes profile, const uint8_t sha256[JOURNAL_HASH_LEN])
{
    const struct entry *entry = &checked->entries[sha256[0]];
    (void)pthread_mutex_lock(&checked->lock);
    bool has = entry->authority == authority && bytes_equal_text(profile, entry->profile) &&
               memcmp(entry->sha256, sha256, JOURNAL_HASH_LEN) == 0;
    (void)pthread_mutex_unlock(&checked->lock);
    return has;
}

void
signer_checked_forget(struct signer_checked *checked)
{
    (void)pthread_mutex_lock(&checked->lock);
    memset(checked->entries, 0, sizeof(checked->entries));
    (void)pthread_mutex_unlock(&checked->lock);
}
