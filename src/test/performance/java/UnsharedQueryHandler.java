package so.suna.queuemetrics;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Optional;
import so.suna.queuemetrics.dramatiq.SnapshotReader;
import so.suna.queuemetrics.http.Routes;
import so.suna.queuemetrics.redis.IamToken;
import so.suna.queuemetrics.redis.ReadOnlyRedis;

/** The query handler on a clock that is an hour later at each look, so that no two queries share a read. */
public final class UnsharedQueryHandler
    implements RequestHandler<APIGatewayV2HTTPEvent, APIGatewayV2HTTPResponse> {

  private final QueryHandler handler;

  public UnsharedQueryHandler() {
    var settings = Settings.of(System.getenv());
    var redis = new ReadOnlyRedis(settings.redis(), IamToken.ofThisFunction());
    var queues =
        new SnapshotReader(
            redis::evaluate, settings.dramatiqNamespace(), settings.queues(), Clock.systemUTC());
    handler =
        new QueryHandler(
            new Routes(
                queues::read, redis::ping, Optional.empty(), Optional.empty(), new Hurried()));
  }

  @Override
  public APIGatewayV2HTTPResponse handleRequest(APIGatewayV2HTTPEvent event, Context context) {
    return handler.handleRequest(event, context);
  }

  private static final class Hurried extends Clock {
    private Instant now = Instant.now();

    @Override
    public Instant instant() {
      now = now.plusSeconds(3_600);
      return now;
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }
}
