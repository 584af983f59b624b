package so.suna.queuemetrics.simulation;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * The command: {@code ./mvnw -q -Psimulate}. CONTRIBUTING and docs/scaling.md say what it takes.
 */
public final class Simulate {

  private static final int BAD_INPUT = 64; // EX_USAGE of sysexits.h
  private static final int MAX_WORKERS = 1_000; // as in template.yaml
  private static final int MOST = 999_999_999;
  private static final String BEGIN =
      "<!-- what ./mvnw -q -Psimulate -Ddocs=docs/scaling.md prints -->\n";
  private static final String END = "\n<!-- end -->";
  private static final Gson JSON = new GsonBuilder().disableHtmlEscaping().create();

  // What fits a terminal; JSON and the page have all.
  private static final List<Figure> TABLE =
      List.of(
          Figure.WAIT_MEAN,
          Figure.WAIT_P99,
          Figure.SEEN_AGE,
          Figure.KILLED,
          Figure.TASK_HOURS,
          Figure.WORKERS_PEAK,
          Figure.MOVES,
          Figure.BURST_TO_REQUEST);

  private final Properties options;
  private final PrintStream out;
  private final PrintStream progress;

  Simulate(Properties options, PrintStream out, PrintStream progress) {
    this.options = options;
    this.out = out;
    this.progress = progress;
  }

  public static void main(String[] arguments) throws IOException {
    try {
      String docs = System.getProperty("docs", "");
      if (docs.isEmpty()) {
        new Simulate(System.getProperties(), System.out, System.err).run();
      } else {
        renew(Path.of(docs));
      }
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(BAD_INPUT);
    }
  }

  /** Puts the scenario set's tables between the two marks of a page, or renews who is told. */
  private static void renew(Path docs) throws IOException {
    String page = Files.readString(docs);
    if (docs.endsWith("faults.md") || docs.endsWith("alarms.md")) {
      Files.writeString(docs, new Rings(Path.of("template.yaml")).renewed(page));
      return;
    }
    int from = page.indexOf(BEGIN) + BEGIN.length();
    int to = page.indexOf(END);
    if (!page.contains(BEGIN) || to < from) {
      throw new IllegalArgumentException(
          "docs: %s must have the lines %s and %s".formatted(docs, BEGIN.strip(), END.strip()));
    }
    var options = new Properties();
    options.setProperty("scenario", "all");
    var tables = new ByteArrayOutputStream();
    new Simulate(options, new PrintStream(tables, true, StandardCharsets.UTF_8), System.err).run();
    Files.writeString(
        docs,
        page.substring(0, from) + tables.toString(StandardCharsets.UTF_8) + page.substring(to));
  }

  /**
   * @throws IllegalArgumentException with one sentence if the input is bad
   */
  void run() {
    String format = option("format", "table");
    if (!List.of("table", "json").contains(format)) {
      throw new IllegalArgumentException(
          "format must be table or json, was '%s'".formatted(format));
    }
    excludes("replay", "scenario", "load", "jobs");
    excludes("scenario", "load", "jobs");
    boolean all = option("scenario", "").equals("all");
    boolean replays = !option("replay", "").isEmpty();
    String usual = all ? "seed; template; recommended" : "seed; template";
    var policies =
        Policy.parse(
            option("policy", replays ? "template" : usual), Path.of("template.yaml"), replays);
    if (replays) {
      if (format.equals("json") && policies.size() > 1) {
        throw new IllegalArgumentException(
            "policy must be a single one for a replay with format=json, were " + policies.size());
      }
      policies.forEach(policy -> replay(policy, Path.of(option("replay", "")), format));
      return;
    }
    var compared = new LinkedHashMap<Comparison, List<Comparison.Row>>();
    for (Comparison comparison : comparisons()) {
      var rows = new ArrayList<Comparison.Row>();
      for (Policy policy : policies) {
        progress.print((comparison.scenario() + " " + policy.name()).strip() + " … ");
        long start = System.nanoTime();
        Comparison.Row row = comparison.run(policy);
        progress.printf(Locale.ROOT, "%.1f s%n", (System.nanoTime() - start) / 1e9);
        rows.add(row);
        if (format.equals("json")) {
          out.println(JSON.toJson(line(comparison, row)));
        }
      }
      compared.put(comparison, rows);
      if (!format.equals("json")) {
        table(comparison, rows);
      }
    }
    Path page = Path.of(option("page", "target/simulation.html"));
    try {
      Page.write(page, compared);
    } catch (IOException e) {
      throw new IllegalArgumentException("page: %s cannot be written: %s".formatted(page, e), e);
    }
    progress.println(page.toUri());
  }

  private List<Comparison> comparisons() {
    String scenario = option("scenario", "");
    var burst = Comparison.SCENARIOS.get(2);
    var scenarios =
        scenario.isEmpty()
            ? List.of(new Comparison.Scenario("", option("load", burst.load()), burst.jobs()))
            : Comparison.SCENARIOS.stream()
                .filter(s -> s.name().equals(scenario) || scenario.equals("all"))
                .toList();
    if (scenarios.isEmpty()) {
      throw new IllegalArgumentException(
          "scenario must be all or one of %s, was '%s'"
              .formatted(
                  String.join(
                      ", ", Comparison.SCENARIOS.stream().map(Comparison.Scenario::name).toList()),
                  scenario));
    }
    return scenarios.stream()
        .map(
            s -> {
              String jobs = scenario.isEmpty() ? option("jobs", s.jobs()) : s.jobs();
              return new Comparison(
                  s.name(),
                  load(s.load(), jobs),
                  jobs,
                  (int) number("phases", "4", 1, 60),
                  (long) number("seed", "1", 0, MOST),
                  (int) number("workers", "0", 0, MAX_WORKERS),
                  number("price", "0.0494", 0, MOST));
            })
        .toList();
  }

