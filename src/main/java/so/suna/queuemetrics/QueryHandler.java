package so.suna.queuemetrics;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import com.google.gson.JsonObject;
import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.time.Clock;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import so.suna.queuemetrics.dramatiq.SnapshotReader;
import so.suna.queuemetrics.http.Answer;
import so.suna.queuemetrics.http.Request;
import so.suna.queuemetrics.http.Routes;
import so.suna.queuemetrics.redis.IamToken;
import so.suna.queuemetrics.redis.ReadOnlyRedis;

/**
 * Answers the function URL: {@code /api/metrics/queue} and the health checks. It reads and writes
 * the JSON itself: Lambda's typed handlers would load Jackson, at several times the cost of the
 * answer's own start.
 */
public final class QueryHandler implements RequestStreamHandler {

  /** An answer as it is sent. */
  private record Sent(Answer answer, String json) {}

  private final Routes routes;
  private @Nullable Sent last;

  /**
   * The one that Lambda calls. Opens no connection, so nothing of it can be stale when a SnapStart
   * snapshot is restored.
   *
   * @throws IllegalArgumentException if the environment is bad
   */
  public QueryHandler() {
    this(System.getenv());
  }

  QueryHandler(Map<String, String> environment) {
    this(routes(Settings.of(environment)));
  }

  QueryHandler(Routes routes) {
    this.routes = routes;
  }

  private static Routes routes(Settings settings) {
    var redis = new ReadOnlyRedis(settings.redis(), IamToken.ofThisFunction());
    var queues =
        new SnapshotReader(
            redis::evaluate, settings.dramatiqNamespace(), settings.queues(), Clock.systemUTC());
    return new Routes(
        queues::read,
        redis::ping,
        settings.database().map(database -> database::selectOne),
        settings.queryToken(),
        Clock.systemUTC());
  }

  @Override
  public void handleRequest(InputStream event, OutputStream result, Context context)
      throws IOException {
    Request request = Request.of(new StringReader(new String(event.readAllBytes(), UTF_8)));
    Answer answer =
        routes.answer(
            request,
            context.getLogStreamName(),
            // Without a level: Lambda would write it before the line, which is JSON no more then.
            (what, cause) -> context.getLogger().log(failure(what, cause) + "\n"));
    Sent sent = last;
    if (sent == null || !sent.answer().equals(answer)) {
      sent = new Sent(answer, json(answer));
      last = sent;
    }
    result.write(sent.json().getBytes(UTF_8));
  }

  /** As a function URL wants it, payload 2.0. */
  private static String json(Answer answer) throws IOException {
    var text = new StringWriter(1_024);
    try (var json = new JsonWriter(text)) {
      json.beginObject().name("statusCode").value(answer.status());
      json.name("headers").beginObject();
      for (var header : answer.headers().entrySet()) {
        json.name(header.getKey()).value(header.getValue());
      }
      json.endObject().name("body").value(answer.body()).endObject();
    }
    return text.toString();
  }

  private static String failure(String what, Exception cause) {
    var line = new JsonObject();
    line.addProperty("event", what);
    line.addProperty(
        "cause",
        Stream.iterate((Throwable) cause, Objects::nonNull, Throwable::getCause)
            .map(Throwable::toString)
            .collect(Collectors.joining(", caused by ")));
    return line.toString();
  }
}
