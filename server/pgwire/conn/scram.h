/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/buffer.h"
#include "server/base/error.h"

/* The server's side of SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677, RFC 5929). One exchange. */
struct scram {
    char user[64];
    bool is_plus;                  /* the client chose SCRAM-SHA-256-PLUS */
    bool is_doomed;                /* no such role, or no password: goes on, fails at the end */
    char secret[256];              /* the role's, or a made-up one */
    struct ky_slice binding;       /* tls-server-end-point of our certificate; empty without TLS */
    char nonce[128];               /* client's, then ours */
    char gs2[128];                 /* header that the client began with */
    struct ky_buffer auth_message; /* owned */
    int iterations;
    char salt[64];
    uint8_t stored_key[32];
    uint8_t server_key[32];
};

/* secret: "" makes an exchange that looks real and fails. */
void scram_init(struct scram *scram, const char *user, const char *secret, struct ky_slice binding);
void scram_deinit(struct scram *scram);
/* client-first-message in, server-first-message appended to out. 08P01, 28P01. */
KY_MUST_CHECK ky_status scram_first(struct scram *scram, const char *mechanism,
                                    struct ky_slice message, struct ky_buffer *out,
                                    struct ky_error *err);
/* client-final-message in, server-final-message appended. 28P01 when the proof is wrong. */
KY_MUST_CHECK ky_status scram_final(struct scram *scram, struct ky_slice message,
                                    struct ky_buffer *out, struct ky_error *err);