  private Load load(String load, String jobs) {
    if (!load.endsWith(".json")) {
      return Load.parse(load);
    }
    if (option("jobs", "").isEmpty()) {
      throw new IllegalArgumentException(
          "load: %s needs -Djobs, since a recorded metric does not tell how long jobs run"
              .formatted(load));
    }
    return Minutes.load(Path.of(load), Load.Durations.parse(jobs));
  }

  /** In Markdown, as docs/scaling.md holds it, and aligned for a terminal. */
  private void table(Comparison comparison, List<Comparison.Row> rows) {
    String name = comparison.scenario();
    out.printf(
        "%n**%s**: `%s`, jobs `%s`%n%n",
        name.isEmpty() ? "load" : name, comparison.load().text(), comparison.jobs());
    int width = rows.stream().mapToInt(row -> row.policy().name().length()).max().orElse(0);
    String first = "| %-" + width + "s |";
    out.printf(first, "");
    TABLE.forEach(figure -> cell(figure, figure.title()));
    out.println("\n|---|" + "---:|".repeat(TABLE.size()));
    for (Comparison.Row row : rows) {
      out.printf(first, row.policy().name());
      TABLE.forEach(figure -> cell(figure, range(row.figures().get(figure))));
      out.println();
    }
  }

  private void cell(Figure figure, String text) {
    out.printf(" %" + Math.max(14, figure.title().length()) + "s |", text);
  }

  /** Least–mean–most, or a dash if no run has the figure. */
  private static String range(@Nullable DoubleSummaryStatistics values) {
    return values == null
        ? "-"
        : String.format(
            Locale.ROOT,
            values.getMax() < 10 ? "%.1f–%.1f–%.1f" : "%.0f–%.0f–%.0f",
            values.getMin(),
            values.getAverage(),
            values.getMax());
  }

  private static JsonObject line(Comparison comparison, Comparison.Row row) {
    var line = new JsonObject();
    if (!comparison.scenario().isEmpty()) {
      line.addProperty("scenario", comparison.scenario());
    }
    line.addProperty("policy", row.policy().name());
    ranges(row).asMap().forEach(line::add);
    return line;
  }

  /** Each figure by its key, as its least, mean and greatest value. */
  static JsonObject ranges(Comparison.Row row) {
    var ranges = new JsonObject();
    row.figures()
        .forEach(
            (figure, values) -> {
              var range = new JsonObject();
              range.addProperty("min", rounded(values.getMin()));
              range.addProperty("mean", rounded(values.getAverage()));
              range.addProperty("max", rounded(values.getMax()));
              ranges.add(figure.key(), range);
            });
    return ranges;
  }

  private static double rounded(double value) {
    return Math.round(value * 1_000) / 1_000.0;
  }

  private void replay(Policy policy, Path file, String format) {
    var minutes =
        file.toString().endsWith(".json")
            ? Minutes.json("replay", file, policy.replayed())
            : Minutes.csv("replay", file);
    int workers = (int) number("workers", Integer.toString(policy.scaling().min()), 0, MAX_WORKERS);
    var decisions = Replay.of(policy, minutes, workers);
    for (var decision : decisions) {
      if (format.equals("json")) {
        var line = new JsonObject();
        line.addProperty("at", decision.at().toString());
        line.addProperty("from", decision.from());
        line.addProperty("to", decision.to());
        line.addProperty("policy", decision.policy());
        line.addProperty("reason", decision.cause());
        out.println(JSON.toJson(line));
      } else if (decision.moves()) {
        out.printf(
            "%s  %d to %d  %s%n", decision.at(), decision.from(), decision.to(), decision.cause());
      }
    }
    progress.printf(
        "%s: %d decisions, %d moved%n",
        policy.name(), decisions.size(), decisions.stream().filter(d -> d.moves()).count());
  }

  /** Else one of them would be ignored without a word. */
  private void excludes(String given, String... others) {
    for (String other : others) {
      if (!option(given, "").isEmpty() && !option(other, "").isEmpty()) {
        throw new IllegalArgumentException(
            "%s cannot be combined with %s, were '%s' and '%s'"
                .formatted(other, given, option(other, ""), option(given, "")));
      }
    }
  }

  private String option(String name, String otherwise) {
    String value = options.getProperty(name, "").strip();
    return value.isEmpty() ? otherwise : value;
  }

  private double number(String name, String otherwise, int least, int most) {
    String value = option(name, otherwise);
    String form = name.equals("price") ? "[0-9]{1,9}(\\.[0-9]+)?" : "[0-9]{1,9}";
    if (!value.matches(form)
        || Double.parseDouble(value) < least
        || Double.parseDouble(value) > most) {
      throw new IllegalArgumentException(
          "%s must be a number from %d to %d, was '%s'".formatted(name, least, most, value));
    }
    return Double.parseDouble(value);
  }
}
