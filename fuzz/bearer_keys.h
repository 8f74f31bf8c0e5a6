/*
 * bearer_keys.h - the public keys under which the seeds of corpus/bearer were signed. The private
 * ones were thrown away.
 */
#ifndef RK_FUZZ_BEARER_KEYS_H
#define RK_FUZZ_BEARER_KEYS_H

#define BEARER_JWKS                                                                                \
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rsa\",\"use\":\"sig\",\"n\":\"p-b4_46ggns8"             \
    "LYg3xnUy1JLD7HFt2i-kjA8OLlYHkp2Sv0JxzRshZfKHQiJVf-yFKW1BfvO2dhldk3-YtCYlpsPLu6o7"             \
    "BU5K3sL-LHoFTxWh5c9Jzkl8HjgG_k70JJg2Au8RQCuG3CjKgQ17Uf3agRK0EGXdaygkGewG9G0LvODv"             \
    "-IRz7NysWi6rdOws49ety7P_AqG7xvqX06r5VDGyYGzuUui8D4iLKOw1gFAHTXfSbA4hUUgcc_Uzg6C1"             \
    "VGbrCONfY5zNXs4hIwvDeAfGF5do52HsfqBr4ljmYOwzRu0qoFobRDVxih4usNcVhPD9okFurrpO9wvL"             \
    "9Zo8UxU2ww\",\"e\":\"AQAB\"},{\"kty\":\"EC\",\"kid\":\"ec\",\"crv\":\"P-256\",\""             \
    "x\":\"V4l3_hLsP1AnFIQAdjO_ptDciBZYkVvunVsBt-BkqZ0\",\"y\":\"wOFQdJO-Om6qYLyy1dFQ"             \
    "nVfKR-dCF22qpWMnpMl4JD0\"},{\"kty\":\"OKP\",\"kid\":\"ed\",\"alg\":\"EdDSA\",\"c"             \
    "rv\":\"Ed25519\",\"x\":\"5lwTAE5fPX32jrbnKRq8XSMSRgyokBaBWH55aBdOkHQ\"}]}"

#endif
