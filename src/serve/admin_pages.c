/*
 * admin_pages.c - what the admin listener answers: /metrics, /readyz in detail, /healthz, /livez.
 *
 * May touch: the admin listener, the exchange's output buffer; the service and the board, for
 * reading.
 */
#include "serve/admin_impl.h"
#include "serve/service.h"

#include "config/addr.h"

struct page {
    unsigned status;
    struct rk_str type;
    struct rki_buf body;
};

/* ---- readiness, with everything that is known ---- */

static struct rkd_ready judge(const struct rkd_admin *admin, const struct rkd_facts *facts)
{
    return (struct rkd_ready){
        .has_key = facts != NULL && facts->key_id[0] != '\0',
        .can_verify = facts != NULL && facts->can_verify,
        .wants = facts == NULL ? 0 : facts->wants,
        .has_url = facts != NULL && !facts->misses_url,
        .loops_turn = rkd_lag_is_ok(&admin->lag),
        .is_staying = !atomic_load(&admin->service->is_draining),
    };
}

static struct rk_str pass_or_fail(bool is_good)
{
    return is_good ? RK_STR("pass") : RK_STR("fail");
}

static void put_status(struct rki_buf *out, struct rk_str status)
{
    rki_buf_lit(out, "{\"status\":\"");
    rki_buf_put(out, status);
    rki_buf_char(out, '"');
}

static void put_check(struct rki_buf *out, struct rk_str name, struct rk_str status)
{
    rki_buf_lit(out, ",\"");
    rki_buf_put(out, name);
    rki_buf_lit(out, "\":[");
    put_status(out, status);
    rki_buf_lit(out, "}]");
}

/* An issuer without keys is a warning: whoever else can be verified still is. */
static void put_keyset(struct rki_buf *out, const struct rkd_facts_keyset *row, int64_t now_ms)
{
    put_status(out, row->has_set && row->last_error == NULL ? RK_STR("pass") : RK_STR("warn"));
    rki_buf_lit(out, ",\"componentId\":");
    rki_buf_json(out, rki_cstr(row->issuer));
    rki_buf_lit(out, ",\"caller\":");
    rki_buf_json(out, rki_cstr(row->caller));
    if (row->has_set) {
        rki_buf_lit(out, ",\"observedValue\":");
        rki_buf_int(out, now_ms > row->renewed_ms ? (now_ms - row->renewed_ms) / 1000 : 0);
        rki_buf_lit(out, ",\"observedUnit\":\"s\"");
    }
    rki_buf_lit(out, ",\"keys\":");
    rki_buf_int(out, row->has_set ? row->usable : 0);
    if (row->last_error != NULL) {
        rki_buf_lit(out, ",\"failures\":");
        rki_buf_int(out, row->failures);
        rki_buf_lit(out, ",\"output\":");
        rki_buf_json(out, rki_cstr(row->last_error));
    }
    rki_buf_char(out, '}');
}

static void put_keysets(struct rki_buf *out, const struct rkd_facts *facts)
{
    const int64_t now_ms = (int64_t)(rkd_clock_mono_ns() / 1000000);

    if (facts == NULL || facts->keyset_count == 0)
        return;
    rki_buf_lit(out, ",\"key_set:age\":[");
    for (size_t i = 0; i < facts->keyset_count; i++) {
        if (i != 0)
            rki_buf_char(out, ',');
        put_keyset(out, &facts->keysets[i], now_ms);
    }
    rki_buf_char(out, ']');
}

static void put_loops(const struct rkd_admin *admin, struct rki_buf *out)
{
    rki_buf_lit(out, ",\"loop:lag\":[");
    for (unsigned i = 0; i < RKD_LAG_WORKER + admin->worker_count; i++) {
        const uint32_t lag_ms = rkd_lag_of(&admin->lag, i);

        if (i != 0)
            rki_buf_char(out, ',');
        put_status(out, pass_or_fail(lag_ms <= RKD_LAG_MOST_MS));
        rki_buf_lit(out, ",\"componentId\":\"");
        rkd_lag_name(out, i);
        rki_buf_lit(out, "\",\"observedValue\":");
        rki_buf_int(out, lag_ms);
        rki_buf_lit(out, ",\"observedUnit\":\"ms\"}");
    }
    rki_buf_char(out, ']');
}

static bool has_warning(const struct rkd_facts *facts)
{
    for (size_t i = 0; facts != NULL && i < facts->keyset_count; i++)
        if (!facts->keysets[i].has_set || facts->keysets[i].last_error != NULL)
            return true;
    return facts != NULL && facts->misses_url;
}

/* draft-inadarei-api-health-check-06 */
static void write_ready(struct rkd_admin *admin, struct page *page)
{
    struct rkd_facts *facts = rkd_board_take(&admin->board);
    const struct rkd_ready ready = judge(admin, facts);
    const bool is_ok = rkd_ready_is_ok(&ready);
    struct rki_buf *out = &page->body;

    page->status = is_ok ? 200 : 503;
    page->type = RK_STR("application/health+json");
    put_status(out, !is_ok ? RK_STR("fail") : has_warning(facts) ? RK_STR("warn") : RK_STR("pass"));
    rki_buf_lit(out, ",\"releaseId\":");
    rki_buf_json(out, rki_cstr(rk_version()));
    rki_buf_lit(out, ",\"checks\":{\"signing_key\":[");
    put_status(out, pass_or_fail(ready.has_key));
    if (ready.has_key) {
        rki_buf_lit(out, ",\"componentId\":");
        rki_buf_json(out, rki_cstr(facts->key_id));
    }
    rki_buf_lit(out, "}]");
    put_check(out, RK_STR("callers"), pass_or_fail(ready.can_verify));
    put_check(out, RK_STR("server_url"), ready.has_url ? RK_STR("pass") : RK_STR("warn"));
    put_check(out, RK_STR("drain"), pass_or_fail(ready.is_staying));
    put_loops(admin, out);
    put_keysets(out, facts);
    rki_buf_lit(out, "}}");
    rkd_facts_unref(facts);
}

