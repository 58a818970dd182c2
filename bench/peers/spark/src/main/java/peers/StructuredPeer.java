package peers;

import java.nio.file.Files;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.DataStreamReader;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;

/**
 * `listens` on Structured Streaming, its fastest form: foreachBatch, each task combines its counts, the driver keeps the window.
 */
public final class StructuredPeer {
    private StructuredPeer() {}

    public static void main(String[] words) throws Exception {
        Options options = new Options(words);
        Results results = new Results(options);
        SparkSession session = SparkSession.builder().config(SparkPeer.settings(options)).getOrCreate();
        VoidFunction2<Dataset<Row>, Long> batch = (lines, id) -> {
            long now = System.currentTimeMillis(), time = now - now % options.interval();
            MapPartitionsFunction<Row, Part> work = rows -> work(options, rows);
            results.add(lines.mapPartitions(work, Encoders.javaSerialization(Part.class)).collectAsList(), time);
        };
        StreamingQuery query = lines(session, options).writeStream().foreachBatch(batch)
            .trigger(Trigger.ProcessingTime(options.interval()))
            .option("checkpointLocation", Files.createTempDirectory("peers").toString()).start();
        results.await();
        query.stop();
        session.stop();
        System.exit(0);
    }

    private static Dataset<Row> lines(SparkSession session, Options options) {
        DataStreamReader reader = session.readStream().format("kafka")
            .option("kafka.bootstrap.servers", options.get("servers")).option("subscribe", options.get("topic"))
            .option("startingOffsets", "earliest").option("kafka.max.poll.records", 20000)
            .option("kafka.max.partition.fetch.bytes", 4 << 20).option("kafka.fetch.max.bytes", 64 << 20)
            .option("kafka.receive.buffer.bytes", 4 << 20);
        if (options.take() > 0)
            reader = reader.option("maxOffsetsPerTrigger", options.take());
        return reader.load().selectExpr("value", "unix_millis(timestamp)");
    }

    private static Iterator<Part> work(Options options, Iterator<Row> lines) {
        Worker worker = Workers.mine(options);
        while (lines.hasNext()) {
            Row line = lines.next();
            worker.add(line.getAs(0), line.getLong(1));
        }
        return List.of(worker.take()).iterator();
    }
}
