package so.suna.queuemetrics.ecs;

import software.amazon.awssdk.services.ecs.EcsClient;
import software.amazon.awssdk.services.ecs.model.DescribeServicesResponse;
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
    return response.services().stream()
        // A deleted service is shown for a while as INACTIVE, with 0 tasks.
        .filter(found -> !"INACTIVE".equals(found.status()))
        .findFirst()
        .map(Service::runningCount)
        .orElseThrow(
            () -> new IllegalStateException("%s not counted: no such service".formatted(this)));
  }

  @Override
  public String toString() {
    return "workers of service %s in cluster %s (ECS_WORKER_SERVICE, ECS_CLUSTER)"
        .formatted(service, cluster);
  }
}
