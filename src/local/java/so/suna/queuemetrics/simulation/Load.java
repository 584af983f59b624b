package so.suna.queuemetrics.simulation;

import java.nio.file.Path;
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
 * deploy                               a rolling deployment of the workers begins
 * load.csv                             lines of time,jobs: so many in the minute that begins then
 * </pre>
 *
 * @param text as the user gave it
 */
record Load(String text, List<Piece> pieces) {

  private static final String EXPECTED =
      "expected such as '20/min for 1h', '10-60/min for 2h', 'wave 10-200/min for 24h', '500 at"
          + " once' or 'deploy'";
  private static final String NUMBER = "(-?[0-9]+(?:\\.[0-9]+)?)";
  private static final Pattern RATE =
      Pattern.compile(
          "(wave )?" + NUMBER + "(?: ?- ?" + NUMBER + ")?/([a-z]+) for " + NUMBER + " ?([a-z]+)");
  private static final Pattern BATCH = Pattern.compile(NUMBER + " at once");
  private static final Map<String, Integer> UNITS =
      Map.of("s", 1, "m", 60, "min", 60, "h", 3_600, "d", 86_400);

  // What fits into the memory of any machine that builds this.
  private static final double MOST_JOBS = 5e6;

  Load {
    pieces = List.copyOf(pieces);
    if (pieces.stream().noneMatch(piece -> piece.seconds() > 0)) {
      throw new IllegalArgumentException(
          "load '%s': expected a duration of more than 0, add such as ', 0/min for 1h'"
              .formatted(text));
    }
    double jobs = pieces.stream().mapToDouble(Piece::jobsAtMost).sum();
    if (jobs > MOST_JOBS) {
      throw new IllegalArgumentException(
          "load '%s': expected at most %.0f jobs, was up to %.0f".formatted(text, MOST_JOBS, jobs));
    }
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
      COUNTED,
      DEPLOYMENT
    }

    private double jobsAtMost() {
      return shape == Shape.RAMP || shape == Shape.WAVE ? Math.max(from, to) * seconds : to;
    }

    private DoubleStream draw(RandomGenerator random) {
      return switch (shape) {
        case DEPLOYMENT -> DoubleStream.empty();
        case BATCH -> DoubleStream.generate(() -> 0).limit((long) to);
        case COUNTED ->
            random
                .doubles((long) to + (random.nextDouble() < to % 1 ? 1 : 0))
                .map(share -> share * seconds);
        // Thinning: of candidates at the highest rate as many stay as the rate of their time says.
        case RAMP, WAVE -> {
          double highest = Math.max(from, to);
          yield DoubleStream.iterate(
                  random.nextExponential() / highest,
                  at -> at < seconds,
                  at -> at + random.nextExponential() / highest)
              .filter(at -> from == to || random.nextDouble() * highest < rate(at / seconds));
        }
      };
    }

