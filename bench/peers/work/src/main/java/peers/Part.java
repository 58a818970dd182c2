package peers;

import java.io.Serializable;

/** What a thread, or a task, has made of its listens of one batch. Public fields: Flink sends such classes without reflection. */
public class Part implements Serializable {
    public long records, documents, bytes, missed;
    public long[] keys = {};
    public int[] plays = {};
}