/* ---- the other pages ---- */

static void write_metrics(struct rkd_admin *admin, const struct rkd_request *request,
                          struct page *page)
{
    struct rkd_facts *facts = rkd_board_take(&admin->board);
    const struct rkd_ready ready = judge(admin, facts);
    const struct rkd_metrics_in in = {
        .service = admin->service,
        .workers = admin->workers,
        .worker_count = admin->worker_count,
        .facts = facts,
        .lag = &admin->lag,
        .ready = &ready,
        .process = &admin->process,
        .now_ms = (int64_t)(rkd_clock_mono_ns() / 1000000),
    };
    struct rkd_expo expo = {.out = &page->body};

    for (size_t i = 0; i < request->header_count; i++) /* several lines: the last one */
        if (rki_str_equal_nocase(request->headers[i].name, RK_STR("accept")))
            expo.is_open_metrics = rkd_expo_wants_open_metrics(request->headers[i].value);
    rkd_metrics_write(&in, &expo);
    rkd_facts_unref(facts);
    page->status = 200;
    page->type = rkd_expo_content_type(expo.is_open_metrics);
}

static void write_plain(struct page *page, unsigned status, struct rk_str text)
{
    page->status = status;
    page->type = RK_STR("text/plain; charset=utf-8");
    page->body.len = 0;
    page->body.overflow = false;
    rki_buf_put(&page->body, text);
    rki_buf_char(&page->body, '\n');
}

/*
 * On loopback whoever asks by a name other than localhost is a page in a browser of this machine
 * whose name was made to point here (DNS rebinding): it must not read what the operator may.
 */
static bool is_misdirected(const struct rkd_admin *admin, const struct rkd_request *request)
{
    static const struct rk_str localhost = RK_STR_INIT("localhost");
    const struct rk_str host = request->known[RKD_H_HOST];
    struct rkd_addr addr;

    if (!admin->is_loopback || host.len == 0 || rkd_addr_parse_forwarded(host, &addr) == RK_OK)
        return false;
    return !rki_str_starts_with_nocase(host, localhost) ||
           (host.len > localhost.len && host.ptr[localhost.len] != ':');
}

static void write_page(struct rkd_admin *admin, const struct rkd_request *request,
                       struct page *page)
{
    const bool is_known = rki_str_equal(request->path, RK_STR("/metrics")) ||
                          rki_str_equal(request->path, RK_STR("/readyz")) ||
                          rki_str_equal(request->path, RK_STR("/healthz")) ||
                          rki_str_equal(request->path, RK_STR("/livez"));

    if (is_misdirected(admin, request)) {
        write_plain(page, 421, RK_STR("Ask this address by its number, or as localhost."));
    } else if (!is_known) {
        write_plain(page, 404, RK_STR("There is nothing at this path; see /metrics and /readyz."));
    } else if (request->method != RKD_GET && request->method != RKD_HEAD) {
        write_plain(page, 405, RK_STR("This path takes GET and HEAD."));
    } else if (rki_str_equal(request->path, RK_STR("/metrics"))) {
        write_metrics(admin, request, page);
    } else if (rki_str_equal(request->path, RK_STR("/readyz"))) {
        write_ready(admin, page);
    } else {
        page->status = 200;
        page->type = RK_STR("application/health+json");
        rki_buf_lit(&page->body, "{\"status\":\"pass\"}");
    }
    if (page->body.overflow) /* never half a scrape */
        write_plain(page, 500, RK_STR("The answer does not fit."));
}

static void send_page(struct rkd_admin *admin, struct rkd_exchange *x, const struct page *page,
                      bool is_head)
{
    struct rki_buf *out = rkd_exchange_out(x);

    rki_buf_lit(out, "HTTP/1.1 ");
    rki_buf_int(out, page->status);
    rki_buf_char(out, ' ');
    rki_buf_put(out, rkd_status_phrase(page->status));
    rki_buf_lit(out, "\r\nDate: ");
    rki_buf_put(out, rkd_clock_date(&admin->clock, rkd_clock_wall_ms()));
    rki_buf_lit(out, "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                     "Content-Type: ");
    rki_buf_put(out, page->type);
    rki_buf_lit(out, "\r\nContent-Length: ");
    rki_buf_int(out, (int64_t)page->body.len);
    rki_buf_lit(out, "\r\n");
    if (page->status == 405)
        rki_buf_lit(out, "Allow: GET, HEAD\r\n");
    if (rkd_exchange_closes(x))
        rki_buf_lit(out, "Connection: close\r\n");
    rki_buf_lit(out, "\r\n");
    if (!is_head)
        rki_buf_put(out, rki_buf_str(&page->body));
    rkd_exchange_send(x);
}

void rkd_admin_answer(struct rkd_admin *admin, struct rkd_exchange *x)
{
    const struct rkd_request *request = rkd_exchange_request(x);
    struct page page = {.body = rki_buf_over(admin->body, RKD_ADMIN_BODY_BYTES)};

    write_page(admin, request, &page);
    send_page(admin, x, &page, request->method == RKD_HEAD);
}

void rkd_admin_answer_fault(struct rkd_admin *admin, struct rkd_exchange *x, enum rkd_fault fault)
{
    struct page page = {.body = rki_buf_over(admin->body, RKD_ADMIN_BODY_BYTES)};

    write_plain(&page, fault == RKD_FAULT_TIMEOUT ? 408 : 400,
                RK_STR("That is no request as it should be."));
    send_page(admin, x, &page, false);
}
