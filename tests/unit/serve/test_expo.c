/* The two formats of metrics, byte for byte, and which one an Accept header asks for. */
#include "check.h"

#include "serve/expo.h"

#define NAME_AND_LABELS(name) name "{a=\"plain\",b=\"x\\\\y\\\"z\\n\"} "

static void write_all(struct rki_buf *buf, bool is_open_metrics)
{
    struct rkd_expo expo = {.out = buf, .is_open_metrics = is_open_metrics};

    rkd_expo_family(&expo, RKD_EXPO_COUNTER, "t_cpu_seconds", "Help.");
    rkd_expo_sample(&expo, NULL);
    rkd_expo_label(&expo, "a", RK_STR("plain"));
    rkd_expo_label(&expo, "b", RK_STR("x\\y\"z\n"));
    rkd_expo_ns(&expo, 1500000001);
    rkd_expo_family(&expo, RKD_EXPO_INFO, "t_build", "Help.");
    rkd_expo_sample(&expo, NULL);
    rkd_expo_uint(&expo, 1);
    rkd_expo_one(&expo, RKD_EXPO_GAUGE, "t_size_bytes", "Help.", UINT64_MAX);
    rkd_expo_family(&expo, RKD_EXPO_HISTOGRAM, "t_took", "Help.");
    rkd_expo_sample(&expo, "_sum");
    rkd_expo_ns(&expo, 2000000000);
    rkd_expo_end(&expo);
}

static void test_text(void **state)
{
    char text[2048];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));

    (void)state;
    write_all(&buf, false);
    CHECK_STR(
        rki_buf_str(&buf),
        RK_STR("# HELP t_cpu_seconds_total Help.\n# TYPE t_cpu_seconds_total "
               "counter\n" NAME_AND_LABELS(
                   "t_cpu_seconds_total") "1.500000001\n"
                                          "# HELP t_build_info Help.\n# TYPE t_build_info "
                                          "gauge\nt_build_info 1\n"
                                          "# HELP t_size_bytes Help.\n# TYPE t_size_bytes gauge\n"
                                          "t_size_bytes 18446744073709551615\n"
                                          "# HELP t_took Help.\n# TYPE t_took "
                                          "histogram\nt_took_sum 2\n"),
        "text 0.0.4");
}

static void test_open_metrics(void **state)
{
    char text[2048];
    struct rki_buf buf = rki_buf_over(text, sizeof(text));

    (void)state;
    write_all(&buf, true);
    CHECK_STR(
        rki_buf_str(&buf),
        RK_STR(
            "# HELP t_cpu_seconds Help.\n# TYPE t_cpu_seconds counter\n# UNIT t_cpu_seconds "
            "seconds\n" NAME_AND_LABELS(
                "t_cpu_seconds_total") "1.500000001\n"
                                       "# HELP t_build Help.\n# TYPE t_build info\nt_build_info 1\n"
                                       "# HELP t_size_bytes Help.\n# TYPE t_size_bytes gauge\n# "
                                       "UNIT t_size_bytes bytes\n"
                                       "t_size_bytes 18446744073709551615\n"
                                       "# HELP t_took Help.\n# TYPE t_took histogram\nt_took_sum "
                                       "2\n# EOF\n"),
        "OpenMetrics 1.0");
}

static void test_accept(void **state)
{
    static const struct {
        const char *accept;
        bool want;
    } rows[] = {
        {"", false},
        {"*/*", false},
        {"text/plain", false},
        {"application/openmetrics-text", true},
        {"application/openmetrics-text; version=1.0.0", true},
        {"application/openmetrics-text;version=0.0.1", false}, /* a draft */
        {"application/openmetrics-text;version=1.0.0;q=0.5,application/"
         "openmetrics-text;version=0.0.1;"
         "q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         true}, /* Prometheus */
        {"text/plain;version=0.0.4;q=0.5, application/openmetrics-text;version=1.0.0;q=0.1", false},
        {"application/openmetrics-text;q=0", false},
        {"application/openmetrics-text;q=0.0", false},
        {"application/openmetrics-text;q=2", false},
        {"application/openmetrics-text;q=x", false},
        {"application/openmetrics-text;q=", false},
        {"application/openmetrics-text;q=1.0001", false},
        {"application/openmetrics-text;q=1.000", true},
        {",,;;,=,application/openmetrics-text ; q=0.001", true},
        {"application/openmetrics-textual", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(rkd_expo_wants_open_metrics(rki_cstr(rows[i].accept)) == rows[i].want,
              rows[i].accept);
    CHECK(!rkd_expo_wants_open_metrics(rki_str(NULL, 0)), "no header");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_open_metrics),
        cmocka_unit_test(test_accept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
