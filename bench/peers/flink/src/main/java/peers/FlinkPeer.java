package peers;

import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.operators.ProcessingTimeService.ProcessingTimeCallback;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * `listens` on Flink, its fastest form: two chains of source and operator that combine an interval's counts before they send them on
 * to the one operator that holds the window. Objects are reused, checkpoints are off.
 */
public final class FlinkPeer {
    /** Of this process; operators are sent about as bytes and find it here. */
    private static Results results;

    public static void main(String[] words) throws Exception {
        Options options = new Options(words);
        results = new Results(options);
        StreamExecutionEnvironment place = StreamExecutionEnvironment.createLocalEnvironment(2, new Configuration());
        place.getConfig().enableObjectReuse();
        place.fromSource(source(options), WatermarkStrategy.noWatermarks(), "lines")
            .transform("work", TypeInformation.of(Part.class), new Work(options))
            .global()
            .transform("results", Types.VOID, new Meeting())
            .setParallelism(1);
        JobClient job = place.executeAsync("listens");
        results.await();
        job.cancel().get();
        System.exit(0);
    }

    private static KafkaSource<byte[]> source(Options options) {
        return KafkaSource.<byte[]>builder()
            .setBootstrapServers(options.get("servers"))
            .setTopics(options.get("topic"))
            .setGroupId("peers")
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setValueOnlyDeserializer(new Bytes())
            .setProperty("max.poll.records", "20000")
            .setProperty("max.partition.fetch.bytes", Integer.toString(4 << 20))
            .setProperty("fetch.max.bytes", Integer.toString(64 << 20))
            .setProperty("receive.buffer.bytes", Integer.toString(4 << 20))
            .build();
    }

    private static final class Bytes extends AbstractDeserializationSchema<byte[]> {
        Bytes() {
            super(PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);
        }

        @Override
        public byte[] deserialize(byte[] value) {
            return value;
        }
    }

    private static final class Work extends AbstractStreamOperator<Part>
        implements OneInputStreamOperator<byte[], Part>, ProcessingTimeCallback {
        private final Options options;
        private transient Worker worker;

        Work(Options options) {
            this.options = options;
        }

        @Override
        public void open() throws Exception {
            super.open();
            worker = new Worker(options.get("redis"));
            next();
        }

        @Override
        public void processElement(StreamRecord<byte[]> record) {
            worker.add(record.getValue(), record.getTimestamp());
        }

        @Override
        public void onProcessingTime(long time) {
            output.collect(new StreamRecord<>(worker.take(), time));
            next();
        }

        /** On the multiples of the interval, so that both chains end a batch at the same time. */
        private void next() {
            long now = getProcessingTimeService().getCurrentProcessingTime();
            getProcessingTimeService().registerTimer(now - now % options.interval() + options.interval(), this);
        }
    }

    private static final class Meeting extends AbstractStreamOperator<Void> implements OneInputStreamOperator<Part, Void> {
        @Override
        public void processElement(StreamRecord<Part> part) {
            results.add(List.of(part.getValue()), part.getTimestamp());
        }
    }
}
