package so.suna.queuemetrics.dramatiq;

import java.util.List;
import java.util.Optional;
import java.util.function.BinaryOperator;

/**
 * A value that was read, or the reason why it could not be. Unknown is never 0: a 0 sends workers
 * home. Immutable.
 *
 * @param <T> the value's type: messages ({@code Long}) or an age
 */
public sealed interface Reading<T> {

  /** It was read. */
  record Known<T>(T value) implements Reading<T> {}

  /**
   * It could not be read.
   *
   * @param reason what could not be read and why, without secrets or payloads
   */
  record Unknown<T>(String reason) implements Reading<T> {}

  /** The value, or empty where it is unknown. */
  default Optional<T> known() {
    return switch (this) {
      case Known<T>(var value) -> Optional.of(value);
      case Unknown<T> _ -> Optional.empty();
    };
  }

  /** Both values as one; unknown as soon as one of them is, with the first reason. */
  default Reading<T> and(Reading<T> other, BinaryOperator<T> combine) {
    return switch (this) {
      case Unknown<T> unknown -> unknown;
      case Known<T>(var left) ->
          switch (other) {
            case Unknown<T> unknown -> unknown;
            case Known<T>(var right) -> new Known<>(combine.apply(left, right));
          };
    };
  }

  /**
   * All values as one; unknown as soon as one of them is.
   *
   * @throws IllegalArgumentException if there are none, since the sum of nothing is not a reading
   */
  static <T> Reading<T> all(List<Reading<T>> readings, BinaryOperator<T> combine) {
    return readings.stream()
        .reduce((left, right) -> left.and(right, combine))
        .orElseThrow(() -> new IllegalArgumentException("expected at least one reading, got none"));
  }
}
