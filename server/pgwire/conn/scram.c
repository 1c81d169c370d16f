/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pgwire/conn/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/random.h"

enum { KEY_SIZE = 32, NONCE_SIZE = 18, ITERATIONS = 4096 };

static ky_status
wrong_password(const struct scram *scram, struct ky_error *err)
{
    return ky_error_set(err, KY_INVALID_PASSWORD, "password authentication failed for user \"%s\"",
                        scram->user);
}

static ky_status
malformed(struct ky_error *err, const char *detail)
{
    (void)ky_error_set(err, KY_PROTOCOL_VIOLATION, "malformed SCRAM message");
    return ky_error_detail(err, "%s", detail);
}

static void
hmac(const uint8_t *key, const void *data, size_t size, uint8_t out[KEY_SIZE])
{
    unsigned out_size = KEY_SIZE;
    KY_ASSERT(HMAC(EVP_sha256(), key, KEY_SIZE, data, size, out, &out_size) != NULL);
}

/* Exactly KEY_SIZE bytes of base64. */
static bool
decode_key(const char *text, size_t size, uint8_t out[KEY_SIZE])
{
    uint8_t bytes[48 + 3];
    if (size != 44 || EVP_DecodeBlock(bytes, (const uint8_t *)text, (int)size) != 33) {
        return false;
    }
    memcpy(out, bytes, KEY_SIZE);
    return true;
}

/* "SCRAM-SHA-256$4096:salt$stored:server" */
static bool
read_secret(struct scram *scram)
{
    char stored[64];
    char server[64];
    return sscanf(scram->secret, "SCRAM-SHA-256$%d:%63[^$]$%63[^:]:%63s", &scram->iterations,
                  scram->salt, stored, server) == 4 &&
           decode_key(stored, strlen(stored), scram->stored_key) &&
           decode_key(server, strlen(server), scram->server_key);
}

void
scram_init(struct scram *scram, const char *user, const char *secret, struct ky_slice binding)
{
    *scram = (struct scram){.binding = binding};
    (void)snprintf(scram->user, sizeof(scram->user), "%s", user);
    (void)snprintf(scram->secret, sizeof(scram->secret), "%s", secret);
    if (secret[0] == '\0' || !read_secret(scram)) {
        uint8_t salt[16];
        scram->is_doomed = true;
        ky_random_bytes(salt, sizeof(salt));
        (void)EVP_EncodeBlock((uint8_t *)scram->salt, salt, sizeof(salt));
        scram->iterations = ITERATIONS;
    }
}

void
scram_deinit(struct scram *scram)
{
    ky_buffer_deinit(&scram->auth_message);
    OPENSSL_cleanse(scram, sizeof(*scram));
}

/* "n,,", "y,," or "p=tls-server-end-point,,": how long it is; 0 when it is none of them. */
static size_t
gs2_size(const struct scram *scram, struct ky_slice message)
{
    static const char plus[] = "p=tls-server-end-point,,";
    const char *text = message.data;
    if (scram->is_plus) {
        size_t size = sizeof(plus) - 1;
        return message.size >= size && memcmp(text, plus, size) == 0 ? size : 0;
    }
    if (message.size >= 3 && (text[0] == 'n' || text[0] == 'y') && text[1] == ',' &&
        text[2] == ',') {
        return 3;
    }
    return 0;
}

ky_status
scram_first(struct scram *scram, const char *mechanism, struct ky_slice message,
            struct ky_buffer *out, struct ky_error *err)
{
    uint8_t random[NONCE_SIZE];
    char own_nonce[NONCE_SIZE * 2];
    char client_nonce[80];
    scram->is_plus = strcmp(mechanism, "SCRAM-SHA-256-PLUS") == 0;
    if ((scram->is_plus && scram->binding.size == 0) ||
        (!scram->is_plus && strcmp(mechanism, "SCRAM-SHA-256") != 0)) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION,
                            "client selected an invalid SASL authentication mechanism");
    }
    size_t header_size = gs2_size(scram, message);
    if (header_size == 0) {
        return malformed(err, "Unexpected channel binding flag.");
    }
    if (!scram->is_plus && scram->binding.size > 0 && *(const char *)message.data == 'y') {
        /* It could bind and thinks that we cannot: somebody in between changed our offer. */
        (void)ky_error_set(err, KY_INVALID_AUTHORIZATION_SPECIFICATION,
                           "SCRAM channel binding negotiation error");
        return KY_ERR;
    }
    memcpy(scram->gs2, message.data, header_size);
    struct ky_slice bare =
        ky_slice((const char *)message.data + header_size, message.size - header_size);
    char *text = ky_malloc(bare.size + 1);
    memcpy(text, bare.data, bare.size);
    text[bare.size] = '\0';
    const char *nonce = strstr(text, ",r=");
    bool is_good = strncmp(text, "n=", 2) == 0 && nonce != NULL &&
                   sscanf(nonce, ",r=%79[^,]", client_nonce) == 1;
    if (is_good) {
        ky_random_bytes(random, sizeof(random));
        (void)EVP_EncodeBlock((uint8_t *)own_nonce, random, sizeof(random));
        (void)snprintf(scram->nonce, sizeof(scram->nonce), "%s%s", client_nonce, own_nonce);
        size_t begin = out->size;
        ky_buffer_printf(out, "r=%s,s=%s,i=%d", scram->nonce, scram->salt, scram->iterations);
        ky_buffer_append_slice(&scram->auth_message, bare);
        ky_buffer_append_byte(&scram->auth_message, ',');
        ky_buffer_append(&scram->auth_message, out->data + begin, out->size - begin);
    }
    ky_free(text);
    return is_good ? KY_OK : malformed(err, "The client's first message is broken.");
}

