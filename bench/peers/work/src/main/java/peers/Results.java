package peers;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;

/**
 * Where the parts of all threads meet: the window of 30 minutes, kept incrementally, the top 10 of each gender after every batch, and
 * a line on standard output per batch in the words of Sluice's console listener. With the last listen that was expected, all counts
 * and the last lists are written to files, and whoever waits may go on.
 */
public final class Results {
    private static final long WINDOW_MS = 30 * 60 * 1000;
    private static final int TOP = 10;

    private record Play(int track, int plays) {}
    private record Held(long time, Part part) {}

    /** Least first: more plays are more, then the track that comes first as text. */
    private static final Comparator<Play> ORDER = Comparator.comparingInt(Play::plays)
        .thenComparing(play -> Integer.toString(play.track()), Comparator.reverseOrder());

    private final Options options;
    private final Counts window = new Counts();
    private final Deque<Held> held = new ArrayDeque<>();
    private final Part sums = new Part();
    private final CountDownLatch done = new CountDownLatch(1);
    private Map<Integer, PriorityQueue<Play>> top = new TreeMap<>();

    public Results(Options options) {
        this.options = options;
    }

    /** A batch of the time T; its delay is counted from T. */
    public synchronized void add(List<Part> parts, long time) {
        long records = 0;
        while (!held.isEmpty() && held.peek().time() <= time - WINDOW_MS)
            count(held.poll().part(), -1);
        for (Part part : parts) {
            records += part.records;
            sums.documents += part.documents;
            sums.bytes += part.bytes;
            sums.missed += part.missed;
            count(part, 1);
            held.add(new Held(time, part));
        }
        if (records == 0)
            return;
        sums.records += records;
        top = listed();
        System.out.printf("[batchCompleted] %d records=%d total_delay_ms=%d%n", time, records,
            System.currentTimeMillis() - time);
        if (sums.records >= options.count() && done.getCount() > 0) {
            write();
            done.countDown();
        }
    }

    public void await() throws InterruptedException {
        done.await();
    }

    private void count(Part part, int sign) {
        for (int i = 0; i < part.keys.length; i++)
            window.add(part.keys[i], sign * part.plays[i]);
    }

    private Map<Integer, PriorityQueue<Play>> listed() {
        Map<Integer, PriorityQueue<Play>> lists = new TreeMap<>();
        PriorityQueue<Play> list = null;
        int gender = 0;
        for (int i = 0; i < window.size(); i++) {
            long key = window.keyOf(i);
            int plays = window.playsOf(i);
            if (list == null || Counts.gender(key) != gender) {
                gender = Counts.gender(key);
                list = lists.computeIfAbsent(gender, none -> new PriorityQueue<>(ORDER));
            }
            if (plays == 0 || list.size() == TOP && plays < list.peek().plays())
                continue;
            list.add(new Play(Counts.track(key), plays));
            if (list.size() > TOP)
                list.poll();
        }
        return lists;
    }

    private void write() {
        try {
            Path folder = Files.createDirectories(Path.of(options.get("out")));
            try (PrintWriter file = new PrintWriter(folder.resolve("counts").toFile())) {
                for (int i = 0; i < window.size(); i++)
                    file.printf("%c\t%d\t%d%n", Counts.gender(window.keyOf(i)), Counts.track(window.keyOf(i)), window.playsOf(i));
            }
            try (PrintWriter file = new PrintWriter(folder.resolve("top").toFile())) {
                top.forEach((gender, list) -> {
                    List<Play> plays = new ArrayList<>(list);
                    plays.sort(ORDER.reversed());
                    for (int rank = 1; rank <= plays.size(); rank++)
                        file.printf("%c\t%d\t%d\t%d%n", gender, rank, plays.get(rank - 1).track(), plays.get(rank - 1).plays());
                });
            }
            Files.writeString(folder.resolve("sums"), String.format("records %d%ndocuments %d%nmissed %d%nbytes %d%n",
                sums.records, sums.documents, sums.missed, sums.bytes));
        } catch (IOException trouble) {
            throw new UncheckedIOException(trouble);
        }
    }
}
