package so.suna.queuemetrics.ecs;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Counts the running workers of one ECS service. Safe for use by several threads. */
public final class WorkerCounter {

  /**
   * The third status, INACTIVE, is a deleted service's, shown for a while with 0 tasks. After <a
   * href="https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html">Service</a>,
   * where none is required: what has none, or one of its own, is not known to be a service that
   * runs tasks.
   */
  private static final Set<String> COUNTED = Set.of("ACTIVE", "DRAINING");

  private final EcsApi ecs;
  private final String cluster;
  private final String service;

  public WorkerCounter(EcsApi ecs, String cluster, String service) {
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
    JsonObject response;
    try {
      response = ecs.describeServices(cluster, service);
    } catch (RuntimeException e) {
      throw new IllegalStateException("%s not counted: %s".formatted(this, e.getMessage()), e);
    }
    return objects(response, "services")
        .filter(found -> COUNTED.contains(EcsApi.text(found, "status")))
        .findFirst()
        .flatMap(WorkerCounter::runningCount)
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "%s not counted: expected the running tasks of an active service, ECS said %s"
                        .formatted(this, said(response))));
  }

  private static Optional<Integer> runningCount(JsonObject service) {
    // Not getAsInt() alone, which makes some int of any number.
    return service.get("runningCount") instanceof JsonPrimitive count
            && count.isNumber()
            && count.getAsString().matches("[0-9]{1,9}")
        ? Optional.of(count.getAsInt())
        : Optional.empty();
  }

  private static String said(JsonObject response) {
    return Stream.concat(
            objects(response, "failures").map(failure -> EcsApi.text(failure, "reason")),
            objects(response, "services")
                .map(
                    service ->
                        "status %s and runningCount %s"
                            .formatted(service.get("status"), service.get("runningCount"))))
        .collect(
            Collectors.collectingAndThen(
                Collectors.joining(", "), text -> text.isEmpty() ? "nothing" : text));
  }

  private static Stream<JsonObject> objects(JsonObject response, String name) {
    return response.get(name) instanceof JsonArray array
        ? array.asList().stream().filter(JsonObject.class::isInstance).map(JsonObject.class::cast)
        : Stream.empty();
  }

  @Override
  public String toString() {
    return "workers of service %s in cluster %s (ECS_WORKER_SERVICE, ECS_CLUSTER)"
        .formatted(service, cluster);
  }
}
