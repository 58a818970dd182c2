package peers;

import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * `listens` on Kafka Streams, its fastest form: the Processor API, two threads in one process, whose combined counts meet in the
 * process instead of in a repartition topic. Each interval every thread hands over what it has.
 */
public final class KafkaStreamsPeer {
    private static final int THREADS = 2;

    public static void main(String[] words) throws Exception {
        Options options = new Options(words);
        Results results = new Results(options);
        ThreadLocal<Share> share = ThreadLocal.withInitial(() -> new Share(options));
        Topology topology = new Topology();
        topology.addSource("lines", Serdes.ByteArray().deserializer(), Serdes.ByteArray().deserializer(), options.get("topic"));
        topology.addProcessor("work", () -> new Work(share.get(), results, options.interval()), "lines");
        try (KafkaStreams streams = new KafkaStreams(topology, settings(options))) {
            streams.start();
            results.await();
        }
    }

    private static Properties settings(Options options) throws Exception {
        Properties set = new Properties();
        set.put(StreamsConfig.APPLICATION_ID_CONFIG, "peers-" + System.nanoTime());
        set.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("servers"));
        set.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("peers").toString());
        set.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, THREADS);
        set.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 40000);
        set.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        set.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 20000);
        set.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 4 << 20);
        set.put(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, 64 << 20);
        set.put(ConsumerConfig.RECEIVE_BUFFER_CONFIG, 4 << 20);
        return set;
    }

    /** A thread's, for all of its partitions. */
    private static final class Share {
        final Worker worker;
        long taken;

        Share(Options options) {
            worker = new Worker(options.get("redis"));
        }
    }

    /** One for each partition; the first that is called in an interval hands over what the thread has. */
    private static final class Work extends ContextualProcessor<byte[], byte[], Void, Void> {
        private final Share share;
        private final Results results;
        private final long interval;

        Work(Share share, Results results, long interval) {
            this.share = share;
            this.results = results;
            this.interval = interval;
        }

        @Override
        public void init(ProcessorContext<Void, Void> context) {
            super.init(context);
            context.schedule(Duration.ofMillis(interval), PunctuationType.WALL_CLOCK_TIME, this::hand);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            share.worker.add(record.value(), record.timestamp());
        }

        private void hand(long time) {
            if (time - share.taken < interval * 3 / 4)
                return;
            share.taken = time;
            results.add(List.of(share.worker.take()), time);
        }
    }
}
