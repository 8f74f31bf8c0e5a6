/*
 * keysets_entry.c - an entry's storage: a copy of what the configuration says about one provider,
 * in one block, since the snapshot it came from will be gone.
 *
 * May touch: its arguments.
 */
#include "serve/keysets_impl.h"

#include <stdlib.h>

enum { HOSTS_MAX = 4096 }; /* of one list: what fits into a configuration file, and sums that fit */

static size_t list_count(const struct rkd_raw_list *list)
{
    return list == NULL ? 0 : list->count;
}

static size_t list_bytes(const struct rkd_raw_list *list)
{
    size_t bytes = 0;

    for (size_t i = 0; i < list_count(list); i++)
        bytes += list->items[i].text.len;
    return bytes;
}

static struct rk_str copy_text(struct rki_buf *buf, struct rk_str text)
{
    struct rk_str copy = rki_str(buf->ptr + buf->len, text.len);

    if (text.ptr == NULL)
        return text;
    rki_buf_put(buf, text);
    rki_buf_char(buf, '\0'); /* libcurl and OpenSSL want paths and addresses so */
    return copy;
}

/* Positions stay behind: they point into the file's storage, and nobody complains from here. */
static struct rkd_raw_list copy_list(struct rki_buf *buf, struct rkd_raw_text *items,
                                     const struct rkd_raw_list *list)
{
    for (size_t i = 0; i < list_count(list); i++)
        items[i] = (struct rkd_raw_text){.text = copy_text(buf, list->items[i].text)};
    return (struct rkd_raw_list){
        .items = items, .count = list_count(list), .is_set = list != NULL && list->is_set};
}

enum rk_err rkd_keysets_entry_new(const struct rkd_keyset_spec *spec,
                                  struct rkd_keysets_entry **out)
{
    size_t hosts = list_count(spec->jwks_hosts) + list_count(spec->allow_http);
    size_t bytes = spec->issuer.len + spec->jwks_uri.len + spec->discovery_url.len +
                   spec->ca_file.len + list_bytes(spec->jwks_hosts) + list_bytes(spec->allow_http) +
                   hosts + 4; /* the NULs */
    struct rkd_keysets_entry *entry;
    struct rkd_raw_text *items;
    struct rki_buf buf;

    if (spec->jwks_uri.len > RKD_KEYSETS_URL_MAX || spec->discovery_url.len > RKD_KEYSETS_URL_MAX ||
        hosts > HOSTS_MAX)
        return RK_E_TOO_LONG;
    entry = calloc(1, sizeof(*entry) + hosts * sizeof(*items) + bytes);
    if (entry == NULL)
        return RK_E_NOMEM;
    items = (struct rkd_raw_text *)(void *)(entry + 1);
    buf = rki_buf_over((char *)(items + hosts), bytes);
    entry->spec = *spec;
    entry->spec.caller = (struct rk_str){0};
    entry->spec.issuer = copy_text(&buf, spec->issuer);
    entry->spec.jwks_uri = copy_text(&buf, spec->jwks_uri);
    entry->spec.discovery_url = copy_text(&buf, spec->discovery_url);
    entry->spec.ca_file = copy_text(&buf, spec->ca_file);
    entry->jwks_hosts = copy_list(&buf, items, spec->jwks_hosts);
    entry->allow_http = copy_list(&buf, items + list_count(spec->jwks_hosts), spec->allow_http);
    entry->spec.jwks_hosts = &entry->jwks_hosts;
    entry->spec.allow_http = &entry->allow_http;
    entry->waiters.next = entry->waiters.prev = &entry->waiters;
    *out = entry;
    return RK_OK;
}

void rkd_keysets_entry_free(struct rkd_keysets_entry *entry)
{
    if (entry == NULL)
        return;
    rkd_keyset_unref(entry->keyset);
    free(entry);
}

static bool list_is_equal(const struct rkd_raw_list *a, const struct rkd_raw_list *b)
{
    if (list_count(a) != list_count(b))
        return false;
    for (size_t i = 0; i < list_count(a); i++)
        if (!rki_str_equal(a->items[i].text, b->items[i].text))
            return false;
    return true;
}

/* The hosts too: keys that came from one a reload took off the list must not stay. */
bool rkd_keysets_entry_is_for(const struct rkd_keysets_entry *entry,
                              const struct rkd_keyset_spec *spec)
{
    return rki_str_equal(entry->spec.issuer, spec->issuer) &&
           rki_str_equal(entry->spec.jwks_uri, spec->jwks_uri) &&
           rki_str_equal(entry->spec.discovery_url, spec->discovery_url) &&
           rki_str_equal(entry->spec.ca_file, spec->ca_file) &&
           list_is_equal(&entry->jwks_hosts, spec->jwks_hosts) &&
           list_is_equal(&entry->allow_http, spec->allow_http);
}
