package so.suna.queuemetrics;

import static so.suna.queuemetrics.kit.Fuzz.oneOf;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import java.util.Locale;
import java.util.random.RandomGenerator;

/** What callers can make of a request, and now and then what only a broken Lambda could. */
final class EventMutations {

  static final String TOKEN = "aZ09._~+/-==";

  private static final List<String> PATHS =
      List.of("/api/metrics/queue", "/api/health", "/api/health-docker", "/", "", "/api");

  private static final String LONG = "x".repeat(5_000);
  private static final String SQUID = "%F0%9F%A6%91";

  private static final List<String> PIECES =
      List.of(
          "/", "//", "/.", "/..", "%2f", "%2F", "%", "%2", "%zz", "%00", "%c3%28", SQUID, "+", "?",
          "#", ";", "\\", "\0", "\r\n", "é", "🦑", "\ud83d", "\u202e", " ", "a", LONG);

  private static final List<String> METHODS =
      List.of(
          "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "Head", "GET ", "",
          "G\0T", "ＧＥＴ", LONG);

  private static final List<String> AUTHORIZATIONS =
      List.of(
          "Bearer " + TOKEN,
          "bearer " + TOKEN,
          "BEARER  " + TOKEN + " ",
          "Bearer" + TOKEN,
          "Bearer ",
          "Bearer",
          TOKEN,
          "Basic " + TOKEN,
          "Bearer " + TOKEN + "=",
          "Bearer " + TOKEN.substring(1),
          "Bearer " + TOKEN.toLowerCase(Locale.ROOT),
          "Bearer " + TOKEN + ", Bearer " + TOKEN,
          "Bearer\t" + TOKEN,
          "Bearer " + TOKEN + "\0",
          " Bearer " + TOKEN,
          "Bearer \ud83d",
          "Bearer ?",
          "",
          LONG);

  private static final List<String> NAMES =
      List.of(
          "authorization",
          "authorization",
          "Authorization",
          "AUTHORIZATION",
          "authorızation",
          "authorization ",
          "x-authorization",
          "cookie",
          "");

  private static final List<String> ACCEPTS =
      List.of(
          "application/openmetrics-text;version=1.0.0",
          "application/openmetrics-text;q=1,text/plain;q=0.4",
          "application/json",
          "*/*;q=0.1",
          "q=0;q=1;,;🦑",
          "");

  private static final List<JsonElement> ODD =
      JsonParser.parseString("[null, 0, -1.5, true, \"\", \"🦑\", [], {}]")
          .getAsJsonArray()
          .asList();

  private EventMutations() {}

  /** One to five changes. */
  static JsonObject mutated(RandomGenerator random, JsonObject event) {
    JsonObject mutated = event.deepCopy();
    for (int changes = random.nextInt(1, 6); changes > 0; changes--) {
      change(random, mutated);
    }
    return mutated;
  }

  private static void change(RandomGenerator random, JsonObject event) {
    switch (random.nextInt(11)) {
      case 0, 1, 2 -> event.addProperty(event.has("rawPath") ? "rawPath" : "path", path(random));
      case 3, 4 ->
          (event.has("httpMethod") ? event : inside(event, "requestContext", "http"))
              .addProperty(
                  event.has("httpMethod") ? "httpMethod" : "method", oneOf(random, METHODS));
      case 5, 6, 7 -> header(event, oneOf(random, NAMES), oneOf(random, AUTHORIZATIONS));
      case 8 -> header(event, "accept", oneOf(random, ACCEPTS));
      case 9 -> {
        event.addProperty("body", oneOf(random, PIECES).repeat(20));
        event.addProperty("isBase64Encoded", random.nextBoolean());
      }
      default -> odd(random, event);
    }
  }

  private static void header(JsonObject event, String name, String value) {
    var values = new JsonArray();
    values.add(value);
    inside(event, "multiValueHeaders").add(name, values);
    inside(event, "headers").addProperty(name, value);
  }

  private static String path(RandomGenerator random) {
    var path = new StringBuilder(oneOf(random, PATHS));
    for (int changes = random.nextInt(3); changes > 0 && !path.isEmpty(); changes--) {
      int at = random.nextInt(path.length());
      switch (random.nextInt(4)) {
        case 0 -> path.insert(at, oneOf(random, PIECES));
        case 1 -> path.deleteCharAt(at);
        case 2 -> path.setCharAt(at, Character.toUpperCase(path.charAt(at)));
        default -> path.replace(at, at + 1, "%%%02x".formatted((int) path.charAt(at)));
      }
    }
    return path.toString();
  }

  /** Something of another type, or nothing, in any place. */
  private static void odd(RandomGenerator random, JsonObject event) {
    String name = oneOf(random, List.copyOf(event.keySet()));
    if (random.nextBoolean() && event.get(name) instanceof JsonObject deeper && !deeper.isEmpty()) {
      odd(random, deeper);
    } else if (random.nextBoolean()) {
      event.add(name, oneOf(random, ODD));
    } else {
      event.remove(name);
    }
  }

  /** The object in there, or one that goes nowhere. */
  private static JsonObject inside(JsonObject event, String... names) {
    return find(event, names) instanceof JsonObject object ? object : new JsonObject();
  }

  static JsonElement find(JsonObject event, String... names) {
    JsonElement found = event;
    for (String name : names) {
      found =
          found instanceof JsonObject object && object.has(name)
              ? object.get(name)
              : JsonNull.INSTANCE;
    }
    return found;
  }
}
