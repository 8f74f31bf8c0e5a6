/*
 * cmd_version.c - roomkey version [--deps] [--json].
 *
 * May touch: nothing but what the libraries say of themselves.
 */
#include "cli/cli.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <utf8proc.h>

static const struct rkd_option options[] = {
    {"deps", NULL, "the libraries too", false},
    {"json", NULL, "as JSON", false},
    {.name = NULL},
};

static int run(struct rkd_cli *cli, const struct rkd_args *args)
{
    const struct {
        const char *name, *version;
    } deps[] = {
        {"hiredis", RKD_DEP_HIREDIS},
        {"jansson", jansson_version_str()},
        {"libcurl", RKD_DEP_CURL},
        {"libseccomp", RKD_DEP_SECCOMP},
        {"libuv", RKD_DEP_UV},
        {"libyaml", RKD_DEP_YAML},
        {"llhttp", RKD_DEP_LLHTTP},
        {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
        {"utf8proc", utf8proc_version()},
    };
    const bool is_json = rkd_args_has(args, "json"), has_deps = rkd_args_has(args, "deps");
    struct rki_buf *out = &cli->out;

    rki_buf_put(out, is_json ? RK_STR("{\"roomkey\":") : RK_STR("roomkey "));
    if (is_json)
        rki_buf_json(out, rki_cstr(rk_version()));
    else
        rki_buf_put(out, rki_cstr(rk_version()));
    for (size_t i = 0; i < ARRAY_LEN(deps) && has_deps; i++) {
        rki_buf_put(out, is_json ? i == 0 ? RK_STR(",\"deps\":{\"") : RK_STR(",\"") : RK_STR("\n"));
        rki_buf_put(out, rki_cstr(deps[i].name));
        rki_buf_put(out, is_json ? RK_STR("\":") : RK_STR(" "));
        if (is_json)
            rki_buf_json(out, rki_cstr(deps[i].version));
        else
            rki_buf_put(out, rki_cstr(deps[i].version));
    }
    rki_buf_put(out, !is_json ? RK_STR("\n") : has_deps ? RK_STR("}}\n") : RK_STR("}\n"));
    return RKD_EXIT_OK;
}

const struct rkd_verb rkd_verb_version = {
    .name = "version",
    .summary = "Say which roomkey this is.",
    .options = options,
    .run = run,
};
