/*
 * roomkey.h - everything of libroomkey in one include.
 *
 * libroomkey mints and verifies LiveKit access tokens in process. It never prints, never exits,
 * never reads the environment or the clock, keeps no global state and opens no file but the key
 * file you name. Start at token.h; examples/mint.c is a whole program.
 */
#ifndef ROOMKEY_ROOMKEY_H
#define ROOMKEY_ROOMKEY_H

#include <roomkey/base.h>
#include <roomkey/claims.h>
#include <roomkey/key.h>
#include <roomkey/token.h>
#include <roomkey/verify.h>
#include <roomkey/webhook.h>

#endif
