/*
 * trace.c - the digest of what decides, and the links files lie behind.
 *
 * The digest tells a reload that changed who may have what from one that did not: it is over typed
 * values and files' bytes, so comments and layout do not count. May touch: symbolic links, which it
 * reads.
 */
#include "config/trace.h"

#include "config/tree.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

struct rkd_trace_digest {
    EVP_MD_CTX *ctx;
    bool is_broken;
};

static void feed(struct rkd_read *read, const void *bytes, size_t len)
{
    struct rkd_trace_digest *trace = read->trace;

    if (trace != NULL && EVP_DigestUpdate(trace->ctx, bytes, len) != 1)
        trace->is_broken = true;
}

/* Its length first, so that no two lists of texts look alike. */
static void feed_text(struct rkd_read *read, struct rk_str text)
{
    const uint64_t len = text.len;

    feed(read, &len, sizeof(len));
    if (text.len != 0)
        feed(read, text.ptr, text.len);
}

/* The same at every reload; here so that nobody has to rely on that. */
static void feed_env(struct rkd_read *read)
{
    for (char *const *entry = read->env->entries; *entry != NULL; entry++)
        if (!rki_str_starts_with(rki_cstr(*entry), RK_STR("LIVEKIT_")))
            feed_text(read, rki_cstr(*entry));
}

enum rk_err rkd_trace_begin(struct rkd_read *read)
{
    struct rkd_trace_digest *trace = calloc(1, sizeof(*trace));

    if (trace == NULL)
        return rkd_read_nomem(read);
    trace->ctx = EVP_MD_CTX_new();
    if (trace->ctx == NULL || EVP_DigestInit_ex(trace->ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(trace->ctx);
        free(trace);
        return rkd_read_nomem(read);
    }
    read->trace = trace;
    feed_env(read);
    return RK_OK;
}

static void feed_head(struct rkd_read *read, const struct rkd_value *value)
{
    const uint64_t head[2] = {(uint64_t)value->kind, value->count};

    feed(read, head, sizeof(head));
    feed_text(read, value->text);
}

/* The tree is at most RKD_TREE_DEPTH_MAX deep: so is the stack. */
static void feed_value(struct rkd_read *read, const struct rkd_value *value)
{
    struct {
        const struct rkd_value *value;
        size_t next;
    } stack[RKD_TREE_DEPTH_MAX + 1] = {{.value = value}};
    size_t depth = 1;

    feed_head(read, value);
    while (depth != 0) {
        const struct rkd_value *at = stack[depth - 1].value, *child;
        const size_t next = stack[depth - 1].next++;
        const bool is_map = at->kind == RKD_VALUE_MAP;

        if ((!is_map && at->kind != RKD_VALUE_LIST) || next == at->count ||
            depth == ARRAY_LEN(stack)) {
            depth--;
            continue;
        }
        child = is_map ? &at->members[next].value : &at->items[next];
        if (is_map)
            feed_text(read, at->members[next].key);
        feed_head(read, child);
        stack[depth].value = child;
        stack[depth++].next = 0;
    }
}

void rkd_trace_tree(struct rkd_read *read, const struct rkd_value *top)
{
    static const struct rk_str indifferent[] = {RK_STR_INIT("livekit"), RK_STR_INIT("limits"),
                                                RK_STR_INIT("log")};

    for (size_t i = 0; i < top->count && top->kind == RKD_VALUE_MAP; i++) {
        const struct rkd_value_member *member = &top->members[i];
        bool counts = true;

        for (size_t k = 0; k < ARRAY_LEN(indifferent); k++)
            counts = counts && !rki_str_equal(member->key, indifferent[k]);
        if (!counts)
            continue;
        feed_text(read, member->key);
        feed_value(read, &member->value);
    }
}

void rkd_trace_file(struct rkd_read *read, struct rk_str bytes)
{
    if (!rki_str_equal(read->key, RK_STR("key_file")))
        feed_text(read, bytes);
}

void rkd_trace_end(struct rkd_read *read)
{
    struct rkd_trace_digest *trace = read->trace;
    struct rkd_settings *out = read->out;

    if (trace == NULL)
        return;
    read->trace = NULL;
    out->has_rules_digest =
        EVP_DigestFinal_ex(trace->ctx, out->rules_digest, NULL) == 1 && !trace->is_broken;
    EVP_MD_CTX_free(trace->ctx);
    free(trace);
}

/* ---- links ---- */

/* "DIR/..data" as it points now. False: there is no such link. */
static bool read_link(const char *path, char target[static PATH_MAX], size_t *out_len)
{
    const ssize_t len = readlink(path, target, PATH_MAX);

    if (len <= 0 || len == PATH_MAX)
        return false;
    *out_len = (size_t)len;
    return true;
}

static bool is_known(const struct rkd_settings *settings, struct rk_str path)
{
    for (size_t i = 0; i < settings->link_count; i++)
        if (rki_str_equal(settings->links[i].path, path))
            return true;
    return false;
}

static void note_link(struct rkd_read *read, struct rk_str dir)
{
    struct rkd_settings *out = read->out;
    char path[PATH_MAX], target[PATH_MAX];
    struct rki_buf buf = rki_buf_over(path, sizeof(path) - 1);
    struct rkd_link link;
    size_t len = 0;

    rki_buf_put(&buf, dir);
    rki_buf_lit(&buf, "..data");
    path[buf.len] = '\0';
    if (buf.overflow || out->link_count == RKD_LINKS_MAX || is_known(out, rki_buf_str(&buf)) ||
        !read_link(path, target, &len))
        return;
    if (rkd_store_dup(read->store, rki_buf_str(&buf), &link.path) == RK_OK &&
        rkd_store_dup(read->store, rki_str(target, len), &link.target) == RK_OK)
        out->links[out->link_count++] = link; /* no memory: not watched, SIGHUP still works */
}

void rkd_trace_path(struct rkd_read *read, struct rk_str path)
{
    const bool is_file_system = read->flags->files == NULL && !read->flags->dev;

    if (path.ptr == NULL || !is_file_system)
        return;
    for (size_t len = path.len; len != 0; len--)
        if (path.ptr[len - 1] == '/')
            note_link(read, rki_str(path.ptr, len));
    if (path.ptr[0] != '/')
        note_link(read, rki_str("", 0));
}

bool rkd_links_moved(const struct rkd_settings *settings, uint64_t *out_state)
{
    uint64_t state = UINT64_C(0xcbf29ce484222325); /* FNV-1a: tells states apart, guards nothing */
    bool has_moved = false;

    for (size_t i = 0; i < settings->link_count; i++) {
        char target[PATH_MAX];
        size_t len = 0;

        if (!read_link(settings->links[i].path.ptr, target, &len))
            continue; /* the volume is gone: nothing newer can be read */
        has_moved = has_moved || !rki_str_equal(settings->links[i].target, rki_str(target, len));
        for (size_t k = 0; k <= len; k++)
            state =
                (state ^ (k == len ? 0xff : (unsigned char)target[k])) * UINT64_C(0x100000001b3);
    }
    *out_state = state;
    return has_moved;
}
