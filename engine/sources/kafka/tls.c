/*
 * sources/kafka/tls.c - one TLS connection.
 *
 * OpenSSL gets at the socket through a BIO of our own: the one that it has would write() and so raise SIGPIPE. It reads
 * ahead, or each record would cost two calls of the system.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sources/kafka/tls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool tls_new(transport *transport, const security *security, const char *host);
static void tls_explain(transport *transport, const char *doing, int error);

bool tls_open(transport *transport, const security *security, const char *host)
{
    if (security->tls == NULL)
        return true;
    if (!tls_new(transport, security, host))
        return transport_fail(transport, "TLS: no memory");
    for (;;) {
        ERR_clear_error();
        int done = SSL_connect(transport->tls), error = SSL_get_error(transport->tls, done);
        if (done == 1)
            return true;
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            tls_explain(transport, "TLS handshake", error);
            return false;
        }
        if (!transport_wait(transport, transport->fd, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT))
            return false;
    }
}

void tls_close(transport *transport)
{
    if (transport->tls == NULL)
        return;
    if (transport->why[0] == '\0')
        SSL_shutdown(transport->tls); /* says goodbye and does not wait for the answer */
    SSL_free(transport->tls);
    transport->tls = NULL;
    ERR_clear_error();
}

/* Host names are sent along, so that a server with several certificates shows the right one; addresses may not be. */
static bool tls_new(transport *transport, const security *security, const char *host)
{
    SSL *tls = SSL_new(security->tls);
    BIO *bytes = tls ? BIO_new(security->bytes) : NULL;
    if (bytes == NULL) {
        SSL_free(tls);
        return false;
    }
    BIO_set_data(bytes, transport);
    BIO_set_init(bytes, 1);
    SSL_set_bio(tls, bytes, bytes);
    transport->tls = tls;
    unsigned char address[sizeof(struct in6_addr)];
    bool number = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    if (!number && SSL_set_tlsext_host_name(tls, host) != 1)
        return false;
    if (!security->verify_name)
        return true;
    return number ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1
                  : SSL_set1_host(tls, host) == 1;
}

/* ---- Bytes ---- */

/* What OpenSSL calls. EAGAIN becomes a retry, which comes back to us as WANT_READ or WANT_WRITE. */
static int bytes_moved(BIO *bytes, ssize_t moved, int retry)
{
    BIO_clear_retry_flags(bytes);
    if (moved < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_flags(bytes, retry | BIO_FLAGS_SHOULD_RETRY);
    return (int)moved;
}

static int bytes_write(BIO *bytes, const char *from, int size)
{
    const transport *transport = BIO_get_data(bytes);
    return bytes_moved(bytes, send(transport->fd, from, (size_t)size, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static int bytes_read(BIO *bytes, char *to, int size)
{
    const transport *transport = BIO_get_data(bytes);
    errno = 0; /* 0 with 0 is how the end is told from an error */
    return bytes_moved(bytes, recv(transport->fd, to, (size_t)size, 0), BIO_FLAGS_READ);
}

static long bytes_control(BIO *bytes, int command, long number, void *argument)
{
    (void)bytes, (void)number, (void)argument;
    return command == BIO_CTRL_FLUSH;
}

struct bio_method_st *tls_bytes_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "Kafka transport");
    if (method == NULL)
        return NULL;
    BIO_meth_set_write(method, bytes_write);
    BIO_meth_set_read(method, bytes_read);
    BIO_meth_set_ctrl(method, bytes_control);
    return method;
}

ssize_t tls_send(transport *transport, const char *bytes, size_t size, short *events)
{
    size_t sent = 0;
    ERR_clear_error();
    int done = SSL_write_ex(transport->tls, bytes, size, &sent);
    int error = SSL_get_error(transport->tls, done);
    *events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    if (done == 1)
        return (ssize_t)sent;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return 0;
    tls_explain(transport, "sending", error);
    return -1;
}

ssize_t tls_receive(transport *transport, char *to, size_t size, short *events)
{
    size_t got = 0;
    ERR_clear_error();
    int done = SSL_read_ex(transport->tls, to, size, &got);
    int error = SSL_get_error(transport->tls, done);
    *events = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
    if (done == 1)
        return (ssize_t)got;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return 0;
    tls_explain(transport, "receiving", error);
    return -1;
}

/* ---- What went wrong ---- */

static void certificate_explain(transport *transport, long verdict)
{
    const char *text = X509_verify_cert_error_string(verdict);
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
        transport_fail(transport,
                       "the broker's certificate is made out to another name (%s): connect by a name that it "
                       "holds, or see kafka.ssl.endpoint.identification.algorithm",
                       text);
    else
        transport_fail(transport,
                       "the broker's certificate does not verify (%s): kafka.ssl.ca.location has to name the "
                       "CA that signed it",
                       text);
}

static bool certificate_is_wanted(unsigned long code)
{
    int reason = ERR_GET_REASON(code);
    return reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED || reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
           reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN || reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA ||
           reason == SSL_R_SSLV3_ALERT_NO_CERTIFICATE;
}

static void tls_explain(transport *transport, const char *doing, int error)
{
    unsigned long code = ERR_peek_last_error();
    long verdict = SSL_get_verify_result(transport->tls);
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    transport->hung_up = error == SSL_ERROR_ZERO_RETURN || (error == SSL_ERROR_SYSCALL && errno == 0) ||
                         ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK)
        certificate_explain(transport, verdict);
    else if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER)
        transport_fail(transport, "%s: no TLS is spoken at this port; is kafka.security.protocol right?",
                       doing);
    else if (transport->hung_up)
        transport_fail(transport, "%s: the broker closed the connection", doing);
    else
        transport_fail(transport, "%s: %s%s", doing, reason ? reason : strerror(errno),
                       certificate_is_wanted(code)
                           ? "; the broker wants to see a certificate that it trusts: "
                             "kafka.ssl.certificate.location, kafka.ssl.key.location"
                           : "");
    ERR_clear_error();
}
