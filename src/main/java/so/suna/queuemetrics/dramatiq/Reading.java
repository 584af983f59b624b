package so.suna.queuemetrics.dramatiq;

import java.util.OptionalDouble;
import java.util.function.DoubleBinaryOperator;

/**
 * A value that was read, or the reason why it could not be. Unknown is never 0: a 0 sends workers
 * home. Immutable.
 */
public sealed interface Reading {

  /** It was read, in the unit of its metric; counts are exact up to 2^53. */
  record Known(double value) implements Reading {}

  /** It could not be read, which is a problem; the reason holds nothing that a producer wrote. */
  record Unknown(String reason) implements Reading {}

  /** There is nothing to read: a setting leaves it out, or the message that told it is gone. */
  record Absent() implements Reading {}

  /** The value, or empty without one. */
  default OptionalDouble known() {
    return switch (this) {
      case Known(var value) -> OptionalDouble.of(value);
      case Unknown _, Absent _ -> OptionalDouble.empty();
    };
  }

  /**
   * Both values as one: unknown if either is, with the first reason; an absent one adds nothing.
   */
  default Reading and(Reading other, DoubleBinaryOperator combine) {
    if (this instanceof Known(var left) && other instanceof Known(var right)) {
      return new Known(combine.applyAsDouble(left, right));
    }
    return this instanceof Unknown || other instanceof Absent ? this : other;
  }
}
