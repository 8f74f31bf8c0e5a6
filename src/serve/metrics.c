/*
 * metrics.c - the families of /metrics, one function each group.
 *
 * The workers' counts are summed here; a scrape reads them while they are written, so numbers of
 * one scrape may be apart by the requests that came in between, but none ever goes back. A
 * histogram's _count is the sum of what its buckets said. May touch: its arguments.
 */
#include "serve/metrics.h"

/* ---- sums over the workers ---- */

struct sums {
    uint64_t counts[RKD_BOUNDS + 1];
    uint64_t sum_ns;
};

/* The count at `offset` in every worker's stats. */
static uint64_t sum_at(const struct rkd_metrics_in *in, size_t offset)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < in->worker_count; i++) {
        const void *at = (const char *)in->workers[i].stats + offset;

        sum += rkd_stat_get(at);
    }
    return sum;
}

#define SUM(in, member) sum_at((in), offsetof(struct rkd_stats, member))

static bool sum_histogram(const struct rkd_metrics_in *in, size_t offset, struct sums *out)
{
    uint64_t all = 0;

    for (size_t i = 0; i <= RKD_BOUNDS; i++) {
        out->counts[i] =
            sum_at(in, offset + offsetof(struct rkd_histogram, counts) + i * sizeof(uint64_t));
        all += out->counts[i];
    }
    out->sum_ns = sum_at(in, offset + offsetof(struct rkd_histogram, sum_ns));
    return all != 0;
}

struct label {
    const char *name;
    struct rk_str value;
};

static void put_labels(struct rkd_expo *expo, const struct label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rkd_expo_label(expo, labels[i].name, labels[i].value);
}

static void put_histogram(struct rkd_expo *expo, const struct sums *sums,
                          const struct rk_str *bounds, const struct label *labels, size_t count)
{
    uint64_t up_to = 0;

    for (size_t i = 0; i <= RKD_BOUNDS; i++) {
        up_to += sums->counts[i];
        rkd_expo_sample(expo, "_bucket");
        put_labels(expo, labels, count);
        rkd_expo_label(expo, "le", i < RKD_BOUNDS ? bounds[i] : RK_STR("+Inf"));
        rkd_expo_uint(expo, up_to);
    }
    rkd_expo_sample(expo, "_sum");
    put_labels(expo, labels, count);
    rkd_expo_ns(expo, sums->sum_ns);
    rkd_expo_sample(expo, "_count");
    put_labels(expo, labels, count);
    rkd_expo_uint(expo, up_to);
}

/* ---- what it is ---- */

static void write_build(struct rkd_expo *expo)
{
    rkd_expo_family(expo, RKD_EXPO_INFO, "roomkey_build", "The version that runs.");
    rkd_expo_sample(expo, NULL);
    rkd_expo_label(expo, "version", rki_cstr(rk_version()));
    rkd_expo_uint(expo, 1);
}

static void write_ready(const struct rkd_metrics_in *in, struct rkd_expo *expo)
{
    const struct {
        struct rk_str name;
        bool is_good;
    } checks[] = {
        {RK_STR("signing_key"), in->ready->has_key}, {RK_STR("callers"), in->ready->can_verify},
        {RK_STR("server_url"), in->ready->has_url},  {RK_STR("loops"), in->ready->loops_turn},
        {RK_STR("drain"), in->ready->is_staying},
    };

    rkd_expo_one(expo, RKD_EXPO_GAUGE, "roomkey_ready",
                 "1 while /readyz answers 200: tokens can be made.", rkd_ready_is_ok(in->ready));
    rkd_expo_family(
        expo, RKD_EXPO_GAUGE, "roomkey_ready_check",
        "1 for each check of readiness that holds; server_url alone is only a warning.");
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        rkd_expo_sample(expo, NULL);
        rkd_expo_label(expo, "check", checks[i].name);
        rkd_expo_uint(expo, checks[i].is_good);
    }
}

/* ---- requests ---- */

