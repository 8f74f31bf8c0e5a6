/* test_key.c - keys from memory and from files, and rings of them. */
#include "check.h"
#include "core/key.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/rk-test-key-XXXXXX";
static char path[sizeof(dir) + 16];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/secret", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(dir);
}

static void put_file(struct rk_str content, mode_t mode)
{
    int fd;

    (void)unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0, "create");
    CHECK(write(fd, content.ptr, content.len) == (ssize_t)content.len, "write");
    CHECK(fchmod(fd, mode) == 0, "mode"); /* whatever the umask is */
    (void)close(fd);
}

static void test_new(void **state)
{
    char large[RK_SECRET_MAX + 1];
    struct rk_str name = RK_STR("APIkey");
    struct rk_key *key = NULL;

    (void)state;
    memset(large, 's', sizeof(large));
    CHECK_ERR(rk_key_new(RK_STR(""), RK_STR("s"), &key), RK_E_INVAL, "no name");
    CHECK_ERR(rk_key_new(RK_STR("a\nb"), RK_STR("s"), &key), RK_E_INVAL, "a name in two lines");
    CHECK_ERR(rk_key_new(RK_STR("\xff"), RK_STR("s"), &key), RK_E_INVAL, "not UTF-8");
    CHECK_ERR(rk_key_new(rki_str(large, RK_KEY_NAME_MAX + 1), RK_STR("s"), &key), RK_E_TOO_LONG,
              "long name");
    CHECK_ERR(rk_key_new(name, RK_STR(""), &key), RK_E_KEY, "no secret");
    CHECK_ERR(rk_key_new(name, rki_str(large, sizeof(large)), &key), RK_E_TOO_LONG, "long secret");
    CHECK(key == NULL, "untouched");

    CHECK_ERR(rk_key_new(name, rki_str(large, RK_SECRET_MAX), &key), RK_OK, "just as long");
    CHECK(!rk_key_is_short(key), "long");
    CHECK_STR(rk_key_name(key), name, "name");
    rk_key_free(key);
    CHECK_ERR(rk_key_new(name, rki_str(large, 31), &key), RK_OK, "short");
    CHECK(rk_key_is_short(key), "31 bytes");
    rk_key_free(key);
    CHECK_ERR(rk_key_new(name, RK_STR("a\0b"), &key), RK_OK, "bytes are bytes");
    CHECK_STR(rki_key_secret(key), RK_STR("a\0b"), "secret");
    rk_key_free(key);
    rk_key_free(NULL);
}

