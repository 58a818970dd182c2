package peers;

import java.util.Arrays;

/** Plays by gender and track: a hash table of primitives with open addressing, and the places in use, so that emptying is cheap. */
final class Counts {
    private long[] keys = new long[1 << 12];
    private int[] plays = new int[1 << 12];
    private int[] used = new int[1 << 11];
    private int size;

    /** Never 0, which is an empty place: a gender is a printable character. */
    static long key(int gender, int track) {
        return (long) gender << 32 | track;
    }

    static int gender(long key) {
        return (int) (key >>> 32);
    }

    static int track(long key) {
        return (int) key;
    }

    void add(long key, int more) {
        int at = place(key);
        if (keys[at] == 0) {
            if (size == used.length) {
                grow();
                at = place(key);
            }
            keys[at] = key;
            used[size++] = at;
        }
        plays[at] += more;
    }

    int size() {
        return size;
    }

    long keyOf(int index) {
        return keys[used[index]];
    }

    int playsOf(int index) {
        return plays[used[index]];
    }

    void clear() {
        for (int i = 0; i < size; i++) {
            keys[used[i]] = 0;
            plays[used[i]] = 0;
        }
        size = 0;
    }

    private int place(long key) {
        int mask = keys.length - 1, at = (int) (key * 0x9E3779B97F4A7C15L >>> 40) & mask;
        while (keys[at] != key && keys[at] != 0)
            at = at + 1 & mask;
        return at;
    }

    private void grow() {
        long[] oldKeys = keys;
        int[] oldPlays = plays, oldUsed = used;
        keys = new long[oldKeys.length * 2];
        plays = new int[oldKeys.length * 2];
        used = Arrays.copyOf(oldUsed, oldUsed.length * 2);
        for (int i = 0; i < size; i++) {
            int at = place(oldKeys[oldUsed[i]]);
            keys[at] = oldKeys[oldUsed[i]];
            plays[at] = oldPlays[oldUsed[i]];
            used[i] = at;
        }
    }
}
