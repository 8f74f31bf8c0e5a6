/* test_tree.c - YAML to a tree: positions, types, and all that is refused (src/config/tree.c). */
#include "check.h"
#include "config/tree.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static enum rk_err read_tree(struct rk_str text, struct rkd_store **out_store,
                             struct rkd_value *out, struct rkd_raw_error *error)
{
    *out_store = rkd_store_new();
    *error = (struct rkd_raw_error){.text = ""};
    assert_non_null(*out_store);
    return rkd_tree_read(text, "f", *out_store, out, error);
}

static void test_refused(void **state)
{
    static const struct {
        const char *why;
        struct rk_str text;
        unsigned line, column;
        const char *key, *part;
    } rows[] = {
        {"alias", RK_STR_INIT("a: &x 1\nb: *x\n"), 1, 4, "a", "anchor"},
        {"alias alone", RK_STR_INIT("b: [1, *x]\n"), 1, 8, "b", "alias"},
        {"alias as key", RK_STR_INIT("a: 1\n*x : 1\n"), 2, 1, "", "alias"},
        {"anchor on a map", RK_STR_INIT("a: &x { b: 1 }\n"), 1, 4, "a", "anchor"},
        {"anchor on a list", RK_STR_INIT("a: &x [1]\n"), 1, 4, "a", "anchor"},
        {"anchor on a key", RK_STR_INIT("&x a: 1\n"), 1, 1, "", "anchor"},
        {"tag", RK_STR_INIT("a: !!str 1\n"), 1, 4, "a", "tag"},
        {"own tag", RK_STR_INIT("a: !x 1\n"), 1, 4, "a", "tag"},
        {"init's mark", RK_STR_INIT("a: [!FILL_IN \"x\"]\n"), 1, 5, "a", "still to be filled in"},
        {"bare tag", RK_STR_INIT("a: ! 1\n"), 1, 4, "a", "tag"},
        {"tag on a map", RK_STR_INIT("a: !!map { b: 1 }\n"), 1, 4, "a", "tag"},
        {"tag on the top", RK_STR_INIT("!!map\na: 1\n"), 1, 1, "", "tag"},
        {"merge key", RK_STR_INIT("a:\n  <<: { b: 1 }\n"), 2, 3, "", "merge"},
        {"second document", RK_STR_INIT("a: 1\n---\nb: 1\n"), 2, 1, "", "one document"},
        {"empty second document", RK_STR_INIT("a: 1\n---\n"), 2, 1, "", "one document"},
        {"null, empty", RK_STR_INIT("a:\nb: 1\n"), 1, 3, "a", "null"},
        {"null, word", RK_STR_INIT("a: null\n"), 1, 4, "a", "null"},
        {"null, tilde", RK_STR_INIT("a: [~]\n"), 1, 5, "a", "null"},
        {"null in a nested map", RK_STR_INIT("a:\n  b: Null\n"), 2, 6, "b", "null"},
        {"a template without quotes", RK_STR_INIT("identity: {sub}\n"), 1, 15, "sub",
         "needs quotes"},
        {"key twice", RK_STR_INIT("a: 1\nb: 2\na: 3\n"), 3, 1, "a", "twice"},
        {"key twice, quoted", RK_STR_INIT("a: 1\n\"a\": 3\n"), 2, 1, "a", "twice"},
        {"key twice, nested", RK_STR_INIT("a: { b: 1, b: 2 }\n"), 1, 12, "b", "twice"},
        {"map as key", RK_STR_INIT("? { a: 1 }\n: 1\n"), 1, 3, "", "key"},
        {"list as key", RK_STR_INIT("[a]: 1\n"), 1, 1, "", "key"},
        {"empty key", RK_STR_INIT("\"\": 1\n"), 1, 1, "", "key"},
        {"top is a text", RK_STR_INIT("text\n"), 1, 1, "", "map"},
        {"top is a list", RK_STR_INIT("- a\n"), 1, 1, "", "map"},
        {"top is null", RK_STR_INIT("--- ~\n"), 1, 5, "", "map"},
        {"a NUL", RK_STR_INIT("a: \"x\\0y\"\n"), 1, 4, "a", "NUL"},
        {"a NUL in a key", RK_STR_INIT("\"x\\0y\": 1\n"), 1, 1, "", "NUL"},
        {"a real NUL", RK_STR_INIT("a: x\0y\n"), 1, 5, "", "not YAML"},
        {"not UTF-8", RK_STR_INIT("b: \xc3\xa4\na: \xff\n"), 2, 4, "", "not YAML"},
        {"not YAML", RK_STR_INIT("a: [1, 2\nb: 3\n"), 2, 2, "", "not YAML"},
        {"a tab", RK_STR_INIT("a:\n\tb: 1\n"), 2, 1, "", "not tabs"},
        {"a star", RK_STR_INIT("a: *-x\n"), 1, 4, "a", "that begins with * needs quotes"},
        {"a star alone", RK_STR_INIT("a: *\n"), 1, 5, "", "quote a text that begins with *"},
        {"an ampersand", RK_STR_INIT("a: &x\n"), 1, 4, "a", "that begins with & needs quotes"},
        {"a blank less", RK_STR_INIT("a:\n  - b: 1\n c: 2\n"), 3, 2, "", "indented as those"},
        {"a blank more", RK_STR_INIT("a: 1\n b: 2\n"), 2, 3, "", "indented as those"},
        {"not closed", RK_STR_INIT("a: \"x\n"), 2, 1, "", "not YAML"},
        {"two on a line", RK_STR_INIT("a: b: c\n"), 1, 5, "", "with a colon"},
        {"not ASCII counts one", RK_STR_INIT("\xc3\xa4: null\n"), 1, 4, "??", "null"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_store *store;
        struct rkd_value tree;
        struct rkd_raw_error error;

        CHECK_ERR(read_tree(rows[i].text, &store, &tree, &error), RK_E_INVAL, rows[i].why);
        if (error.at.line != rows[i].line || error.at.column != rows[i].column)
            fail_msg("%s: got %u:%u, wanted %u:%u", rows[i].why, error.at.line, error.at.column,
                     rows[i].line, rows[i].column);
        CHECK_STR(rki_cstr(error.key), rki_cstr(rows[i].key), rows[i].why);
        CHECK(strstr(error.text, rows[i].part) != NULL, error.text);
        rkd_store_free(store);
    }
}

static struct rk_str repeat(char *out, size_t cap, const char *head, const char *part, size_t count,
                            const char *tail)
{
    size_t len = (size_t)snprintf(out, cap, "%s", head);

    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s", part);
    len += (size_t)snprintf(out + len, cap - len, "%s", tail);
    assert_true(len < cap);
    return rki_str(out, len);
}

static void test_bounds(void **state)
{
    enum { CAP = 2 * 1024 * 1024 };
    char *text = malloc(CAP);
    struct rkd_store *store;
    struct rkd_value tree;
    struct rkd_raw_error error;

    (void)state;
    assert_non_null(text);
    CHECK_ERR(
        read_tree(repeat(text, CAP, "a: ", "[", 15, "]]]]]]]]]]]]]]]"), &store, &tree, &error),
        RK_OK, "16 levels with the top");
    rkd_store_free(store);
    CHECK_ERR(
        read_tree(repeat(text, CAP, "a: ", "[", 16, "]]]]]]]]]]]]]]]]"), &store, &tree, &error),
        RK_E_TOO_LONG, "17");
    CHECK(error.at.line == 1 && error.at.column == 19, "where the 17th begins");
    rkd_store_free(store);
    CHECK_ERR(read_tree(repeat(text, CAP, "a: [", "x,", 9997, "]"), &store, &tree, &error), RK_OK,
              "top, key, list and 9,997");
    CHECK(tree.members[0].value.count == 9997, "all there");
    rkd_store_free(store);
    CHECK_ERR(read_tree(repeat(text, CAP, "a: [", "x,", 9998, "]"), &store, &tree, &error),
              RK_E_TOO_LONG, "one more");
    rkd_store_free(store);
    CHECK_ERR(
        read_tree(repeat(text, CAP, "a: 1\n#", "x", 1024 * 1024 - 6, ""), &store, &tree, &error),
        RK_OK, "1 MiB");
    rkd_store_free(store);
    CHECK_ERR(
        read_tree(repeat(text, CAP, "a: 1\n#", "x", 1024 * 1024 - 5, ""), &store, &tree, &error),
        RK_E_TOO_LONG, "one byte more");
    rkd_store_free(store);
    free(text);
}

/* YAML 1.2's core schema, s.10.3.2. */
static void test_types(void **state)
{
    static const struct {
        const char *text;
        enum rkd_value_kind kind;
        double number;
        bool boolean;
    } rows[] = {
        {"true", RKD_VALUE_BOOL, 0, true},           {"True", RKD_VALUE_BOOL, 0, true},
        {"FALSE", RKD_VALUE_BOOL, 0, false},         {"tRUE", RKD_VALUE_STRING, 0, false},
        {"yes", RKD_VALUE_STRING, 0, false},         {"off", RKD_VALUE_STRING, 0, false},
        {"0", RKD_VALUE_NUMBER, 0, false},           {"-12", RKD_VALUE_NUMBER, -12, false},
        {"+7", RKD_VALUE_NUMBER, 7, false},          {"007", RKD_VALUE_NUMBER, 7, false},
        {"1.5", RKD_VALUE_NUMBER, 1.5, false},       {".5", RKD_VALUE_NUMBER, 0.5, false},
        {"1.", RKD_VALUE_NUMBER, 1, false},          {"1e3", RKD_VALUE_NUMBER, 1000, false},
        {"-1.5E-1", RKD_VALUE_NUMBER, -0.15, false}, {"0o14", RKD_VALUE_NUMBER, 12, false},
        {"0xfF", RKD_VALUE_NUMBER, 255, false},      {"0o8", RKD_VALUE_STRING, 0, false},
        {"0x", RKD_VALUE_STRING, 0, false},          {"0xg", RKD_VALUE_STRING, 0, false},
        {"1_000", RKD_VALUE_STRING, 0, false},       {"12:30", RKD_VALUE_STRING, 0, false},
        {"2027-01-01", RKD_VALUE_STRING, 0, false},  {"1e", RKD_VALUE_STRING, 0, false},
        {".", RKD_VALUE_STRING, 0, false},           {"-", RKD_VALUE_STRING, 0, false},
        {"10s", RKD_VALUE_STRING, 0, false},         {".inf", RKD_VALUE_STRING, 0, false},
        {"NaN", RKD_VALUE_STRING, 0, false},         {"1.2.3", RKD_VALUE_STRING, 0, false},
        {"--1", RKD_VALUE_STRING, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rkd_value value = {.kind = RKD_VALUE_NONE};

        CHECK(rkd_scalar_type(rki_cstr(rows[i].text), &value), rows[i].text);
        CHECK(value.kind == rows[i].kind, rows[i].text);
        CHECK(fabs(value.number - rows[i].number) < 1e-12, rows[i].text);
        CHECK(value.boolean == rows[i].boolean, rows[i].text);
    }
}

static void test_tree(void **state)
{
    struct rkd_store *store;
    struct rkd_value tree;
    struct rkd_raw_error error;
    const struct rkd_value_member *member;

    (void)state;
    CHECK_ERR(read_tree(RK_STR("# a comment\n"
                               "list: [x, \"1\", 2]\n"
                               "map:\n"
                               "  inner: 'it''s'\n"
                               "block: |\n"
                               "  two\n"
                               "  lines\n"
                               "empty: \"\"\n"
                               "\"<<\": quoted, so no merge key\n"),
                        &store, &tree, &error),
              RK_OK, error.text);
    CHECK(tree.kind == RKD_VALUE_MAP && tree.count == 5 && tree.at.line == 2, "the top");
    member = rkd_tree_find(&tree, RK_STR("list"));
    assert_non_null(member);
    CHECK(member->value.count == 3 && member->at.line == 2 && member->at.column == 1, "list");
    CHECK(member->value.items[1].kind == RKD_VALUE_STRING, "quoted");
    CHECK(member->value.items[2].kind == RKD_VALUE_NUMBER && member->value.items[2].at.column == 16,
          "a number");
    member = rkd_tree_find(&tree, RK_STR("map"));
    assert_non_null(member);
    CHECK_STR(member->value.members[0].value.text, RK_STR("it's"), "unquoted");
    CHECK(member->value.members[0].value.at.line == 4 &&
              member->value.members[0].value.at.column == 10,
          "the quote");
    member = rkd_tree_find(&tree, RK_STR("block"));
    assert_non_null(member);
    CHECK_STR(member->value.text, RK_STR("two\nlines\n"), "block");
    assert_string_equal(member->value.text.ptr, "two\nlines\n");
    member = rkd_tree_find(&tree, RK_STR("empty"));
    assert_non_null(member);
    CHECK(member->value.kind == RKD_VALUE_STRING && member->value.text.ptr != NULL, "not null");
    CHECK(rkd_tree_find(&tree, RK_STR("inner")) == NULL, "not there");
    rkd_store_free(store);

    CHECK_ERR(read_tree(RK_STR("\xef\xbb\xbf# nothing but this\n"), &store, &tree, &error), RK_OK,
              error.text);
    CHECK(tree.kind == RKD_VALUE_MAP && tree.count == 0, "a file of comments");
    rkd_store_free(store);
    CHECK_ERR(read_tree(rki_str("", 0), &store, &tree, &error), RK_OK, "an empty file");
    rkd_store_free(store);
}

/* Every prefix of a good file ends in a tree or a refusal, never in more. */
static void test_prefixes(void **state)
{
    static const struct rk_str text =
        RK_STR_INIT("a: [x, {b: \"q\\u00e4\"}]\nc:\n  - d: |\n      e\n    f: 'g'\n--- \n");

    (void)state;
    for (size_t len = 0; len <= text.len; len++) {
        char *copy = malloc(len + 1); /* flush against the sanitizer's red zone */
        struct rkd_store *store;
        struct rkd_value tree;
        struct rkd_raw_error error;

        assert_non_null(copy);
        memcpy(copy, text.ptr, len);
        if (read_tree(rki_str(copy, len), &store, &tree, &error) != RK_OK)
            CHECK(error.text[0] != '\0' && error.at.line != 0, "says where");
        rkd_store_free(store);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_types),    cmocka_unit_test(test_tree),
        cmocka_unit_test(test_prefixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
