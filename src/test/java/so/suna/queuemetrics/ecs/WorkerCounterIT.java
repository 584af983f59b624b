package so.suna.queuemetrics.ecs;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.annotation.JsonInclude.Include;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.kit.SdkClients;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.AwsReceiver.Reply;
import software.amazon.awssdk.services.ecs.EcsClient;

/** By the SDK's own client, over HTTP. */
class WorkerCounterIT extends WorkerCounterContract {

  /** ECS leaves out what it does not know. */
  private static final ObjectMapper JSON =
      new ObjectMapper().setDefaultPropertyInclusion(Include.NON_EMPTY);

  @AutoClose private final AwsReceiver aws = AwsReceiver.start(3);
  @AutoClose private final EcsClient ecs = SdkClients.ecs(aws.endpoint());

  @Override
  EcsClient ecs() {
    return ecs;
  }

  @Override
  List<Call> calls() {
    return aws.calls("DescribeServices").stream()
        .map(call -> JSON.convertValue(call.input(), Call.class))
        .toList();
  }

  @Override
  void answer(Answer answer) {
    aws.answer(_ -> new Reply(200, JSON.valueToTree(answer)));
  }

  @Override
  String refuse() {
    aws.answer(_ -> AwsReceiver.error(400, "ClusterNotFoundException", "Cluster not found."));
    return "Cluster not found. (Service: Ecs, Status Code: 400, Request ID: null) (SDK Attempt Count: 1)";
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"services":[{"status":"ACTIVE","runningCount":1.5,"desiredCount":2}]}  | Unable to unmarshall response (
          {"services":[{"status":"ACTIVE","runningCount":1e30,"desiredCount":2}]} | Unable to unmarshall response (
          {"services":[{"status":"ACTIVE","runningCount":{},"desiredCount":2}]}   | Unable to unmarshall response (
          {"services":[{"status":"ACTIVE","runningCount":true,"desiredCount":2}]} | Unable to unmarshall response (
          {"services":[{"status":7,"runningCount":2,"desiredCount":2}]}           | expected the tasks of an active service, ECS said status 7,
          "busy"                                                                  | Unable to unmarshall response (
          """)
  void answerOfAnotherShapeIsNotCountedAsStopped(String answer, String said)
      throws JsonProcessingException {
    JsonNode output = JSON.readTree(answer);
    aws.answer(_ -> new Reply(200, output));
    assertThatThrownBy(counter()::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(NOT_COUNTED + said);
  }
}
