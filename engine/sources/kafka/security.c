/*
 * sources/kafka/security.c - from properties to an OpenSSL context and a login.
 *
 * Files are read once, here: a wrong path is told at the start of the job, not by the first connection.
 */
#include <base/memory.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sources/kafka/security.h>
#include <sources/kafka/tls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { READ_AHEAD_BYTES = 64 * 1024 };

static bool property_is(const rd_kafka_conf_t *conf, const char *name, const char *value);
static const char *mechanism_known(const char *name);
static sl_result login_read(security *security, const rd_kafka_conf_t *conf, failure *failure);
static sl_result context_new(security *security, const rd_kafka_conf_t *conf, failure *failure);
static const char *const *unserved_properties(void);

/* Whether security.protocol is ssl or sasl_ssl; sasl_plaintext or sasl_ssl. */
static void protocol_read(const rd_kafka_conf_t *conf, bool *tls, bool *login)
{
    *tls =
        property_is(conf, "security.protocol", "ssl") || property_is(conf, "security.protocol", "sasl_ssl");
    *login = property_is(conf, "security.protocol", "sasl_plaintext") ||
             property_is(conf, "security.protocol", "sasl_ssl");
}

void security_unserved(const rd_kafka_conf_t *conf, buffer *why)
{
    bool tls, login;
    protocol_read(conf, &tls, &login);
    char *mechanism = security_property(conf, "sasl.mechanisms");
    if (login && !mechanism_known(mechanism))
        buffer_print(why,
                     "kafka.sasl.mechanisms=%s: our own reader knows PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512",
                     mechanism ? mechanism : "");
    free(mechanism);
    for (const char *const *name = unserved_properties(); tls && *name && why->size == 0; name++) {
        char *value = security_property(conf, *name);
        if (value)
            buffer_print(
                why,
                "kafka.%s: our own reader takes certificates and keys as PEM only, without engines or providers",
                *name);
        free(value);
    }
    buffer_byte(why, '\0');
}

sl_result security_new(const rd_kafka_conf_t *conf, security **out, failure *failure)
{
    bool tls, login;
    protocol_read(conf, &tls, &login);
    security *security = memory_new(sizeof *security);
    if (login)
        login_read(security, conf, failure);
    if (tls && failure->result == SL_OK)
        context_new(security, conf, failure);
    if (failure->result != SL_OK) {
        security_free(security);
        return failure->result;
    }
    *out = security;
    return SL_OK;
}

void security_free(security *security)
{
    if (security == NULL)
        return;
    SSL_CTX_free(security->tls);
    BIO_meth_free(security->bytes);
    if (security->password)
        OPENSSL_cleanse(security->password, strlen(security->password));
    free(security->password);
    free(security->user);
    free(security);
}

/* ---- Properties ---- */

char *security_property(const rd_kafka_conf_t *conf, const char *name)
{
    size_t size = 0;
    if (rd_kafka_conf_get(conf, name, NULL, &size) != RD_KAFKA_CONF_OK || size <= 1)
        return NULL;
    char *value = memory_new(size + 1);
    if (rd_kafka_conf_get(conf, name, value, &size) == RD_KAFKA_CONF_OK && value[0] != '\0')
        return value;
    free(value);
    return NULL;
}

static bool property_is(const rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char *found = security_property(conf, name);
    bool same = found && strcmp(found, value) == 0;
    free(found);
    return same;
}

/* ---- Login ---- */

static const char *mechanism_known(const char *name)
{
    static const char *const known[] = { "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512" };
    for (size_t i = 0; name && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i]) == 0)
            return known[i];
    return NULL;
}

static sl_result login_read(security *security, const rd_kafka_conf_t *conf, failure *failure)
{
    char *mechanism = security_property(conf, "sasl.mechanisms");
    security->mechanism = mechanism_known(mechanism);
    free(mechanism);
    security->user = security_property(conf, "sasl.username");
    security->password = security_property(conf, "sasl.password");
    if (security->mechanism && security->user && security->password)
        return SL_OK;
    return fail(
        failure, SL_USAGE,
        "kafka.security.protocol asks for a login: it needs kafka.sasl.mechanisms, kafka.sasl.username "
        "and kafka.sasl.password");
}

/* ---- TLS ---- */

/* What OpenSSL says of the last call, for a message; the property that it was about. */
static sl_result context_fail(const char *name, const char *value, failure *failure)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    bool of_system = ERR_SYSTEM_ERROR(code);
    fail(failure, SL_USAGE, "kafka.%s%s%s: %s", name, value ? "=" : "", value ? value : "",
         of_system ? strerror(ERR_GET_REASON(code))
         : reason  ? reason
                   : "not accepted by OpenSSL");
    ERR_clear_error();
    return failure->result;
}

typedef int (*context_call)(SSL_CTX *context, const char *value);

/* A property with a call of OpenSSL that takes its value. */
static sl_result context_set(const security *security, const rd_kafka_conf_t *conf, const char *name,
                             context_call call, failure *failure)
{
    char *value = security_property(conf, name);
    ERR_clear_error();
    if (value && call(security->tls, value) != 1) {
        size_t size = strlen(name);
        bool secret = size > 4 && strcmp(name + size - 4, ".pem") == 0;
        context_fail(name, secret ? NULL : value, failure);
    }
    free(value);
    return failure->result;
}

/* A file, or a folder of files named by hashes. */
static int trust_location(SSL_CTX *context, const char *path)
{
    struct stat status;
    if (strcmp(path, "probe") == 0)
        return SSL_CTX_set_default_verify_paths(context);
    bool folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    return SSL_CTX_load_verify_locations(context, folder ? NULL : path, folder ? path : NULL);
}

