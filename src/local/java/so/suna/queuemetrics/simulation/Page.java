package so.suna.queuemetrics.simulation;

import com.google.gson.Gson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/** Writes one page that needs no network: the charts, the table, and uPlot itself. */
final class Page {

  private Page() {}

  static void write(Path file, Map<Comparison, List<Comparison.Row>> comparisons)
      throws IOException {
    var first = comparisons.keySet().iterator().next();
    var data =
        Map.of(
            "phases", first.phases(),
            "figures", figures(),
            "comparisons",
                comparisons.entrySet().stream()
                    .map(entry -> comparison(entry.getKey(), entry.getValue()))
                    .toList());
    // Gson escapes <, so that nothing in a policy's text ends the script.
    String page =
        PageResource.read(Page.class, "simulation.html")
            .replace("/*DATA*/", new Gson().toJson(data));
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.writeString(file, page);
  }

  private static List<Map<String, String>> figures() {
    var figures = new ArrayList<Map<String, String>>();
    for (Figure figure : Figure.values()) {
      figures.add(Map.of("key", figure.key(), "title", figure.title()));
    }
    return figures;
  }

  private static Map<String, Object> comparison(Comparison comparison, List<Comparison.Row> rows) {
    return Map.of(
        "scenario", comparison.scenario(),
        "load", comparison.load().text(),
        "jobs", comparison.jobs(),
        "rows", rows.stream().map(Page::row).toList());
  }

  private static Map<String, Object> row(Comparison.Row row) {
    var result = row.first();
    var data = new LinkedHashMap<String, Object>();
    data.put("policy", row.policy().name());
    data.put("figures", Simulate.ranges(row));
    data.put("settings", settings(row.policy()));
    data.put(
        "moves",
        result
            .moves()
            .map(
                d ->
                    Map.of(
                        "at", Simulation.seconds(d.at()),
                        "from", d.from(),
                        "to", d.to(),
                        "reason", d.cause()))
            .toList());
    var samples = result.samples();
    data.put("at", column(samples, Simulation.Sample::at));
    data.put("sent", column(samples, Simulation.Sample::sent));
    data.put("waiting", column(samples, Simulation.Sample::waiting));
    data.put("inFlight", column(samples, Simulation.Sample::inFlight));
    data.put("desired", column(samples, Simulation.Sample::desired));
    data.put("running", column(samples, Simulation.Sample::running));
    data.put("needed", column(samples, Simulation.Sample::needed));
    data.put("longest", column(samples, Simulation.Sample::longestWait));
    data.put("mean", column(samples, Simulation.Sample::meanWait));
    data.put("oldest", column(samples, Simulation.Sample::oldest));
    return data;
  }

  private static double[] column(
      List<Simulation.Sample> samples, ToDoubleFunction<Simulation.Sample> value) {
    return samples.stream().mapToDouble(value).map(v -> Math.round(v * 100) / 100.0).toArray();
  }

  /** What to write into samconfig.toml and the workers' task definition. */
  private static String settings(Policy policy) {
    var overrides = new ArrayList<String>();
    new TreeMap<>(policy.parameters())
        .forEach((name, value) -> overrides.add("  \"%s=%s\",%n".formatted(name, value)));
    var worker = policy.worker();
    return "# samconfig.toml, [default.deploy.parameters]%nparameter_overrides = [%n%s]%n"
            .formatted(String.join("", overrides))
        + "# task definition of the workers%nenvironment: dramatiq_queue_prefetch=%d%nstopTimeout: %.0f%n"
            .formatted(worker.prefetch(), worker.stopTimeout())
        + (worker.protection()
            ? "# with ECS task protection while a task works%n".formatted()
            : "");
  }
}
