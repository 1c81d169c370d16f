/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/log.h"
#include "server/base/random.h"
#include "server/net/net.h"

enum { TLS_PATH_SIZE = 4096, TLS_AUTO_DAYS = 3650 };

struct tls {
    SSL_CTX *context; /* owned */
    uint8_t end_point[EVP_MAX_MD_SIZE];
    unsigned int end_point_size;
    atomic_int reference_count; /* acq_rel on release: the last one frees */
};

static const char *
openssl_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return reason == NULL ? "unknown reason" : reason;
}

/* Protocols of ours, in order of preference, as ALPN writes them. */
static int
select_alpn(SSL *ssl KY_UNUSED, const unsigned char **out, unsigned char *out_size,
            const unsigned char *in, unsigned int in_size, void *arg KY_UNUSED)
{
    static const unsigned char OURS[] = "\x0apostgresql\x08http/1.1";
    unsigned char *selected;
    if (SSL_select_next_proto(&selected, out_size, OURS, sizeof(OURS) - 1, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

/* RFC 5929: the hash of the signature's algorithm, SHA-256 in place of MD5 and SHA-1. */
static void
compute_end_point(struct tls *tls)
{
    X509 *cert = SSL_CTX_get0_certificate(tls->context);
    int digest_nid = NID_undef;
    if (cert == NULL || X509_get_signature_info(cert, &digest_nid, NULL, NULL, NULL) != 1 ||
        digest_nid == NID_undef) {
        return; /* Ed25519 and the like have none: no channel binding */
    }
    if (digest_nid == NID_md5 || digest_nid == NID_sha1) {
        digest_nid = NID_sha256;
    }
    const EVP_MD *digest = EVP_get_digestbynid(digest_nid);
    if (digest == NULL || X509_digest(cert, digest, tls->end_point, &tls->end_point_size) != 1) {
        tls->end_point_size = 0;
    }
}

ky_status
tls_load(const char *cert_file, const char *key_file, struct tls **tls_out, struct ky_error *err)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    KY_ASSERT(context != NULL);
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                           SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* Idle connections must not keep 34 KB of record buffers. */
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_alpn_select_cb(context, select_alpn, NULL);
    if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1) {
        (void)ky_error_set(err, KY_CONFIG_FILE_ERROR, "could not load certificate file \"%s\": %s",
                           cert_file, openssl_reason());
        goto fail;
    }
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1) {
        (void)ky_error_set(err, KY_CONFIG_FILE_ERROR, "could not load private key file \"%s\": %s",
                           key_file, openssl_reason());
        goto fail;
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        (void)ky_error_set(err, KY_CONFIG_FILE_ERROR,
                           "private key file \"%s\" does not belong to certificate file \"%s\"",
                           key_file, cert_file);
        goto fail;
    }
    struct tls *tls = ky_calloc(1, sizeof(*tls));
    tls->context = context;
    atomic_init(&tls->reference_count, 1);
    compute_end_point(tls);
    *tls_out = tls;
    return KY_OK;
fail:
    ERR_clear_error();
    SSL_CTX_free(context);
    return KY_ERR;
}

static bool
add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool is_added = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

static X509 *
make_certificate(EVP_PKEY *key)
{
    char host[128] = "localhost";
    char names[256];
    (void)gethostname(host, sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    if (strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") !=
            strlen(host) ||
        strlen(host) > 64) {
        host[0] = '\0';
    }
    (void)snprintf(names, sizeof(names), "DNS:localhost,IP:127.0.0.1,IP:::1%s%s",
                   host[0] == '\0' ? "" : ",DNS:", host);
    uint64_t serial;
    ky_random_bytes(&serial, sizeof(serial));
    X509 *cert = X509_new();
    KY_ASSERT(cert != NULL);
    X509_NAME *name = X509_get_subject_name(cert);
    const unsigned char *common = (const unsigned char *)(host[0] == '\0' ? "localhost" : host);
    if (X509_set_version(cert, X509_VERSION_3) != 1 ||
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(cert), -86400) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(cert), (long)TLS_AUTO_DAYS * 86400) == NULL ||
        X509_set_pubkey(cert, key) != 1 ||
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) != 1 ||
        X509_set_issuer_name(cert, name) != 1 ||
        !add_extension(cert, NID_subject_alt_name, names) ||
        !add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") ||
        X509_sign(cert, key, EVP_sha256()) == 0) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

/* Writes by way of another name, so that a crash leaves no half a file under the right one. */
static ky_status
write_pem(const char *path, X509 *cert, EVP_PKEY *key, struct ky_error *err)
{
    char draft[TLS_PATH_SIZE + 8];
    (void)snprintf(draft, sizeof(draft), "%s.new", path);
    (void)unlink(draft);
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, cert != NULL ? 0644 : 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL) {
        return ky_error_set_errno(err, KY_IO_ERROR, errno, "could not create file \"%s\"", draft);
    }
    int is_written = cert != NULL ? PEM_write_X509(file, cert)
                                  : PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    bool is_flushed = fflush(file) == 0 && fsync(fd) == 0;
    int saved_errno = errno;
    if (fclose(file) != 0 || is_written != 1 || !is_flushed || rename(draft, path) != 0) {
        return ky_error_set_errno(err, KY_IO_ERROR, saved_errno, "could not write file \"%s\"",
                                  path);
    }
    return KY_OK;
}

static ky_status
make_files(const char *cert_file, const char *key_file, struct ky_error *err)
{
    ky_status status = KY_ERR;
    X509 *cert = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL || (cert = make_certificate(key)) == NULL) {
        (void)ky_error_set(err, KY_CONFIG_FILE_ERROR, "could not make a certificate: %s",
                           openssl_reason());
        goto out;
    }
    if (write_pem(key_file, NULL, key, err) != KY_OK ||
        write_pem(cert_file, cert, NULL, err) != KY_OK) {
        goto out;
    }
    ky_log(INFO, "net", "self-signed certificate made file=%s", cert_file);
    status = KY_OK;
out:
    X509_free(cert);
    EVP_PKEY_free(key);
    return status;
}

ky_status
tls_load_auto(const char *dir, struct tls **tls_out, struct ky_error *err)
{
    char cert_file[TLS_PATH_SIZE];
    char key_file[TLS_PATH_SIZE];
    int size = snprintf(cert_file, sizeof(cert_file), "%s/server.crt", dir);
    (void)snprintf(key_file, sizeof(key_file), "%s/server.key", dir);
    if (size < 0 || size >= TLS_PATH_SIZE) {
        return ky_error_set(err, KY_CONFIG_FILE_ERROR, "name of directory \"%.64s...\" is too long",
                            dir);
    }
    if (access(cert_file, F_OK) != 0 || access(key_file, F_OK) != 0) {
        KY_TRY(make_files(cert_file, key_file, err));
    }
    return tls_load(cert_file, key_file, tls_out, err);
}

struct tls *
tls_acquire(struct tls *tls)
{
    atomic_fetch_add_explicit(&tls->reference_count, 1, memory_order_relaxed);
    return tls;
}

void
tls_release(struct tls *tls)
{
    if (tls != NULL &&
        atomic_fetch_sub_explicit(&tls->reference_count, 1, memory_order_acq_rel) == 1) {
        SSL_CTX_free(tls->context);
        ky_free(tls);
    }
}

struct ssl_ctx_st *
tls_context(struct tls *tls)
{
    return tls->context;
}

struct ky_slice
tls_server_end_point(const struct tls *tls)
{
    return ky_slice(tls->end_point, tls->end_point_size);
}
