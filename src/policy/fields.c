/*
 * fields.c - name, metadata and attributes: which a request may set, and what templates say of the
 * rest (semantics D13, D33, D36). May touch: its arguments, the call's arena.
 */
#include "core/utf8.h"
#include "policy/run.h"

/* Was the member sent, or would it have been but for its size? */
static bool is_oversize(const struct rkd_ask *ask, struct rk_str member)
{
    return ask->oversize.ptr != NULL && rki_str_equal(ask->oversize, member);
}

static bool may_set_key(const struct rkd_permissions *may, struct rk_str key)
{
    for (size_t i = 0; i < may->key_count; i++)
        if (rki_str_equal(may->keys[i], key))
            return true;
    return may->attributes;
}

/* participant_attributes.KEY, of an attribute that is not listed where others are. */
static enum rkd_err refuse_attribute(struct rkd_run *run, struct rk_str key)
{
    const struct rk_str prefix = RK_STR("participant_attributes.");
    char *text = rki_arena_take(run->in->arena, prefix.len + key.len);
    struct rki_buf field = rki_buf_over(text, text == NULL ? 0 : prefix.len + key.len);

    rki_buf_put(&field, prefix);
    rki_buf_put(&field, key);
    (void)rkd_run_refuse(run, RKD_E_FIELD_NOT_ALLOWED, "participant_attributes", "attributes");
    if (!field.overflow)
        run->problem->field = rki_buf_str(&field);
    return run->problem->err;
}

static enum rkd_err check_attributes(struct rkd_run *run)
{
    const struct rkd_permissions *may = &run->rule->may;
    const struct rkd_ask *ask = run->in->ask;
    const bool is_sent =
        ask->attribute_count != 0 || is_oversize(ask, RK_STR("participant_attributes"));

    if (is_sent && !may->attributes && may->key_count == 0)
        return rkd_run_refuse(run, RKD_E_FIELD_NOT_ALLOWED, "participant_attributes", "attributes");
    for (size_t i = 0; i < ask->attribute_count; i++)
        if (!may_set_key(may, ask->attributes[i].key))
            return refuse_attribute(run, ask->attributes[i].key);
    return RKD_OK;
}

enum rkd_err rkd_run_check_fields(struct rkd_run *run)
{
    const struct rkd_permissions *may = &run->rule->may;
    const struct rkd_ask *ask = run->in->ask;
    const bool takes_name = run->caller != NULL && run->caller->takes_name;

    if (ask->name.len != 0 && !may->name && !takes_name)
        return rkd_run_refuse(run, RKD_E_FIELD_NOT_ALLOWED, "participant_name", "name");
    if ((ask->metadata.len != 0 || is_oversize(ask, RK_STR("participant_metadata"))) &&
        !may->metadata)
        return rkd_run_refuse(run, RKD_E_FIELD_NOT_ALLOWED, "participant_metadata", "metadata");
    return check_attributes(run);
}

/* ---- what the token says ---- */

static enum rkd_err keep(struct rkd_run *run, const struct rki_buf *text, struct rk_str *out)
{
    return rki_arena_dup(run->in->arena, rki_buf_str(text), out) == RK_OK
               ? RKD_OK
               : rkd_run_refuse(run, RKD_E_UNAVAILABLE, NULL, "arena");
}

/* The first display name that renders to a valid name (D13); none leaves the token without. */
static enum rkd_err fill_name(struct rkd_run *run)
{
    const struct rkd_compiled_caller *caller = run->caller;
    char text[RKI_NAME_MAX];

    if (run->rule->may.name && run->in->ask->name.len != 0) {
        run->decision.name = run->in->ask->name;
        return RKD_OK;
    }
    for (size_t i = 0; caller != NULL && i < caller->name_count; i++) {
        struct rki_buf name = rki_buf_over(text, sizeof(text));

        if (rkd_template_render(&caller->names[i], &run->view, &name) &&
            rki_name_check(rki_buf_str(&name)) == RK_OK)
            return keep(run, &name, &run->decision.name);
    }
    if (run->in->terms->name_is_identity)
        run->decision.name = run->whole;
    return RKD_OK;
}

