package so.suna.queuemetrics.simulation;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * The command: {@code ./mvnw -q -Psimulate}. CONTRIBUTING and docs/scaling.md say what it takes.
 */
public final class Simulate {

  private static final int BAD_INPUT = 64; // EX_USAGE of sysexits.h
  private static final String BEGIN =
      "<!-- what ./mvnw -q -Psimulate -Ddocs=docs/scaling.md prints -->";
  private static final String END = "<!-- end -->";
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

  /** Puts the scenario set's tables between the two marks of a page. */
  private static void renew(Path docs) throws IOException {
    String page = Files.readString(docs);
    int from = page.indexOf(BEGIN);
    int to = page.indexOf(END);
    if (from < 0 || to < from) {
      throw new IllegalArgumentException(
          "docs: %s must have the marks %s and %s".formatted(docs, BEGIN, END));
    }
    var options = new Properties();
    options.setProperty("scenario", "all");
    options.setProperty("format", "markdown");
    var tables = new ByteArrayOutputStream();
    new Simulate(options, new PrintStream(tables, true, StandardCharsets.UTF_8), System.err).run();
    Files.writeString(
        docs,
        page.substring(0, from + BEGIN.length())
            + "\n"
            + tables.toString(StandardCharsets.UTF_8)
            + "\n"
            + page.substring(to));
  }

  /**
   * @throws IllegalArgumentException with one sentence where the input is bad
   */
  void run() {
    Path template = Path.of(option("template", "template.yaml"));
    boolean all = option("scenario", "").equals("all");
    var policies =
        Policy.parse(
            option("policy", all ? "seed; template; recommended" : "seed; template"), template);
    if (!option("replay", "").isEmpty()) {
      policies.forEach(policy -> replay(policy, Path.of(option("replay", ""))));
      return;
    }
    var compared = new LinkedHashMap<Comparison, List<Comparison.Row>>();
    for (Comparison comparison : comparisons(all)) {
      var rows = new ArrayList<Comparison.Row>();
      for (Policy policy : policies) {
        progress.printf(
            "%s%s … ",
            comparison.scenario().isEmpty() ? "" : comparison.scenario() + ": ", policy.name());
        long start = System.nanoTime();
        Comparison.Row row = comparison.run(policy);
        progress.printf(Locale.ROOT, "%.1f s%n", (System.nanoTime() - start) / 1e9);
        rows.add(row);
        if (json()) {
          out.println(JSON.toJson(line(comparison, row)));
        }
      }
      compared.put(comparison, rows);
      if (format().equals("markdown")) {
        markdown(comparison, rows);
      } else if (!json()) {
        table(comparison, rows);
      }
    }
    write(compared);
  }

  private List<Comparison> comparisons(boolean all) {
    String scenario = option("scenario", "");
    var burst = Comparison.SCENARIOS.get(2);
    var scenarios =
        scenario.isEmpty()
            ? List.of(
                new Comparison.Scenario(
                    "", option("load", burst.load()), option("jobs", burst.jobs())))
            : Comparison.SCENARIOS.stream().filter(s -> all || s.name().equals(scenario)).toList();
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
            s ->
                new Comparison(
                    s.name(),
                    load(s),
                    s.jobs(),
                    number("phases", 4, 1),
                    number("seed", 1, 0),
                    number("workers", 0, 0),
                    Double.parseDouble(option("price", "0.0494"))))
        .toList();
  }

  private void write(Map<Comparison, List<Comparison.Row>> compared) {
    Path page = Path.of(option("page", "target/simulation.html"));
    try {
      Page.write(page, compared);
    } catch (IOException e) {
      throw new UncheckedIOException("%s cannot be written".formatted(page), e);
    }
    progress.println(page.toUri());
  }

  private void table(Comparison comparison, List<Comparison.Row> rows) {
    if (!comparison.scenario().isEmpty()) {
      out.printf("%n%s: %s%n", comparison.scenario(), comparison.load().text());
    }
    int width = rows.stream().mapToInt(row -> row.policy().name().length()).max().orElse(0);
    out.printf("%-" + width + "s", "");
    TABLE.forEach(figure -> out.printf("  %16s", figure.title()));
    out.println();
    for (Comparison.Row row : rows) {
      out.printf("%-" + width + "s", row.policy().name());
      TABLE.forEach(figure -> out.printf("  %16s", range(row.figures().get(figure))));
      out.println();
    }
  }

  /** As docs/scaling.md holds it. */
  private void markdown(Comparison comparison, List<Comparison.Row> rows) {
    out.printf(
        "%n**%s**: `%s`, jobs `%s`%n%n| |",
        comparison.scenario().isEmpty() ? "load" : comparison.scenario(),
        comparison.load().text(),
        comparison.jobs());
    TABLE.forEach(figure -> out.printf(" %s |", figure.title()));
    out.printf("%n|---|%s%n", "---:|".repeat(TABLE.size()));
    for (Comparison.Row row : rows) {
      out.printf("| %s |", row.policy().name());
      TABLE.forEach(figure -> out.printf(" %s |", range(row.figures().get(figure))));
      out.println();
    }
  }

  /** Least–mean–most, or a dash where no run has the figure. */
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

  private Load load(Comparison.Scenario scenario) {
    if (!scenario.load().endsWith(".json")) {
      return Load.parse(scenario.load());
    }
    if (option("jobs", "").isEmpty()) {
      throw new IllegalArgumentException(
          "load: %s needs -Djobs, since a recorded metric does not tell how long jobs run"
              .formatted(scenario.load()));
    }
    return Recording.read("load", Path.of(scenario.load()))
        .load(Load.Durations.parse(scenario.jobs()));
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

  private void replay(Policy policy, Path file) {
    int workers = number("workers", policy.scaling().min(), 0);
    Map<Instant, Double> minutes =
        file.toString().endsWith(".json")
            ? Recording.read("replay", file).metric(policy.scaling().policies().getFirst().metric())
            : Load.minutes(file, "replay", false);
    var decisions = Replay.of(policy, minutes, workers);
    for (var decision : decisions) {
      if (json()) {
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
  }

  private boolean json() {
    return format().equals("json");
  }

  private String format() {
    String format = option("format", "table");
    if (!List.of("table", "json", "markdown").contains(format)) {
      throw new IllegalArgumentException(
          "format must be table, json or markdown, was '%s'".formatted(format));
    }
    return format;
  }

  private String option(String name, String otherwise) {
    String value = options.getProperty(name, "").strip();
    return value.isEmpty() ? otherwise : value;
  }

  private int number(String name, int otherwise, int least) {
    String value = option(name, Integer.toString(otherwise));
    if (!value.matches("[0-9]{1,9}") || Integer.parseInt(value) < least) {
      throw new IllegalArgumentException(
          "%s must be a number of %d or more, was '%s'".formatted(name, least, value));
    }
    return Integer.parseInt(value);
  }
}
