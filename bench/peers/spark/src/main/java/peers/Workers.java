package peers;

/** A worker for each thread of the executor: customers outlive the task that asked for them. */
final class Workers {
    private static final ThreadLocal<Worker> MINE = new ThreadLocal<>();

    private Workers() {}

    static Worker mine(Options options) {
        if (MINE.get() == null)
            MINE.set(new Worker(options.get("redis")));
        return MINE.get();
    }
}
