package so.suna.queuemetrics.aws;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import so.suna.queuemetrics.cloudwatch.Datums;
import so.suna.queuemetrics.cloudwatch.MetricPublisher;
import so.suna.queuemetrics.ecs.EcsApi;
import so.suna.queuemetrics.ecs.WorkerCounter;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.AwsReceiver.Reply;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.cloudwatch.model.InvalidParameterValueException;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;

/** The clients of the tick, at a CloudWatch that refuses, stumbles or says nothing. */
@Execution(ExecutionMode.CONCURRENT)
class AwsClientIT {

  private static final List<MetricDatum> DATUMS =
      List.of(new Datums("worker", false).ofWorkers(3, Instant.parse("2026-11-23T12:00:00Z")));

  private static final AwsClients CLIENTS =
      AwsClients.of(
          StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")),
          Region.US_WEST_2);

  private final AwsReceiver aws = AwsReceiver.start(3);
  private final MetricPublisher publisher = publisherAt(aws.endpoint());

  private static MetricPublisher publisherAt(URI endpoint) {
    return new MetricPublisher(
        CLIENTS.cloudWatch(CloudWatchClient.builder().endpointOverride(endpoint)), "Kortix");
  }

  private static WorkerCounter workersAt(URI endpoint) {
    return new WorkerCounter(
        new EcsApi(
            CLIENTS.http(),
            CLIENTS.credentials(),
            CLIENTS.region().id(),
            endpoint,
            Clock.systemUTC()),
        "c",
        "s");
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
            "1 datums not published to namespace Kortix (METRIC_NAMESPACE): The value NaN is not valid. (")
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
        .hasMessageStartingWith("1 datums not published to namespace Kortix (METRIC_NAMESPACE): ");
    assertThat(aws.calls()).hasSize(3);
  }

  @Test
  void silenceIsAskedAgainAndEndsAfterFiveSeconds() {
    var over = new CountDownLatch(1);
    aws.answer(
        call -> {
          awaitUninterruptibly(over);
          return reply(200);
        });
    try {
      assertTimeout(
          Duration.ofSeconds(7),
          () ->
              assertThatThrownBy(() -> publisher.publish(DATUMS))
                  .isInstanceOf(IllegalStateException.class)
                  .hasMessage(
                      "1 datums not published to namespace Kortix (METRIC_NAMESPACE): Client execution did not complete before the specified timeout configuration: 5000 millis")
                  .hasCauseInstanceOf(ApiCallTimeoutException.class));
    } finally {
      over.countDown();
    }
    assertThat(aws.calls()).hasSizeBetween(2, 3);
  }

  @Test
  void answerThatTricklesIsGivenUpAndAskedForAgain() throws IOException {
    var over = new CountDownLatch(1);
    var connections = new AtomicInteger();
    try (var door = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual().start(() -> trickle(door, connections, over));
      assertTimeout(
          Duration.ofSeconds(7),
          () ->
              assertThatThrownBy(
                      () ->
                          publisherAt(URI.create("http://127.0.0.1:" + door.getLocalPort()))
                              .publish(DATUMS))
                  .hasCauseInstanceOf(ApiCallTimeoutException.class));
    } finally {
      over.countDown();
    }
    assertThat(connections).hasValueBetween(2, 3);
  }

  @Test
  void countThatTricklesIsGivenUpAndAskedForAgain() throws IOException {
    var over = new CountDownLatch(1);
    var connections = new AtomicInteger();
    try (var door = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual().start(() -> trickle(door, connections, over));
      WorkerCounter workers = workersAt(URI.create("http://127.0.0.1:" + door.getLocalPort()));
      assertTimeout(
          Duration.ofSeconds(7),
          () ->
              assertThatThrownBy(workers::running)
                  .isInstanceOf(IllegalStateException.class)
                  .hasMessageEndingWith(
                      " not counted: Unable to execute HTTP request: Read timed out"));
    } finally {
      over.countDown();
    }
    assertThat(connections).hasValue(2);
  }

  /** Never silent for as long as a socket's time limit, and never done. */
  private static void trickle(ServerSocket door, AtomicInteger connections, CountDownLatch over) {
    try {
      while (true) {
        Socket client = door.accept();
        connections.incrementAndGet();
        Thread.ofVirtual()
            .start(
                () -> {
                  try (client) {
                    OutputStream out = client.getOutputStream();
                    out.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".getBytes(US_ASCII));
                    while (!over.await(200, TimeUnit.MILLISECONDS)) {
                      out.write('x');
                    }
                  } catch (IOException | InterruptedException _) {
                    // The client hung up.
                  }
                });
      }
    } catch (IOException _) {
      // The door is closed, so the test is over.
    }
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
