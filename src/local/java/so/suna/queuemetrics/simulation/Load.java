package so.suna.queuemetrics.simulation;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.DoubleStream;

/**
 * When jobs are sent: pieces that follow each other.
 *
 * <pre>
 * 20/min for 1h, 200/min for 10m       on average, at random (Poisson)
 * 10-60/min for 2h                     rises evenly
 * wave 10-200/min for 24h              from the low to the high and back, once
 * 500 at once                          a batch
 * load.csv                             lines of time,jobs: so many in the minute that begins then
 * </pre>
 *
 * @param text as the user gave it
 */
record Load(String text, List<Piece> pieces) {

  private static final String EXPECTED =
      "expected such as '20/min for 1h', '10-60/min for 2h', 'wave 10-200/min for 24h' or '500 at once'";
  private static final String NUMBER = "(-?[0-9]+(?:\\.[0-9]+)?)";
  private static final Pattern RATE =
      Pattern.compile(
          "(wave )?" + NUMBER + "(?: ?- ?" + NUMBER + ")?/([a-z]+) for " + NUMBER + " ?([a-z]+)");
  private static final Pattern BATCH = Pattern.compile(NUMBER + " at once");
  private static final Map<String, Integer> UNITS =
      Map.of("s", 1, "m", 60, "min", 60, "h", 3_600, "d", 86_400);

  Load {
    pieces = List.copyOf(pieces);
  }

  /**
   * @param from jobs a second at the beginning, and at the end of a wave
   * @param to jobs a second at the end, and in the middle of a wave
   */
  record Piece(Shape shape, double from, double to, double seconds) {
    enum Shape {
      RAMP,
      WAVE,
      /** So many ({@code to}) at its beginning. */
      BATCH,
      /** So many ({@code to}) anywhere within it. */
      COUNTED
    }

    private DoubleStream draw(RandomGenerator random) {
      if (shape == Shape.BATCH) {
        return DoubleStream.generate(() -> 0).limit((long) to);
      }
      if (shape == Shape.COUNTED) {
        long count = (long) to + (random.nextDouble() < to % 1 ? 1 : 0);
        return random.doubles(count).map(share -> share * seconds);
      }
      // Thinning: candidates at the highest rate, of which as many stay as the rate of their time
      // says.
      double highest = Math.max(from, to);
      var arrivals = DoubleStream.builder();
      if (highest > 0) {
        for (double at = random.nextExponential() / highest;
            at < seconds;
            at += random.nextExponential() / highest) {
          if (random.nextDouble() * highest < rate(at / seconds)) {
            arrivals.add(at);
          }
        }
      }
      return arrivals.build();
    }

    private double rate(double share) {
      double risen = shape == Shape.WAVE ? (1 - Math.cos(2 * Math.PI * share)) / 2 : share;
      return from + (to - from) * risen;
    }
  }

  double seconds() {
    return pieces.stream().mapToDouble(Piece::seconds).sum();
  }

  /** The seconds at which jobs are sent, in their order. */
  double[] draw(RandomGenerator random) {
    double[] starts = starts();
    var arrivals = DoubleStream.builder();
    for (int i = 0; i < pieces.size(); i++) {
      double start = starts[i];
      pieces.get(i).draw(random).forEach(at -> arrivals.add(start + at));
    }
    return arrivals.build().sorted().toArray();
  }

  /** When the load first at least doubles from one piece to the next, or a batch comes. */
  OptionalDouble surge() {
    double[] starts = starts();
    for (int i = 0; i < pieces.size(); i++) {
      Piece piece = pieces.get(i);
      boolean doubles =
          piece.shape() == Piece.Shape.RAMP
              && i > 0
              && pieces.get(i - 1).shape() == Piece.Shape.RAMP
              && piece.from() >= 2 * pieces.get(i - 1).to();
      if (doubles || piece.shape() == Piece.Shape.BATCH) {
        return OptionalDouble.of(starts[i]);
      }
    }
    return OptionalDouble.empty();
  }

  private double[] starts() {
    double[] starts = new double[pieces.size()];
    for (int i = 1; i < starts.length; i++) {
      starts[i] = starts[i - 1] + pieces.get(i - 1).seconds();
    }
    return starts;
  }

  /**
   * @throws IllegalArgumentException with one sentence that names the place, the value and what is
   *     expected
   */
  static Load parse(String text) {
    if (text.endsWith(".csv")) {
      return csv(Path.of(text));
    }
    var pieces = new ArrayList<Piece>();
    for (String part : text.split(",", -1)) {
      String place = "load, piece %d '%s': ".formatted(pieces.size() + 1, part.strip());
      pieces.add(piece(place, part.strip().replaceAll(" +", " ")));
    }
    return new Load(text, pieces);
  }

  private static Piece piece(String place, String text) {
    Matcher batch = BATCH.matcher(text);
    if (batch.matches()) {
      return new Piece(Piece.Shape.BATCH, 0, notNegative(place, batch.group(1)), 0);
    }
    Matcher rate = RATE.matcher(text);
    if (!rate.matches()) {
      throw new IllegalArgumentException(place + EXPECTED);
    }
    double from = notNegative(place, rate.group(2));
    double to = rate.group(3) == null ? from : notNegative(place, rate.group(3));
    int per = unit(place, rate.group(4));
    double seconds = notNegative(place, rate.group(5)) * unit(place, rate.group(6));
    var shape = rate.group(1) == null ? Piece.Shape.RAMP : Piece.Shape.WAVE;
    return new Piece(shape, from / per, to / per, seconds);
  }