static int trust_text(SSL_CTX *context, const char *text)
{
    BIO *source = BIO_new_mem_buf(text, -1);
    int count = 0;
    for (X509 *one; source && (one = PEM_read_bio_X509(source, NULL, NULL, NULL)) != NULL; count++) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one);
        X509_free(one);
    }
    BIO_free(source);
    return count > 0;
}

static int revoked_location(SSL_CTX *context, const char *path)
{
    return SSL_CTX_load_verify_locations(context, path, NULL) == 1 &&
           X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_CRL_CHECK) == 1;
}

/* Our own certificate, and those that lead from it to its CA. */
static int certificate_text(SSL_CTX *context, const char *text)
{
    BIO *source = BIO_new_mem_buf(text, -1);
    X509 *one = source ? PEM_read_bio_X509_AUX(source, NULL, NULL, NULL) : NULL;
    int done = one && SSL_CTX_use_certificate(context, one) == 1;
    X509_free(one);
    while (done && (one = PEM_read_bio_X509(source, NULL, NULL, NULL)) != NULL)
        if (SSL_CTX_add0_chain_cert(context, one) != 1) {
            X509_free(one);
            done = 0;
        }
    BIO_free(source);
    return done;
}

static int key_text(SSL_CTX *context, const char *text)
{
    BIO *source = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = source ? PEM_read_bio_PrivateKey(source, NULL, SSL_CTX_get_default_passwd_cb(context),
                                                     SSL_CTX_get_default_passwd_cb_userdata(context))
                           : NULL;
    int done = key && SSL_CTX_use_PrivateKey(context, key) == 1;
    EVP_PKEY_free(key);
    BIO_free(source);
    return done;
}

static int key_location(SSL_CTX *context, const char *path)
{
    return SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM);
}

static int certificate_location(SSL_CTX *context, const char *path)
{
    return SSL_CTX_use_certificate_chain_file(context, path);
}

static int curves_set(SSL_CTX *context, const char *list)
{
    return (int)SSL_CTX_set1_curves_list(context, list);
}

static int signatures_set(SSL_CTX *context, const char *list)
{
    return (int)SSL_CTX_set1_sigalgs_list(context, list);
}

/* The key's password; without one nobody is asked at a terminal. */
static int password_give(char *to, int room, int writing, void *password)
{
    (void)writing;
    size_t size = password ? strlen(password) : 0;
    if (size == 0 || size > (size_t)room)
        return 0;
    memcpy(to, password, size);
    return (int)size;
}

static sl_result trust_read(security *security, const rd_kafka_conf_t *conf, failure *failure)
{
    security->verify = property_is(conf, "enable.ssl.certificate.verification", "true");
    security->verify_name =
        security->verify && property_is(conf, "ssl.endpoint.identification.algorithm", "https");
    SSL_CTX_set_verify(security->tls, security->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    char *location = security_property(conf, "ssl.ca.location"),
         *text = security_property(conf, "ssl.ca.pem");
    if (location == NULL && text == NULL)
        SSL_CTX_set_default_verify_paths(security->tls);
    free(location);
    free(text);
    SL_TRY(context_set(security, conf, "ssl.ca.location", trust_location, failure));
    SL_TRY(context_set(security, conf, "ssl.ca.pem", trust_text, failure));
    return context_set(security, conf, "ssl.crl.location", revoked_location, failure);
}

static sl_result own_read(security *security, const rd_kafka_conf_t *conf, failure *failure)
{
    char *password = security_property(conf, "ssl.key.password");
    SSL_CTX_set_default_passwd_cb(security->tls, password_give);
    SSL_CTX_set_default_passwd_cb_userdata(security->tls, password);
    context_set(security, conf, "ssl.certificate.location", certificate_location, failure);
    if (failure->result == SL_OK)
        context_set(security, conf, "ssl.certificate.pem", certificate_text, failure);
    if (failure->result == SL_OK)
        context_set(security, conf, "ssl.key.location", key_location, failure);
    if (failure->result == SL_OK)
        context_set(security, conf, "ssl.key.pem", key_text, failure);
    SSL_CTX_set_default_passwd_cb_userdata(security->tls, NULL);
    if (password)
        OPENSSL_cleanse(password, strlen(password));
    free(password);
    if (failure->result == SL_OK && SSL_CTX_get0_certificate(security->tls) &&
        SSL_CTX_check_private_key(security->tls) != 1)
        context_fail("ssl.key.location (or .pem) does not belong to kafka.ssl.certificate.location", NULL,
                     failure);
    return failure->result;
}

static sl_result context_new(security *security, const rd_kafka_conf_t *conf, failure *failure)
{
    security->tls = SSL_CTX_new(TLS_client_method());
    security->bytes = tls_bytes_new();
    if (security->tls == NULL || security->bytes == NULL)
        return fail(failure, SL_FAILED, "OpenSSL cannot be used: %s",
                    ERR_reason_error_string(ERR_peek_error()));
    SSL_CTX_set_min_proto_version(security->tls, TLS1_2_VERSION);
    SSL_CTX_set_mode(security->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(security->tls, 1);
    SSL_CTX_set_default_read_buffer_len(security->tls, READ_AHEAD_BYTES);
    SL_TRY(context_set(security, conf, "ssl.cipher.suites", SSL_CTX_set_cipher_list, failure));
    SL_TRY(context_set(security, conf, "ssl.curves.list", curves_set, failure));
    SL_TRY(context_set(security, conf, "ssl.sigalgs.list", signatures_set, failure));
    SL_TRY(trust_read(security, conf, failure));
    return own_read(security, conf, failure);
}

static const char *const *unserved_properties(void)
{
    static const char *const names[] = { "ssl.keystore.location", "ssl.engine.location", "ssl.providers",
                                         NULL };
    return names;
}
