package so.suna.queuemetrics.cloudwatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.IntStream;
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

  /**
   * Refuses the call of that number, counted from 1, and those after it; returns how the client
   * words that.
   */
  abstract String refuseFrom(int call);

  final MetricPublisher publisher() {
    return new MetricPublisher(cloudWatch(), "Acme/Queues");
  }

  private static List<MetricDatum> datums(int number) {
    return IntStream.range(0, number)
        .mapToObj(i -> MetricDatum.builder().metricName("m" + i).value((double) i).build())
        .toList();
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "999, 1", "1000, 1", "1001, 2", "2000, 2", "2001, 3"})
  void datumsArePublishedOnceAndInOrderAThousandACall(int number, int calls) {
    List<MetricDatum> datums = datums(number);

    publisher().publish(datums);

    assertThat(calls())
        .hasSize(calls)
        .allSatisfy(call -> assertThat(call.namespace()).isEqualTo("Acme/Queues"))
        .flatExtracting(Call::metrics)
        .isEqualTo(datums.stream().map(MetricDatum::metricName).toList());
  }

  @ParameterizedTest
  @CsvSource({"9, 1, 9", "2001, 2, 1001"})
  void failureEndsThePublishingAndCountsWhatIsMissing(int number, int refused, int missing) {
    String refusal = refuseFrom(refused);
    assertThatThrownBy(() -> publisher().publish(datums(number)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "%s datums not published to namespace Acme/Queues (METRIC_NAMESPACE): %s",
            missing, refusal)
        .hasCauseInstanceOf(RuntimeException.class);
    assertThat(calls()).hasSize(refused);
  }
}