    private double rate(double share) {
      double risen = shape == Shape.WAVE ? (1 - Math.cos(2 * Math.PI * share)) / 2 : share;
      return from + (to - from) * risen;
    }
  }

  double seconds() {
    return start(pieces.size());
  }

  /** When a piece begins. */
  private double start(int index) {
    return pieces.subList(0, index).stream().mapToDouble(Piece::seconds).sum();
  }

  /** The seconds at which jobs are sent, in their order. */
  double[] draw(RandomGenerator random) {
    var arrivals = DoubleStream.builder();
    double start = 0;
    for (Piece piece : pieces) {
      double begin = start;
      piece.draw(random).forEach(at -> arrivals.add(begin + at));
      start += piece.seconds();
    }
    return arrivals.build().sorted().toArray();
  }

  /** Jobs of this load, in the order in which they are sent. */
  List<Job> jobs(Durations durations, RandomGenerator random) {
    return Arrays.stream(draw(random)).mapToObj(at -> new Job(at, durations.draw(random))).toList();
  }

  /** When the load first at least doubles from one piece to the next, or a batch comes. */
  OptionalDouble surge() {
    for (int i = 0; i < pieces.size(); i++) {
      Piece piece = pieces.get(i);
      Piece before = pieces.get(Math.max(0, i - 1));
      boolean doubles =
          i > 0
              && piece.shape() == Piece.Shape.RAMP
              && before.shape() == Piece.Shape.RAMP
              && piece.from() >= 2 * before.to();
      if (doubles || piece.shape() == Piece.Shape.BATCH) {
        return OptionalDouble.of(start(i));
      }
    }
    return OptionalDouble.empty();
  }

  /** When deployments begin, in seconds. */
  List<Double> deployments() {
    var starts = new ArrayList<Double>();
    for (int i = 0; i < pieces.size(); i++) {
      if (pieces.get(i).shape() == Piece.Shape.DEPLOYMENT) {
        starts.add(start(i));
      }
    }
    return starts;
  }

  /**
   * @throws IllegalArgumentException with one sentence that names the place, the value and what is
   *     expected
   */
  static Load parse(String text) {
    var pieces = new ArrayList<Piece>();
    if (text.endsWith(".csv")) {
      var minutes = Minutes.csv("load", Path.of(text));
      for (var at = minutes.firstKey(); !at.isAfter(minutes.lastKey()); at = at.plusSeconds(60)) {
        pieces.add(counted(Minutes.need("load", Path.of(text), minutes, at)));
      }
      return new Load(text, pieces);
    }
    for (String part : text.split(",", -1)) {
      String place = "load, piece %d '%s': ".formatted(pieces.size() + 1, part.strip());
      pieces.add(piece(place, part.strip().replaceAll(" +", " ")));
    }
    return new Load(text, pieces);
  }

  /** A minute with so many jobs. */
  static Piece counted(double jobs) {
    return new Piece(Piece.Shape.COUNTED, 0, jobs, Simulation.MINUTE);
  }

  private static Piece piece(String place, String text) {
    if (text.equals("deploy")) {
      return new Piece(Piece.Shape.DEPLOYMENT, 0, 0, 0);
    }
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
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(place + "a number must be 0 or more, was " + number);
    }
    return value;
  }

  private static int unit(String place, String unit) {
    Integer seconds = UNITS.get(unit);
    if (seconds == null) {
      throw new IllegalArgumentException(
          place + "a unit must be s, m or min, h or d, was '%s'".formatted(unit));
    }
    return seconds;
  }

  /** How long jobs run. */
  interface Durations {

    Pattern WORDS =
        Pattern.compile(
            "(constant|exponential|lognormal) " + NUMBER + " ?([a-z]+)(?: " + NUMBER + ")?");

    double draw(RandomGenerator random);

    /**
     * {@code constant 60s}, {@code exponential 60s}, {@code lognormal 60s 1.0} (mean and sigma) or
     * a file with one duration in seconds a line, from which is drawn.
     *
     * @throws IllegalArgumentException as {@link Load#parse} does
     */
    static Durations parse(String text) {
      Matcher words = WORDS.matcher(text.strip());
      if (!words.matches()) {
        return samples(text.strip());
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

    private static Durations samples(String file) {
      double[] samples =
          Minutes.lines(
                  Path.of(file),
                  "jobs: expected 'constant 60s', 'exponential 60s', 'lognormal 60s 1.0' or a"
                      + " readable file")
              .stream()
              .filter(line -> !line.isBlank())
              .mapToDouble(line -> sample("jobs, %s: ".formatted(file), line.strip()))
              .toArray();
      if (samples.length == 0) {
        throw new IllegalArgumentException(
            "jobs: %s must have a duration in seconds on each line, was empty".formatted(file));
      }
      return random -> samples[random.nextInt(samples.length)];
    }

    private static double sample(String place, String line) {
      try {
        return notNegative(place, line);
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            place + "expected a duration in seconds on each line, was '%s'".formatted(line), e);
      }
    }
  }
}
