package so.suna.queuemetrics;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static so.suna.queuemetrics.EventMutations.find;

import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import com.amazonaws.services.lambda.runtime.serialization.events.LambdaEventSerializers;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.kit.Fuzz;
import so.suna.queuemetrics.local.LocalContext;
import so.suna.queuemetrics.local.RedisServer;

/** Requests that were changed at random, through the real handler. */
class QueryFuzzIT {

  private static final PojoSerializer<APIGatewayV2HTTPResponse> ANSWERS =
      LambdaEventSerializers.serializerFor(
          APIGatewayV2HTTPResponse.class, QueryFuzzIT.class.getClassLoader());

  /** What a route says if Redis is down; nothing if it does not ask Redis. */
  private static final Map<String, String> FAILURES =
      Map.of(
          "/api/metrics/queue", "Failed to get queue metrics",
          "/api/health", "",
          "/api/health-docker", "Health check failed");

  private static final Pattern PERCENT = Pattern.compile("%([0-9A-Fa-f]{2})");

  private static RedisServer redis;
  private static List<JsonObject> recorded;

  @BeforeAll
  static void start() throws IOException {
    redis = RedisServer.start();
    try (Stream<Path> files = Files.list(Path.of("events"))) {
      recorded =
          files
              .filter(file -> !file.toString().matches(".*/(scheduled-tick|keep-alive).json"))
              .sorted()
              .map(QueryFuzzIT::read)
              .toList();
    }
  }

  @AfterAll
  static void stop() {
    redis.close();
  }

  @ParameterizedTest
  @CsvSource({"up, with a token", "up, without", "down, with a token", "down, without"})
  void requestHasTheAnswerThatIsDocumentedAndTheTokenIsWanted(String state, String token) {
    boolean up = state.equals("up");
    boolean tokenIsSet = token.equals("with a token");
    List<String> logged = new CopyOnWriteArrayList<>();
    var handler = handler(up, tokenIsSet, logged::add);
    Fuzz.cases(
        "requests, Redis %s, %s".formatted(state, token),
        1_000,
        random -> {
          JsonObject event = EventMutations.mutated(random, Fuzz.oneOf(random, recorded));
          logged.clear();

          var answer = answer(handler, event);

          boolean understood =
              isPayload2(event) || (isText(event, "path") && isText(event, "httpMethod"));
          boolean head = understood && "HEAD".equals(method(event));
          int status = answer.get("statusCode").getAsInt();
          assertThat(status)
              .as("status for %s", event)
              .isEqualTo(understood ? status(event, up, tokenIsSet) : 404);
          assertThat(answer.get("body").getAsString())
              .as("body for %s", event)
              .matches(head ? "" : body(event, status));
          assertThat(headers(answer))
              .isEqualTo(
                  headers(
                      status,
                      status == 200
                          && path(event).equals("/api/metrics/queue")
                          && wantsOpenMetrics(event)));
          assertFormat(answer, event, understood && !isPayload2(event));
          assertThat(logged).hasSize(status == 500 || !understood ? 1 : 0);
          assertThat(logged + answer.toString()).doesNotContain(EventMutations.TOKEN);
        });
  }

  /** Several headers, even if each shows the token, are none that does. */
  private static int status(JsonObject event, boolean up, boolean tokenIsSet) {
    return !tokenIsSet || isSigned(event) || tokensShown(event).equals(List.of(true))
        ? statusWhenAllowed(event, up)
        : 401;
  }

  private static int statusWhenAllowed(JsonObject event, boolean up) {
    String failure = FAILURES.get(path(event));
    if (failure == null) {
      return 404;
    }
    if (!List.of("GET", "HEAD").contains(method(event))) {
      return 405;
    }
    return up || failure.isEmpty() ? 200 : 500;
  }

  private static String body(JsonObject event, int status) {
    return switch (status) {
      case 200 ->
          !path(event).equals("/api/metrics/queue")
              ? "\\{\"status\":\"ok\",.*}"
              : wantsOpenMetrics(event)
                  ? "(?s)# TYPE dramatiq_queue_depth .*\n# EOF\n"
                  : "\\{\"queue_depth\":0,.*}";
      case 401 -> "\\{\"detail\":\"Unauthorized\"}";
      case 404 -> "\\{\"detail\":\"Not Found\"}";
      case 405 -> "\\{\"detail\":\"Method Not Allowed\"}";
      default -> "\\{\"detail\":\"" + FAILURES.get(path(event)) + "\"}";
    };
  }

  private static boolean isPayload2(JsonObject event) {
    return isText(event, "rawPath") && isText(event, "requestContext", "http", "method");
  }

