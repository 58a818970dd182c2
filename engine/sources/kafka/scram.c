/*
 * sources/kafka/scram.c - the arithmetic of SCRAM with OpenSSL's HMAC, PBKDF2 and digests.
 *
 *     salted = PBKDF2(password, salt, iterations)      all = first message, server's, final without proof
 *     client = HMAC(salted, "Client Key")              proof = client XOR HMAC(H(client), all)
 *     server = HMAC(salted, "Server Key")              signature = HMAC(server, all)
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sources/kafka/scram.h>

enum { NONCE_BYTES = 24, SALT_MOST = 512 };

typedef struct challenge { /* the server's first message, taken apart */
    sl_text nonce;
    unsigned char salt[SALT_MOST];
    int salt_size, iterations;
} challenge;

static const EVP_MD *digest_of(const scram *scram);
static sl_result challenge_read(const scram *scram, sl_text server, challenge *challenge, failure *failure);
static bool proof_make(scram *scram, const challenge *challenge, const buffer *all, unsigned char *proof);
static sl_text attribute(sl_text message, char name);
static int base64_read(sl_text text, unsigned char *to, size_t room);
static void base64_print(buffer *out, const unsigned char *bytes, size_t size);

sl_result scram_first(scram *scram, const char *user, const char *nonce, buffer *out, failure *failure)
{
    unsigned char bytes[NONCE_BYTES];
    if (nonce)
        buffer_text(&scram->nonce, nonce);
    else if (RAND_bytes(bytes, sizeof bytes) == 1)
        base64_print(&scram->nonce, bytes, sizeof bytes);
    else
        return fail(failure, SL_FAILED, "OpenSSL has no random numbers for a login");
    buffer_text(&scram->first, "n=");
    for (; *user; user++) {
        if (*user == '=' || *user == ',')
            buffer_text(&scram->first, *user == '=' ? "=3D" : "=2C");
        else
            buffer_byte(&scram->first, *user);
    }
    buffer_text(&scram->first, ",r=");
    buffer_append(&scram->first, scram->nonce.at, scram->nonce.size);
    buffer_text(out, "n,,");
    buffer_append(out, scram->first.at, scram->first.size);
    return SL_OK;
}

sl_result scram_answer(scram *scram, sl_text server, buffer *out, failure *failure)
{
    challenge challenge = { 0 };
    SL_TRY(challenge_read(scram, server, &challenge, failure));
    buffer all = { 0 };
    buffer_append(&all, scram->first.at, scram->first.size);
    buffer_byte(&all, ',');
    buffer_append(&all, server.at, server.size);
    buffer_byte(&all, ',');
    size_t final = all.size;
    buffer_text(&all, "c=biws,r="); /* "n,," in base64 */
    buffer_append(&all, challenge.nonce.at, challenge.nonce.size);
    unsigned char proof[EVP_MAX_MD_SIZE];
    bool made = proof_make(scram, &challenge, &all, proof);
    if (made) {
        buffer_append(out, all.at + final, all.size - final);
        buffer_text(out, ",p=");
        base64_print(out, proof, scram->digest);
    }
    OPENSSL_cleanse(proof, sizeof proof);
    buffer_done(&all);
    return made ? SL_OK : fail(failure, SL_FAILED, "OpenSSL cannot make a %s proof", scram->mechanism);
}

sl_result scram_check(const scram *scram, sl_text server, failure *failure)
{
    sl_text refused = attribute(server, 'e'), told = attribute(server, 'v');
    unsigned char signature[SCRAM_DIGEST_MOST + 2];
    if (refused.at)
        return fail(failure, SL_FAILED, "the server refuses the login (%.*s)", (int)refused.size, refused.at);
    int size = base64_read(told, signature, sizeof signature);
    if (size <= 0 || (size_t)size != scram->digest ||
        CRYPTO_memcmp(signature, scram->signature, scram->digest) != 0)
        return fail(
            failure, SL_FAILED,
            "the server does not know the password itself: it may not be the one that it seems to be");
    return SL_OK;
}

void scram_done(scram *scram)
{
    buffer_done(&scram->nonce);
    buffer_done(&scram->first);
    OPENSSL_cleanse(scram, sizeof *scram);
}

/* ---- The challenge ---- */

static const EVP_MD *digest_of(const scram *scram)
{
    return strcmp(scram->mechanism, "SCRAM-SHA-512") == 0 ? EVP_sha512() : EVP_sha256();
}

