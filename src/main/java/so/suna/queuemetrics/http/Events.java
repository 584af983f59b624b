package so.suna.queuemetrics.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSyntaxException;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.stream.Collectors;
import so.suna.queuemetrics.http.Event.KeepAlive;
import so.suna.queuemetrics.http.Event.NotUnderstood;
import so.suna.queuemetrics.http.Event.Request;

/** The events and answers of function URLs and HTTP APIs: JSON in payload 2.0. Pure. */
public final class Events {

  private static final String PATH = "rawPath";
  private static final String METHOD = "requestContext.http.method";

  /** Fields that tell from whom an event is: an API, a load balancer or a schedule. */
  private static final List<String> KNOWN =
      List.of(PATH, METHOD, "version", "httpMethod", "path", "requestContext.elb", "source");

  private Events() {}

  /** An event of any shape, even if it is not JSON. */
  public static Event read(InputStream json) throws IOException {
    JsonElement event;
    try {
      event = JsonParser.parseString(new String(json.readAllBytes(), UTF_8));
    } catch (JsonSyntaxException _) {
      return new NotUnderstood("expected an event in JSON, found something else");
    }
    if (isText(event, PATH) && isText(event, METHOD)) {
      String path = withoutStage(text(event, PATH), text(event, "requestContext.stage"));
      return new Request(
          text(event, METHOD), path, header(event, "authorization"), header(event, "accept"));
    }
    if (find(event, "keepAlive").equals(new JsonPrimitive(true))) {
      return new KeepAlive();
    }
    return new NotUnderstood(
        KNOWN.stream()
            .filter(field -> !find(event, field).isJsonNull())
            .collect(
                Collectors.joining(
                    ", ",
                    "expected %s and %s, as in payload 2.0, found [".formatted(PATH, METHOD),
                    "]")));
  }

  /** The answer in the shape that payload 2.0 expects. */
  public static byte[] write(Answer answer) {
    var headers = new JsonObject();
    answer.headers().forEach(headers::addProperty);
    var json = new JsonObject();
    json.addProperty("statusCode", answer.status());
    json.add("headers", headers);
    json.addProperty("body", answer.body());
    return json.toString().getBytes(UTF_8);
  }

  /**
   * At its own address, though not at a custom domain, an HTTP API puts the stage before the path.
   */
  private static String withoutStage(String path, String stage) {
    return path.startsWith("/" + stage + "/api/") ? path.substring(stage.length() + 1) : path;
  }

  /** Function URLs send header names in lower case, but other callers may not. */
  private static String header(JsonElement event, String wanted) {
    return find(event, "headers") instanceof JsonObject headers
        ? headers.keySet().stream()
            .filter(name -> name.equalsIgnoreCase(wanted) && isText(headers, name))
            .map(name -> text(headers, name))
            .collect(Collectors.joining(","))
        : "";
  }

  private static boolean isText(JsonElement event, String field) {
    return find(event, field).isJsonPrimitive();
  }

  private static String text(JsonElement event, String field) {
    return isText(event, field) ? find(event, field).getAsString() : "";
  }

  /** The value of a field such as {@code requestContext.http}; JSON's null if there is none. */
  private static JsonElement find(JsonElement event, String field) {
    JsonElement found = event;
    for (String name : field.split("\\.", -1)) {
      found =
          found instanceof JsonObject object && object.has(name)
              ? object.get(name)
              : JsonNull.INSTANCE;
    }
    return found;
  }
}
