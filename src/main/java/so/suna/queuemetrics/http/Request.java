package so.suna.queuemetrics.http;

import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.Reader;

/**
 * What the routes look at of a request.
 *
 * @param path as it came, percent-encoded
 * @param authorization the header's value, empty where there is none
 */
public record Request(String method, String path, String authorization) {

  /**
   * Of a function URL's event, payload 2.0; what the event lacks is empty, and what else it has is
   * skipped.
   *
   * @throws IOException if it cannot be read or does not begin with a whole JSON value; what comes
   *     after that is not looked at
   */
  public static Request of(Reader event) throws IOException {
    var json = new JsonReader(event);
    String method = "";
    String path = "";
    String authorization = "";
    if (isObject(json)) {
      json.beginObject();
      while (json.hasNext()) {
        switch (json.nextName()) {
          case "requestContext" -> method = method(json);
          case "rawPath" -> path = text(json);
          case "headers" -> authorization = authorization(json);
          default -> json.skipValue();
        }
      }
    }
    return new Request(method, path, authorization);
  }

  private static String method(JsonReader requestContext) throws IOException {
    String method = "";
    if (isObject(requestContext)) {
      requestContext.beginObject();
      while (requestContext.hasNext()) {
        switch (requestContext.nextName()) {
          case "http" -> method = member("method", requestContext);
          default -> requestContext.skipValue();
        }
      }
      requestContext.endObject();
    }
    return method;
  }

  /** Function URLs send names in lower case; other callers, as they like. */
  private static String authorization(JsonReader headers) throws IOException {
    return member("authorization", headers);
  }

  private static String member(String name, JsonReader parent) throws IOException {
    String value = "";
    if (isObject(parent)) {
      parent.beginObject();
      while (parent.hasNext()) {
        if (parent.nextName().equalsIgnoreCase(name)) {
          value = text(parent);
        } else {
          parent.skipValue();
        }
      }
      parent.endObject();
    }
    return value;
  }

  /** Whether an object comes next; anything else is skipped. */
  private static boolean isObject(JsonReader json) throws IOException {
    boolean object = json.peek() == JsonToken.BEGIN_OBJECT;
    if (!object) {
      json.skipValue();
    }
    return object;
  }

  private static String text(JsonReader json) throws IOException {
    return switch (json.peek()) {
      case STRING, NUMBER -> json.nextString();
      case BOOLEAN -> String.valueOf(json.nextBoolean());
      default -> {
        json.skipValue();
        yield "";
      }
    };
  }
}