/* c= must be the header that came first, and under PLUS our certificate's hash. */
static bool
check_binding(const struct scram *scram, const char *text, size_t size)
{
    uint8_t wanted[256];
    char encoded[400];
    size_t header_size = strlen(scram->gs2);
    memcpy(wanted, scram->gs2, header_size);
    size_t wanted_size = header_size;
    if (scram->is_plus) {
        memcpy(wanted + header_size, scram->binding.data, scram->binding.size);
        wanted_size += scram->binding.size;
    }
    int encoded_size = EVP_EncodeBlock((uint8_t *)encoded, wanted, (int)wanted_size);
    return (size_t)encoded_size == size && memcmp(encoded, text, size) == 0;
}

static bool
check_proof(const struct scram *scram, const char *text, size_t size)
{
    uint8_t proof[KEY_SIZE];
    uint8_t signature[KEY_SIZE];
    uint8_t stored[KEY_SIZE];
    unsigned out_size = KEY_SIZE;
    if (!decode_key(text, size, proof)) {
        return false;
    }
    hmac(scram->stored_key, scram->auth_message.data, scram->auth_message.size, signature);
    for (int i = 0; i < KEY_SIZE; i++) {
        proof[i] ^= signature[i]; /* the client key, if the proof is right */
    }
    KY_ASSERT(EVP_Digest(proof, KEY_SIZE, stored, &out_size, EVP_sha256(), NULL) == 1);
    return CRYPTO_memcmp(stored, scram->stored_key, KEY_SIZE) == 0 && !scram->is_doomed;
}

ky_status
scram_final(struct scram *scram, struct ky_slice message, struct ky_buffer *out,
            struct ky_error *err)
{
    uint8_t signature[KEY_SIZE];
    char encoded[64];
    char *text = ky_malloc(message.size + 1);
    memcpy(text, message.data, message.size);
    text[message.size] = '\0';
    const char *nonce = strstr(text, ",r=");
    const char *proof = strstr(text, ",p=");
    bool is_whole = strncmp(text, "c=", 2) == 0 && nonce != NULL && proof != NULL && nonce < proof;
    bool is_bound = is_whole && check_binding(scram, text + 2, (size_t)(nonce - text) - 2);
    size_t nonce_size = is_whole ? (size_t)(proof - nonce) - 3 : 0;
    bool is_ours = is_whole && nonce_size == strlen(scram->nonce) &&
                   memcmp(nonce + 3, scram->nonce, nonce_size) == 0;
    bool is_right = false;
    if (is_bound && is_ours) {
        ky_buffer_append_byte(&scram->auth_message, ',');
        ky_buffer_append(&scram->auth_message, text, (size_t)(proof - text));
        is_right = check_proof(scram, proof + 3, strlen(proof + 3));
    }
    ky_free(text);
    if (!is_whole || !is_ours) {
        return malformed(err, "The client's final message is broken.");
    }
    if (!is_bound) {
        return ky_error_set(err, KY_INVALID_AUTHORIZATION_SPECIFICATION,
                            "SCRAM channel binding check failed");
    }
    if (!is_right) {
        return wrong_password(scram, err);
    }
    hmac(scram->server_key, scram->auth_message.data, scram->auth_message.size, signature);
    (void)EVP_EncodeBlock((uint8_t *)encoded, signature, KEY_SIZE);
    ky_buffer_printf(out, "v=%s", encoded);
    return KY_OK;
}
