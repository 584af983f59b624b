package so.suna.queuemetrics.cloudwatch;

import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;
import software.amazon.awssdk.services.cloudwatch.model.PutMetricDataRequest;
import software.amazon.awssdk.services.cloudwatch.model.PutMetricDataResponse;

/** By a fake that keeps what it is given. */
class MetricPublisherTest extends MetricPublisherContract {

  private static final String REFUSAL = "no route to host";

  private final class Fake implements CloudWatchClient {
    @Override
    public PutMetricDataResponse putMetricData(PutMetricDataRequest request) {
      calls.add(
          new Call(
              request.namespace(),
              request.metricData().stream().map(MetricDatum::metricName).toList()));
      if (calls.size() >= refusedFrom) {
        throw SdkClientException.create(REFUSAL);
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

  private final List<Call> calls = new ArrayList<>();
  private int refusedFrom = Integer.MAX_VALUE;

  @Override
  CloudWatchClient cloudWatch() {
    return new Fake();
  }

  @Override
  List<Call> calls() {
    return calls;
  }

  @Override
  String refuseFrom(int call) {
    refusedFrom = call;
    return REFUSAL;
  }
}
