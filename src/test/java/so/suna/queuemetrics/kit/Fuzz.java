package so.suna.queuemetrics.kit;

import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Random cases that are the same in every run, unless {@code -Dfuzz.seed} and {@code -Dfuzz.cases}
 * say otherwise. A generator of our own: what is tried is a Lua script in another process, into
 * which no coverage-guided fuzzer sees, and fields that must be changed as fields.
 */
public final class Fuzz {

  private static final long SEED = Long.getLong("fuzz.seed", 20_261_123);

  /** One case: draws what it tries, and throws where that shows a fault. */
  @FunctionalInterface
  public interface Case {
    void run(RandomGenerator random) throws Exception;
  }

  private Fuzz() {}

  /**
   * Runs the case over and over, each time with a seed of its own.
   *
   * @param usual how often, where {@code -Dfuzz.cases} does not say
   * @throws AssertionError for the first that fails, with what repeats it
   */
  public static void cases(String what, int usual, Case property) {
    int cases = Integer.getInteger("fuzz.cases", usual);
    System.out.printf(
        "fuzzing %s: %d cases from seed %d (-Dfuzz.cases, -Dfuzz.seed)%n", what, cases, SEED);
    for (long seed = SEED; seed < SEED + cases; seed++) {
      try {
        property.run(random(seed));
      } catch (Exception | AssertionError e) {
        throw new AssertionError(
            "%s: %s; again with -Dfuzz.cases=1 -Dfuzz.seed=%d".formatted(what, e, seed), e);
      }
    }
  }

  /** By name, since the default algorithm may be another in another Java. */
  private static RandomGenerator random(long seed) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  /** One of them, each as likely as any other. */
  public static <T> T oneOf(RandomGenerator random, List<T> choices) {
    return choices.get(random.nextInt(choices.size()));
  }

  /** Random bytes, or with luck the beginning of a text in UTF-8. */
  public static byte[] bytes(RandomGenerator random, int atMost) {
    byte[] bytes = new byte[random.nextInt(atMost + 1)];
    Random.from(random).nextBytes(bytes);
    return bytes;
  }
}
