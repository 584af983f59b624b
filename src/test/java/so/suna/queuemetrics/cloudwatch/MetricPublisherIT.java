package so.suna.queuemetrics.cloudwatch;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import so.suna.queuemetrics.dramatiq.Snapshot;
import so.suna.queuemetrics.kit.SdkClients;
import so.suna.queuemetrics.local.AwsReceiver;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;

/** By the SDK's own client, over HTTP. */
class MetricPublisherIT extends MetricPublisherContract {

  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");

  @AutoClose private final AwsReceiver aws = AwsReceiver.start(3);

  @AutoClose private final CloudWatchClient cloudWatch = SdkClients.cloudWatch(aws.endpoint());

  @Override
  CloudWatchClient cloudWatch() {
    return cloudWatch;
  }

  @Override
  List<Call> calls() {
    return aws.calls().stream()
        .map(
            call ->
                new Call(
                    call.input().path("Namespace").asText(),
                    call.input().path("MetricData").findValuesAsText("MetricName")))
        .toList();
  }

  @Override
  String refuseFrom(int call) {
    aws.answer(
        put ->
            aws.calls().size() >= call
                ? AwsReceiver.error(400, "InvalidParameterValueException", "not these")
                : AwsReceiver.usual(put, 3));
    return "not these (Service: CloudWatch, Status Code: 400, Request ID: null) (SDK Attempt Count: 1)";
  }

  @Test
  void datumArrivesWithNameUnitValueTimestampAndDimension() {
    publisher().publish(new Datums("worker", false).of(Snapshot.unread(NOON).withWorkers(3, 4)));

    assertThat(aws.calls("PutMetricData"))
        .singleElement()
        .extracting(AwsReceiver.Call::input)
        .hasToString(
            "{\"Namespace\":\"Acme/Queues\",\"MetricData\":["
                + "{\"MetricName\":\"DramatiqRunningWorkers\",\"Dimensions\":[{\"Name\":\"Service\",\"Value\":\"worker\"}],\"Timestamp\":1.795435199999E9,\"Value\":3,\"Unit\":\"Count\"},"
                + "{\"MetricName\":\"DramatiqDesiredWorkers\",\"Dimensions\":[{\"Name\":\"Service\",\"Value\":\"worker\"}],\"Timestamp\":1.795435199999E9,\"Value\":4,\"Unit\":\"Count\"}]}");
  }
}
