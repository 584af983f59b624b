package so.suna.queuemetrics.ecs;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Counts the running workers of one ECS service. Safe for use by several threads. */
public final class WorkerCounter {

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
    // A deleted service is shown for a while as INACTIVE, with 0 tasks.
    return objects(response, "services")
        .filter(found -> !EcsApi.text(found, "status").equals("INACTIVE"))
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
            objects(response, "services").map(service -> EcsApi.text(service, "status")))
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
