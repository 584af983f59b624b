package so.suna.queuemetrics.ecs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.AwsReceiver.Call;
import so.suna.queuemetrics.local.AwsReceiver.Reply;
import so.suna.queuemetrics.local.ManualClock;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;

/** What ECS is asked, and what becomes of ECS's answers. */
class WorkerCounterIT {

  private static final String WORKERS =
      "workers of service suna-worker-svc in cluster suna-ecs (ECS_WORKER_SERVICE, ECS_CLUSTER)";

  private final AwsReceiver aws = AwsReceiver.start(3);
  private final ManualClock clock = new ManualClock(Instant.parse("2026-11-23T12:00:00Z"));
  private final WorkerCounter counter =
      new WorkerCounter(
          new EcsApi(
              UrlConnectionHttpClient.builder().socketTimeout(Duration.ofMillis(100)).build(),
              StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "s3cret")),
              "us-west-2",
              aws.endpoint(),
              clock),
          "suna-ecs",
          "suna-worker-svc");

  @AfterEach
  void stop() {
    aws.close();
  }

  private static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }

  private static ObjectNode error(String type, String message) {
    return object().put("__type", type).put("message", message);
  }

  /** ECS's answer for a service it does not know. */
  private static ObjectNode missing() {
    ObjectNode output = object();
    output.putArray("services");
    output
        .putArray("failures")
        .addObject()
        .put("arn", "arn:aws:ecs:us-west-2:123456789012:service/suna-ecs/suna-worker-svc")
        .put("reason", "MISSING");
    return output;
  }

  @Test
  void runningTasksOfTheServiceAreTheWorkers() {
    assertThat(counter.running()).isEqualTo(3);
  }

  @Test
  void oneCallAsksForTheOneService() {
    counter.running();

    var input = object().put("cluster", "suna-ecs");
    input.putArray("services").add("suna-worker-svc");
    assertThat(aws.calls()).containsExactly(new Call("DescribeServices", input));
  }

  @Test
  void stoppedServiceHasNoWorkers() {
    aws.answer(call -> new Reply(200, AwsReceiver.service("ACTIVE", 0)));

    assertThat(counter.running()).isZero();
  }

  @Test
  void serviceBeingDeletedStillHasItsWorkers() {
    aws.answer(call -> new Reply(200, AwsReceiver.service("DRAINING", 2)));

    assertThat(counter.running()).isEqualTo(2);
  }

  @Test
  void deletedServiceIsNotCountedAsStopped() {
    aws.answer(call -> new Reply(200, AwsReceiver.service("INACTIVE", 0)));

    assertThatThrownBy(counter::running)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS
                + " not counted: expected the running tasks of an active service, ECS said status \"INACTIVE\" and runningCount 0");
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "\"PAUSED\"", "7"})
  void serviceOfUnknownStatusIsNotCounted(String status) {
    var service = AwsReceiver.service("ACTIVE", 2);
    ((ObjectNode) service.get("services").get(0)).putRawValue("status", new RawValue(status));
    aws.answer(call -> new Reply(200, service));

    assertThatThrownBy(counter::running)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS
                + " not counted: expected the running tasks of an active service, ECS said status "
                + status
                + " and runningCount 2");
  }

  @Test
  void serviceWithoutAStatusIsNotCounted() {
    var service = AwsReceiver.service("ACTIVE", 2);
    ((ObjectNode) service.get("services").get(0)).remove("status");
    aws.answer(call -> new Reply(200, service));

    assertThatThrownBy(counter::running)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS
                + " not counted: expected the running tasks of an active service, ECS said status null and runningCount 2");
  }

  @Test
  void missingServiceIsNotCountedAsStopped() {
    aws.answer(call -> new Reply(200, missing()));

    assertThatThrownBy(counter::running)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS
                + " not counted: expected the running tasks of an active service, ECS said MISSING");
  }

  @Test
  void emptyAnswerIsNotCountedAsStopped() {
    aws.answer(call -> new Reply(200, object()));

    assertThatThrownBy(counter::running)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS
                + " not counted: expected the running tasks of an active service, ECS said nothing");
  }

  @Test
  void serviceWithoutARunningCountIsNotCountedAsStopped() {
    ObjectNode output = object();
    output.putArray("services").addObject().put("status", "ACTIVE");
    aws.answer(call -> new Reply(200, output));

    assertThatThrownBy(counter::running)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS
                + " not counted: expected the running tasks of an active service, ECS said status \"ACTIVE\" and runningCount null");
  }

  @Test
  void denialFailsNamingServiceAndCluster() {
    aws.answer(
        call ->
            new Reply(
                400,
                error(
                    "AccessDeniedException",
                    "User is not authorized to perform: ecs:DescribeServices")));

    assertThatThrownBy(counter::running)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(
            WORKERS + " not counted: User is not authorized to perform: ecs:DescribeServices (");
  }

  @Test
  void stumbleIsRetried() {
    var calls = new AtomicInteger();
    aws.answer(
        call ->
            calls.incrementAndGet() == 1
                ? new Reply(500, object())
                : new Reply(200, AwsReceiver.service("ACTIVE", 2)));

    assertThat(counter.running()).isEqualTo(2);
    assertThat(aws.calls()).hasSize(2);
    assertThat(aws.calls().getLast()).isEqualTo(aws.calls().getFirst());
  }

  @Test
  void errorPageOfALoadBalancerIsRetried() {
    var page = JsonNodeFactory.instance.rawValueNode(new RawValue("<html>unavailable</html>"));
    aws.answer(
        call ->
            aws.calls().size() == 1
                ? new Reply(503, page)
                : new Reply(200, AwsReceiver.service("ACTIVE", 2)));

    assertThat(counter.running()).isEqualTo(2);
    assertThat(aws.calls()).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "1.5", "1e30", "\"2\""})
  void countThatIsNoWholeNumberIsNotCounted(String count) {
    var service = AwsReceiver.service("ACTIVE", 2);
    ((ObjectNode) service.get("services").get(0)).putRawValue("runningCount", new RawValue(count));
    aws.answer(call -> new Reply(200, service));

    assertThatThrownBy(counter::running)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS
                + " not counted: expected the running tasks of an active service, ECS said status \"ACTIVE\" and runningCount "
                + count);
  }

  @Test
  void throttlingIsRetried() {
    var calls = new AtomicInteger();
    aws.answer(
        call ->
            calls.incrementAndGet() == 1
                ? new Reply(400, error("ThrottlingException", "Rate exceeded"))
                : new Reply(200, AwsReceiver.service("ACTIVE", 2)));

    assertThat(counter.running()).isEqualTo(2);
  }

  @Test
  void lastingFailureIsGivenUpAfterThreeAttempts() {
    aws.answer(call -> new Reply(503, error("ServiceUnavailable", "Try later.")));

    assertThatThrownBy(counter::running)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS
                + " not counted: Try later. (Service: Ecs, Status Code: 503, Request ID: null) (SDK Attempt Count: 3)");
    assertThat(aws.calls()).hasSize(3);
  }

  @Test
  void silenceIsAskedAgainAndThenNamed() {
    var over = new CountDownLatch(1);
    aws.answer(call -> AwsReceiver.after(over, new Reply(200, AwsReceiver.service("ACTIVE", 2))));
    try {
      assertThatThrownBy(counter::running)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(WORKERS + " not counted: Unable to execute HTTP request: Read timed out");
    } finally {
      over.countDown();
    }
    assertThat(aws.calls()).hasSize(3);
  }

  @Test
  void noAttemptBeginsThreeSecondsAfterTheFirst() {
    aws.answer(
        call -> {
          clock.advance(Duration.ofSeconds(3));
          return new Reply(503, object());
        });

    assertThatThrownBy(counter::running).isInstanceOf(IllegalStateException.class);
    assertThat(aws.calls()).hasSize(1);
  }

  @Test
  void answerOfAnotherShapeIsNotCountedAsStopped() {
    aws.answer(call -> new Reply(200, JsonNodeFactory.instance.textNode("busy")));

    assertThatThrownBy(counter::running)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS
                + " not counted: expected the running tasks of an active service, ECS said nothing");
  }

  @Test
  void unknownClusterFailsNamingServiceAndCluster() {
    aws.answer(call -> new Reply(400, error("ClusterNotFoundException", "Cluster not found.")));

    assertThatThrownBy(counter::running)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(WORKERS + " not counted: Cluster not found. (");
  }
}
