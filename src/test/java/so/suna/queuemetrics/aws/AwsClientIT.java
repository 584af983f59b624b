package so.suna.queuemetrics.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.util.RawValue;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
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
class AwsClientIT {

  private static final List<MetricDatum> DATUMS =
      new Datums("worker", false)
          .of(Snapshot.unread(Instant.parse("2026-11-23T12:00:00Z")).withWorkers(3, 4));

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

  private final AwsReceiver aws = AwsReceiver.start(3);
  private final MetricPublisher publisher = publisherAt(aws.endpoint());

  private static MetricPublisher publisherAt(URI endpoint) {
    return new MetricPublisher(
        CLIENTS.client(CloudWatchClient.builder().endpointOverride(endpoint)), "Kortix");
  }

  private static WorkerCounter workersAt(URI endpoint) {
    return new WorkerCounter(
        CLIENTS.client(EcsClient.builder().endpointOverride(endpoint)), "suna-ecs", "worker-svc");
  }

  @AfterEach
  void stop() {
    aws.close();
  }

  private static Reply reply(int status) {
    return new Reply(status, JsonNodeFactory.instance.objectNode());
  }

  private static Reply refusal() {
    return new Reply(
        400,
        JsonNodeFactory.instance
            .objectNode()
            .put("__type", "com.amazonaws.cloudwatch#InvalidParameterValueException")
            .put("message", "The value NaN is not valid."));
  }

  @Test
  void refusalIsFinal() {
    aws.answer(call -> refusal());

    assertThatThrownBy(() -> publisher.publish(DATUMS))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(
            "2 datums not published to namespace Kortix (METRIC_NAMESPACE): The value NaN is not valid. (")
        .hasCauseInstanceOf(InvalidParameterValueException.class);
    assertThat(aws.calls()).hasSize(1);
  }

  @Test
  void stumbleIsRetriedWithTheSameDatums() {
    var calls = new AtomicInteger();
    aws.answer(call -> reply(calls.incrementAndGet() == 1 ? 500 : 200));

    publisher.publish(DATUMS);

    assertThat(aws.calls()).hasSize(2);
    assertThat(aws.calls().getLast()).isEqualTo(aws.calls().getFirst());
  }

  @Test
  void lastingFailureIsGivenUpAfterThreeAttempts() {
    aws.answer(call -> reply(503));

    assertThatThrownBy(() -> publisher.publish(DATUMS))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("2 datums not published to namespace Kortix (METRIC_NAMESPACE): ");
    assertThat(aws.calls()).hasSize(3);
  }

  @Test
  void throttlingByEcsIsRetried() {
    aws.answer(
        call ->
            aws.calls().size() == 1
                ? AwsReceiver.error(400, "ThrottlingException", "Rate exceeded")
                : AwsReceiver.usual(call, 2));

    assertThat(workersAt(aws.endpoint()).count()).isEqualTo(new Workers(2, 2));
    assertThat(aws.calls()).hasSize(2);
  }

  @Test
  void errorPageOfALoadBalancerIsRetried() {
    var page = JsonNodeFactory.instance.rawValueNode(new RawValue("<html>unavailable</html>"));
    aws.answer(call -> aws.calls().size() == 1 ? new Reply(503, page) : AwsReceiver.usual(call, 2));

    assertThat(workersAt(aws.endpoint()).count()).isEqualTo(new Workers(2, 2));
    assertThat(aws.calls()).hasSize(2);
  }

  @Test
  void lastingFailureOfEcsIsGivenUpAfterThreeAttempts() {
    aws.answer(call -> AwsReceiver.error(503, "ServiceUnavailable", "Try later."));

    assertThatThrownBy(() -> workersAt(aws.endpoint()).count())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "workers of service worker-svc in cluster suna-ecs (ECS_WORKER_SERVICE, ECS_CLUSTER) not counted: Try later. (Service: Ecs, Status Code: 503, Request ID: null) (SDK Attempt Count: 3)");
    assertThat(aws.calls()).hasSize(3);
  }

  @Test
  void silenceIsAskedAgainAndEndsAfterFiveSeconds() {
    var over = new CountDownLatch(1);
    aws.answer(_ -> AwsReceiver.after(over, reply(200)));
    try {
      assertTimeout(
          PATIENCE,
          () ->
              assertThatThrownBy(() -> publisher.publish(DATUMS))
                  .isInstanceOf(IllegalStateException.class)
                  .hasMessage(
                      "2 datums not published to namespace Kortix (METRIC_NAMESPACE): Client execution did not complete before the specified timeout configuration: 5000 millis")
                  .hasCauseInstanceOf(ApiCallTimeoutException.class));
    } finally {
      over.countDown();
    }
    assertThat(aws.calls()).hasSizeBetween(2, 3);
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
                  .hasMessageStartingWith(
                      "workers of service worker-svc in cluster suna-ecs (ECS_WORKER_SERVICE, ECS_CLUSTER) not counted: ")
                  // What the limit ends the call with, or what the connection that it closes is
                  // then read as: either may come first.
                  .hasCauseInstanceOf(SdkClientException.class));
      assertThat(slow.connections()).isBetween(2, 3);
    }
  }
}
