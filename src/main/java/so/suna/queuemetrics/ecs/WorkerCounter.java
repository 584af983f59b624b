package so.suna.queuemetrics.ecs;

import java.util.stream.Collectors;
import java.util.stream.Stream;
import software.amazon.awssdk.services.ecs.EcsClient;
import software.amazon.awssdk.services.ecs.model.DescribeServicesResponse;
import software.amazon.awssdk.services.ecs.model.Failure;
import software.amazon.awssdk.services.ecs.model.Service;

/** Counts the running workers of one ECS service. Safe for use by several threads. */
public final class WorkerCounter {

  private final EcsClient ecs;
  private final String cluster;
  private final String service;

  public WorkerCounter(EcsClient ecs, String cluster, String service) {
    this.ecs = ecs;
    this.cluster = cluster;
    this.service = service;
  }

  /**
   * Tasks of the service in the state RUNNING; 0 when it is stopped.
   *
   * @throws IllegalStateException if there is no such service, or ECS did not say; the message
   *     names both settings
   */
  public int running() {
    DescribeServicesResponse response;
    try {
      response = ecs.describeServices(request -> request.cluster(cluster).services(service));
    } catch (RuntimeException e) {
      throw new IllegalStateException("%s not counted: %s".formatted(this, e.getMessage()), e);
    }
    // A deleted service is shown for a while as INACTIVE, with 0 tasks.
    return response.services().stream()
        .filter(found -> !"INACTIVE".equals(found.status()))
        .findFirst()
        .map(Service::runningCount)
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "%s not counted: expected the running tasks of an active service, ECS said %s"
                        .formatted(this, said(response))));
  }

  private static String said(DescribeServicesResponse response) {
    return Stream.concat(
            response.failures().stream().map(Failure::reason),
            response.services().stream().map(Service::status))
        .map(String::valueOf)
        .collect(
            Collectors.collectingAndThen(
                Collectors.joining(", "), text -> text.isEmpty() ? "nothing" : text));
  }

  @Override
  public String toString() {
    return "workers of service %s in cluster %s (ECS_WORKER_SERVICE, ECS_CLUSTER)"
        .formatted(service, cluster);
  }
}
