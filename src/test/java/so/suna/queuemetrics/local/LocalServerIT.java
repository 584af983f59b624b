package so.suna.queuemetrics.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpHandler;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LocalServerIT {

  private static final HttpHandler FUNCTION =
      exchange -> {
        exchange.sendResponseHeaders(418, -1);
        exchange.close();
      };

  private final int port = RedisServer.freePort();
  private final List<String> done = new ArrayList<>();
  private final Updates updates = new Updates();
  private final HttpClient client = HttpClient.newHttpClient();
  private final LocalServer server =
      new LocalServer(
          port,
          "<p>page</p>",
          updates,
          Map.of(
              "burst",
              () -> done.add("burst"),
              "fail",
              () -> {
                throw new IllegalStateException("Redis is stopped");
              }),
          FUNCTION);

  LocalServerIT() throws IOException {}

  @AfterEach
  void close() {
    server.close();
    client.close();
  }

  private HttpResponse<String> ask(String method, String path, String... headers)
      throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:%d%s".formatted(port, path)))
            .method(method, HttpRequest.BodyPublishers.noBody());
    if (headers.length > 0) {
      request.headers(headers);
    }
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void servesThePageWhichMayLoadNothingFromElsewhere() throws Exception {
    var answer = ask("GET", "/");
    assertThat(answer.body()).isEqualTo("<p>page</p>");
    assertThat(answer.headers().firstValue("Content-Type")).hasValue("text/html; charset=utf-8");
    assertThat(answer.headers().firstValue("Content-Security-Policy").orElseThrow())
        .startsWith("default-src 'none';");
  }

  @ParameterizedTest
  @CsvSource({
    "GET,/api/metrics/queue",
    "POST,/",
    "POST,/events",
    "GET,/actions/burst",
    "GET,/page"
  })
  void leavesEverythingElseToTheFunction(String method, String path) throws Exception {
    assertThat(ask(method, path).statusCode()).isEqualTo(418);
    assertThat(done).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # What a program asks for is done, and what the page of this server asks for.
          burst      |                                                         | 204 |
          burst      | Origin http://127.0.0.1:PORT Sec-Fetch-Site same-origin | 204 |
          burst      | Origin http://localhost:PORT Sec-Fetch-Site same-origin | 204 |
          burst      | Origin https://elsewhere.example                        | 403 | only the page of this server may ask for that
          burst      | Origin null                                             | 403 | only the page of this server may ask for that
          burst      | Origin http://127.0.0.1:1                               | 403 | only the page of this server may ask for that
          burst      | Origin http://127.0.0.1                                 | 403 | only the page of this server may ask for that
          burst      | Sec-Fetch-Site cross-site                               | 403 | only the page of this server may ask for that
          burst      | Sec-Fetch-Site same-site                                | 403 | only the page of this server may ask for that
          stop-redis |                                                         | 403 | not possible in this run
          fail       |                                                         | 409 | Redis is stopped
          """)
  void doesWhatAProgramOrItsPageAsksForAndSaysWhyNot(
      String action, @Nullable String headers, int status, @Nullable String detail)
      throws Exception {
    String[] sent = headers == null ? new String[0] : headers.replace("PORT", "" + port).split(" ");

    var answer = ask("POST", "/actions/" + action, sent);

    assertThat(answer.statusCode()).isEqualTo(status);
    assertThat(answer.body())
        .isEqualTo(detail == null ? "" : "{\"detail\":\"%s\"}".formatted(detail));
    assertThat(done).isEqualTo(status == 204 ? List.of(action) : List.of());
  }

  @Test
  void sendsTheLatestStateAtOnceAndThenEachChange() throws Exception {
    updates.publish("{\"tick\":1}");
    var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:%d/events".formatted(port)));
    var answer = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    assertThat(answer.headers().firstValue("Content-Type")).hasValue("text/event-stream");
    try (var lines =
        new BufferedReader(new InputStreamReader(answer.body(), StandardCharsets.UTF_8))) {
      assertThat(lines.readLine()).isEqualTo("data: {\"tick\":1}");
      updates.publish("{\"tick\":2}");
      assertThat(lines.readLine()).isEmpty();
      assertThat(lines.readLine()).isEqualTo("data: {\"tick\":2}");
    }
  }
}
