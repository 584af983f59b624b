package so.suna.queuemetrics.dramatiq;

import static java.nio.charset.StandardCharsets.UTF_8;
import static so.suna.queuemetrics.local.Fuzz.oneOf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import so.suna.queuemetrics.local.Fuzz;

/** What a payload can become: other JSON, or none any more. */
final class PayloadMutations {

  /** What an argument may hold, and no message of ours. */
  static final String SECRET = "s3cret-argument";

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Well-formed and not, as they stand in JSON after {@code "message_timestamp":}. */
  private static final List<String> TIMESTAMPS =
      List.of(
          "0",
          "1",
          "-1",
          "-0",
          "00",
          "007",
          "+5",
          " 5",
          "5 ",
          "\t5",
          "\n5",
          "5.0",
          "5e3",
          "5E-3",
          "0x5",
          ".5",
          "5.",
          "NaN",
          "Infinity",
          "-Infinity",
          "null",
          "true",
          "\"5\"",
          "[5]",
          "{\"message_timestamp\":5}",
          "999999999999999999",
          "1000000000000000000",
          "9223372036854775807",
          "9223372036854775808",
          "5".repeat(100),
          "٥",
          "1_000");

  /** Pieces that the reader could stumble over, put in anywhere. */
  private static final List<String> PIECES =
      List.of(
          "\"message_timestamp\":",
          ",\"message_timestamp\":1}",
          "{\"message_timestamp\":2}",
          "\\\",\\\"message_timestamp\\\":3}",
          "\"message_timestamp\":4,",
          ",\"\\u006dessage_timestamp\":5}",
          "\"message_id\":\"a\",\"message_timestamp\":6}",
          "{",
          "}",
          "[",
          "]",
          "\"",
          "\\",
          ",",
          ":",
          " ",
          "\n",
          "\r\n",
          "\t",
          "\u000b",
          "\0",
          "NaN",
          "nul",
          "\\u0000",
          "\\ud83d",
          "\\x",
          "\ufeff",
          "é",
          "\u2028",
          "🦑",
          "//",
          "/*",
          "#");

  private static final List<Integer> DEPTHS = List.of(2, 20, 200, 254, 255, 256, 1_000, 5_000);

  private PayloadMutations() {}

  /** One to three changes, now and then none. */
  static byte[] mutated(RandomGenerator random, byte[] payload) {
    byte[] mutated = payload;
    for (int changes = random.nextInt(4); changes > 0; changes--) {
      mutated = random.nextBoolean() ? inJson(random, mutated) : inBytes(random, mutated);
    }
    return mutated;
  }

  private static byte[] inBytes(RandomGenerator random, byte[] payload) {
    int at = random.nextInt(payload.length + 1);
    int to = Math.min(payload.length, at + random.nextInt(1, 40));
    return switch (random.nextInt(8)) {
      case 0 -> flipped(payload, at, random.nextInt(8));
      case 1 -> slice(payload, 0, at);
      case 2 -> slice(payload, at, payload.length);
      // Where an object ends, so that what is left may look whole.
      case 3 -> slice(payload, 0, afterNext('}', payload, at));
      case 4 -> joined(slice(payload, 0, at), slice(payload, to, payload.length));
      case 5 -> joined(slice(payload, 0, to), slice(payload, at, payload.length));
      case 6 -> inserted(payload, at, Fuzz.bytes(random, 8));
      default -> inserted(payload, at, oneOf(random, PIECES).getBytes(UTF_8));
    };
  }

  /** What is no object of JSON stays as it is. */
  private static byte[] inJson(RandomGenerator random, byte[] payload) {
    JsonNode read;
    try {
      read = JSON.readTree(payload);
    } catch (IOException _) {
      return payload;
    }
    if (!(read instanceof ObjectNode message)) {
      return payload;
    }
    switch (random.nextInt(8)) {
      case 0, 1 ->
          message.putRawValue("message_timestamp", new RawValue(oneOf(random, TIMESTAMPS)));
      case 2 -> message.remove("message_timestamp");
      case 3 -> message.set("args", message.deepCopy());
      case 4 -> message.put("args", SECRET + oneOf(random, PIECES) + oneOf(random, PIECES));
      case 5 -> message.putRawValue("args", new RawValue(nested(oneOf(random, DEPTHS))));
      case 6 -> shuffle(random, message);
      default -> message.put("zz", random.nextInt());
    }
    String text = random.nextInt(4) == 0 ? message.toPrettyString() : message.toString();
    return (random.nextInt(8) == 0 ? twice(random, text) : text).getBytes(UTF_8);
  }

  private static void shuffle(RandomGenerator random, ObjectNode message) {
    List<String> names = new ArrayList<>();
    message.fieldNames().forEachRemaining(names::add);
    Collections.shuffle(names, Random.from(random));
    names.forEach(name -> message.set(name, message.remove(name)));
  }

  /** The same member once more, first or last. */
  private static String twice(RandomGenerator random, String object) {
    String member = "\"message_timestamp\":" + oneOf(random, TIMESTAMPS);
    return random.nextBoolean()
        ? "{" + member + "," + object.substring(1)
        : object.substring(0, object.length() - 1) + "," + member + "}";
  }

  private static String nested(int depth) {
    return "[".repeat(depth) + "{\"message_timestamp\":7}" + "]".repeat(depth);
  }

  private static byte[] flipped(byte[] payload, int at, int bit) {
    byte[] flipped = payload.clone();
    if (at < flipped.length) {
      flipped[at] ^= (byte) (1 << bit);
    }
    return flipped;
  }

  private static int afterNext(char wanted, byte[] payload, int from) {
    for (int i = from; i < payload.length; i++) {
      if (payload[i] == wanted) {
        return i + 1;
      }
    }
    return payload.length;
  }

  private static byte[] inserted(byte[] payload, int at, byte[] piece) {
    return joined(slice(payload, 0, at), piece, slice(payload, at, payload.length));
  }

  private static byte[] slice(byte[] bytes, int from, int to) {
    return Arrays.copyOfRange(bytes, from, to);
  }

  private static byte[] joined(byte[]... parts) {
    var all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }
}
