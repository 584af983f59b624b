package so.suna.queuemetrics.simulation;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.DoubleStream;
import so.suna.queuemetrics.dramatiq.Metric;

/**
 * What {@code aws cloudwatch get-metric-data} printed, with a period of 60 s.
 *
 * @param series values by minute, by the label of their metric
 */
record Recording(String setting, Path file, Map<String, TreeMap<Instant, Double>> series) {

  private static final int DRAWS = 10_000;

  static Recording read(String setting, Path file) {
    var series = new TreeMap<String, TreeMap<Instant, Double>>();
    try {
      JsonObject root =
          JsonParser.parseString(String.join("\n", Load.read(file))).getAsJsonObject();
      for (JsonElement each : root.getAsJsonArray("MetricDataResults")) {
        JsonObject result = each.getAsJsonObject();
        var times = result.getAsJsonArray("Timestamps");
        var values = result.getAsJsonArray("Values");
        var minutes =
            series.computeIfAbsent(result.get("Label").getAsString(), _ -> new TreeMap<>());
        for (int i = 0; i < times.size(); i++) {
          Instant at = OffsetDateTime.parse(times.get(i).getAsString()).toInstant();
          minutes.put(at, values.get(i).getAsDouble());
        }
      }
    } catch (JsonParseException
        | IllegalStateException
        | NullPointerException
        | IndexOutOfBoundsException
        | DateTimeException
        | NumberFormatException e) {
      throw new IllegalArgumentException(
          "%s: %s must be what aws cloudwatch get-metric-data prints as JSON"
              .formatted(setting, file),
          e);
    }
    return new Recording(setting, file, series);
  }

  TreeMap<Instant, Double> metric(String name) {
    return series.entrySet().stream()
        .filter(entry -> entry.getKey().contains(name) && !entry.getValue().isEmpty())
        .map(Map.Entry::getValue)
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "%s: %s must hold the metric %s, held %s"
                        .formatted(setting, file, name, series.keySet())));
  }

  /**
   * The load behind the recorded backlog: what the backlog grew by in each minute, and what was
   * done meanwhile, which is the jobs in flight by the mean of their durations. Where workers fetch
   * ahead, not all that was in flight ran, and this is too much.
   */
  Load load(Load.Durations durations) {
    var random = new SplittableRandom(1);
    double mean =
        DoubleStream.generate(() -> durations.draw(random)).limit(DRAWS).average().orElseThrow();
    var waiting = metric(Metric.QUEUE_DEPTH.metricName());
    var inFlight = metric(Metric.JOBS_IN_FLIGHT.metricName());
    var pieces = new ArrayList<Load.Piece>();
    for (Instant at : waiting.headMap(waiting.lastKey()).keySet()) {
      Instant next = at.plus(Duration.ofMinutes(1));
      double done = value(inFlight, at) * Simulation.MINUTE / mean;
      double grown =
          value(waiting, next) + value(inFlight, next) - value(waiting, at) - value(inFlight, at);
      pieces.add(
          new Load.Piece(
              Load.Piece.Shape.COUNTED, 0, Math.max(0, grown + done), Simulation.MINUTE));
    }
    return new Load(file.toString(), pieces);
  }

  private double value(TreeMap<Instant, Double> minutes, Instant at) {
    Double value = minutes.get(at);
    if (value == null) {
      throw new IllegalArgumentException(
          "%s: %s must hold every minute, had no datum of %s".formatted(setting, file, at));
    }
    return value;
  }
}
