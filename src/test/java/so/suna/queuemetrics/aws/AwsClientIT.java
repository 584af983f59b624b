package so.suna.queuemetrics.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.params.provider.Arguments.argumentSet;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.util.RawValue;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.cloudwatch.Datums;
import so.suna.queuemetrics.cloudwatch.MetricPublisher;
import so.suna.queuemetrics.dramatiq.Snapshot;
import so.suna.queuemetrics.ecs.WorkerCounter;
import so.suna.queuemetrics.ecs.Workers;
import so.suna.queuemetrics.kit.SdkClients;
import so.suna.queuemetrics.kit.StubServer;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.AwsReceiver.Reply;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.cloudwatch.model.InvalidParameterValueException;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;
import software.amazon.awssdk.services.ecs.EcsClient;

/** The clients of the tick, at an AWS that refuses, fails, says nothing or trickles. */
@Execution(ExecutionMode.CONCURRENT)
@Order(1)
class AwsClientIT {

  private static final List<MetricDatum> DATUMS =
      new Datums("worker", false)
          .of(Snapshot.unread(Instant.parse("2026-11-23T12:00:00Z")).withWorkers(3, 4));

  private static final String NOT_PUBLISHED =
      "2 datums not published to namespace Kortix (METRIC_NAMESPACE): ";
  private static final String NOT_COUNTED =
      "workers of service worker-svc in cluster suna-ecs (ECS_WORKER_SERVICE, ECS_CLUSTER) not counted: ";

  /** A call ends after 5 s; a busy machine may notice it late. */
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private static final AwsClients CLIENTS = AwsClients.of(SdkClients.CREDENTIALS, Region.US_WEST_2);

  @BeforeAll
  static void loadTheClassesOfBothClients() {
    try (var aws = AwsReceiver.start(3)) {
      new MetricPublisher(SdkClients.cloudWatch(aws.endpoint()), "Kortix").publish(DATUMS);
      new WorkerCounter(SdkClients.ecs(aws.endpoint()), "suna-ecs", "worker-svc").count();
    }
  }

  @AutoClose private final AwsReceiver aws = AwsReceiver.start(3);
  private final MetricPublisher publisher = publisherAt(aws.endpoint());

  private static MetricPublisher publisherAt(URI endpoint) {
    return new MetricPublisher(
        CLIENTS.client(CloudWatchClient.builder().endpointOverride(endpoint)), "Kortix");
  }

  private static WorkerCounter workersAt(URI endpoint) {
    return new WorkerCounter(
        CLIENTS.client(EcsClient.builder().endpointOverride(endpoint)), "suna-ecs", "worker-svc");
  }

  @Test
  void refusalIsFinal() {
    aws.answer(
        _ ->
            AwsReceiver.error(
                400, "InvalidParameterValueException", "The value NaN is not valid."));
    assertThatThrownBy(() -> publisher.publish(DATUMS))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            NOT_PUBLISHED
                + "The value NaN is not valid. (Service: CloudWatch, Status Code: 400, Request ID: null) (SDK Attempt Count: 1)")
        .hasCauseInstanceOf(InvalidParameterValueException.class);
    assertThat(aws.calls()).hasSize(1);
  }

  static Stream<Arguments> stumbles() {
    var page = JsonNodeFactory.instance.rawValueNode(new RawValue("<html>unavailable</html>"));
    return Stream.of(
        argumentSet("throttling", AwsReceiver.error(400, "ThrottlingException", "Rate exceeded")),
        argumentSet("a failure", AwsReceiver.error(500, "InternalFailure", "Try again.")),
        argumentSet("the error page of a load balancer", new Reply(503, page)));
  }

  @ParameterizedTest
  @MethodSource("stumbles")
  void stumbleIsRetriedWithTheSameQuestion(Reply stumble) {
    aws.answer(call -> aws.calls().size() % 2 == 1 ? stumble : AwsReceiver.usual(call, 2));
    publisher.publish(DATUMS);
    assertThat(workersAt(aws.endpoint()).count()).isEqualTo(new Workers(2, 2));
    assertThat(aws.calls()).hasSize(4);
    assertThat(aws.calls().get(1)).isEqualTo(aws.calls().get(0));
    assertThat(aws.calls().get(3)).isEqualTo(aws.calls().get(2));
  }

  @Test
  void lastingFailureIsGivenUpAfterThreeAttempts() {
    aws.answer(_ -> AwsReceiver.error(503, "ServiceUnavailable", "Try later."));
    assertThatThrownBy(() -> publisher.publish(DATUMS))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            NOT_PUBLISHED
                + "Try later. (Service: CloudWatch, Status Code: 503, Request ID: null) (SDK Attempt Count: 3)");
    assertThatThrownBy(() -> workersAt(aws.endpoint()).count())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            NOT_COUNTED
                + "Try later. (Service: Ecs, Status Code: 503, Request ID: null) (SDK Attempt Count: 3)");
    assertThat(aws.calls()).hasSize(3 + 3);
  }

  @Test
  void silenceIsAskedAgainAndEndsAfterFiveSeconds() throws IOException {
    try (var silent = StubServer.silent()) {
      var publisher = publisherAt(silent.endpoint());
      assertTimeout(
          PATIENCE,
          () ->
              assertThatThrownBy(() -> publisher.publish(DATUMS))
                  .isInstanceOf(IllegalStateException.class)
                  .hasMessage(
                      NOT_PUBLISHED
                          + "Client execution did not complete before the specified timeout configuration: 5000 millis")
                  .hasCauseInstanceOf(ApiCallTimeoutException.class));
      assertThat(silent.connections()).isBetween(2, 3);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Amzn-RequestId: ",
        "",
      })
  void ecsThatTricklesCannotHoldATick(String beginning) throws IOException {
    try (var slow = StubServer.trickling(beginning)) {
      WorkerCounter workers = workersAt(slow.endpoint());
      assertTimeout(
          PATIENCE,
          () ->
              assertThatThrownBy(workers::count)
                  .isInstanceOf(IllegalStateException.class)
                  .hasMessageStartingWith(NOT_COUNTED)
                  // What the limit ends the call with, or what the connection that it closes is
                  // then read as: either may come first.
                  .hasCauseInstanceOf(SdkClientException.class));
      assertThat(slow.connections()).isBetween(2, 3);
    }
  }
}
