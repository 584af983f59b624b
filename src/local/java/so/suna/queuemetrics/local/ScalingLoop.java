package so.suna.queuemetrics.local;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import so.suna.queuemetrics.scaling.Decision;
import so.suna.queuemetrics.template.Template;

/**
 * Decides what the policies order for a real service. The caller observes the service and carries
 * out what is decided. Standard input has a line of JSON for each minute that has ended, and
 * standard output what is decided in the next one:
 *
 * <pre>
 * {"running":2,"desired":2,"metrics":{"DramatiqBacklogPerWorker":40.0}}
 * [{"from":2,"to":6,"policy":"worker-queue-burst-scaling","reason":"StepAlarm"}]
 * </pre>
 */
final class ScalingLoop {

  private ScalingLoop() {}

  /**
   * @param arguments a template with the scalable target of the workers and its policies, and
   *     values of its parameters, such as WorkerMaxCapacity=6
   */
  public static void main(String[] arguments) throws IOException {
    var parameters =
        Stream.of(arguments)
            .skip(1)
            .map(argument -> argument.split("=", 2))
            .collect(Collectors.toMap(given -> given[0], given -> given[1]));
    var template = new Template(Path.of(arguments[0])).with(parameters, true);
    var service = new WorkerService(template.workers());
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonObject observed = JsonParser.parseString(line).getAsJsonObject();
      service.observe(observed.get("running").getAsInt(), observed.get("desired").getAsInt());
      var metrics = new HashMap<String, Double>();
      observed
          .getAsJsonObject("metrics")
          .asMap()
          .forEach((metric, value) -> metrics.put(metric, value.getAsDouble()));
      service.tick(metrics);
      var decisions = new JsonArray();
      while (service.next().compareTo(WorkerService.MINUTE) < 0) {
        service.advance().forEach(decision -> decisions.add(json(decision)));
      }
      System.out.println(decisions);
    }
  }

  private static JsonObject json(Decision decision) {
    var json = new JsonObject();
    json.addProperty("from", decision.from());
    json.addProperty("to", decision.to());
    json.addProperty("policy", decision.policy());
    json.addProperty("reason", decision.reason().name());
    return json;
  }
}
