package so.suna.queuemetrics.dramatiq;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** How long ago a waiting message was first sent, from its {@code message_timestamp}. Pure. */
final class MessageAge {

  /** Dramatiq's first year: an earlier time is in seconds, or nobody set it. */
  private static final Instant EARLIEST = Instant.parse("2017-01-01T00:00:00Z");

  /** A sender's clock may be wrong by this much; a later time is in microseconds. */
  private static final Duration LATEST = Duration.ofDays(1);

  private MessageAge() {}

  /**
   * The age in seconds of the older of a queue's first and last message. The first is the oldest of
   * those that were enqueued to be run at once. What comes back later (a requeue, a due retry, a
   * due delay) goes to the tail with its first timestamp, so the last may be older; once younger
   * ones follow it, it is not seen, and the age is a lower bound. Zero if nothing waits, and if the
   * sender's clock runs ahead of ours by up to a day; absent if both payloads are gone.
   *
   * @param first when the first message was sent, as snapshot.lua replies it
   * @param last the same of the last message
   */
  static Reading oldest(
      String queue, Reading waiting, @Nullable Object first, @Nullable Object last, Instant now) {
    return waiting.equals(new Reading.Known(0))
        ? new Reading.Known(0)
        : age(queue, first, now).and(age(queue, last, now), Math::max);
  }

  private static Reading age(String queue, @Nullable Object sent, Instant now) {
    if (sent == null) {
      return new Reading.Absent();
    }
    if (!(sent instanceof byte[] digits)) {
      return unknown(queue, SnapshotReader.reason(sent));
    }
    double sentMillis = Double.parseDouble(new String(digits, US_ASCII));
    if (sentMillis < EARLIEST.toEpochMilli() || sentMillis > now.plus(LATEST).toEpochMilli()) {
      return unknown(
          queue,
          "message_timestamp must be in milliseconds and from 2017 to a day ahead, was "
              + (sentMillis < EARLIEST.toEpochMilli() ? "earlier" : "later"));
    }
    return new Reading.Known(Math.max(0, now.toEpochMilli() - sentMillis) / 1000);
  }

  private static Reading unknown(String queue, String reason) {
    return new Reading.Unknown("%s%s not read: %s".formatted(queue, Metric.OLDEST_JOB_AGE, reason));
  }
}
