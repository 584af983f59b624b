package so.suna.queuemetrics.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSyntaxException;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import so.suna.queuemetrics.http.Event.Format;
import so.suna.queuemetrics.http.Event.KeepAlive;
import so.suna.queuemetrics.http.Event.NotUnderstood;
import so.suna.queuemetrics.http.Event.Request;

/**
 * The events and answers of <a
 * href="https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html">function URLs</a>, <a
 * href="https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html">HTTP
 * APIs</a>, <a
 * href="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html">REST
 * APIs</a> and <a
 * href="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html">load
 * balancers</a>. Pure.
 */
public final class Events {

  /** Payload 2.0: function URLs, and HTTP APIs unless they are set to 1.0. */
  private static final String PATH = "rawPath";

  private static final String METHOD = "requestContext.http.method";

  /** Load balancers, REST APIs and payload 1.0. */
  private static final String OLDER_PATH = "path";

  private static final String OLDER_METHOD = "httpMethod";

  private static final String MANY_HEADERS = "multiValueHeaders";

  /** Fields that tell from whom an event is: an API, a load balancer or a schedule. */
  private static final List<String> KNOWN =
      List.of(PATH, METHOD, OLDER_PATH, OLDER_METHOD, "version", "requestContext.elb", "source");

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
      return request(event, METHOD, PATH, isSigned(event), Format.PLAIN);
    }
    if (isText(event, OLDER_PATH) && isText(event, OLDER_METHOD)) {
      var format =
          new Format(
              find(event, "requestContext.elb").isJsonObject(),
              find(event, MANY_HEADERS).isJsonObject());
      return request(event, OLDER_METHOD, OLDER_PATH, false, format);
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
                    "expected %s and %s, or %s and %s, found ["
                        .formatted(PATH, METHOD, OLDER_PATH, OLDER_METHOD),
                    "]")));
  }

  private static Request request(
      JsonElement event, String method, String path, boolean authenticated, Format format) {
    return new Request(
        text(event, method),
        withoutStage(text(event, path), text(event, "requestContext.stage")),
        header(event, "authorization"),
        header(event, "accept"),
        authenticated,
        format);
  }

  /** The answer in the format that the sender of the event expects. */
  public static byte[] write(Answer answer, Event event) {
    Format format = event instanceof Request request ? request.format() : Format.PLAIN;
    var headers = new JsonObject();
    answer.headers().forEach((name, value) -> headers.add(name, headerValue(value, format)));
    var json = new JsonObject();
    json.addProperty("statusCode", answer.status());
    if (format.statusDescription()) {
      json.addProperty("statusDescription", answer.statusDescription());
    }
    json.addProperty("isBase64Encoded", false);
    json.add(format.multiValueHeaders() ? MANY_HEADERS : "headers", headers);
    json.addProperty("body", answer.body());
    return json.toString().getBytes(UTF_8);
  }

  private static JsonElement headerValue(String value, Format format) {
    var values = new JsonArray();
    values.add(value);
    return format.multiValueHeaders() ? values : values.get(0);
  }

  /**
   * AWS fills this in once a signature is right. What a JWT says of the caller stands elsewhere.
   */
  private static boolean isSigned(JsonElement event) {
    return find(event, "requestContext.authorizer.iam") instanceof JsonObject caller
        && caller.asMap().values().stream().anyMatch(value -> !value.isJsonNull());
  }

  /** At its own address, though not at a custom domain, an API puts the stage before the path. */
  private static String withoutStage(String path, String stage) {
    return path.startsWith("/" + stage + "/api/") ? path.substring(stage.length() + 1) : path;
  }

  /** Function URLs send header names in lower case, but other callers may not. */
  private static String header(JsonElement event, String wanted) {
    JsonElement many = find(event, MANY_HEADERS);
    return (many.isJsonObject() ? many : find(event, "headers")) instanceof JsonObject headers
        ? headers.entrySet().stream()
            .filter(header -> header.getKey().equalsIgnoreCase(wanted))
            .map(Map.Entry::getValue)
            .flatMap(
                value ->
                    value instanceof JsonArray values ? values.asList().stream() : Stream.of(value))
            .filter(JsonElement::isJsonPrimitive)
            .map(JsonElement::getAsString)
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
