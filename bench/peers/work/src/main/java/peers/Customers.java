package peers;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.Response;

/**
 * Customers that a thread knows. Unknown ones of a chunk are asked for by one pipelined HMGET of the distinct ids, and all known ones
 * are asked for again when the oldest is two seconds old: nothing is staler than a batch of two seconds. A customer's part of the
 * document is rendered when he comes, not when he is used.
 */
final class Customers {
    /** Without a piece: Redis does not know him. The gender is its character, 0 when there is none. */
    record Customer(int gender, byte[] piece) {}

    private static final long FRESH_NS = 2_000_000_000L;
    private static final String[] NAMES =
        {"name", "age", "gender", "zip", "Address", "SignDate", "Status", "Level", "Campaign", "LinkedWithApps"};
    private static final int AGE = 1, GENDER = 2;
    private static final byte[][] FIELDS = new byte[NAMES.length][];

    static {
        for (int i = 0; i < NAMES.length; i++)
            FIELDS[i] = NAMES[i].getBytes(StandardCharsets.UTF_8);
    }

    private final Jedis redis;
    private Customer[] byId = new Customer[1 << 13];
    private final Map<Integer, Customer> others = new HashMap<>();
    private final List<Integer> known = new ArrayList<>();
    private long since;

    Customers(String url) {
        redis = new Jedis(URI.create(url));
    }

    Customer get(int id) {
        return id < byId.length ? byId[id] : others.get(id);
    }

    void load(Listen[] listens, int count) {
        if (!known.isEmpty() && System.nanoTime() - since > FRESH_NS)
            ask(known);
        List<Integer> unknown = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int id = listens[i].customer;
            if (get(id) == null) {
                put(id, NOBODY);
                unknown.add(id);
            }
        }
        if (unknown.isEmpty())
            return;
        known.addAll(unknown);
        ask(unknown);
    }

    private void ask(List<Integer> ids) {
        List<Response<List<byte[]>>> answers = new ArrayList<>(ids.size());
        if (ids == known || ids.size() == known.size())
            since = System.nanoTime();
        try (Pipeline pipeline = redis.pipelined()) {
            for (int id : ids)
                answers.add(pipeline.hmget(Integer.toString(id).getBytes(StandardCharsets.UTF_8), FIELDS));
        }
        for (int i = 0; i < answers.size(); i++)
            put(ids.get(i), made(answers.get(i).get()));
    }

    /** Ids are small numbers here; large ones are kept apart. */
    private void put(int id, Customer customer) {
        if (id < byId.length)
            byId[id] = customer;
        else
            others.put(id, customer);
    }

    private static Customer made(List<byte[]> values) {
        StringBuilder piece = new StringBuilder();
        for (int i = 0; i < NAMES.length; i++) {
            if (values.get(i) == null)
                continue;
            String value = new String(values.get(i), StandardCharsets.UTF_8);
            if (i == AGE && !value.matches("-?[0-9]{1,18}"))
                continue;
            piece.append(",\"").append(NAMES[i]).append("\":");
            if (i == AGE)
                piece.append(value);
            else
                piece.append('"').append(Document.escaped(value)).append('"');
        }
        byte[] gender = values.get(GENDER);
        return piece.isEmpty() ? NOBODY
            : new Customer(gender == null ? 0 : gender[0], piece.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static final Customer NOBODY = new Customer(0, new byte[0]);
}
