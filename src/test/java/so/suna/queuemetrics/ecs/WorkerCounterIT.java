package so.suna.queuemetrics.ecs;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.kit.SdkClients;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.AwsReceiver.Reply;
import software.amazon.awssdk.services.ecs.EcsClient;

/** By the SDK's own client, over HTTP. */
class WorkerCounterIT extends WorkerCounterContract {

  private final AwsReceiver aws = AwsReceiver.start(3);
  private final EcsClient ecs = SdkClients.ecs(aws.endpoint());

  @AfterEach
  void stop() {
    ecs.close();
    aws.close();
  }

  @Override
  EcsClient ecs() {
    return ecs;
  }

  @Override
  List<Call> calls() {
    return aws.calls("DescribeServices").stream()
        .map(AwsReceiver.Call::input)
        .map(
            input ->
                new Call(
                    input.path("cluster").asText(),
                    input.path("services").valueStream().map(JsonNode::asText).toList()))
        .toList();
  }

  private static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }

  /** ECS leaves out what it does not know. */
  @Override
  void describe(Described described) {
    ObjectNode service = object();
    if (described.status() != null) {
      service.put("status", described.status());
    }
    if (described.runningCount() != null) {
      service.put("runningCount", described.runningCount());
    }
    if (described.desiredCount() != null) {
      service.put("desiredCount", described.desiredCount());
    }
    describe(service);
  }

  private void describe(ObjectNode service) {
    ObjectNode output = object();
    output.putArray("services").add(service);
    output.putArray("failures");
    aws.answer(_ -> new Reply(200, output));
  }

  @Override
  void fail(String reason) {
    ObjectNode output = object();
    output.putArray("services");
    output
        .putArray("failures")
        .addObject()
        .put("arn", "arn:aws:ecs:us-west-2:123456789012:service/suna-ecs/suna-worker-svc")
        .put("reason", reason);
    aws.answer(_ -> new Reply(200, output));
  }

  @Override
  void sayNothing() {
    aws.answer(_ -> new Reply(200, object()));
  }

  @Override
  void refuse() {
    aws.answer(_ -> AwsReceiver.error(400, "ClusterNotFoundException", "Cluster not found."));
  }

  @Override
  String refusal() {
    return "Cluster not found. (Service: Ecs, Status Code: 400, Request ID: null) (SDK Attempt Count: 1)";
  }

  @ParameterizedTest
  @CsvSource({
    "runningCount, 1.5",
    "runningCount, 1e30",
    "runningCount, {}",
    "runningCount, true",
    "status, 7",
    "status, null"
  })
  void fieldOfAnotherTypeIsNotCounted(String field, String json) {
    ObjectNode service =
        object().put("status", "ACTIVE").put("runningCount", 2).put("desiredCount", 2);
    describe(service.putRawValue(field, new RawValue(json)));

    assertThatThrownBy(counter()::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(NOT_COUNTED);
  }

  @Test
  void answerOfAnotherShapeIsNotCountedAsStopped() {
    aws.answer(_ -> new Reply(200, JsonNodeFactory.instance.textNode("busy")));

    assertThatThrownBy(counter()::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(NOT_COUNTED + "Unable to unmarshall response (");
  }
}
