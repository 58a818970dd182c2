/*
 * sources/kafka/crc32c.c - CRC-32C by the processor's instruction, or by tables.
 *
 * The instruction takes 8 bytes and gives its result three cycles later, but a new one can begin every cycle: three streams
 * side by side keep it busy. The streams lie behind each other, so the first one's checksum has to be moved past the bytes of
 * the next: appending n zero bytes is a linear map of the 32 bits, and a table per byte of the checksum holds it.
 *
 *     | stream a | stream b | stream c | stream a | ...      crc = moved(moved(crc_a) ^ crc_b) ^ crc_c
 */
#include <pthread.h>
#include <sources/kafka/crc32c.h>
#include <string.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

enum { STREAM_LONG = 8192, STREAM_SHORT = 256 };

static const uint32_t polynomial = 0x82F63B78; /* bits mirrored: the highest power is the lowest bit */

typedef uint32_t byte_tables[4][256];

static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static uint32_t slices[8][256];
static byte_tables moves_long, moves_short;
static const crc32c_way *chosen;

static void prepare(void);

uint32_t crc32c(const void *at, size_t size)
{
    pthread_once(&prepared, prepare);
    return chosen->of(at, size);
}

/* ---- The processor's instruction ---- */

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HARDWARE "sse4.2"
#define TARGET   __attribute__((target("sse4.2")))

static bool hardware_is_here(void)
{
    return __builtin_cpu_supports("sse4.2");
}

TARGET static inline uint32_t add_byte(uint32_t crc, unsigned char byte)
{
    return _mm_crc32_u8(crc, byte);
}

TARGET static inline uint32_t add_word(uint32_t crc, uint64_t word)
{
    return (uint32_t)_mm_crc32_u64(crc, word);
}

#elif defined(__aarch64__)
/* In assembler, since clang has the intrinsics only where the whole file may use the instruction. */
#define HARDWARE "armv8"
#define TARGET

static bool hardware_is_here(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}

static inline uint32_t add_byte(uint32_t crc, unsigned char byte)
{
    __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(byte));
    return crc;
}

static inline uint32_t add_word(uint32_t crc, uint64_t word)
{
    __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(word));
    return crc;
}
#endif

/* Of the checksum when a stream of zeros follows. */
static inline uint32_t moved(byte_tables tables, uint32_t crc)
{
    return tables[0][crc & 255] ^ tables[1][crc >> 8 & 255] ^ tables[2][crc >> 16 & 255] ^
           tables[3][crc >> 24];
}

/* The lowest byte first, whatever the machine. */
static inline uint64_t word_at(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

#if defined(HARDWARE)
TARGET static inline uint32_t add_streams(uint32_t crc, const unsigned char *at, size_t stream,
                                          byte_tables moves)
{
    uint32_t a = crc, b = 0, c = 0;
    for (size_t i = 0; i < stream; i += 8) {
        a = add_word(a, word_at(at + i));
        b = add_word(b, word_at(at + stream + i));
        c = add_word(c, word_at(at + 2 * stream + i));
    }
    return moved(moves, moved(moves, a) ^ b) ^ c;
}

TARGET static uint32_t hardware_of(const void *at, size_t size)
{
    pthread_once(&prepared, prepare);
    const unsigned char *byte = at, *end = byte + size;
    uint32_t crc = UINT32_MAX;
    for (; byte < end && (uintptr_t)byte % 8; byte++)
        crc = add_byte(crc, *byte);
    for (; end - byte >= 3 * STREAM_LONG; byte += 3 * STREAM_LONG)
        crc = add_streams(crc, byte, STREAM_LONG, moves_long);
    for (; end - byte >= 3 * STREAM_SHORT; byte += 3 * STREAM_SHORT)
        crc = add_streams(crc, byte, STREAM_SHORT, moves_short);
    for (; end - byte >= 8; byte += 8)
        crc = add_word(crc, word_at(byte));
    for (; byte < end; byte++)
        crc = add_byte(crc, *byte);
    return ~crc;
}
#endif

/* ---- Tables: eight bytes a step, each by the table of its place ---- */

static uint32_t tables_of(const void *at, size_t size)
{
    pthread_once(&prepared, prepare);
    const unsigned char *byte = at, *end = byte + size;
    uint32_t crc = UINT32_MAX;
    for (; end - byte >= 8; byte += 8) {
        uint64_t word = word_at(byte) ^ crc;
        crc = 0;
        for (unsigned i = 0; i < 8; i++)
            crc ^= slices[7 - i][word >> 8 * i & 255];
    }
    for (; byte < end; byte++)
        crc = slices[0][(crc ^ *byte) & 255] ^ crc >> 8;
    return ~crc;
}

static bool tables_are_here(void)
{
    return true;
}

/* ---- Filling the tables, once ---- */

static void slices_fill(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
        slices[0][byte] = crc;
    }
    for (int slice = 1; slice < 8; slice++)
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t before = slices[slice - 1][byte];
            slices[slice][byte] = slices[0][before & 255] ^ before >> 8;
        }
}

/* A table's entry is the sum of what becomes of its bits. */
static void moves_fill(byte_tables tables, const uint32_t of_bit[32])
{
    for (int place = 0; place < 4; place++)
        for (uint32_t byte = 1; byte < 256; byte++)
            tables[place][byte] = tables[place][byte & (byte - 1)] ^ of_bit[place * 8 + __builtin_ctz(byte)];
}

static void moves_prepare(void)
{
    uint32_t of_bit[32];
    for (int bit = 0; bit < 32; bit++) {
        of_bit[bit] = (uint32_t)1 << bit;
        for (int zero = 0; zero < STREAM_SHORT; zero++)
            of_bit[bit] = slices[0][of_bit[bit] & 255] ^ of_bit[bit] >> 8;
    }
    moves_fill(moves_short, of_bit);
    for (int bit = 0; bit < 32; bit++)
        for (int move = 1; move < STREAM_LONG / STREAM_SHORT; move++)
            of_bit[bit] = moved(moves_short, of_bit[bit]);
    moves_fill(moves_long, of_bit);
}

static void prepare(void)
{
    slices_fill();
    moves_prepare();
    size_t count;
    for (chosen = crc32c_ways(&count); !chosen->is_here();)
        chosen++;
}

static const crc32c_way ways[] = {
#if defined(HARDWARE)
    { HARDWARE, hardware_is_here, hardware_of },
#endif
    { "tables", tables_are_here, tables_of },
};

const crc32c_way *crc32c_ways(size_t *count)
{
    *count = sizeof ways / sizeof *ways;
    return ways;
}
