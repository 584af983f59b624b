package so.suna.queuemetrics.http;

import static org.assertj.core.api.Assertions.assertThat;
import static so.suna.queuemetrics.dramatiq.Snapshots.at;
import static so.suna.queuemetrics.dramatiq.Snapshots.queue;
import static so.suna.queuemetrics.dramatiq.Snapshots.unreadable;

import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;

class QueueMetricsJsonTest {

  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");

  @Test
  void queuesComeAsTotalsAndThenEachOnItsOwn() {
    assertThat(QueueMetricsJson.of(at(NOON, queue("default", 1), queue("slow", 100))))
        .isEqualTo(
            "{\"queue_depth\":101,\"delay_queue_depth\":303,\"dead_letter_depth\":404,\"timestamp\":\"2026-11-23T12:00:00+00:00\","
                + "\"in_flight\":202,\"oldest_job_age_seconds\":600.5,\"new_dead_letters\":505,\"orphaned\":808,\"active_brokers\":7,"
                + "\"queues\":{"
                + "\"default\":{\"queue_depth\":1,\"delay_queue_depth\":3,\"dead_letter_depth\":4,\"in_flight\":2,\"oldest_job_age_seconds\":6.005,\"new_dead_letters\":5,\"orphaned\":8},"
                + "\"slow\":{\"queue_depth\":100,\"delay_queue_depth\":300,\"dead_letter_depth\":400,\"in_flight\":200,\"oldest_job_age_seconds\":600.5,\"new_dead_letters\":500,\"orphaned\":800}}}");
  }

  @Test
  void unknownValueIsNullInItsQueueAndInTheTotal() {
    var unknown = queue("default", 1, Metric.JOBS_DELAYED, new Unknown("WRONGTYPE"));

    assertThat(QueueMetricsJson.of(at(NOON, unknown, queue("slow", 100))))
        .isEqualTo(
            "{\"queue_depth\":101,\"delay_queue_depth\":null,\"dead_letter_depth\":404,\"timestamp\":\"2026-11-23T12:00:00+00:00\","
                + "\"in_flight\":202,\"oldest_job_age_seconds\":600.5,\"new_dead_letters\":505,\"orphaned\":808,\"active_brokers\":7,"
                + "\"queues\":{"
                + "\"default\":{\"queue_depth\":1,\"delay_queue_depth\":null,\"dead_letter_depth\":4,\"in_flight\":2,\"oldest_job_age_seconds\":6.005,\"new_dead_letters\":5,\"orphaned\":8},"
                + "\"slow\":{\"queue_depth\":100,\"delay_queue_depth\":300,\"dead_letter_depth\":400,\"in_flight\":200,\"oldest_job_age_seconds\":600.5,\"new_dead_letters\":500,\"orphaned\":800}}}");
  }

  @Test
  void everyValueCanBeNull() {
    assertThat(QueueMetricsJson.of(at(NOON, new Unknown("g"), unreadable("default"))))
        .isEqualTo(
            "{\"queue_depth\":null,\"delay_queue_depth\":null,\"dead_letter_depth\":null,\"timestamp\":\"2026-11-23T12:00:00+00:00\","
                + "\"in_flight\":null,\"oldest_job_age_seconds\":null,\"new_dead_letters\":null,\"orphaned\":null,\"active_brokers\":null,"
                + "\"queues\":{\"default\":{\"queue_depth\":null,\"delay_queue_depth\":null,\"dead_letter_depth\":null,\"in_flight\":null,\"oldest_job_age_seconds\":null,\"new_dead_letters\":null,\"orphaned\":null}}}");
  }

  @Test
  void healthHasThreeFieldsAndItsInstanceIdIsEscaped() {
    assertThat(QueueMetricsJson.health(NOON, "2026/11/23/[$LATEST]\"\\\n", Optional.empty()))
        .isEqualTo(
            "{\"status\":\"ok\",\"timestamp\":\"2026-11-23T12:00:00+00:00\",\"instance_id\":\"2026/11/23/[$LATEST]\\\"\\\\\\n\"}");
  }

  @ParameterizedTest
  @CsvSource({
    "2026-11-23T12:00:00Z,           2026-11-23T12:00:00+00:00",
    "2026-11-23T12:00:00.5Z,         2026-11-23T12:00:00.500000+00:00",
    "2026-11-23T12:00:00.000001Z,    2026-11-23T12:00:00.000001+00:00",
    "2026-11-23T12:00:00.000000999Z, 2026-11-23T12:00:00+00:00",
    "2026-11-23T12:00:00.123456789Z, 2026-11-23T12:00:00.123456+00:00",
    "2026-01-02T03:04:05Z,           2026-01-02T03:04:05+00:00",
    "2026-11-23T23:59:59.999999999Z, 2026-11-23T23:59:59.999999+00:00",
  })
  void timestampIsPythonsIsoformat(Instant instant, String expected) {
    assertThat(QueueMetricsJson.isoformat(instant)).isEqualTo(expected);
  }
}