/* The value of "name=value" in a message of such, with commas between; at NULL: it is not there. */
static sl_text attribute(sl_text message, char name)
{
    const char *at = message.at, *end = at ? at + message.size : at;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        if (stop - at >= 2 && at[0] == name && at[1] == '=')
            return (sl_text){ at + 2, (size_t)(stop - at) - 2 };
        at = comma ? comma + 1 : end;
    }
    return (sl_text){ 0 };
}

static int iterations_read(sl_text text)
{
    int number = 0;
    if (text.size == 0 || text.size > 7)
        return -1;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        number = number * 10 + (text.at[i] - '0');
    }
    return number;
}

static sl_result challenge_read(const scram *scram, sl_text server, challenge *challenge, failure *failure)
{
    challenge->nonce = attribute(server, 'r');
    sl_text refused = attribute(server, 'e'), ours = { scram->nonce.at, scram->nonce.size };
    if (refused.at)
        return fail(failure, SL_FAILED, "the server refuses the login (%.*s)", (int)refused.size, refused.at);
    if (attribute(server, 'm').at)
        return fail(failure, SL_FAILED, "the server demands an extension of SCRAM that is not known here");
    if (challenge->nonce.size <= ours.size || memcmp(challenge->nonce.at, ours.at, ours.size) != 0)
        return fail(failure, SL_FAILED, "the server answers with another nonce: not to this login");
    challenge->salt_size = base64_read(attribute(server, 's'), challenge->salt, sizeof challenge->salt);
    if (challenge->salt_size <= 0)
        return fail(failure, SL_FAILED, "the server sends no salt that can be read");
    challenge->iterations = iterations_read(attribute(server, 'i'));
    if (challenge->iterations < SCRAM_ITERATIONS_LEAST || challenge->iterations > SCRAM_ITERATIONS_MOST)
        return fail(failure, SL_FAILED, "the server asks for %d iterations; %d to %d are taken",
                    challenge->iterations, SCRAM_ITERATIONS_LEAST, SCRAM_ITERATIONS_MOST);
    return SL_OK;
}

/* ---- The proof ---- */

static bool keyed(const EVP_MD *digest, const unsigned char *key, const void *bytes, size_t size,
                  unsigned char *out)
{
    return HMAC(digest, key, EVP_MD_get_size(digest), bytes, size, out, NULL) != NULL;
}

static bool proof_make(scram *scram, const challenge *challenge, const buffer *all, unsigned char *proof)
{
    const EVP_MD *digest = digest_of(scram);
    int size = EVP_MD_get_size(digest);
    unsigned char salted[EVP_MAX_MD_SIZE], client[EVP_MAX_MD_SIZE], other[EVP_MAX_MD_SIZE];
    scram->digest = (size_t)size;
    bool made = PKCS5_PBKDF2_HMAC(scram->password, (int)strlen(scram->password), challenge->salt,
                                  challenge->salt_size, challenge->iterations, digest, size, salted) == 1 &&
                keyed(digest, salted, "Client Key", 10, client) &&
                EVP_Digest(client, (size_t)size, other, NULL, digest, NULL) == 1 &&
                keyed(digest, other, all->at, all->size, proof) &&
                keyed(digest, salted, "Server Key", 10, other) &&
                keyed(digest, other, all->at, all->size, scram->signature);
    for (int i = 0; made && i < size; i++)
        proof[i] ^= client[i];
    OPENSSL_cleanse(salted, sizeof salted);
    OPENSSL_cleanse(client, sizeof client);
    OPENSSL_cleanse(other, sizeof other);
    return made;
}

/* ---- Base64 ---- */

/* How many bytes, or -1: it is none, or too long. EVP_DecodeBlock() forgives blanks and counts padding as bytes. */
static int base64_read(sl_text text, unsigned char *to, size_t room)
{
    size_t padding = 0;
    while (padding < 2 && text.size > padding && text.at[text.size - padding - 1] == '=')
        padding++;
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] <= ' ' || text.at[i] == '-')
            return -1;
    if (text.size == 0 || text.size % 4 != 0 || text.size / 4 * 3 > room)
        return -1;
    int size = EVP_DecodeBlock(to, (const unsigned char *)text.at, (int)text.size);
    return size < 0 ? -1 : size - (int)padding;
}

static void base64_print(buffer *out, const unsigned char *bytes, size_t size)
{
    char *at = buffer_reserve(out, size / 3 * 4 + 5);
    out->size += (size_t)EVP_EncodeBlock((unsigned char *)at, bytes, (int)size);
}
