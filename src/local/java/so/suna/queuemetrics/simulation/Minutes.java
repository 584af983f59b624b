package so.suna.queuemetrics.simulation;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import com.google.gson.annotations.SerializedName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.DoubleStream;
import so.suna.queuemetrics.dramatiq.Metric;

/** Recorded values by the beginning of their minute. */
final class Minutes {

  private static final int DRAWS = 10_000;

  /** A later time is a slip, and every minute until then would be simulated. */
  private static final Duration A_YEAR = Duration.ofDays(366);

  private Minutes() {}

  /** Of a file with lines of an ISO time and a number, in the order of time. */
  static SortedMap<Instant, Double> csv(String setting, Path file) {
    var minutes = new TreeMap<Instant, Double>();
    String expected = "with lines such as 2026-01-01T12:00:00Z,20";
    var lines = lines(file, "%s: expected a readable file %s".formatted(setting, expected));
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      if (line.isEmpty() || (i == 0 && Character.isLetter(line.charAt(0)))) {
        continue; // A heading.
      }
      String place = "%s, %s line %d '%s': ".formatted(setting, file, i + 1, line);
      String[] cells = line.split(",", -1);
      Instant at;
      double value;
      try {
        at = instant(cells[0].strip());
        value = cells.length == 2 ? Double.parseDouble(cells[1].strip()) : Double.NaN;
      } catch (DateTimeException | NumberFormatException e) {
        throw new IllegalArgumentException(place + "expected such as 2026-01-01T12:00:00Z,20", e);
      }
      if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(place + "the value must be one number of 0 or more");
      }
      if (!at.equals(at.truncatedTo(ChronoUnit.MINUTES))) {
        throw new IllegalArgumentException(place + "the time must be the beginning of a minute");
      }
      if (!minutes.isEmpty() && !at.isAfter(minutes.lastKey())) {
        throw new IllegalArgumentException(place + "expected a time after " + minutes.lastKey());
      }
      if (!minutes.isEmpty() && at.isAfter(minutes.firstKey().plus(A_YEAR))) {
        throw new IllegalArgumentException(
            place + "expected a time within a year after " + minutes.firstKey());
      }
      minutes.put(at, value);
    }
    if (minutes.isEmpty()) {
      throw new IllegalArgumentException(
          "%s: expected a file %s, %s has none".formatted(setting, expected, file));
    }
    return minutes;
  }

  private record Answer(@SerializedName("MetricDataResults") List<Series> results) {}

  private record Series(
      @SerializedName("Label") String label,
      @SerializedName("Timestamps") List<String> timestamps,
      @SerializedName("Values") List<Double> values) {}

  /**
   * Of what {@code aws cloudwatch get-metric-data} printed with a period of 60 s.
   *
   * @param metric a part of the label, or empty for a file that holds one metric
   */
  static SortedMap<Instant, Double> json(String setting, Path file, String metric) {
    var labels = new ArrayList<String>();
    var minutes = new TreeMap<Instant, Double>();
    try {
      String text = String.join("\n", lines(file, setting + ": expected a readable file"));
      Answer answer = new Gson().fromJson(text, Answer.class);
      for (Series series : answer.results()) {
        labels.add(series.label());
        for (int i = 0; series.label().contains(metric) && i < series.timestamps().size(); i++) {
          minutes.put(instant(series.timestamps().get(i)), series.values().get(i));
        }
      }
    } catch (JsonParseException
        | NullPointerException
        | IndexOutOfBoundsException
        | DateTimeException e) {
      throw new IllegalArgumentException(
          "%s: %s must be what aws cloudwatch get-metric-data prints as JSON"
              .formatted(setting, file),
          e);
    }
    if (minutes.isEmpty() || (metric.isEmpty() && labels.size() > 1)) {
      throw new IllegalArgumentException(
          "%s: %s must hold %s, held %s"
              .formatted(
                  setting, file, metric.isEmpty() ? "one metric" : "the metric " + metric, labels));
    }
    for (Instant at : minutes.keySet()) {
      if (!at.equals(at.truncatedTo(ChronoUnit.MINUTES))) {
        throw new IllegalArgumentException(
            "%s: %s must hold times at the beginning of a minute, had %s"
                .formatted(setting, file, at));
      }
    }
    return minutes;
  }

  /**
   * The load behind a recorded backlog: what the backlog grew by in each minute, and what was done
   * meanwhile, which is the jobs in flight by the mean of their durations. If workers fetch ahead,
   * not all that was in flight ran, and this is too much.
   */
  static Load load(Path file, Load.Durations durations) {
    var random = new SplittableRandom(1);
    double mean =
        DoubleStream.generate(() -> durations.draw(random)).limit(DRAWS).average().orElseThrow();
    var waiting = json("load", file, Metric.QUEUE_DEPTH.metricName());
    var inFlight = json("load", file, Metric.JOBS_IN_FLIGHT.metricName());
    var pieces = new ArrayList<Load.Piece>();
    double before = Double.NaN;
    double done = 0;
    for (Instant at = waiting.firstKey();
        !at.isAfter(waiting.lastKey());
        at = at.plusSeconds(Simulation.MINUTE)) {
      double running = need("load", file, inFlight, at);
      double backlog = need("load", file, waiting, at) + running;
      if (!Double.isNaN(before)) {
        pieces.add(Load.counted(Math.max(0, backlog - before + done)));
      }
      before = backlog;
      done = running * Simulation.MINUTE / mean;
    }
    return new Load(file.toString(), pieces);
  }

  /** UTC unless it has an offset. */
  private static Instant instant(String time) {
    var parsed =
        DateTimeFormatter.ISO_DATE_TIME.parseBest(time, OffsetDateTime::from, LocalDateTime::from);
    return parsed instanceof LocalDateTime local
        ? local.toInstant(ZoneOffset.UTC)
        : Instant.from(parsed);
  }

  static double need(String setting, Path file, Map<Instant, Double> minutes, Instant at) {
    Double value = minutes.get(at);
    if (value == null) {
      throw new IllegalArgumentException(
          "%s: %s must hold every minute, had no value for %s".formatted(setting, file, at));
    }
    return value;
  }

  /** The lines of a file. */
  static List<String> lines(Path file, String expected) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      throw new IllegalArgumentException(expected + ", was '%s'".formatted(file), e);
    }
  }
}
