/*
 * raw_json.h - struct rkd_raw from JSON text in a test's source, shaped like roomkey.yaml (design
 * s.7). Compile raw_json.c into the test.
 *
 * A ' stands for a ", so that rows read well. Secrets are written as text under the key of their
 * file without `_file` ("identity_hash_key", "secret", "hs256_secret"). `anonymous: 'rules'` is
 * known, api_keys is the map of a key file ("sha256" in hex, "expires" in Unix seconds). Every
 * value has a line of its own, counted in the order of reading; `file` is "test". What cannot be
 * read ends the test program: this is not the parser under test.
 */
#ifndef RK_TEST_RAW_JSON_H
#define RK_TEST_RAW_JSON_H

#include "model/raw.h"

struct raw_json;

struct raw_json *raw_json_read(const char *text);
const struct rkd_raw *raw_json_raw(const struct raw_json *json);
void raw_json_free(struct raw_json *json);

#endif
