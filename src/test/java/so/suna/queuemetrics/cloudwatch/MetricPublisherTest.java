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

  private final class Fake implements CloudWatchClient {
    @Override
    public PutMetricDataResponse putMetricData(PutMetricDataRequest request) {
      calls.add(
          new Call(
              request.namespace(),
              request.metricData().stream().map(MetricDatum::metricName).toList()));
      if (calls.size() >= refusedFrom) {
        throw SdkClientException.create(refusal());
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
  private final CloudWatchClient cloudWatch = new Fake();
  private int refusedFrom = Integer.MAX_VALUE;

  @Override
  CloudWatchClient cloudWatch() {
    return cloudWatch;
  }

  @Override
  List<Call> calls() {
    return calls;
  }

  @Override
  void refuseFrom(int call) {
    refusedFrom = call;
  }

  @Override
  String refusal() {
    return "no route to host";
  }
}
