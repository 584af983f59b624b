package so.suna.queuemetrics.cloudwatch;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import so.suna.queuemetrics.dramatiq.Snapshot;
import so.suna.queuemetrics.kit.SdkClients;
import so.suna.queuemetrics.local.AwsReceiver;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;

/** By the SDK's own client, over HTTP. */
class MetricPublisherIT extends MetricPublisherContract {

  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");

  private final AwsReceiver aws = AwsReceiver.start(3);
  private final CloudWatchClient cloudWatch = SdkClients.cloudWatch(aws.endpoint());

  @AfterEach
  void stop() {
    cloudWatch.close();
    aws.close();
  }

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
  void refuseFrom(int call) {
    aws.answer(
        put ->
            aws.calls().size() >= call
                ? AwsReceiver.error(400, "InvalidParameterValueException", "not these")
                : AwsReceiver.usual(put, 3));
  }

  @Override
  String refusal() {
    return "not these (Service: CloudWatch, Status Code: 400, Request ID: null) (SDK Attempt Count: 1)";
  }

  @Test
  void datumArrivesWithNameUnitValueTimestampAndDimension() {
    publisher().publish(new Datums("worker", false).of(Snapshot.unread(NOON).withWorkers(3, 4)));

    assertThat(aws.calls())
        .singleElement()
        .satisfies(
            call -> {
              assertThat(call.operation()).isEqualTo("PutMetricData");
              assertThat(call.input().path("Namespace").asText()).isEqualTo("Acme/Queues");
            });
    JsonNode datum = aws.datums().getFirst();
    assertThat(aws.datums()).hasSize(2);
    assertThat(datum.path("MetricName").asText()).isEqualTo("DramatiqRunningWorkers");
    assertThat(datum.path("Unit").asText()).isEqualTo("Count");
    assertThat(datum.path("Value").asDouble()).isEqualTo(3.0);
    assertThat(datum.path("Timestamp").asLong()).isEqualTo(NOON.getEpochSecond() - 1);
    assertThat(datum.path("Dimensions").toString())
        .isEqualTo("[{\"Name\":\"Service\",\"Value\":\"worker\"}]");
  }
}
