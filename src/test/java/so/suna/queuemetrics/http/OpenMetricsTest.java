package so.suna.queuemetrics.http;

import static org.assertj.core.api.Assertions.assertThat;
import static so.suna.queuemetrics.dramatiq.Snapshots.at;
import static so.suna.queuemetrics.dramatiq.Snapshots.queue;
import static so.suna.queuemetrics.dramatiq.Snapshots.unreadable;

import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.dramatiq.Reading.Absent;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;

class OpenMetricsTest {

  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");

  private static final String TWO_QUEUES =
      """
      # TYPE dramatiq_queue_depth gauge
      # HELP dramatiq_queue_depth Messages waiting in the list, not yet fetched by a worker.
      dramatiq_queue_depth{queue="default"} 1
      dramatiq_queue_depth{queue="a.b-c"} 100
      # TYPE dramatiq_jobs_delayed gauge
      # HELP dramatiq_jobs_delayed Messages scheduled for later, retries included, fetched or not.
      dramatiq_jobs_delayed{queue="default"} 3
      dramatiq_jobs_delayed{queue="a.b-c"} 300
      # TYPE dramatiq_dead_letters gauge
      # HELP dramatiq_dead_letters Messages that were given up and are kept.
      dramatiq_dead_letters{queue="default"} 4
      dramatiq_dead_letters{queue="a.b-c"} 400
      # TYPE dramatiq_jobs_in_flight gauge
      # HELP dramatiq_jobs_in_flight Messages fetched by workers and not yet acknowledged.
      dramatiq_jobs_in_flight{queue="default"} 2
      dramatiq_jobs_in_flight{queue="a.b-c"} 200
      # TYPE dramatiq_oldest_job_age_seconds gauge
      # UNIT dramatiq_oldest_job_age_seconds seconds
      # HELP dramatiq_oldest_job_age_seconds Time since the oldest waiting message was first sent, 0 if none waits.
      dramatiq_oldest_job_age_seconds{queue="default"} 6.005
      dramatiq_oldest_job_age_seconds{queue="a.b-c"} 600.5
      # TYPE dramatiq_new_dead_letters gauge
      # HELP dramatiq_new_dead_letters Messages given up in the last 60 seconds.
      dramatiq_new_dead_letters{queue="default"} 5
      dramatiq_new_dead_letters{queue="a.b-c"} 500
      # TYPE dramatiq_orphaned_messages gauge
      # HELP dramatiq_orphaned_messages Messages that no list or worker knows, so none will ever run them.
      dramatiq_orphaned_messages{queue="default"} 8
      dramatiq_orphaned_messages{queue="a.b-c"} 800
      # TYPE dramatiq_active_brokers gauge
      # HELP dramatiq_active_brokers Connections with a heartbeat in the last 60 seconds.
      dramatiq_active_brokers 7
      # EOF
      """;

  @Test
  void eachQueueHasASampleAndTheBrokersHaveOneWithoutLabel() {
    assertThat(OpenMetrics.of(at(NOON, queue("default", 1), queue("a.b-c", 100))))
        .isEqualTo(TWO_QUEUES);
  }

  @Test
  void unknownValueHasNoSampleWhileTheOtherQueuesHave() {
    var unknown = queue("default", 1, Metric.QUEUE_DEPTH, new Unknown("WRONGTYPE"));
    var absent = queue("slow", 2, Metric.OLDEST_JOB_AGE, new Absent());

    assertThat(OpenMetrics.of(at(NOON, unknown, absent)))
        .contains(
            "worker.\ndramatiq_queue_depth{queue=\"slow\"} 2\n",
            "waits.\ndramatiq_oldest_job_age_seconds{queue=\"default\"} 6.005\n# TYPE");
  }

  @Test
  void noValueIsKnownAndSoThereIsNoSample() {
    assertThat(OpenMetrics.of(at(NOON, new Unknown("g"), unreadable("default"))))
        .isEqualTo(TWO_QUEUES.replaceAll("(?m)^dramatiq.*\n", ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/openmetrics-text",
        "APPLICATION/OpenMetrics-Text ; Version=0.0.1",
        "text/plain, application/openmetrics-text;q=0.001",
        "application/json,application/openmetrics-text",
        "application/json;q=0.5,*/*,application/openmetrics-text;q=0.5",
        "application/openmetrics-text;q=0,application/openmetrics-text;version=1.0.0;q=0.2",
        // Prometheus 2.30, 2.55 and 3.5, the last with native histograms:
        "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
            + "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
            + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,*/*;q=0.1",
      })
  void scraperPrefersIt(String accept) {
    assertThat(OpenMetrics.isPreferredBy(accept)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ",",
        ";",
        "*/*",
        "application/*",
        "application/json",
        "text/plain",
        "text/plain;version=0.0.4;q=1,*/*;q=0.1",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text; q=0.000",
        "application/openmetrics-text;q=0.5,*/*;q=0.8",
        "application/openmetrics-text;q=0.5,application/json",
        "application/openmetrics-text;q=0.5,application/*;q=0.6,*/*;q=0.1",
        "application/openmetrics-text2",
        "x-application/openmetrics-text",
      })
  void anybodyElsePrefersJson(String accept) {
    assertThat(OpenMetrics.isPreferredBy(accept)).isFalse();
  }
}
