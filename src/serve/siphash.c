/*
 * siphash.c - SipHash-2-4.
 *
 * May touch: its arguments. Nothing else.
 */
#include "serve/siphash.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void rounds(struct state *s, unsigned count)
{
    while (count-- > 0) {
        s->v0 += s->v1;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
    }
}

/* Up to 8 bytes as a little-endian number. */
static uint64_t load(const char *bytes, size_t count)
{
    uint64_t word = 0;

    for (size_t i = 0; i < count; i++)
        word |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    return word;
}

static void absorb(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, 2);
    s->v0 ^= word;
}

struct rkd_siphash_key rkd_siphash_key(const uint8_t bytes[16])
{
    struct rkd_siphash_key key = {{0, 0}};

    for (unsigned i = 0; i < 16; i++)
        key.word[i / 8] |= (uint64_t)bytes[i] << (8 * (i % 8));
    return key;
}

uint64_t rkd_siphash(const struct rkd_siphash_key *key, struct rk_str data)
{
    struct state s = {
        .v0 = key->word[0] ^ 0x736f6d6570736575U,
        .v1 = key->word[1] ^ 0x646f72616e646f6dU,
        .v2 = key->word[0] ^ 0x6c7967656e657261U,
        .v3 = key->word[1] ^ 0x7465646279746573U,
    };
    size_t whole = data.len - data.len % 8;

    for (size_t i = 0; i < whole; i += 8)
        absorb(&s, load(data.ptr + i, 8));
    absorb(&s, load(data.len == 0 ? "" : data.ptr + whole, data.len - whole) | (uint64_t)data.len
                                                                                   << 56);
    s.v2 ^= 0xff;
    rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
