/*
 * jsonc.h - JSON with comments, token by token, each with its place: for local.settings.json.
 *
 * Not jansson: that would leave copies of the file's secrets in a heap we cannot wipe, and knows no
 * place of a value. Nothing is copied here; a string is decoded where its owner wants it. Threads:
 * safe.
 */
#ifndef RKD_CONFIG_JSONC_H
#define RKD_CONFIG_JSONC_H

#include "model/raw.h"

enum rkd_jsonc_kind {
    RKD_JSONC_BAD = 0, /* no token of JSON begins here */
    RKD_JSONC_END,
    RKD_JSONC_MAP,      /* { */
    RKD_JSONC_MAP_END,  /* } */
    RKD_JSONC_LIST,     /* [ */
    RKD_JSONC_LIST_END, /* ] */
    RKD_JSONC_COLON,
    RKD_JSONC_COMMA,
    RKD_JSONC_STRING,
    RKD_JSONC_NUMBER,
    RKD_JSONC_TRUE,
    RKD_JSONC_FALSE,
    RKD_JSONC_NULL,
};

struct rkd_jsonc_token {
    enum rkd_jsonc_kind kind;
    struct rkd_pos at;
    struct rk_str raw; /* of a string what stands between its quotes, its escapes looked at */
};

/* Start with `text` (valid UTF-8) and file, the rest zero. */
struct rkd_jsonc {
    struct rk_str text;
    const char *file;
    size_t at;
    size_t line_at; /* where the line at hand begins */
    unsigned lines; /* before it */
};

/* The next token; white space, // and slash-star comments before it are skipped. */
void rkd_jsonc_next(struct rkd_jsonc *reader, struct rkd_jsonc_token *out);

/* The bytes of a string token into out, which has raw.len of them; how many there are. */
size_t rkd_jsonc_decode(struct rk_str raw, char *out);

/*
 * A value whose first token is `first`, taken to its end. False: its brackets do not match, or are
 * deeper than 32; what stands between them is not looked at.
 */
bool rkd_jsonc_skip(struct rkd_jsonc *reader, struct rkd_jsonc_token *first);

#endif
