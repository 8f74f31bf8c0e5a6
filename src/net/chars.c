/*
 * chars.c - which byte may stand where in a request: one table.
 *
 * Touches nothing. Source: RFC 9110 s.5.6.2 (token), s.5.5 (field values), semantics H2 (target),
 * RFC 3986 s.3.2.2 (unreserved and sub-delims of a host).
 */
#include "net/head.h"

/* clang-format off */
enum {
    V = RKD_CH_VALUE,
    T = RKD_CH_TARGET | V,             /* in a target, in a value */
    K = RKD_CH_TOKEN | T,              /* and in a token */
    H = RKD_CH_HOST | T,               /* and in a host */
    B = RKD_CH_HOST | K,               /* and in both */
    D = RKD_CH_HEX | B,                /* a digit of a hexadecimal number */
};

#define EIGHT(x) (x), (x), (x), (x), (x), (x), (x), (x)

const uint8_t rkd_ch[256] = {
    /* 00 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, V /* HTAB */, 0, 0, 0, 0, 0, 0,
    /* 10 */ EIGHT(0), EIGHT(0),
    /*        SP !  "  #  $  %  &  '  (  )  *  +  ,  -  .  / */
    /* 20 */  V, B, T, V | RKD_CH_TOKEN, B, K, B, B, H, H, B, B, H, B, B, T,
    /* 30 */  D, D, D, D, D, D, D, D, D, D, T, H, T, H, T, T, /* : ; < = > ? */
    /* 40 */  T, D, D, D, D, D, D, B, B, B, B, B, B, B, B, B,
    /* 50 */  B, B, B, B, B, B, B, B, B, B, B, T, T, T, K, B, /* [ \ ] ^ _ */
    /* 60 */  K, D, D, D, D, D, D, B, B, B, B, B, B, B, B, B,
    /* 70 */  B, B, B, B, B, B, B, B, B, B, B, T, K, T, B, 0, /* { | } ~ DEL */
    EIGHT(V), EIGHT(V), EIGHT(V), EIGHT(V), EIGHT(V), EIGHT(V), EIGHT(V), EIGHT(V),
    EIGHT(V), EIGHT(V), EIGHT(V), EIGHT(V), EIGHT(V), EIGHT(V), EIGHT(V), EIGHT(V),
};
/* clang-format on */