static void write_tokens(const struct rkd_metrics_in *in, struct rkd_expo *expo)
{
    rkd_expo_family(expo, RKD_EXPO_COUNTER, "roomkey_tokens_issued",
                    "Tokens handed out, by the contract of the request.");
    for (size_t i = 0; i < RKD_STAT_CONTRACTS; i++) {
        rkd_expo_sample(expo, NULL);
        rkd_expo_label(expo, "contract", rkd_stat_contract(i));
        rkd_expo_uint(expo, SUM(in, issued[i]));
    }
    rkd_expo_family(expo, RKD_EXPO_COUNTER, "roomkey_requests_refused",
                    "Requests refused, by the error code of the answer.");
    for (size_t i = 1; i < RKD_ERR_COUNT; i++) {
        if (i == RKD_E_CROSS_SITE) /* counted as no_rule, whose code it has */
            continue;
        rkd_expo_sample(expo, NULL);
        rkd_expo_label(expo, "reason", rkd_error_row((enum rkd_err)i)->code);
        rkd_expo_uint(expo, SUM(in, refused[i]));
    }
    rkd_expo_one(expo, RKD_EXPO_COUNTER, "roomkey_requests_abandoned",
                 "Requests whose client went away before they were whole.", SUM(in, abandoned));
    rkd_expo_family(expo, RKD_EXPO_COUNTER, "roomkey_rate_limited",
                    "Requests refused by a rate limit, by the limit.");
    for (size_t i = 0; i < RKD_STAT_LAYERS; i++) {
        rkd_expo_sample(expo, NULL);
        rkd_expo_label(expo, "layer", rkd_stat_layers[i]);
        rkd_expo_uint(expo, SUM(in, limited[i]));
    }
    rkd_expo_one(expo, RKD_EXPO_COUNTER, "roomkey_limiter_evictions",
                 "Rate limit buckets with a debt that had to make room: somebody floods the table.",
                 rkd_limiter_evictions(in->service->limiter));
}

/* Series that have never counted are left out: most combinations do not occur. */
static void write_requests(const struct rkd_metrics_in *in, struct rkd_expo *expo)
{
    rkd_expo_family(expo, RKD_EXPO_COUNTER, "roomkey_http_requests",
                    "Requests answered, by path, method and status.");
    for (size_t r = 0; r < RKD_STAT_ROUTES; r++) {
        for (size_t m = 0; m < RKD_STAT_METHODS; m++) {
            for (size_t s = 0; s < RKD_STAT_STATUSES; s++) {
                const uint64_t count = SUM(in, requests[r][m][s]);
                const struct label labels[] = {{"route", rkd_stat_routes[r]},
                                               {"method", rkd_stat_methods[m]},
                                               {"status", rkd_stat_statuses[s]}};

                if (count == 0)
                    continue;
                rkd_expo_sample(expo, NULL);
                put_labels(expo, labels, ARRAY_LEN(labels));
                rkd_expo_uint(expo, count);
            }
        }
    }
}

static void write_durations(const struct rkd_metrics_in *in, struct rkd_expo *expo)
{
    struct sums sums;

    rkd_expo_family(expo, RKD_EXPO_HISTOGRAM, "http_server_request_duration_seconds",
                    "From the whole head of a request to its answer, with the body's way here and "
                    "all waits.");
    for (size_t r = 0; r < RKD_STAT_ROUTES; r++) {
        for (size_t c = 0; c < RKD_STAT_CLASSES; c++) {
            const struct label labels[] = {{"route", rkd_stat_routes[r]},
                                           {"status", rkd_stat_classes[c]}};

            if (sum_histogram(in, offsetof(struct rkd_stats, http[r][c]), &sums))
                put_histogram(expo, &sums, rkd_http_bounds, labels, ARRAY_LEN(labels));
        }
    }
    rkd_expo_family(expo, RKD_EXPO_HISTOGRAM, "roomkey_stage_duration_seconds",
                    "How long each stage of a request took, with what it waited for; a sample: 1 "
                    "of 16 requests of a worker is timed.");
    for (size_t i = 0; i < RKD_STAGES; i++) {
        const struct label labels[] = {{"stage", rkd_stage_name(i)}};

        (void)sum_histogram(in, offsetof(struct rkd_stats, stages[i]), &sums);
        put_histogram(expo, &sums, rkd_stage_bounds, labels, ARRAY_LEN(labels));
    }
}

