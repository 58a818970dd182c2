package peers;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.streaming.Durations;
import org.apache.spark.streaming.api.java.JavaInputDStream;
import org.apache.spark.streaming.api.java.JavaStreamingContext;
import org.apache.spark.streaming.kafka010.ConsumerStrategies;
import org.apache.spark.streaming.kafka010.KafkaUtils;
import org.apache.spark.streaming.kafka010.LocationStrategies;
import redis.clients.jedis.Jedis;
import scala.Tuple2;

/**
 * `listens` on Spark Streaming as the tutorial writes it: split(","), a client for each partition, one HMGET for each record, a map
 * for each document; then a shuffle by key. The window is the one of the other peers.
 */
public final class TutorialPeer {
    private static final String[] FIELDS =
        {"name", "age", "gender", "zip", "Address", "SignDate", "Status", "Level", "Campaign", "LinkedWithApps"};

    private TutorialPeer() {}

    public static void main(String[] words) throws Exception {
        Options options = new Options(words);
        Results results = new Results(options);
        JavaStreamingContext context =
            new JavaStreamingContext(SparkPeer.settings(options), Durations.milliseconds(options.interval()));
        JavaInputDStream<ConsumerRecord<byte[], byte[]>> lines = KafkaUtils.createDirectStream(context,
            LocationStrategies.PreferConsistent(), ConsumerStrategies.Subscribe(List.of(options.get("topic")), SparkPeer.consumer(options)));
        lines.mapPartitions(part -> work(options, part))
            .foreachRDD((batch, time) -> results.add(List.of(part(batch.cache())), time.milliseconds()));
        context.start();
        results.await();
        context.stop(true, false);
        System.exit(0);
    }

    /** For each record the key that it counts for, and its document. */
    private static Iterator<Tuple2<Long, String>> work(Options options, Iterator<ConsumerRecord<byte[], byte[]>> lines)
        throws Exception {
        List<Tuple2<Long, String>> made = new ArrayList<>();
        ObjectMapper mapper = new ObjectMapper();
        try (Jedis redis = new Jedis(URI.create(options.get("redis")))) {
            while (lines.hasNext()) {
                ConsumerRecord<byte[], byte[]> line = lines.next();
                String[] field = new String(line.value()).split(",");
                List<String> customer = redis.hmget(field[1].trim(), FIELDS);
                long key = Counts.key(customer.get(2).charAt(0), Integer.parseInt(field[2].trim()));
                made.add(new Tuple2<>(key, mapper.writeValueAsString(document(line.timestamp(), field, customer))));
            }
        }
        return made.iterator();
    }

    private static Map<String, Object> document(long time, String[] field, List<String> customer) {
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("@timestamp", Instant.ofEpochMilli(time).plusNanos(1).toString().substring(0, 23) + "Z");
        document.put("event_id", Long.parseLong(field[0].trim()));
        document.put("customer_id", field[1].trim());
        document.put("track_id", field[2].trim());
        document.put("datetime", field[3].trim().replace("\"", ""));
        document.put("ismobile", Integer.parseInt(field[4].trim()));
        document.put("listening_zip_code", field[5].trim().replace("\"", ""));
        for (int i = 0; i < FIELDS.length; i++)
            document.put(FIELDS[i], i == 1 ? Integer.valueOf(customer.get(i)) : customer.get(i));
        return document;
    }

    private static Part part(JavaRDD<Tuple2<Long, String>> batch) {
        Part part = new Part();
        part.documents = part.records = batch.count();
        part.bytes = batch.map(each -> (long) each._2().length()).fold(0L, Long::sum);
        List<Tuple2<Long, Integer>> counts =
            batch.mapToPair(each -> new Tuple2<>(each._1(), 1)).reduceByKey(Integer::sum).collect();
        batch.unpersist();
        part.keys = counts.stream().mapToLong(Tuple2::_1).toArray();
        part.plays = counts.stream().mapToInt(Tuple2::_2).toArray();
        return part;
    }
}