  private static double notNegative(String place, String number) {
    double value = Double.parseDouble(number);
    if (value < 0) {
      throw new IllegalArgumentException(place + "a number must be 0 or more, was " + number);
    }
    return value;
  }

  static int unit(String place, String unit) {
    Integer seconds = UNITS.get(unit);
    if (seconds == null) {
      throw new IllegalArgumentException(
          place + "a unit must be s, m or min, h or d, was '%s'".formatted(unit));
    }
    return seconds;
  }

  private static Load csv(Path file) {
    var pieces = new ArrayList<Piece>();
    minutes(file, "load", true)
        .forEach((_, jobs) -> pieces.add(new Piece(Piece.Shape.COUNTED, 0, jobs, 60)));
    return new Load(file.toString(), pieces);
  }

  /** Lines of an ISO time and a number, in the order of time, at most one a minute. */
  static Map<Instant, Double> minutes(Path file, String setting, boolean withoutGaps) {
    var minutes = new java.util.LinkedHashMap<Instant, Double>();
    List<String> lines = Files.isReadable(file) ? read(file) : List.of();
    Instant before = null;
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      String place = "%s, %s line %d '%s': ".formatted(setting, file, i + 1, line);
      String[] cells = line.split(",", -1);
      if (line.isEmpty() || (i == 0 && !Character.isDigit(line.charAt(0)))) {
        continue; // A heading.
      }
      Instant at;
      double value;
      try {
        at = Instant.parse(cells[0].strip());
        value = cells.length == 2 ? Double.parseDouble(cells[1].strip()) : Double.NaN;
      } catch (DateTimeParseException | NumberFormatException e) {
        throw new IllegalArgumentException(place + "expected such as 2026-01-01T12:00:00Z,20", e);
      }
      if (!(value >= 0)) {
        throw new IllegalArgumentException(place + "the value must be one number of 0 or more");
      }
      Duration step = before == null ? Duration.ofMinutes(1) : Duration.between(before, at);
      if (step.compareTo(Duration.ofMinutes(1)) < 0 || (withoutGaps && step.toSeconds() != 60)) {
        throw new IllegalArgumentException(
            place + "expected the minute after " + before + (withoutGaps ? "" : " or a later one"));
      }
      minutes.put(at, value);
      before = at;
    }
    if (minutes.isEmpty()) {
      throw new IllegalArgumentException(
          "%s: %s must be a readable file with lines such as 2026-01-01T12:00:00Z,20"
              .formatted(setting, file));
    }
    return minutes;
  }

  static List<String> read(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      throw new IllegalArgumentException("%s cannot be read: %s".formatted(file, e), e);
    }
  }

  /** How long jobs run. */
  interface Durations {
    double draw(RandomGenerator random);

    /**
     * {@code constant 60s}, {@code exponential 60s}, {@code lognormal 60s 1.0} (mean and sigma) or
     * a file with one duration in seconds a line, from which is drawn.
     *
     * @throws IllegalArgumentException as {@link Load#parse} does
     */
    static Durations parse(String text) {
      Matcher words = JOBS.matcher(text.strip());
      if (!words.matches()) {
        return samples(Path.of(text.strip()));
      }
      String place = "jobs '%s': ".formatted(text);
      double mean = notNegative(place, words.group(2)) * unit(place, words.group(3));
      double sigma = words.group(4) == null ? 0 : notNegative(place, words.group(4));
      if (words.group(1).equals("lognormal") == (words.group(4) == null)) {
        throw new IllegalArgumentException(
            place + "lognormal needs a sigma after the mean, the others take none");
      }
      return switch (words.group(1)) {
        case "constant" -> _ -> mean;
        case "exponential" -> random -> mean * random.nextExponential();
        default -> random -> mean * Math.exp(sigma * random.nextGaussian() - sigma * sigma / 2);
      };
    }

    private static Durations samples(Path file) {
      if (!Files.isReadable(file)) {
        throw new IllegalArgumentException(
            "jobs: expected 'constant 60s', 'exponential 60s', 'lognormal 60s 1.0' or a readable file, was '%s'"
                .formatted(file));
      }
      double[] samples =
          read(file).stream()
              .filter(line -> !line.isBlank())
              .mapToDouble(line -> sample(file, line.strip()))
              .toArray();
      if (samples.length == 0) {
        throw new IllegalArgumentException(
            "jobs: %s must have a duration in seconds on each line, was empty".formatted(file));
      }
      return random -> samples[random.nextInt(samples.length)];
    }

    private static double sample(Path file, String line) {
      try {
        return notNegative("jobs, %s: ".formatted(file), line);
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "jobs, %s: expected a duration in seconds on each line, was '%s'".formatted(file, line),
            e);
      }
    }
  }

  private static final Pattern JOBS =
      Pattern.compile(
          "(constant|exponential|lognormal) " + NUMBER + " ?([a-z]+)(?: " + NUMBER + ")?");

  /** Jobs of this load, in the order in which they are sent. */
  List<Job> jobs(Durations durations, RandomGenerator random) {
    return Arrays.stream(draw(random)).mapToObj(at -> new Job(at, durations.draw(random))).toList();
  }
}
