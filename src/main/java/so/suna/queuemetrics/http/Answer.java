package so.suna.queuemetrics.http;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An HTTP answer.
 *
 * @param body JSON, OpenMetrics or empty
 */
public record Answer(int status, Map<String, String> headers, String body) {

  static final Answer NO_CONTENT = new Answer(204, Map.of(), "");

  public Answer {
    headers = Map.copyOf(headers);
  }

  static Answer json(int status, String body) {
    return of(status, "application/json", body);
  }

  static Answer of(int status, String contentType, String body) {
    return new Answer(
        status, Map.of("Content-Type", contentType, "Cache-Control", "no-store"), body);
  }

  /** An error in FastAPI's shape. */
  static Answer error(int status, String detail) {
    return json(status, "{\"detail\":\"%s\"}".formatted(detail));
  }

  Answer with(String header, String value) {
    var more = new LinkedHashMap<>(headers);
    more.put(header, value);
    return new Answer(status, more, body);
  }

  String statusDescription() {
    return switch (status) {
      case 200 -> "200 OK";
      case 401 -> "401 Unauthorized";
      case 404 -> "404 Not Found";
      case 405 -> "405 Method Not Allowed";
      default -> "500 Internal Server Error";
    };
  }

  Answer withoutBody() {
    return new Answer(status, headers, "");
  }
}
