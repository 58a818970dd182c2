package peers;

/**
 * What a thread of any of the engines does with its listens: parse, join, count by gender and track, build the document. It goes in
 * chunks, so that the customers of a chunk are asked for at once. take() ends a batch: its counts are what goes further, combined.
 */
public final class Worker {
    private static final int CHUNK = 4096;

    private final Listen[] chunk = new Listen[CHUNK];
    private int filled;
    private final Customers customers;
    private final Document document = new Document();
    private final Counts counts = new Counts();
    private Part part = new Part();

    public Worker(String redis) {
        customers = new Customers(redis);
        for (int i = 0; i < CHUNK; i++)
            chunk[i] = new Listen();
    }

    public void add(byte[] line, long time) {
        part.records++;
        if (chunk[filled].parse(line, time) && ++filled == CHUNK)
            work();
    }

    public Part take() {
        work();
        Part taken = part;
        taken.keys = new long[counts.size()];
        taken.plays = new int[counts.size()];
        for (int i = 0; i < taken.keys.length; i++) {
            taken.keys[i] = counts.keyOf(i);
            taken.plays[i] = counts.playsOf(i);
        }
        counts.clear();
        part = new Part();
        return taken;
    }

    private void work() {
        customers.load(chunk, filled);
        for (int i = 0; i < filled; i++) {
            Listen listen = chunk[i];
            Customers.Customer customer = customers.get(listen.customer);
            part.bytes += document.build(listen, customer);
            if (customer.gender() != 0)
                counts.add(Counts.key(customer.gender(), listen.track), 1);
            if (customer.piece().length == 0)
                part.missed++;
        }
        part.documents += filled;
        filled = 0;
    }
}
