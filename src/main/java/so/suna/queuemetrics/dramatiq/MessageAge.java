package so.suna.queuemetrics.dramatiq;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** How long ago a waiting message was first sent, from its {@code message_timestamp}. Pure. */
final class MessageAge {

  private static final String FIELD = "message_timestamp";

  private MessageAge() {}

  /**
   * The age of the older of a queue's first and last message. The first is the oldest of those that
   * were enqueued to be run at once. What comes back later (a requeue, a due retry, a due delay)
   * goes to the tail with its first timestamp, so the last may be older; once younger ones follow
   * it, it is not seen, and the age is a lower bound. Zero where nothing waits, and where the
   * sender's clock runs ahead of ours.
   *
   * @param first {@code sent} of the first id, as snapshot.lua replies it
   * @param last the same of the last id
   */
  static Reading oldest(String queue, @Nullable Object first, @Nullable Object last, Instant now) {
    if (first == null && last == null) {
      return new Reading.Known(0);
    }
    try {
      long oldestMillis = Math.min(sentMillis(first), sentMillis(last));
      return new Reading.Known(Math.max(0, now.toEpochMilli() - oldestMillis) / 1000.0);
    } catch (UnreadableException e) {
      return new Reading.Unknown(
          "%s%s not read: %s".formatted(queue, Metric.OLDEST_JOB_AGE, e.getMessage()));
    }
  }

  private static long sentMillis(@Nullable Object sent) throws UnreadableException {
    if (!(sent instanceof byte[] bytes)) {
      throw new UnreadableException(SnapshotReader.reason(sent));
    }
    boolean digitsOnly = bytes.length > 0 && Character.isDigit(bytes[0]);
    return digitsOnly ? parse(new String(bytes, StandardCharsets.US_ASCII)) : search(bytes);
  }

  /**
   * The top-level field of a payload that was not written by Dramatiq's own encoder; the last one
   * wins, as in Python.
   */
  private static long search(byte[] payload) throws UnreadableException {
    // A new decoder refuses what is not UTF-8, where the charset by itself would replace it.
    var utf8 = StandardCharsets.UTF_8.newDecoder();
    try (var json =
        new JsonReader(new InputStreamReader(new ByteArrayInputStream(payload), utf8))) {
      json.setStrictness(Strictness.STRICT);
      @Nullable JsonElement found = null;
      json.beginObject();
      while (json.hasNext()) {
        String name = json.nextName();
        // Not skipValue(), which lets control characters pass in strings.
        JsonElement value = JsonParser.parseReader(json);
        if (name.equals(FIELD)) {
          found = value;
        }
      }
      json.endObject();
      if (json.peek() != JsonToken.END_DOCUMENT) {
        throw new UnreadableException("payload is not valid JSON");
      }
      if (found == null) {
        throw new UnreadableException("payload has no " + FIELD);
      }
      return parse(shown(found));
    } catch (IOException | JsonParseException | IllegalStateException _) {
      // The parser's own message may quote the payload.
      throw new UnreadableException("payload is not valid JSON");
    }
  }

  private static long parse(String millis) throws UnreadableException {
    // 18 digits are 30 million years: enough, and they fit a long.
    if (!millis.matches("0|[1-9][0-9]{0,17}")) {
      throw new UnreadableException(
          FIELD + " must be whole milliseconds since 1970, was " + abbreviated(millis));
    }
    return Long.parseLong(millis);
  }

  /** Numbers only: anything else may be text of the payload, and secret. */
  private static String shown(JsonElement value) {
    return switch (value) {
      case JsonPrimitive number when number.isNumber() -> number.getAsString();
      case JsonPrimitive text when text.isString() -> "a string";
      case JsonPrimitive _ -> "a boolean";
      case JsonObject _ -> "an object";
      case JsonArray _ -> "an array";
      default -> "null";
    };
  }

  private static String abbreviated(String text) {
    return text.length() <= 32 ? text : text.substring(0, 32) + "…";
  }

  private static final class UnreadableException extends Exception {
    UnreadableException(String message) {
      super(message);
    }
  }
}
