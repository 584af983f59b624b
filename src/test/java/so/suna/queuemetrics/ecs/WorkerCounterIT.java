package so.suna.queuemetrics.ecs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.AwsReceiver.Call;
import so.suna.queuemetrics.local.AwsReceiver.Reply;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.ecs.EcsClient;

/** What ECS is asked, and what becomes of ECS's answers. */
class WorkerCounterIT {

  private static final String WORKERS =
      "workers of service suna-worker-svc in cluster suna-ecs (ECS_WORKER_SERVICE, ECS_CLUSTER)";

  private final AwsReceiver aws = AwsReceiver.start(3);
  private final WorkerCounter counter =
      new WorkerCounter(
          EcsClient.builder()
              .endpointOverride(aws.endpoint())
              .region(Region.US_WEST_2)
              .credentialsProvider(
                  StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "s3cret")))
              .httpClient(UrlConnectionHttpClient.create())
              .build(),
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

  /** A service as ECS describes it. */
  private static ObjectNode service() {
    return object().put("status", "ACTIVE").put("runningCount", 2).put("desiredCount", 2);
  }

  private void answer(JsonNode service) {
    ObjectNode output = object();
    output.putArray("services").add(service);
    output.putArray("failures");
    aws.answer(call -> new Reply(200, output));
  }

  private void assertNotCounted(String said) {
    assertThatThrownBy(counter::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS + " not counted: expected the tasks of an active service, ECS said " + said);
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
  void runningAndDesiredTasksOfTheServiceAreItsWorkers() {
    answer(service().put("runningCount", 3).put("desiredCount", 5));

    assertThat(counter.count()).isEqualTo(new Workers(3, 5));
  }

  @Test
  void stoppedServiceHasNoWorkers() {
    answer(service().put("runningCount", 0).put("desiredCount", 0));

    assertThat(counter.count()).isEqualTo(new Workers(0, 0));
  }

  @Test
  void serviceBeingDeletedStillHasItsWorkers() {
    answer(service().put("status", "DRAINING"));

    assertThat(counter.count()).isEqualTo(new Workers(2, 2));
  }

  @Test
  void oneCallAsksForTheOneService() {
    counter.count();

    var input = object().put("cluster", "suna-ecs");
    input.putArray("services").add("suna-worker-svc");
    assertThat(aws.calls()).containsExactly(new Call("DescribeServices", input));
  }

  @Test
  void deletedServiceIsNotCountedAsStopped() {
    aws.answer(call -> new Reply(200, AwsReceiver.service("INACTIVE", 0)));

    assertThatThrownBy(counter::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS
                + " not counted: expected the tasks of an active service, ECS said status INACTIVE, runningCount 0 and desiredCount 0");
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "\"PAUSED\"", "7"})
  void serviceOfUnknownStatusIsNotCounted(String status) {
    answer(service().putRawValue("status", new RawValue(status)));

    assertNotCounted(
        "status %s, runningCount 2 and desiredCount 2".formatted(status.replace("\"", "")));
  }

  @Test
  void serviceWithoutAStatusIsNotCounted() {
    answer(service().without(List.of("status")));

    assertNotCounted("status null, runningCount 2 and desiredCount 2");
  }

  @ParameterizedTest
  @ValueSource(strings = {"runningCount", "desiredCount"})
  void missingCountIsNotZero(String count) {
    answer(service().without(List.of(count)));

    assertNotCounted(
        "status ACTIVE, runningCount 2 and desiredCount 2".replace(count + " 2", count + " null"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"runningCount", "desiredCount"})
  void negativeCountIsNotCounted(String count) {
    answer(service().put(count, -1));

    assertNotCounted(
        "status ACTIVE, runningCount 2 and desiredCount 2".replace(count + " 2", count + " -1"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1.5", "1e30", "{}", "true"})
  void countThatIsNotAWholeNumberIsNotCounted(String count) {
    answer(service().putRawValue("runningCount", new RawValue(count)));

    assertThatThrownBy(counter::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(WORKERS + " not counted: ");
  }

  @Test
  void missingServiceIsNotCountedAsStopped() {
    aws.answer(call -> new Reply(200, missing()));

    assertThatThrownBy(counter::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS + " not counted: expected the tasks of an active service, ECS said MISSING");
  }

  @Test
  void emptyAnswerIsNotCountedAsStopped() {
    aws.answer(call -> new Reply(200, object()));

    assertThatThrownBy(counter::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            WORKERS + " not counted: expected the tasks of an active service, ECS said nothing");
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

    assertThatThrownBy(counter::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(
            WORKERS + " not counted: User is not authorized to perform: ecs:DescribeServices (");
  }

  @Test
  void answerOfAnotherShapeIsNotCountedAsStopped() {
    aws.answer(call -> new Reply(200, JsonNodeFactory.instance.textNode("busy")));

    assertThatThrownBy(counter::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(WORKERS + " not counted: Unable to unmarshall response (");
  }

  @Test
  void unknownClusterFailsNamingServiceAndCluster() {
    aws.answer(call -> new Reply(400, error("ClusterNotFoundException", "Cluster not found.")));

    assertThatThrownBy(counter::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(WORKERS + " not counted: Cluster not found. (");
  }
}
