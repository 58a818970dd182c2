package peers;

import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;

/**
 * The words of the command line, all "name=value": servers, topic, redis (a URL), count (listens until the end), interval (ms),
 * take (listens a batch at most, 0 is any number), out (a folder for the results).
 */
public final class Options implements Serializable {
    private final Map<String, String> values = new HashMap<>();

    public Options(String[] words) {
        for (String word : words) {
            int sign = word.indexOf('=');
            values.put(word.substring(0, sign), word.substring(sign + 1));
        }
    }

    public String get(String name) {
        String value = values.get(name);
        if (value == null)
            throw new IllegalArgumentException(name + "= is missing on the command line");
        return value;
    }

    public long count() {
        return Long.parseLong(get("count"));
    }

    /** 0: as many as there are. */
    public long take() {
        return Long.parseLong(get("take"));
    }

    public long interval() {
        return Long.parseLong(get("interval"));
    }
}
