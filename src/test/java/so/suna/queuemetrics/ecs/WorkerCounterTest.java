package so.suna.queuemetrics.ecs;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.ecs.EcsClient;
import software.amazon.awssdk.services.ecs.model.DescribeServicesRequest;
import software.amazon.awssdk.services.ecs.model.DescribeServicesResponse;
import software.amazon.awssdk.services.ecs.model.Failure;
import software.amazon.awssdk.services.ecs.model.Service;

/** By a fake that keeps what it is asked. */
class WorkerCounterTest extends WorkerCounterContract {

  private final class Fake implements EcsClient {
    @Override
    public DescribeServicesResponse describeServices(DescribeServicesRequest request) {
      calls.add(new Call(request.cluster(), request.services()));
      return answer.get();
    }

    @Override
    public String serviceName() {
      return SERVICE_NAME;
    }

    @Override
    public void close() {}
  }

  private final List<Call> calls = new ArrayList<>();
  private Supplier<DescribeServicesResponse> answer =
      () -> {
        throw new AssertionError("asked before the test said what to answer");
      };

  @Override
  EcsClient ecs() {
    return new Fake();
  }

  @Override
  List<Call> calls() {
    return calls;
  }

  @Override
  void describe(Described described) {
    Service service =
        Service.builder()
            .status(described.status())
            .runningCount(described.runningCount())
            .desiredCount(described.desiredCount())
            .build();
    answer = () -> DescribeServicesResponse.builder().services(service).build();
  }

  @Override
  void fail(String reason) {
    Failure failure = Failure.builder().reason(reason).build();
    answer = () -> DescribeServicesResponse.builder().failures(failure).build();
  }

  @Override
  void sayNothing() {
    answer = () -> DescribeServicesResponse.builder().build();
  }

  @Override
  void refuse() {
    answer =
        () -> {
          throw SdkClientException.create(refusal());
        };
  }

  @Override
  String refusal() {
    return "no route to host";
  }
}
