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

  @Test
  void doesWhatAProgramAsksFor() throws Exception {
    assertThat(ask("POST", "/actions/burst").statusCode()).isEqualTo(204);
    assertThat(done).containsExactly("burst");
  }

  @ParameterizedTest
  @CsvSource({"http://127.0.0.1", "http://localhost"})
  void doesWhatItsPageAsksFor(String origin) throws Exception {
    var answer =
        ask(
            "POST",
            "/actions/burst",
            "Origin",
            origin + ":" + port,
            "Sec-Fetch-Site",
            "same-origin");
    assertThat(answer.statusCode()).isEqualTo(204);
    assertThat(done).containsExactly("burst");
  }

  @ParameterizedTest
  @CsvSource({
    "Origin,https://elsewhere.example",
    "Origin,null",
    "Origin,http://127.0.0.1:1",
    "Origin,http://127.0.0.1",
    "Sec-Fetch-Site,cross-site",
    "Sec-Fetch-Site,same-site"
  })
  void refusesWhatAnotherPageAsksFor(String header, String value) throws Exception {
    var answer = ask("POST", "/actions/burst", header, value);
    assertThat(answer.statusCode()).isEqualTo(403);
    assertThat(answer.body())
        .isEqualTo("{\"detail\":\"only the page of this server may ask for that\"}");
    assertThat(done).isEmpty();
  }

  @Test
  void refusesWhatIsNotOffered() throws Exception {
    var answer = ask("POST", "/actions/stop-redis");
    assertThat(answer.statusCode()).isEqualTo(403);
    assertThat(answer.body()).isEqualTo("{\"detail\":\"not possible in this run\"}");
  }

  @Test
  void saysWhyAnActionFailed() throws Exception {
    var answer = ask("POST", "/actions/fail");
    assertThat(answer.statusCode()).isEqualTo(409);
    assertThat(answer.body()).isEqualTo("{\"detail\":\"Redis is stopped\"}");
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
