package peers;

/**
 * One listen's line, cut and checked byte by byte by the rules of the job `listens`; what is kept are places in the line. Easier here
 * than there: ids are numbers of at most nine digits, a doubled quote counts as malformed, UTF-8 is not checked.
 */
final class Listen {
    static final int EVENT = 0, CUSTOMER = 1, TRACK = 2, DATETIME = 3, MOBILE = 4, ZIP = 5, FIELDS = 6;

    byte[] line;
    long time;
    final int[] from = new int[FIELDS], to = new int[FIELDS];
    int customer, track;

    boolean parse(byte[] line, long time) {
        this.line = line;
        this.time = time;
        if (line == null || !split())
            return false;
        trim(EVENT);
        trim(CUSTOMER);
        trim(TRACK);
        trim(MOBILE);
        customer = number(CUSTOMER);
        track = number(TRACK);
        return isInteger() && customer >= 0 && track >= 0 && isDatetime(from[DATETIME], to[DATETIME]) && isFlag()
            && to[ZIP] - from[ZIP] <= 16;
    }

    private boolean split() {
        int end = line.length;
        if (end > 0 && line[end - 1] == '\n')
            end--;
        if (end > 0 && line[end - 1] == '\r')
            end--;
        int at = 0;
        for (int field = 0; field < FIELDS; field++) {
            if (at < end && line[at] == '"') {
                from[field] = ++at;
                while (at < end && line[at] != '"')
                    at++;
                if (at == end)
                    return false;
                to[field] = at++;
            } else {
                from[field] = at;
                for (; at < end && line[at] != ','; at++)
                    if (line[at] == '"')
                        return false;
                to[field] = at;
            }
            if (field == FIELDS - 1)
                return at == end;
            if (at == end || line[at++] != ',')
                return false;
        }
        return false;
    }

    private void trim(int field) {
        while (from[field] < to[field] && line[from[field]] <= ' ')
            from[field]++;
        while (from[field] < to[field] && line[to[field] - 1] <= ' ')
            to[field]--;
    }

    /** -1 when it is none. */
    private int number(int field) {
        int size = to[field] - from[field], value = 0;
        if (size == 0 || size > 9)
            return -1;
        for (int at = from[field]; at < to[field]; at++) {
            int digit = line[at] - '0';
            if (digit < 0 || digit > 9)
                return -1;
            value = value * 10 + digit;
        }
        return value;
    }

    private boolean isInteger() {
        int size = to[EVENT] - from[EVENT];
        if (size == 0 || size > 18)
            return false;
        for (int at = from[EVENT]; at < to[EVENT]; at++)
            if (line[at] < '0' || line[at] > '9')
                return false;
        return true;
    }

    private boolean isFlag() {
        return to[MOBILE] - from[MOBILE] == 1 && (line[from[MOBILE]] == '0' || line[from[MOBILE]] == '1');
    }

    /** "2014-10-23 03:26:20" */
    private boolean isDatetime(int at, int end) {
        return end - at == 19 && line[at + 4] == '-' && line[at + 7] == '-' && line[at + 10] == ' ' && line[at + 13] == ':'
            && line[at + 16] == ':' && two(at, 0, 99) && two(at + 2, 0, 99) && two(at + 5, 1, 12) && two(at + 8, 1, 31)
            && two(at + 11, 0, 23) && two(at + 14, 0, 59) && two(at + 17, 0, 59);
    }

    private boolean two(int at, int least, int most) {
        int ten = line[at] - '0', one = line[at + 1] - '0', value = ten * 10 + one;
        return ten >= 0 && ten <= 9 && one >= 0 && one <= 9 && value >= least && value <= most;
    }
}
