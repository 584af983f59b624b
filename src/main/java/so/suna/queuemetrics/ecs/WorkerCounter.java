package so.suna.queuemetrics.ecs;

import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.ecs.EcsClient;
import software.amazon.awssdk.services.ecs.model.DescribeServicesResponse;

/** Counts the workers of one ECS service. Safe for use by several threads. */
public final class WorkerCounter {

  /**
   * A deleted service is shown for a while as INACTIVE, with 0 tasks. A service without a status,
   * or with a new one, is not known to run tasks. See <a
   * href="https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html">Service</a>.
   */
  private static final Set<String> COUNTED = Set.of("ACTIVE", "DRAINING");

  private final EcsClient ecs;
  private final String cluster;
  private final String service;

  public WorkerCounter(EcsClient ecs, String cluster, String service) {
    this.ecs = ecs;
    this.cluster = cluster;
    this.service = service;
  }

  /**
   * Asks ECS for the service's tasks; 0 of them if it is stopped.
   *
   * @throws IllegalStateException if there is no such service, or ECS did not give its counts; the
   *     message names both settings
   */
  public Workers count() {
    DescribeServicesResponse answer;
    try {
      answer = ecs.describeServices(request -> request.cluster(cluster).services(service));
    } catch (RuntimeException e) {
      throw new IllegalStateException("%s not counted: %s".formatted(this, e.getMessage()), e);
    }
    return answer.services().stream()
        .filter(found -> COUNTED.contains(String.valueOf(found.status())))
        .filter(found -> isCount(found.runningCount()) && isCount(found.desiredCount()))
        .map(found -> new Workers(found.runningCount(), found.desiredCount()))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "%s not counted: expected the tasks of an active service, ECS said %s"
                        .formatted(this, said(answer))));
  }

  private static boolean isCount(@Nullable Integer tasks) {
    return tasks != null && tasks >= 0;
  }

  private static String said(DescribeServicesResponse answer) {
    return Stream.concat(
            answer.failures().stream().map(failure -> String.valueOf(failure.reason())),
            answer.services().stream()
                .map(
                    found ->
                        "status %s, runningCount %s and desiredCount %s"
                            .formatted(found.status(), found.runningCount(), found.desiredCount())))
        .findFirst()
        .orElse("nothing");
  }

  @Override
  public String toString() {
    return "workers of service %s in cluster %s (ECS_WORKER_SERVICE, ECS_CLUSTER)"
        .formatted(service, cluster);
  }
}
