/*
 * tests/support/terminal.c - a terminal that knows CR, LF and "erase to the end of the line", and wraps.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <support/terminal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

int terminal_open(int *screen, unsigned short columns)
{
    struct winsize size = { .ws_row = 24, .ws_col = columns };
    struct termios raw;
    *screen = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*screen < 0 || grantpt(*screen) != 0 || unlockpt(*screen) != 0)
        return -1;
    int program = open(ptsname(*screen), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (program < 0 || tcgetattr(program, &raw) != 0)
        return -1;
    cfmakeraw(&raw);
    tcsetattr(program, TCSANOW, &raw);
    ioctl(program, TIOCSWINSZ, &size);
    return program;
}

char *terminal_read(int screen)
{
    size_t size = 0, room = 1 << 16;
    char *bytes = malloc(room);
    ssize_t got;
    while ((got = read(screen, bytes + size, room - size - 1)) > 0 || (got < 0 && errno == EINTR)) {
        size += got > 0 ? (size_t)got : 0;
        if (room - size < 4096)
            bytes = realloc(bytes, room *= 2);
    }
    bytes[size] = '\0'; /* EIO: the other side is closed */
    close(screen);
    return bytes;
}

char *terminal_shows(const char *bytes, size_t size, size_t columns)
{
    static const char erase[] = "\x1b[K";
    size_t rows = 1, row = 0, column = 0;
    for (size_t i = 0; i < size; i++)
        rows += bytes[i] == '\n';
    rows += size / columns;
    char *cells = malloc(rows * columns), *text = malloc(rows * (columns + 1) + 1), *to = text;
    memset(cells, ' ', rows * columns);
    for (const char *at = bytes; at < bytes + size; at++) {
        if (*at == '\r') {
            column = 0;
        } else if (*at == '\n') {
            row++;
            column = 0;
        } else if (strncmp(at, erase, sizeof erase - 1) == 0) {
            if (column < columns)
                memset(cells + row * columns + column, ' ', columns - column);
            at += sizeof erase - 2;
        } else {
            if (column == columns) {
                row++;
                column = 0;
            }
            cells[row * columns + column++] = *at;
        }
    }
    for (size_t r = 0; r <= row; r++) {
        size_t used = columns;
        while (used && cells[r * columns + used - 1] == ' ')
            used--;
        memcpy(to, cells + r * columns, used);
        to += used;
        *to++ = '\n';
    }
    while (to > text + 1 && to[-2] == '\n')
        to--;
    *to = '\0';
    free(cells);
    return text;
}
