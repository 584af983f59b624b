package so.suna.queuemetrics.cloudwatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;

/**
 * What CloudWatch is told, and what becomes of its refusal: the same by a fake and by the SDK's own
 * client.
 */
abstract class MetricPublisherContract {

  /** What CloudWatch took or refused, by the metrics' names. */
  record Call(String namespace, List<String> metrics) {}

  abstract CloudWatchClient cloudWatch();

  abstract List<Call> calls();

  /** Refuses the call of that number, counted from 1, and those after it. */
  abstract void refuseFrom(int call);

  /** How the client words the refusal. */
  abstract String refusal();

  final MetricPublisher publisher() {
    return new MetricPublisher(cloudWatch(), "Acme/Queues");
  }

  private static List<MetricDatum> datums(int number) {
    return IntStream.range(0, number)
        .mapToObj(i -> MetricDatum.builder().metricName("m" + i).value((double) i).build())
        .toList();
  }

  private void assertPublishingFails(int datums, int missing) {
    assertThatThrownBy(() -> publisher().publish(datums(datums)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "%s datums not published to namespace Acme/Queues (METRIC_NAMESPACE): %s",
            missing, refusal())
        .hasCauseInstanceOf(RuntimeException.class);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "999, 1", "1000, 1", "1001, 2", "2000, 2", "2001, 3"})
  void callTakesAThousandDatums(int number, int calls) {
    publisher().publish(datums(number));

    assertThat(calls()).hasSize(calls);
  }

  @Test
  void allDatumsArePublishedOnceAndInOrderInTheNamespace() {
    publisher().publish(datums(2_001));

    assertThat(calls()).extracting(Call::namespace).containsOnly("Acme/Queues");
    assertThat(calls())
        .flatExtracting(Call::metrics)
        .isEqualTo(IntStream.range(0, 2_001).mapToObj(i -> "m" + i).toList());
  }

  @Test
  void failureNamesTheNamespaceAndTheCause() {
    refuseFrom(1);

    assertPublishingFails(9, 9);
  }

  @Test
  void failureEndsThePublishingAndCountsWhatIsMissing() {
    refuseFrom(2);

    assertPublishingFails(2_001, 1_001);
    assertThat(calls()).hasSize(2);
  }
}
