/*
 * json_c.c - json-c and libroomkey in one program, each used before and after the other.
 *
 * json-c and jansson, which is inside libroomkey, both define json_object_get and
 * json_object_iter_next; whoever got the other's would crash or count references in the wrong
 * place.
 */
#include <json-c/json.h>
#include <roomkey/roomkey.h>
#include <stdio.h>
#include <string.h>

static enum rk_err round_trip(struct rk_claims *claims, const char *config, char *out, size_t cap)
{
    struct rk_str text = {config, strlen(config)};
    size_t len = 0;
    enum rk_err err = rk_claims_set_room_config(claims, text, NULL);

    if (err == RK_OK)
        err = rk_claims_set_extra(claims, RK_STR("x"), RK_STR("{\"deep\":{\"er\":[1,2]}}"), NULL);
    if (err == RK_OK)
        err = rk_claims_write_json(claims, out, cap - 1, &len);
    out[len] = '\0';
    if (err == RK_OK)
        err = rk_claims_load_json(claims, (struct rk_str){out, len}, NULL); /* walks objects */
    return err;
}

int main(void)
{
    struct json_object *config = json_object_new_object(), *kept, *read;
    struct json_object *agents = json_object_new_array(), *agent = json_object_new_object();
    struct rk_claims *claims = NULL;
    char out[4096];
    enum rk_err err = rk_claims_new(&claims);

    json_object_object_add(agent, "agentName", json_object_new_string("notes"));
    json_object_array_add(agents, agent);
    json_object_object_add(config, "agents", agents);
    kept = json_object_get(config); /* json-c: one reference more. jansson: look up a member */
    for (int i = 0; err == RK_OK && i < 100; i++)
        err = round_trip(claims, json_object_to_json_string(config), out, sizeof(out));
    read = err == RK_OK ? json_tokener_parse(out) : NULL;
    (void)printf("%s %s %d %d\n", rk_err_text(err),
                 read == NULL ? "-" : json_object_to_json_string(read), kept == config,
                 json_object_put(kept));
    (void)json_object_put(read);
    (void)printf("%d\n", json_object_put(config)); /* 1: that was the last reference */
    rk_claims_free(claims);
    return err == RK_OK ? 0 : 1;
}