/* ---- around them ---- */

static void write_connections(const struct rkd_metrics_in *in, struct rkd_expo *expo)
{
    const struct rkd_net *net = in->service->net;

    rkd_expo_one(expo, RKD_EXPO_GAUGE, "roomkey_connections", "Connections open now.",
                 rkd_net_open_connections(net));
    rkd_expo_one(expo, RKD_EXPO_GAUGE, "roomkey_connections_limit",
                 "Connections allowed at a time; 0: any number.", rkd_net_connections(net));
    rkd_expo_one(expo, RKD_EXPO_COUNTER, "roomkey_connections_accepted", "Connections taken.",
                 rkd_net_accepted(net));
    rkd_expo_one(expo, RKD_EXPO_COUNTER, "roomkey_connections_refused",
                 "Connections closed at once: over a limit, or no descriptors left.",
                 rkd_net_refused(net));
}

static void write_loops(const struct rkd_metrics_in *in, struct rkd_expo *expo)
{
    rkd_expo_family(expo, RKD_EXPO_GAUGE, "roomkey_loop_lag_seconds",
                    "By how much a loop's timer is late; over 1 the instance is not ready.");
    for (unsigned i = 0; i < RKD_LAG_WORKER + in->worker_count; i++) {
        char text[32];
        struct rki_buf name = rki_buf_over(text, sizeof(text));

        rkd_lag_name(&name, i);
        rkd_expo_sample(expo, NULL);
        rkd_expo_label(expo, "loop", rki_buf_str(&name));
        rkd_expo_ns(expo, (uint64_t)rkd_lag_of(in->lag, i) * 1000000);
    }
}

static void write_config(const struct rkd_facts *facts, struct rkd_expo *expo)
{
    const uint64_t results[] = {facts->reloads, facts->reloads_failed};
    const struct rk_str words[] = {RK_STR("ok"), RK_STR("failed")};

    rkd_expo_family(expo, RKD_EXPO_COUNTER, "roomkey_config_reloads",
                    "Attempts to take a new configuration, by how they went.");
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        rkd_expo_sample(expo, NULL);
        rkd_expo_label(expo, "result", words[i]);
        rkd_expo_uint(expo, results[i]);
    }
    rkd_expo_family(expo, RKD_EXPO_GAUGE, "roomkey_config_last_reload_success_timestamp_seconds",
                    "When the configuration in use was taken; the start counts.");
    rkd_expo_sample(expo, NULL);
    rkd_expo_ns(expo, (uint64_t)facts->loaded_ms * 1000000);
    rkd_expo_family(expo, RKD_EXPO_INFO, "roomkey_signing_key",
                    "The name of the LiveKit key that signs; no series without one.");
    if (facts->key_id[0] != '\0') {
        rkd_expo_sample(expo, NULL);
        rkd_expo_label(expo, "key_id", rki_cstr(facts->key_id));
        rkd_expo_uint(expo, 1);
    }
}

/* ---- key sets ---- */

static void put_issuer(struct rkd_expo *expo, const struct rkd_facts_keyset *row)
{
    rkd_expo_sample(expo, NULL);
    rkd_expo_label(expo, "caller", rki_cstr(row->caller));
    rkd_expo_label(expo, "issuer", rki_cstr(row->issuer));
}

