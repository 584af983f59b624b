package so.suna.queuemetrics;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import so.suna.queuemetrics.dramatiq.SnapshotReader;
import so.suna.queuemetrics.http.Answer;
import so.suna.queuemetrics.http.Event;
import so.suna.queuemetrics.http.Events;
import so.suna.queuemetrics.http.Routes;
import so.suna.queuemetrics.http.Routes.Check;
import so.suna.queuemetrics.postgres.RotatedDatabase;
import so.suna.queuemetrics.redis.IamToken;
import so.suna.queuemetrics.redis.ReadOnlyRedis;

/**
 * Answers {@code /api/metrics/queue} and the health checks. A stream handler: for a typed one,
 * Lambda loads Jackson, which takes several times as long as the rest of the start.
 */
public final class QueryHandler implements RequestStreamHandler {

  private final Routes routes;

  /** The one that Lambda calls; bad settings end it. */
  public QueryHandler() {
    this(System.getenv(), LambdaRuntime.getLogger()::log);
  }

  QueryHandler(Map<String, String> environment, Consumer<String> out) {
    var log = new JsonLog(out);
    this(routes(Settings.of(environment), log));
    FirstRead.run(() -> Events.write(routes.queueMetrics(""), new Event.KeepAlive()), log);
  }

  QueryHandler(Routes routes) {
    this.routes = routes;
  }

  private static Routes routes(Settings settings, JsonLog log) {
    var redis =
        new ReadOnlyRedis(
            settings.redis(),
            IamToken.ofThisFunction(),
            settings.redisPasswordSecret().map(secret -> secret::read));
    var queues =
        new SnapshotReader(
            redis::evaluate,
            settings.dramatiqNamespace(),
            settings.queues(),
            settings.oldestJobAge(),
            Clock.systemUTC());
    return new Routes(
        queues::read,
        redis::ping,
        databaseCheck(settings),
        settings.queryToken(),
        Clock.systemUTC(),
        log::failure);
  }

  private static Optional<Check> databaseCheck(Settings settings) {
    return settings
        .database()
        .map(
            database ->
                settings.databaseUrlSecret().isPresent()
                    ? new RotatedDatabase(database, settings.databaseUrlSecret().get()::read)
                        ::selectOne
                    : database::selectOne);
  }

  @Override
  public void handleRequest(InputStream json, OutputStream result, Context context)
      throws IOException {
    Event event = Events.read(json);
    Answer answer = routes.answer(event, context.getLogStreamName());
    result.write(Events.write(answer, event));
  }
}