  private static boolean isSigned(JsonObject event) {
    return isPayload2(event)
        && find(event, "requestContext", "authorizer", "iam") instanceof JsonObject caller
        && !caller.asMap().values().stream().allMatch(JsonElement::isJsonNull);
  }

  private static String method(JsonObject event) {
    return isPayload2(event)
        ? text(event, "requestContext", "http", "method")
        : text(event, "httpMethod");
  }

  private static void assertFormat(JsonObject answer, JsonObject event, boolean older) {
    assertThat(answer.has("statusDescription"))
        .isEqualTo(older && find(event, "requestContext", "elb") instanceof JsonObject);
    assertThat(answer.has("multiValueHeaders"))
        .isEqualTo(older && find(event, "multiValueHeaders") instanceof JsonObject);
  }

  /** The values of each header of that name. */
  private static List<String> values(JsonObject event, String name) {
    JsonElement many = event.get("multiValueHeaders");
    return (many instanceof JsonObject ? many : event.get("headers")) instanceof JsonObject headers
        ? headers.entrySet().stream()
            .filter(header -> header.getKey().equalsIgnoreCase(name))
            .flatMap(
                header ->
                    header.getValue() instanceof JsonArray array
                        ? array.asList().stream()
                        : Stream.of(header.getValue()))
            .filter(JsonPrimitive.class::isInstance)
            .map(JsonElement::getAsString)
            .toList()
        : List.of();
  }

  private static boolean wantsOpenMetrics(JsonObject event) {
    return values(event, "accept").stream()
        .anyMatch(value -> value.startsWith("application/openmetrics-text"));
  }

  private static Map<String, String> headers(int status, boolean openMetrics) {
    var type =
        openMetrics
            ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
            : "application/json";
    var headers = new HashMap<>(Map.of("Content-Type", type, "Cache-Control", "no-store"));
    if (status == 401) {
      headers.put("WWW-Authenticate", "Bearer");
    }
    if (status == 405) {
      headers.put("Allow", "GET, HEAD");
    }
    return headers;
  }

  /** Of each header of that name, whether it shows the token. */
  private static List<Boolean> tokensShown(JsonObject event) {
    return values(event, "authorization").stream()
        .map(value -> value.matches("(?i:bearer) +" + Pattern.quote(EventMutations.TOKEN) + " *"))
        .toList();
  }

  private static String path(JsonObject event) {
    String utf8 =
        new String(text(event, isPayload2(event) ? "rawPath" : "path").getBytes(UTF_8), ISO_8859_1);
    String decoded =
        PERCENT
            .matcher(utf8)
            .replaceAll(
                hex -> Matcher.quoteReplacement("" + (char) Integer.parseInt(hex.group(1), 16)));
    String path = new String(decoded.getBytes(ISO_8859_1), UTF_8);
    return path.startsWith("/")
        ? Stream.of(path.split("/"))
            .filter(part -> !part.isEmpty())
            .collect(Collectors.joining("/", "/", ""))
        : path;
  }

  /** Numbers and booleans are read as texts; anything else is empty. */
  private static String text(JsonObject event, String... names) {
    return find(event, names) instanceof JsonPrimitive text ? text.getAsString() : "";
  }

  private static boolean isText(JsonObject event, String... names) {
    return find(event, names) instanceof JsonPrimitive;
  }

  private static QueryHandler handler(boolean up, boolean tokenIsSet, Consumer<String> log) {
    int port = up ? redis.port() : RedisServer.freePort();
    return new QueryHandler(
        Map.of(
            "REDIS_HOST",
            "127.0.0.1",
            "REDIS_PORT",
            "" + port,
            "REDIS_TLS",
            "false",
            "QUERY_TOKEN",
            tokenIsSet ? EventMutations.TOKEN : ""),
        log);
  }

  private static JsonObject answer(QueryHandler handler, JsonObject event) {
    var json = new ByteArrayOutputStream();
    try {
      handler.handleRequest(
          new ByteArrayInputStream(event.toString().getBytes(UTF_8)), json, new LocalContext());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    // What Lambda cannot read as a function URL's answer, no caller would get.
    assertThat(ANSWERS.fromJson(new ByteArrayInputStream(json.toByteArray()))).isNotNull();
    return JsonParser.parseString(json.toString(UTF_8)).getAsJsonObject();
  }

  private static Map<String, String> headers(JsonObject answer) {
    var headers = new HashMap<String, String>();
    (answer.has("headers")
            ? answer.getAsJsonObject("headers")
            : answer.getAsJsonObject("multiValueHeaders"))
        .asMap()
        .forEach((name, value) -> headers.put(name, value.getAsString()));
    return headers;
  }

  private static JsonObject read(Path file) {
    try {
      return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