/* A map of templates as compact JSON, without what cannot render. False: over the limit. */
static bool render_map(const struct rkd_run *run, struct rki_buf *out)
{
    const struct rkd_compiled_caller *caller = run->caller;
    char text[RKD_METADATA_MAX];
    char before = '{';

    for (size_t i = 0; i < caller->metadata_count; i++) {
        struct rki_buf value = rki_buf_over(text, sizeof(text));

        if (!rkd_template_render(&caller->metadata[i].value, &run->view, &value)) {
            if (value.overflow)
                return false;
            continue;
        }
        if (value.len == 0)
            continue;
        rki_buf_char(out, before);
        rki_buf_json(out, caller->metadata[i].key);
        rki_buf_char(out, ':');
        rki_buf_json(out, rki_buf_str(&value));
        before = ',';
    }
    if (before == ',')
        rki_buf_char(out, '}');
    return !out->overflow;
}

static enum rkd_err fill_metadata(struct rkd_run *run)
{
    const struct rkd_compiled_caller *caller = run->caller;
    char text[RKD_METADATA_MAX];
    struct rki_buf out = rki_buf_over(text, sizeof(text));
    bool renders;

    if (run->in->ask->metadata.len != 0) { /* permitted, or this would not be reached */
        run->decision.metadata = run->in->ask->metadata;
        return RKD_OK;
    }
    if (caller == NULL || caller->metadata_count == 0)
        return RKD_OK;
    renders = caller->metadata_is_map
                  ? render_map(run, &out)
                  : rkd_template_render(&caller->metadata[0].value, &run->view, &out);
    if (!renders && (out.overflow || caller->metadata_is_map))
        return rkd_run_refuse(run, RKD_E_TOO_LARGE, "participant_metadata", "metadata-length");
    return renders && out.len != 0 ? keep(run, &out, &run->decision.metadata) : RKD_OK;
}

static bool is_asked(const struct rkd_ask *ask, struct rk_str key)
{
    for (size_t i = 0; i < ask->attribute_count; i++)
        if (rki_str_equal(ask->attributes[i].key, key))
            return true;
    return false;
}

static enum rkd_err refuse_size(struct rkd_run *run)
{
    return rkd_run_refuse(run, RKD_E_TOO_LARGE, "participant_attributes", "attributes-size");
}

/* The caller's templates behind what the request set. */
static enum rkd_err add_attributes(struct rkd_run *run, struct rkd_attribute *out, size_t *count)
{
    const struct rkd_compiled_caller *caller = run->caller;
    char text[RKD_ATTRIBUTES_BYTES_MAX];

    for (size_t i = 0; i < caller->attribute_count; i++) {
        const struct rkd_keyed_template *attribute = &caller->attributes[i];
        struct rki_buf value = rki_buf_over(text, sizeof(text));
        enum rkd_err err;

        if (is_asked(run->in->ask, attribute->key))
            continue;
        if (!rkd_template_render(&attribute->value, &run->view, &value)) {
            if (value.overflow)
                return refuse_size(run);
            continue;
        }
        if (value.len == 0)
            continue;
        out[*count].key = attribute->key;
        err = keep(run, &value, &out[*count].value);
        if (err != RKD_OK)
            return err;
        (*count)++;
    }
    return RKD_OK;
}

static enum rkd_err fill_attributes(struct rkd_run *run)
{
    const struct rkd_ask *ask = run->in->ask;
    const size_t templates = run->caller == NULL ? 0 : run->caller->attribute_count;
    struct rkd_attribute *all = ask->attributes;
    size_t count = ask->attribute_count, bytes = 0;
    enum rkd_err err = RKD_OK;

    if (templates != 0) {
        all = rki_arena_take(run->in->arena, (count + templates) * sizeof(*all));
        if (all == NULL)
            return rkd_run_refuse(run, RKD_E_UNAVAILABLE, NULL, "arena");
        for (size_t i = 0; i < count; i++)
            all[i] = ask->attributes[i];
        err = add_attributes(run, all, &count);
    }
    for (size_t i = 0; i < count && err == RKD_OK; i++)
        bytes += all[i].key.len + all[i].value.len;
    if (err == RKD_OK && (count > RKD_ATTRIBUTES_MAX || bytes > RKD_ATTRIBUTES_BYTES_MAX))
        err = refuse_size(run);
    run->decision.attributes = all;
    run->decision.attribute_count = count;
    return err;
}

enum rkd_err rkd_run_fill_fields(struct rkd_run *run)
{
    enum rkd_err err = fill_name(run);

    if (err == RKD_OK)
        err = fill_metadata(run);
    return err == RKD_OK ? fill_attributes(run) : err;
}
