package so.suna.queuemetrics.cloudwatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;
import software.amazon.awssdk.services.cloudwatch.model.PutMetricDataRequest;
import software.amazon.awssdk.services.cloudwatch.model.PutMetricDataResponse;

class MetricPublisherTest {

  /** Keeps what it was given, and refuses the calls from a certain one on. */
  private static final class Recorder implements CloudWatchClient {
    private final List<PutMetricDataRequest> requests = new ArrayList<>();
    private int refusedFrom = Integer.MAX_VALUE;

    @Override
    public PutMetricDataResponse putMetricData(PutMetricDataRequest request) {
      requests.add(request);
      if (requests.size() >= refusedFrom) {
        throw SdkClientException.create("no route to host");
      }
      return PutMetricDataResponse.builder().build();
    }

    @Override
    public String serviceName() {
      return SERVICE_NAME;
    }

    @Override
    public void close() {}
  }

  private final Recorder cloudWatch = new Recorder();
  private final MetricPublisher publisher = new MetricPublisher(cloudWatch, "Kortix");

  private static List<MetricDatum> datums(int number) {
    return IntStream.range(0, number)
        .mapToObj(i -> MetricDatum.builder().metricName("m" + i).value((double) i).build())
        .toList();
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "999, 1", "1000, 1", "1001, 2", "2000, 2", "2001, 3"})
  void callTakesAThousandDatums(int number, int calls) {
    publisher.publish(datums(number));

    assertThat(cloudWatch.requests).hasSize(calls);
  }

  @Test
  void allDatumsArePublishedOnceAndInOrder() {
    publisher.publish(datums(2_001));

    assertThat(cloudWatch.requests)
        .flatMap(PutMetricDataRequest::metricData)
        .isEqualTo(datums(2_001));
  }

  @Test
  void everyCallNamesTheNamespace() {
    publisher.publish(datums(1_001));

    assertThat(cloudWatch.requests)
        .extracting(PutMetricDataRequest::namespace)
        .containsExactly("Kortix", "Kortix");
  }

  @Test
  void failureNamesTheNamespaceAndTheCause() {
    cloudWatch.refusedFrom = 1;

    assertThatThrownBy(() -> publisher.publish(datums(9)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "9 datums not published to namespace Kortix (METRIC_NAMESPACE): no route to host")
        .hasCauseInstanceOf(SdkClientException.class);
  }

  @Test
  void failureEndsThePublishingAndCountsWhatIsMissing() {
    cloudWatch.refusedFrom = 2;

    assertThatThrownBy(() -> publisher.publish(datums(2_001)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "1001 datums not published to namespace Kortix (METRIC_NAMESPACE): no route to host");
    assertThat(cloudWatch.requests).hasSize(2);
  }
}
