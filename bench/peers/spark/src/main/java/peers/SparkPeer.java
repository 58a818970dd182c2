package peers;

import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.spark.SparkConf;
import org.apache.spark.streaming.Durations;
import org.apache.spark.streaming.api.java.JavaInputDStream;
import org.apache.spark.streaming.api.java.JavaStreamingContext;
import org.apache.spark.streaming.kafka010.ConsumerStrategies;
import org.apache.spark.streaming.kafka010.KafkaUtils;
import org.apache.spark.streaming.kafka010.LocationStrategies;

/**
 * `listens` on Spark Streaming, its fastest form: each task combines its counts, the driver collects them and keeps the window.
 */
public final class SparkPeer {
    private SparkPeer() {}

    public static void main(String[] words) throws Exception {
        Options options = new Options(words);
        Results results = new Results(options);
        JavaStreamingContext context = new JavaStreamingContext(settings(options), Durations.milliseconds(options.interval()));
        JavaInputDStream<ConsumerRecord<byte[], byte[]>> lines = KafkaUtils.createDirectStream(context,
            LocationStrategies.PreferConsistent(), ConsumerStrategies.Subscribe(List.of(options.get("topic")), consumer(options)));
        lines.foreachRDD((batch, time) ->
            results.add(batch.mapPartitions(part -> work(options, part)).collect(), time.milliseconds()));
        context.start();
        results.await();
        context.stop(true, false);
        System.exit(0);
    }

    static SparkConf settings(Options options) {
        SparkConf set = new SparkConf().setAppName("listens").setMaster("local[2]");
        set.set("spark.ui.enabled", "false");
        set.set("spark.serializer", "org.apache.spark.serializer.KryoSerializer");
        if (options.take() > 0)
            set.set("spark.streaming.kafka.maxRatePerPartition", Long.toString(options.take() * 1000 / options.interval() / 8));
        return set;
    }

    static Map<String, Object> consumer(Options options) {
        return Map.of("bootstrap.servers", options.get("servers"), "group.id", "peers", "auto.offset.reset", "earliest",
            "enable.auto.commit", false, "key.deserializer", ByteArrayDeserializer.class, "value.deserializer",
            ByteArrayDeserializer.class, "max.poll.records", 20000, "max.partition.fetch.bytes", 4 << 20, "fetch.max.bytes",
            64 << 20, "receive.buffer.bytes", 4 << 20);
    }

    private static Iterator<Part> work(Options options, Iterator<ConsumerRecord<byte[], byte[]>> lines) {
        Worker worker = Workers.mine(options);
        while (lines.hasNext()) {
            ConsumerRecord<byte[], byte[]> line = lines.next();
            worker.add(line.value(), line.timestamp());
        }
        return List.of(worker.take()).iterator();
    }
}
