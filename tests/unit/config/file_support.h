/*
 * file_support.h - a directory with a roomkey.yaml and the files it names, and readings of it.
 *
 *     struct world world;
 *     world_open(&world);
 *     world_write(&world, "hook.key", "…", 0600);
 *     err = world_read(&world, "anonymous: allow\n", NULL, &settings, &error);
 *     world_close(&world);
 */
#ifndef RK_TEST_FILE_SUPPORT_H
#define RK_TEST_FILE_SUPPORT_H

#include "env_support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_40 "0123456789012345678901234567890123456789"
#define HEX_64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum { WORLD_FILES_MAX = 16 };

struct world {
    char dir[32];
    char config[64];
    char files[WORLD_FILES_MAX][64];
    size_t count;
    struct rkd_files *reader; /* given to every reading; NULL: the file system */
};

static inline void world_write(struct world *world, const char *name, struct rk_str text,
                               unsigned mode)
{
    char path[64];
    int fd;
    size_t i = 0;

    (void)snprintf(path, sizeof(path), "%s/%s", world->dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    assert_int_equal(fchmod(fd, (mode_t)mode), 0);
    assert_int_equal(close(fd), 0);
    while (i < world->count && strcmp(world->files[i], path) != 0)
        i++;
    if (i == world->count) {
        assert_true(world->count < WORLD_FILES_MAX);
        (void)snprintf(world->files[world->count++], sizeof(world->files[0]), "%s", path);
    }
}

/* With the files the sample of the design names. */
static inline void world_open(struct world *world)
{
    *world = (struct world){.dir = "/tmp/roomkey-test-XXXXXX"};
    assert_non_null(mkdtemp(world->dir));
    (void)snprintf(world->config, sizeof(world->config), "%s/roomkey.yaml", world->dir);
    world_write(world, "livekit-keys.yaml", RK_STR("APIkey: \"" KEY_40 "\"\n"), 0600);
    world_write(world, "api-keys.yaml",
                RK_STR("tenant-1: { sha256: " HEX_64
                       ", expires: 2027-01-01, claims: { org: acme, seats: 3 } }\n"),
                0600);
    world_write(world, "identity.key", RK_STR("identity-" KEY_40 "\n"), 0600);
    world_write(world, "audit.key", RK_STR("audit-" KEY_40), 0600);
    world_write(world, "hook.key", RK_STR("hook-" KEY_40 "\r\n"), 0600);
    world_write(world, "corporate-ca.pem", RK_STR("-"), 0600);
}

static inline void world_close(struct world *world)
{
    for (size_t i = 0; i < world->count; i++)
        (void)unlink(world->files[i]);
    assert_int_equal(rmdir(world->dir), 0);
}

/* `a` is one more variable, or NULL. */
static inline enum rk_err world_read_str(struct world *world, struct rk_str yaml, const char *a,
                                         struct rkd_settings *out, struct rkd_raw_error *error)
{
    const struct rkd_flags flags = {.config = world->config, .files = world->reader};
    struct test_env env;
    enum rk_err err;

    world_write(world, "roomkey.yaml", yaml, 0600);
    env_open(&env);
    if (a != NULL)
        env_add(&env, a);
    *error = (struct rkd_raw_error){.text = ""};
    err = rkd_settings_read(&env.env, &flags, out, error);
    env_clear(&env);
    return err;
}

static inline enum rk_err world_read(struct world *world, const char *yaml, const char *a,
                                     struct rkd_settings *out, struct rkd_raw_error *error)
{
    return world_read_str(world, rki_cstr(yaml), a, out, error);
}

/* What people read, without the directory: "roomkey.yaml:1:9: listen: expected …". */
static inline void error_text(const struct world *world, const struct rkd_raw_error *error,
                              char out[static 1024])
{
    const size_t dir_len = strlen(world->dir) + 1;
    struct rki_buf buf = rki_buf_over(out, 1023);

    rkd_raw_error_write(&buf, error);
    out[buf.len] = '\0';
    if (strncmp(out, world->dir, dir_len - 1) == 0)
        memmove(out, out + dir_len, strlen(out + dir_len) + 1);
}

/* The refusal begins with `want` ("1:9: listen: expected"), a place in roomkey.yaml. */
static inline void expect_refusal(struct world *world, struct rk_str yaml, const char *a,
                                  const char *want)
{
    struct rkd_settings settings;
    struct rkd_raw_error error;
    char text[1024], whole[256];
    enum rk_err err = world_read_str(world, yaml, a, &settings, &error);

    error_text(world, &error, text);
    (void)snprintf(whole, sizeof(whole), "%s%s",
                   want[0] >= '0' && want[0] <= '9' ? "roomkey.yaml:" : "", want);
    if (err == RK_OK)
        fail_msg("taken: %.*s (wanted %s)", (int)yaml.len, yaml.ptr, whole);
    if (strncmp(text, whole, strlen(whole)) != 0 || strlen(text) < strlen(whole))
        fail_msg("%.*s\n  got    %s\n  wanted %s...", (int)yaml.len, yaml.ptr, text, whole);
    CHECK(strstr(text, "hunter2") == NULL, "no value is quoted");
    CHECK(settings.storage == NULL, "cleared");
}

#endif
