/* test_trace.c - two readings that decide alike have one digest, others another; and the links that
 * a cluster swaps are found wherever a file lies behind them. */
#include "check.h"

#include "file_support.h"

#define CALLER(name)                                                                               \
    "callers: [{ name: " name ", oidc: { issuer: https://i.example, audience: a, "                 \
    "algorithms: [HS256], hs256_secret_file: hook.key } }]\n"
#define BASE CALLER("x") RULE("\"*\"")
#define RULE(room) "rules: [{ id: r, room: " room " }]\n"

struct digest {
    uint8_t bytes[32];
};

static struct digest digest_of(struct world *world, const char *yaml, const char *variable)
{
    struct rkd_settings settings;
    struct rkd_raw_error error;
    struct digest digest;

    CHECK_ERR(world_read(world, yaml, variable, &settings, &error), RK_OK, error.text);
    CHECK(settings.has_rules_digest, "there is one");
    memcpy(digest.bytes, settings.rules_digest, sizeof(digest.bytes));
    rkd_settings_clear(&settings);
    CHECK(!settings.has_rules_digest, "none of cleared settings");
    return digest;
}

static bool is_same(struct digest a, struct digest b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

static void test_digest(void **state)
{
    static const struct {
        const char *yaml, *variable, *what;
        bool is_same;
    } rows[] = {
        {BASE, NULL, "the same", true},
        {"# a comment\n" CALLER("x") "\n" RULE("'*'"), NULL, "layout and quotes", true},
        {BASE "log: { level: warn }\nlimits: { body: 32k }\n", NULL, "what decides nothing", true},
        {BASE "livekit: { key_file: livekit-keys.yaml }\n", NULL, "LiveKit's keys", true},
        {BASE, "LIVEKIT_URL=wss://other.example", "LiveKit's address", true},
        {CALLER("y") RULE("\"*\""), NULL, "a caller", false},
        {CALLER("x") RULE("\"a\""), NULL, "a rule", false},
        {BASE "ceiling: { ttl: 1h }\n", NULL, "the ceiling", false},
        {BASE "profiles: { p: { canPublish: true } }\n", NULL, "a profile", false},
        {BASE, "ROOMKEY_ANONYMOUS=refuse", "a variable", false},
        {CALLER("x") "rules: [{ id: r, room: [\"*\"] }]\n", NULL, "a list of one", false},
    };
    struct world world;
    struct digest first, again;

    (void)state;
    world_open(&world);
    first = digest_of(&world, BASE, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(is_same(first, digest_of(&world, rows[i].yaml, rows[i].variable)) == rows[i].is_same,
              rows[i].what);
    world_write(&world, "hook.key", RK_STR("another-" KEY_40), 0600);
    again = digest_of(&world, BASE, NULL);
    CHECK(!is_same(first, again), "a secret of a caller");
    world_write(&world, "livekit-keys.yaml", RK_STR("APIother: \"x" KEY_40 "\"\n"), 0600);
    CHECK(
        is_same(again, digest_of(&world, BASE "livekit: { key_file: livekit-keys.yaml }\n", NULL)),
        "a key of LiveKit's");
    world_close(&world);
}

/* DIR/..data -> ..1, and a file behind it: as an AtomicWriter leaves them. */
static void put_link(const struct world *world, const char *target)
{
    char path[96], fresh[96];

    (void)snprintf(path, sizeof(path), "%s/..data", world->dir);
    (void)snprintf(fresh, sizeof(fresh), "%s/..data_tmp", world->dir);
    assert_int_equal(symlink(target, fresh), 0);
    assert_int_equal(rename(fresh, path), 0);
}

static void test_links(void **state)
{
    struct world world;
    struct rkd_settings settings;
    struct rkd_raw_error error;
    uint64_t before = 0, after = 0, again = 0;
    char path[96];

    (void)state;
    world_open(&world);
    CHECK_ERR(world_read(&world, "anonymous: allow\n", NULL, &settings, &error), RK_OK, "plain");
    CHECK(settings.link_count == 0 && !rkd_links_moved(&settings, &before), "no link");
    rkd_settings_clear(&settings);
    put_link(&world, "..1");
    CHECK_ERR(world_read(&world, CALLER("x") RULE("\"*\""), NULL, &settings, &error), RK_OK,
              "behind a link");
    CHECK(settings.link_count == 1, "one for two files beside each other");
    CHECK(!rkd_links_moved(&settings, &before), "it stays");
    put_link(&world, "..2");
    CHECK(rkd_links_moved(&settings, &after) && after != before, "it moved");
    CHECK(rkd_links_moved(&settings, &again) && again == after, "a state is told again");
    put_link(&world, "..1");
    CHECK(!rkd_links_moved(&settings, &again) && again == before, "it moved back");
    (void)snprintf(path, sizeof(path), "%s/..data", world.dir);
    assert_int_equal(unlink(path), 0);
    CHECK(!rkd_links_moved(&settings, &again), "a volume that is gone has nothing newer");
    rkd_settings_clear(&settings);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
