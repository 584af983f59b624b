package so.suna.queuemetrics.local;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Locale;

/** HTTP in front of the query function, as a function URL is: payload 2.0 in, payload 2.0 out. */
final class FunctionUrl implements HttpHandler {

  private final FunctionProcess function;

  FunctionUrl(FunctionProcess function) {
    this.function = function;
  }

  @Override
  public void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      // Not getPath(): of //api/health it would take api for a host.
      String[] target = exchange.getRequestURI().toString().split("\\?", 2);
      var event =
          event(exchange.getRequestMethod(), target[0], target.length == 2 ? target[1] : "");
      exchange
          .getRequestHeaders()
          .forEach(
              (name, values) ->
                  headers(event)
                      .addProperty(name.toLowerCase(Locale.ROOT), String.join(",", values)));
      byte[] body = exchange.getRequestBody().readAllBytes();
      if (body.length > 0) {
        event.addProperty("body", Base64.getEncoder().encodeToString(body));
        event.addProperty("isBase64Encoded", true);
      }
      respond(exchange, function.invoke(event.toString()));
    }
  }

  /** The event of a request without headers or body. */
  static JsonObject event(String method, String path, String query) {
    var http = new JsonObject();
    http.addProperty("method", method);
    http.addProperty("path", path);
    http.addProperty("protocol", "HTTP/1.1");
    http.addProperty("sourceIp", "127.0.0.1");
    var requestContext = new JsonObject();
    requestContext.add("http", http);
    var event = new JsonObject();
    event.addProperty("version", "2.0");
    event.addProperty("routeKey", "$default");
    event.addProperty("rawPath", path);
    event.addProperty("rawQueryString", query);
    event.add("headers", new JsonObject());
    event.add("requestContext", requestContext);
    event.addProperty("isBase64Encoded", false);
    return event;
  }

  private static JsonObject headers(JsonObject event) {
    return event.getAsJsonObject("headers");
  }

  private static void respond(HttpExchange exchange, FunctionProcess.Outcome outcome)
      throws IOException {
    if (!outcome.succeeded()) {
      exchange.sendResponseHeaders(502, -1);
      return;
    }
    JsonObject response = JsonParser.parseString(outcome.text()).getAsJsonObject();
    response
        .getAsJsonObject("headers")
        .asMap()
        .forEach(
            (name, value) -> exchange.getResponseHeaders().put(name, List.of(value.getAsString())));
    byte[] body = response.get("body").getAsString().getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(
        response.get("statusCode").getAsInt(), body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
  }
}
