package so.suna.queuemetrics.http;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a route answers: a status, headers and JSON.
 *
 * @param body empty for HEAD
 */
public record Answer(int status, Map<String, String> headers, String body) {

  public Answer {
    headers = Map.copyOf(headers);
  }

  static Answer json(int status, String body) {
    return new Answer(
        status, Map.of("Content-Type", "application/json", "Cache-Control", "no-store"), body);
  }

  /** FastAPI's shape for everything that went wrong. */
  static Answer error(int status, String detail) {
    return json(status, "{\"detail\":\"%s\"}".formatted(detail));
  }

  Answer with(String header, String value) {
    var more = new LinkedHashMap<>(headers);
    more.put(header, value);
    return new Answer(status, more, body);
  }

  Answer withoutBody() {
    return new Answer(status, headers, "");
  }
}
