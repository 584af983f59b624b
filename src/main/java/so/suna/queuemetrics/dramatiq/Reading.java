package so.suna.queuemetrics.dramatiq;

import java.util.OptionalDouble;
import java.util.function.DoubleBinaryOperator;

/**
 * A value that was read, or the reason why it could not be. Unknown is never 0: a 0 sends workers
 * home. Immutable.
 */
public sealed interface Reading {

  /**
   * It was read.
   *
   * @param value in the unit of its metric; counts are exact up to 2^53
   */
  record Known(double value) implements Reading {}

  /**
   * It could not be read.
   *
   * @param reason what could not be read and why, without secrets or anything a producer wrote
   */
  record Unknown(String reason) implements Reading {}

  /** The value, or empty if it is unknown. */
  default OptionalDouble known() {
    return switch (this) {
      case Known(var value) -> OptionalDouble.of(value);
      case Unknown _ -> OptionalDouble.empty();
    };
  }

  /** Both values as one; unknown if either is, with the first reason. */
  default Reading and(Reading other, DoubleBinaryOperator combine) {
    return switch (this) {
      case Unknown unknown -> unknown;
      case Known(var left) ->
          switch (other) {
            case Unknown unknown -> unknown;
            case Known(var right) -> new Known(combine.applyAsDouble(left, right));
          };
    };
  }
}
