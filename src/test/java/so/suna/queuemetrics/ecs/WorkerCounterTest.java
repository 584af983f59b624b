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
  private Supplier<DescribeServicesResponse> answer = DescribeServicesResponse.builder()::build;

  @Override
  EcsClient ecs() {
    return new Fake();
  }

  @Override
  List<Call> calls() {
    return calls;
  }

  @Override
  void answer(Answer said) {
    List<Service> services =
        said.services().stream()
            .map(
                service ->
                    Service.builder()
                        .status(service.status())
                        .runningCount(service.runningCount())
                        .desiredCount(service.desiredCount())
                        .build())
            .toList();
    List<Failure> failures =
        said.failures().stream()
            .map(failed -> Failure.builder().reason(failed.reason()).build())
            .toList();
    answer = () -> DescribeServicesResponse.builder().services(services).failures(failures).build();
  }

  @Override
  String refuse() {
    answer =
        () -> {
          throw SdkClientException.create("no route to host");
        };
    return "no route to host";
  }
}