static void test_load(void **state)
{
    static const struct {
        const char *why;
        struct rk_str file;
        enum rk_err err;
        struct rk_str secret;
    } rows[] = {
        {"plain", RK_STR_INIT("zq7x"), RK_OK, RK_STR_INIT("zq7x")},
        {"LF", RK_STR_INIT("zq7x\n"), RK_OK, RK_STR_INIT("zq7x")},
        {"CRLF", RK_STR_INIT("zq7x\r\n"), RK_OK, RK_STR_INIT("zq7x")},
        {"one newline only", RK_STR_INIT("zq7x\n\n"), RK_OK, RK_STR_INIT("zq7x\n")},
        {"a lone CR stays", RK_STR_INIT("zq7x\r"), RK_OK, RK_STR_INIT("zq7x\r")},
        {"blanks stay", RK_STR_INIT(" zq7x "), RK_OK, RK_STR_INIT(" zq7x ")},
        {"empty", RK_STR_INIT(""), RK_E_KEY, RK_STR_INIT("")},
        {"only LF", RK_STR_INIT("\n"), RK_E_KEY, RK_STR_INIT("")},
        {"only CRLF", RK_STR_INIT("\r\n"), RK_E_KEY, RK_STR_INIT("")},
        {"NUL", RK_STR_INIT("zq\0x"), RK_E_KEY, RK_STR_INIT("")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rk_key *key = NULL;
        struct rk_diag diag = {{0}, {0}};

        put_file(rows[i].file, 0600);
        CHECK_ERR(rk_key_load(RK_STR("k"), path, &key, &diag), rows[i].err, rows[i].why);
        if (rows[i].err == RK_OK)
            CHECK_STR(rki_key_secret(key), rows[i].secret, rows[i].why);
        else
            CHECK(key == NULL && diag.text[0] != '\0', rows[i].why);
        CHECK(strstr(diag.text, "zq") == NULL && strstr(diag.field, "zq") == NULL, "no secret");
        rk_key_free(key);
    }
}

static void test_load_length(void **state)
{
    char large[RK_SECRET_MAX + 8];
    struct rk_key *key = NULL;

    (void)state;
    memset(large, 's', sizeof(large));
    large[RK_SECRET_MAX] = '\r';
    large[RK_SECRET_MAX + 1] = '\n';
    put_file(rki_str(large, RK_SECRET_MAX + 2), 0600);
    CHECK_ERR(rk_key_load(RK_STR("k"), path, &key, NULL), RK_OK, "the limit, and CRLF");
    CHECK(rki_key_secret(key).len == RK_SECRET_MAX, "all of it");
    rk_key_free(key);
    key = NULL;
    large[RK_SECRET_MAX] = 's';
    for (size_t over = 1; over <= 8; over++) {
        put_file(rki_str(large, RK_SECRET_MAX + over), 0600);
        CHECK_ERR(rk_key_load(RK_STR("k"), path, &key, NULL), RK_E_TOO_LONG, "over the limit");
    }
    CHECK(key == NULL, "untouched");
}

static void test_load_file(void **state)
{
    static const struct {
        mode_t mode;
        enum rk_err err;
    } rows[] = {{0400, RK_OK},    {0600, RK_OK},    {0644, RK_OK},
                {0620, RK_E_KEY}, {0602, RK_E_KEY}, {0666, RK_E_KEY}};
    struct rk_key *key = NULL;
    struct rk_diag diag = {{0}, {0}};
    char link_path[sizeof(path) + 8];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        put_file(RK_STR("secret"), rows[i].mode);
        CHECK_ERR(rk_key_load(RK_STR("k"), path, &key, NULL), rows[i].err, "mode");
        rk_key_free(key);
        key = NULL;
    }
    put_file(RK_STR("secret"), 0600);
    (void)snprintf(link_path, sizeof(link_path), "%s.lnk", path);
    CHECK(symlink(path, link_path) == 0, "link");
    CHECK_ERR(rk_key_load(RK_STR("k"), link_path, &key, NULL), RK_OK, "through a link");
    rk_key_free(key);
    key = NULL;
    (void)unlink(link_path);

    CHECK_ERR(rk_key_load(RK_STR(""), path, &key, &diag), RK_E_INVAL, "no name");
    CHECK_ERR(rk_key_load(RK_STR("k"), dir, &key, &diag), RK_E_IO, "a directory");
    (void)unlink(path);
    CHECK_ERR(rk_key_load(RK_STR("k"), path, &key, &diag), RK_E_IO, "no file");
    CHECK(mkfifo(path, 0600) == 0, "fifo");
    CHECK_ERR(rk_key_load(RK_STR("k"), path, &key, &diag), RK_E_IO, "a pipe nobody writes to");
    CHECK_ERR(rk_key_load(RK_STR("k"), "/dev/zero", &key, &diag), RK_E_IO, "a device");
    CHECK(key == NULL, "untouched");
}

static void test_ring(void **state)
{
    struct rk_keyring *ring = NULL;
    struct rk_key *key = NULL, *again = NULL;
    char name[8];

    (void)state;
    CHECK_ERR(rk_keyring_new(&ring), RK_OK, "ring");
    CHECK(rk_keyring_count(ring) == 0 && rk_keyring_find(ring, RK_STR("k0")) == NULL, "empty");
    for (int i = 0; i < RK_KEYRING_MAX; i++) {
        (void)snprintf(name, sizeof(name), "k%d", i);
        CHECK_ERR(rk_key_new(rki_cstr(name), RK_STR("s"), &key), RK_OK, name);
        CHECK_ERR(rk_keyring_add(ring, &key), RK_OK, name);
        CHECK(key == NULL, "taken");
    }
    CHECK(rk_keyring_count(ring) == RK_KEYRING_MAX, "full");
    CHECK_STR(rk_key_name(rk_keyring_find(ring, RK_STR("k7"))), RK_STR("k7"), "found");
    CHECK(rk_keyring_find(ring, RK_STR("K7")) == NULL, "exactly that name");
    CHECK(rk_keyring_find(ring, RK_STR("k")) == NULL, "the whole name");

    CHECK_ERR(rk_key_new(RK_STR("k3"), RK_STR("other"), &again), RK_OK, "a second k3");
    CHECK_ERR(rk_keyring_add(ring, &again), RK_E_STATE, "once each");
    CHECK(again != NULL, "still ours");
    rk_key_free(again);
    CHECK_ERR(rk_key_new(RK_STR("more"), RK_STR("s"), &key), RK_OK, "one more");
    CHECK_ERR(rk_keyring_add(ring, &key), RK_E_TOO_LONG, "full");
    CHECK(key != NULL, "still ours");
    rk_key_free(key);
    rk_keyring_free(ring);
    rk_keyring_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new),         cmocka_unit_test(test_load),
        cmocka_unit_test(test_load_length), cmocka_unit_test(test_load_file),
        cmocka_unit_test(test_ring),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