static void write_keysets(const struct rkd_metrics_in *in, struct rkd_expo *expo)
{
    const struct rkd_facts_keyset *rows = in->facts->keysets;
    const size_t count = in->facts->keyset_count;

    rkd_expo_family(expo, RKD_EXPO_GAUGE, "roomkey_keyset_keys",
                    "Usable keys of a login provider; 0: nobody of that issuer can be verified.");
    for (size_t i = 0; i < count; i++) {
        put_issuer(expo, &rows[i]);
        rkd_expo_uint(expo, rows[i].has_set ? rows[i].usable : 0);
    }
    rkd_expo_family(expo, RKD_EXPO_GAUGE, "roomkey_keyset_age_seconds",
                    "How old the key set in use is; no series while there is none.");
    for (size_t i = 0; i < count; i++) {
        const int64_t age_ms = in->now_ms - rows[i].renewed_ms;

        if (!rows[i].has_set)
            continue;
        put_issuer(expo, &rows[i]);
        rkd_expo_ns(expo, age_ms < 0 ? 0 : (uint64_t)age_ms * 1000000);
    }
    rkd_expo_family(expo, RKD_EXPO_GAUGE, "roomkey_keyset_last_refresh_success",
                    "1 unless the last attempt to fetch the key set failed.");
    for (size_t i = 0; i < count; i++) {
        put_issuer(expo, &rows[i]);
        rkd_expo_uint(expo, rows[i].last_error == NULL && rows[i].attempts != 0);
    }
    rkd_expo_family(expo, RKD_EXPO_COUNTER, "roomkey_jwks_refresh",
                    "Attempts to fetch a key set, by how they went.");
    for (size_t i = 0; i < count; i++) {
        put_issuer(expo, &rows[i]);
        rkd_expo_label(expo, "result", RK_STR("ok"));
        rkd_expo_uint(expo, rows[i].successes);
        put_issuer(expo, &rows[i]);
        rkd_expo_label(expo, "result", RK_STR("failed"));
        rkd_expo_uint(expo, rows[i].attempts - rows[i].successes);
    }
}

/* ---- what the keeper works with ---- */

static void write_helpers(const struct rkd_facts *facts, struct rkd_expo *expo)
{
    const uint64_t hooks[] = {facts->hooks_answered, facts->hooks_failed, facts->hooks_not_asked};
    const struct rk_str words[] = {RK_STR("answered"), RK_STR("failed"), RK_STR("not_asked")};

    rkd_expo_family(expo, RKD_EXPO_COUNTER, "roomkey_hook_requests",
                    "Questions to hooks: answered with yes or no, failed, or not asked because the "
                    "breaker is open or too many are under way.");
    for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
        rkd_expo_sample(expo, NULL);
        rkd_expo_label(expo, "result", words[i]);
        rkd_expo_uint(expo, hooks[i]);
    }
    rkd_expo_one(expo, RKD_EXPO_GAUGE, "roomkey_hooks_open",
                 "Hooks that are not asked because they fail.", facts->hooks_open);
    if (facts->has_redis) {
        rkd_expo_one(expo, RKD_EXPO_GAUGE, "roomkey_redis_up",
                     "1 while the shared limits' server answers.", facts->is_redis_up);
        rkd_expo_one(expo, RKD_EXPO_COUNTER, "roomkey_shared_limit_unknown",
                     "Requests for which the shared limit was not known in time and the local one "
                     "decided.",
                     facts->redis_unknown);
    }
    if (facts->has_audit)
        rkd_expo_one(expo, RKD_EXPO_COUNTER, "roomkey_audit_lost_records",
                     "Records of the audit log that were not written.", facts->audit_lost);
}

void rkd_metrics_write(const struct rkd_metrics_in *in, struct rkd_expo *expo)
{
    write_build(expo);
    write_ready(in, expo);
    write_tokens(in, expo);
    write_requests(in, expo);
    write_durations(in, expo);
    write_connections(in, expo);
    write_loops(in, expo);
    rkd_expo_one(expo, RKD_EXPO_COUNTER, "roomkey_log_dropped_lines",
                 "Lines of the log that were lost: the sink is slow, full or closed.",
                 rkd_log_dropped(in->service->log));
    if (in->facts != NULL) {
        write_config(in->facts, expo);
        write_keysets(in, expo);
        write_helpers(in->facts, expo);
    }
    rkd_procstat_write(in->process, expo);
    rkd_expo_end(expo);
}
