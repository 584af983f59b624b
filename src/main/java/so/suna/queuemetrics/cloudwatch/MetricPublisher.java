package so.suna.queuemetrics.cloudwatch;

import java.util.List;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;

/** Sends datums to CloudWatch. Safe for use by several threads. */
public final class MetricPublisher {

  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
  static final int MAX_DATUMS_PER_CALL = 1_000;

  private final CloudWatchClient cloudWatch;
  private final String namespace;

  public MetricPublisher(CloudWatchClient cloudWatch, String namespace) {
    this.cloudWatch = cloudWatch;
    this.namespace = namespace;
  }

  /**
   * @throws IllegalStateException if CloudWatch did not take a call; earlier ones are published
   */
  public void publish(List<MetricDatum> datums) {
    for (int from = 0; from < datums.size(); from += MAX_DATUMS_PER_CALL) {
      var call = datums.subList(from, Math.min(from + MAX_DATUMS_PER_CALL, datums.size()));
      try {
        cloudWatch.putMetricData(request -> request.namespace(namespace).metricData(call));
      } catch (RuntimeException e) {
        throw new IllegalStateException(
            "%s datums not published to namespace %s (METRIC_NAMESPACE): %s"
                .formatted(datums.size() - from, namespace, e.getMessage()),
            e);
      }
    }
  }
}
