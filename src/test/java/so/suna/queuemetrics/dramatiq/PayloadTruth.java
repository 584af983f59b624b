package so.suna.queuemetrics.dramatiq;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** When a payload was sent, found by another parser, which always looks at the whole. */
final class PayloadTruth {

  /** RFC 8259 in UTF-8, nested no deeper than Gson takes it. */
  private static final JsonFactory STRICT = factory(255);

  /** As Python reads, and so Dramatiq: NaN and the infinities are numbers. */
  private static final JsonFactory PYTHON =
      factory(Integer.MAX_VALUE)
          .rebuild()
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .build();

  private static final Pattern WHOLE_MILLIS = Pattern.compile("[0-9]{1,18}");
  private static final Pattern SURROGATE = Pattern.compile("\\\\u[dD][89a-fA-F][0-9a-fA-F]{2}");
  private static final Pattern ENDS =
      Pattern.compile(
          "[ \t\n\r]*\\{.*[{,]\"message_timestamp\":(0|[1-9][0-9]{0,17})}", Pattern.DOTALL);

  private PayloadTruth() {}

  /** Empty where JSON does not tell it, in whole milliseconds; then the age may be unknown. */
  static OptionalLong inJson(byte[] payload) {
    return sent(STRICT, payload);
  }

  /**
   * Empty where neither Dramatiq can tell it nor the payload begins and ends as a message does;
   * then the age must be unknown. What is damaged between its two ends counts by the latter.
   */
  static OptionalLong inMessage(byte[] payload) {
    OptionalLong read = sent(PYTHON, payload);
    Matcher message = ENDS.matcher(new String(payload, ISO_8859_1));
    return read.isEmpty() && message.matches()
        ? OptionalLong.of(Long.parseLong(message.group(1)))
        : read;
  }

  /** The last of the top-level members of that name, as in Python. */
  private static OptionalLong sent(JsonFactory factory, byte[] payload) {
    String found = "";
    try (JsonParser json = factory.createParser(text(payload))) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        return OptionalLong.empty();
      }
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        boolean wanted = json.currentName().equals("message_timestamp");
        JsonToken value = json.nextToken();
        if (wanted) {
          found = value.isNumeric() ? json.getText() : value.name();
        }
        json.skipChildren();
      }
      if (json.nextToken() != null) {
        return OptionalLong.empty();
      }
    } catch (IOException _) {
      return OptionalLong.empty();
    }
    return WHOLE_MILLIS.matcher(found).matches()
        ? OptionalLong.of(Long.parseLong(found))
        : OptionalLong.empty();
  }

  /**
   * @throws CharacterCodingException where it is not UTF-8
   */
  private static String text(byte[] payload) throws CharacterCodingException {
    String text = UTF_8.newDecoder().decode(ByteBuffer.wrap(payload)).toString();
    // Half of a pair is right in JSON, but Jackson refuses it in a name.
    return SURROGATE.matcher(text).replaceAll("\\\\ufffd");
  }

  private static JsonFactory factory(int depth) {
    return JsonFactory.builder()
        .streamReadConstraints(
            StreamReadConstraints.builder()
                .maxNestingDepth(depth)
                .maxNumberLength(Integer.MAX_VALUE)
                .maxStringLength(Integer.MAX_VALUE)
                .build())
        .build();
  }
}
