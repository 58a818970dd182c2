package peers;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** Builds the JSON document of a listen in one buffer, over and over: what an output would be handed. */
final class Document {
    private static final DateTimeFormatter SECOND =
        DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss").withZone(ZoneOffset.UTC);
    private static final byte[] CUSTOMER = bytes(",\"customer_id\":\""), TRACK = bytes("\",\"track_id\":\""),
        DATETIME = bytes("\",\"datetime\":\""), MOBILE = bytes("\",\"ismobile\":"), ZIP = bytes(",\"listening_zip_code\":\""),
        ZIP_END = bytes("\"");

    private final byte[] text = new byte[1 << 16];
    private int size;
    private final byte[] head = bytes("{\"@timestamp\":\"2026-11-23T10:00:00.123Z\",\"event_id\":");
    private long second = -1;

    int build(Listen listen, Customers.Customer customer) {
        stamp(listen.time);
        size = 0;
        put(head);
        field(listen, Listen.EVENT);
        put(CUSTOMER);
        field(listen, Listen.CUSTOMER);
        put(TRACK);
        field(listen, Listen.TRACK);
        put(DATETIME);
        field(listen, Listen.DATETIME);
        put(MOBILE);
        field(listen, Listen.MOBILE);
        put(ZIP);
        zip(listen);
        put(ZIP_END);
        put(customer.piece());
        text[size++] = '}';
        return size;
    }

    static String escaped(String value) {
        StringBuilder made = new StringBuilder();
        for (char each : value.toCharArray()) {
            if (each == '"' || each == '\\')
                made.append('\\').append(each);
            else if (each < ' ')
                made.append(String.format("\\u%04x", (int) each));
            else
                made.append(each);
        }
        return made.toString();
    }

    private void stamp(long time) {
        long wanted = Math.floorDiv(time, 1000);
        if (wanted != second) {
            second = wanted;
            System.arraycopy(bytes(SECOND.format(Instant.ofEpochSecond(wanted))), 0, head, 15, 19);
        }
        int left = (int) (time - wanted * 1000);
        head[35] = (byte) ('0' + left / 100);
        head[36] = (byte) ('0' + left / 10 % 10);
        head[37] = (byte) ('0' + left % 10);
    }

    private void put(byte[] some) {
        System.arraycopy(some, 0, text, size, some.length);
        size += some.length;
    }

    private void field(Listen listen, int field) {
        int count = listen.to[field] - listen.from[field];
        System.arraycopy(listen.line, listen.from[field], text, size, count);
        size += count;
    }

    /** The one field of the line that may hold anything. */
    private void zip(Listen listen) {
        int from = listen.from[Listen.ZIP], to = listen.to[Listen.ZIP];
        boolean plain = true;
        for (int at = from; at < to; at++)
            plain &= listen.line[at] != '\\' && (listen.line[at] >= ' ' || listen.line[at] < 0);
        if (plain)
            field(listen, Listen.ZIP);
        else
            put(bytes(escaped(new String(listen.line, from, to - from, StandardCharsets.UTF_8))));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
