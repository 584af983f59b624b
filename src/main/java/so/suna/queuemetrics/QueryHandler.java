package so.suna.queuemetrics;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import com.google.gson.JsonObject;
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

/** Answers the function URL: {@code /api/metrics/queue} and the health checks. */
public final class QueryHandler
    implements RequestHandler<APIGatewayV2HTTPEvent, APIGatewayV2HTTPResponse> {

  private final Routes routes;

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
  public APIGatewayV2HTTPResponse handleRequest(
      @Nullable APIGatewayV2HTTPEvent event, Context context) {
    Request request = Request.of(event);
    Answer answer =
        routes.answer(
            request,
            context.getLogStreamName(),
            // Without a level: Lambda would write it before the line, which is JSON no more then.
            (what, cause) -> context.getLogger().log(failure(what, cause) + "\n"));
    return APIGatewayV2HTTPResponse.builder()
        .withStatusCode(answer.status())
        .withHeaders(answer.headers())
        .withBody(answer.body())
        .build();
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
