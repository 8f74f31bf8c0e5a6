/*
 * expo.h - writes metrics, in Prometheus' text format 0.0.4 or as OpenMetrics 1.0.
 *
 *   rkd_expo_family(&expo, RKD_EXPO_COUNTER, "roomkey_x", "What is counted.");
 *   rkd_expo_sample(&expo, NULL);
 *   rkd_expo_label(&expo, "reason", code);
 *   rkd_expo_uint(&expo, 17);
 *
 * Names come without what the type adds to them (_total, _info). A family is written as a whole
 * before the next one begins, and no sample twice: both formats demand it. Source: hosting.md
 * s.6.3.
 */
#ifndef RKD_SERVE_EXPO_H
#define RKD_SERVE_EXPO_H

#include "core/buf.h"

enum rkd_expo_type { RKD_EXPO_GAUGE = 0, RKD_EXPO_COUNTER, RKD_EXPO_HISTOGRAM, RKD_EXPO_INFO };

struct rkd_expo {
    struct rki_buf *out;
    bool is_open_metrics;
    enum rkd_expo_type type; /* of the family at hand */
    const char *name;
    bool has_labels;
};

/* All texts are constants; `help` in one line without backslashes and quotes. */
void rkd_expo_family(struct rkd_expo *expo, enum rkd_expo_type type, const char *name,
                     const char *help);
/* Begins a line; suffix: of a histogram ("_bucket", "_sum", "_count"), else NULL. */
void rkd_expo_sample(struct rkd_expo *expo, const char *suffix);
/* Any UTF-8. */
void rkd_expo_label(struct rkd_expo *expo, const char *name, struct rk_str value);
/* Ends the line. */
void rkd_expo_uint(struct rkd_expo *expo, uint64_t value);
/* Seconds, from nanoseconds. */
void rkd_expo_ns(struct rkd_expo *expo, uint64_t ns);
/* After the last family. */
void rkd_expo_end(struct rkd_expo *expo);

/* A family of one sample without labels. */
void rkd_expo_one(struct rkd_expo *expo, enum rkd_expo_type type, const char *name,
                  const char *help, uint64_t value);

/* Does this Accept header (absent: no) prefer OpenMetrics? */
bool rkd_expo_wants_open_metrics(struct rk_str accept);
struct rk_str rkd_expo_content_type(bool is_open_metrics);

#endif
